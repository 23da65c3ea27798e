"""Every picture is drawn from real data, and has something in it."""

import matplotlib as mpl
import pandas as pd
import pytest

from palsy_utils.cohort import frame_labels, load_cohort, per_patient_counts
from palsy_utils.frames import load_frames
from palsy_utils.modalities import face_in_modalities, load_samples
from palsy_utils.plots import (
    cohort_overview,
    four_modalities,
    label_timeline,
    probability_timeline,
    save_figure,
    training_curves,
)
from palsy_utils.profiles import PROFILES
from palsy_utils.rows import PAPER_MODELS as MODELS
from palsy_utils.runs import load_histories, load_run, open_run

mpl.use("Agg")


def test_overview_stacks_all_frames_of_everybody(small_template):
    cohort = load_cohort(small_template)
    counts = per_patient_counts(frame_labels(cohort, load_frames(cohort)))
    figure = cohort_overview(counts, "small")
    widths = [sum(p.get_width() for p in ax.patches) for ax in figure.axes]
    assert widths[0] == 72


def test_regions_that_nobody_graded_have_no_panel_and_no_line(small_template):
    cohort = load_cohort(small_template)
    labels = cohort.labels.assign(eyes=None, mouth=None)
    counts = per_patient_counts(frame_labels(cohort, load_frames(cohort)))
    graded = [name for name in counts if name.startswith(("eyes_", "mouth_"))]
    many = pd.concat([counts.assign(**dict.fromkeys(graded, 0))] * 50, ignore_index=True)
    many["patient"] = [f"p{i}" for i in range(len(many))]
    figure = cohort_overview(many, "small")
    assert len(figure.axes) == 1 and len(figure.axes[0].get_yticks()) == 40
    assert figure.get_suptitle() == "small, 40 of 150 people"
    ax = label_timeline(labels, ["p01-1", "p02-1"]).axes[0]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["p01-1 label", "p02-1 label"]
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(2 * 4.0)


def test_timeline_covers_the_clips(small_template):
    labels = load_cohort(small_template).labels
    ax = label_timeline(labels, ["p01-1", "p02-1"]).axes[0]
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(2 * 2 * 4.0)


def test_four_modalities_of_one_face(small_template, tmp_path):
    sample = load_samples(load_cohort(small_template)).iloc[3]
    parts = face_in_modalities(load_cohort(small_template), sample, 64)
    assert [part.shape for part in parts] == [(64, 64, 3), (125, 2), (52,), (64, 64)]
    save_figure(four_modalities(*parts, "one face"), tmp_path / "face.png")
    assert (tmp_path / "face.png").read_bytes().startswith(b"\x89PNG")


def test_training_curves_of_every_trained_model(smoke):
    histories = load_histories(open_run(load_cohort(smoke.root), PROFILES["smoke"]))
    assert list(histories) == [m for m in MODELS if m != "late-fusion"]
    assert len(training_curves(histories).axes) == 6


def test_probabilities_of_one_fold_in_their_order(smoke):
    predictions = load_run(open_run(load_cohort(smoke.root), PROFILES["smoke"]))
    one = predictions[(predictions["model"] == "expressions-fnn") & (predictions["fold"] == "p01")]
    line = probability_timeline(one, "p01").axes[0].lines[0]
    assert list(line.get_ydata()) == one["probability"].tolist()
