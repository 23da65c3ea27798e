import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.cohort.load import load_cohort
from palsy_utils.plots import probability_timeline, training_curves


def test_labels_of_regions_cover_the_clips(small_template):
    overview = functions_of(PROJECT / "notebooks" / "00_overview.ipynb")
    ax = overview.label_timeline(load_cohort(small_template).labels, ["p01-1"]).axes[0]
    told = [tick.get_text() for tick in ax.get_yticklabels()]
    assert sorted(told) == ["p01-1 eyes", "p01-1 mouth"]
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(2 * 4.0)


def test_curves_show_every_fold_and_the_mean_and_probabilities_their_order():
    histories = [pd.DataFrame({"epoch": [1, 2], "loss": [k, 0.5 * k]}) for k in (1.0, 2.0)]
    (ax,) = training_curves({"a": histories}).axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 0.5], [2, 1], [1.5, 0.75]]
    columns = {"video": ["v", "v", "w"], "label": [0, 1, 1], "probability": [0.1, 0.9, 0.4]}
    ax = probability_timeline(pd.DataFrame(columns, index=[5, 3, 9]), "p01").axes[0]
    assert list(ax.lines[0].get_ydata()) == columns["probability"]
    assert [patch.get_height() for patch in ax.patches] == columns["label"]
