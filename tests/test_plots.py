"""Every picture is drawn from real data, and has something in it."""

import matplotlib as mpl
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.modalities import load_modality
from palsy_utils.learning.experiments import PAPER_MODELS as MODELS
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.plots import four_modalities, probability_timeline, save_figure, training_curves
from palsy_utils.runs.results import load_run, open_run

mpl.use("Agg")
OVERVIEW = functions_of(PROJECT / "notebooks" / "00_overview.ipynb")


def test_regions_that_nobody_graded_have_no_line(small_template):
    labels = load_cohort(small_template).labels.assign(eyes=None, mouth=None)
    ax = OVERVIEW.label_timeline(labels, ["p01-1", "p02-1"]).axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["p01-1 label", "p02-1 label"]
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(2 * 4.0)


def test_timeline_covers_the_clips(small_template):
    labels = load_cohort(small_template).labels
    ax = OVERVIEW.label_timeline(labels, ["p01-1", "p02-1"]).axes[0]
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(2 * 2 * 4.0)


def test_four_modalities_of_one_face(small_template, tmp_path):
    names = ("rgb", "coordinates", "expressions", "lines")
    parts = [load_modality(small_template, name, 32)[3] for name in names]
    save_figure(four_modalities(*parts, "one face"), tmp_path / "face.png")
    assert (tmp_path / "face.png").read_bytes().startswith(b"\x89PNG")


def test_training_curves_of_every_trained_model(smoke):
    folds = smoke.root / "runs" / "smoke"
    trained = [model for model in MODELS if model != "late-fusion"]
    histories = {m: [pd.read_csv(f) for f in folds.glob(f"{m}/*/history.csv")] for m in trained}
    assert all(len(one) == 3 for one in histories.values())
    assert len(training_curves(histories).axes) == 6


def test_probabilities_of_one_fold_in_their_order(smoke):
    predictions = load_run(open_run(load_cohort(smoke.root), PROFILES["smoke"]))
    one = predictions[(predictions["model"] == "expressions-fnn") & (predictions["fold"] == "p01")]
    line = probability_timeline(one, "p01").axes[0].lines[0]
    assert list(line.get_ydata()) == one["probability"].tolist()
