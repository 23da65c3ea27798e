import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.cohort.load import load_cohort
from palsy_utils.plots import probability_timeline, training_curves


@pytest.mark.parametrize("graded", [True, False])
def test_regions_that_nobody_graded_have_no_line_and_the_others_cover_the_clips(
    small_template, graded
):
    overview = functions_of(PROJECT / "notebooks" / "00_overview.ipynb")
    labels = load_cohort(small_template).labels
    labels = labels if graded else labels.assign(eyes=None, mouth=None)
    ax = overview.label_timeline(labels, ["p01-1", "p02-1"]).axes[0]
    rows = ["eyes", "mouth"] if graded else ["label"]
    told = [f"{video} {row}" for video in ("p01-1", "p02-1") for row in rows]
    assert sorted(tick.get_text() for tick in ax.get_yticklabels()) == told
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(len(told) * 4.0)


def test_training_curves_show_every_fold_and_the_mean():
    histories = [pd.DataFrame({"epoch": [1, 2], "loss": [k, 0.5 * k]}) for k in (1.0, 2.0)]
    figure = training_curves({"a": histories, "b": histories[:1]})
    first, second = ([list(line.get_ydata()) for line in ax.lines] for ax in figure.axes)
    assert first == [[1, 0.5], [2, 1], [1.5, 0.75]] and second == [[1, 0.5], [1, 0.5]]


def test_probabilities_of_one_fold_in_their_order():
    columns = {"video": ["v", "v", "w"], "label": [0, 1, 1], "probability": [0.1, 0.9, 0.4]}
    ax = probability_timeline(pd.DataFrame(columns, index=[5, 3, 9]), "p01").axes[0]
    assert list(ax.lines[0].get_ydata()) == columns["probability"]
    assert [patch.get_height() for patch in ax.patches] == columns["label"]
    assert [(text.get_position()[0], text.get_text()) for text in ax.texts] == [(0, "v"), (2, "w")]
