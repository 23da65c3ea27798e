"""Scores of people, the results table, and what notebook 06 says of it."""

from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from conftest import PHANTOM, PROJECT
from helpers import functions_of
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support, recall_score

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.intervals import auroc_interval
from palsy_utils.evidence.scores import is_synthetic, patient_scores, scores
from palsy_utils.evidence.table import TABLE_COLUMNS, table_1
from palsy_utils.faces.modalities import load_faces
from palsy_utils.learning.profiles import WEIGHTS
from palsy_utils.runs.results import load_run, open_run

NOTEBOOK = functions_of(PROJECT / "notebooks" / "06_results_table.ipynb")
markdown = NOTEBOOK.markdown


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=40))
def test_scores_are_scikit_learns_where_they_are_defined(rows):
    labels, probability = np.array(rows).T
    called, ours = probability >= 0.5, scores(labels, probability)
    options = {"average": "binary", "zero_division": 0}
    precision, recall, f1, _ = precision_recall_fscore_support(labels, called, **options)
    palsy, found = (labels.any(), labels.any(), called.any()), (recall, f1, precision)
    for name, defined, wanted in zip(("recall", "f1", "precision"), palsy, found, strict=True):
        assert ours[name] == pytest.approx(wanted if defined else np.nan, nan_ok=True)
    specificity = np.nan if labels.all() else recall_score(labels == 0, ~called)
    assert ours["specificity"] == pytest.approx(specificity, nan_ok=True)


@pytest.fixture
def by_hand():
    """Predictions of three people: one scored well, one badly, one without palsy."""
    people = {
        "a": ([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1]),  # precision 2/3, recall 1, F1 0.8
        "b": ([1, 1, 0, 0], [0.9, 0.2, 0.3, 0.1]),  # precision 1, recall 1/2, F1 2/3
        "c": ([0, 0], [0.6, 0.1]),  # precision 0, recall and F1 undefined
    }
    table = pd.DataFrame(people.values(), people, ["label", "probability"])
    table = table.explode(["label", "probability"]).rename_axis("patient").reset_index()
    table = table.astype({"label": int, "probability": float})
    who, frame = table["patient"], table.groupby("patient").cumcount()
    return table.assign(video=who, frame=frame, model="expressions-fnn", fold=who, seed=0)


def test_table_is_the_one_computed_by_hand(by_hand):
    table = table_1(by_hand, by_hand, models=["expressions-fnn"])
    assert list(table) == TABLE_COLUMNS
    ours = table.iloc[0].drop(["model", "modality"]).to_dict()
    assert ours == {
        "f1": 73.33,  # (0.8 + 2/3) / 2
        "precision": 55.56,  # (2/3 + 1 + 0) / 3
        "recall": 75,
        **{"paper_f1": 71.21, "paper_precision": 76.22, "paper_recall": 79.0},
        "pooled_f1": 66.67,  # 3 hits, 2 false, 1 missed
        "auroc": 0.875,  # 21 of 24 pairs
        **dict(zip(("auroc_low", "auroc_high"), np.round(auroc_interval(by_hand), 4), strict=True)),
        "specificity": 66.67,
        **{"n_patients": 3, "n_undefined": 1, "n_frames": 10},
        **{"f1_zero": 48.89, "precision_zero": 55.56, "recall_zero": 50},  # c counts as 0
    }
    people = patient_scores(by_hand).set_index("patient")
    assert people["n_palsy"].to_dict() == {"a": 2, "b": 2, "c": 0}
    always, never = table.iloc[1], table.iloc[2]
    assert always[["recall", "specificity", "auroc"]].tolist() == [100, 0, 0.5]
    assert never[["recall", "auroc"]].tolist() == [0, 0.5] and np.isnan(never["precision"])
    part = by_hand[by_hand["patient"] != "b"]
    row = table_1(part, by_hand).iloc[1]
    assert row[["f1", "auroc"]].isna().all() and row["n_patients"] == 2


@pytest.fixture(scope="module")
def parts(smoke):
    run = open_run(smoke.root, "smoke")
    return run, load_run(run), run.samples


def test_best_of_our_rows_is_bold_and_the_nets_that_were_used_are_named(parts):
    _, predictions, samples = parts
    table = table_1(predictions, samples)
    rows = markdown(table, predictions, 3, "mobilenet_v3_small").splitlines()
    best = table.loc[:6, "auroc"].idxmax()
    assert f"**{table.loc[best, 'auroc']:.2f}**" in rows[2 + best]
    assert "**" not in rows[-1] + rows[-2] and len({row.count("|") for row in rows}) == 1
    text = "\n".join(rows)
    assert text.count("| mobilenet_v3_small |") == 2 and "ResNet50" not in text
    lost = (predictions["model"] == "early-fusion") & (predictions["fold"] == "p02")
    part = predictions[~lost]
    row = markdown(table_1(part, samples), part, 3, "resnet50").splitlines()[7]
    assert "Early fusion (2 of 3 folds)" in row and "–" in row


def test_caption_says_what_the_numbers_are_of(parts):
    run, _, samples = parts
    faces = load_faces(run.cohort)[0]
    faces.loc[0, "found"] = False
    text = NOTEBOOK.caption(run, faces)
    assert is_synthetic(run.cohort) and text.startswith("**These faces are synthetic")
    for words in (
        *("3 patients, 3 videos, 72 frames", "1 of 72 frames have no face"),
        *("leave-one-patient-out", f"**image nets start from {WEIGHTS['pretrained']}, and only "),
        "and only their heads are trained**",
        *("mediapipe 0.10.33", f"torch {version('torch')}"),  # as recorded
    ):
        assert words in text, words
    told = "This is of 2 of 3 patients: no frame of p02 has both a face and a label."
    some = replace(run, samples=samples[samples["patient"] != "p02"])
    assert told in NOTEBOOK.caption(some, faces).splitlines() and "This is of" not in text
    videos = replace(run, cohort=replace(run.cohort, group="video"))
    text = NOTEBOOK.caption(videos, faces)
    assert "leave-one-video-out" in text and "leave-one-patient-out" not in text
    assert "means over videos" in text and "over videos, leaving out one" in text
    assert text.splitlines()[-1].endswith("leave-one-VIDEO-out.")


def test_where_everybody_has_one_class_scores_of_people_are_left_out(parts):
    run, *tables = parts
    of = {"p01": 1, "p02": 1, "p04": 0}
    predictions, samples = (t.assign(label=t["patient"].map(of)) for t in tables)
    table = table_1(predictions, samples)
    assert list(table) == [*TABLE_COLUMNS, "sensitivity"]
    rows = markdown(table, predictions, 3, "resnet50").splitlines()
    share = samples["label"].mean()
    pooled = f"{200 * share / (1 + share):.1f}"
    assert rows[-2] == f"| none | always palsy | {pooled} | 0.50 | 100.0 | 0.0 |"
    text = NOTEBOOK.caption(replace(run, samples=samples), load_faces(run.cohort)[0])
    assert "Every patient has a single class" in text and "F1, precision and recall" not in text


def test_what_tells_palsy_without_any_asymmetry_is_told():
    """Each person has one class, and the pictures of some of the ill are larger."""
    faces, *arrays = load_faces(load_cohort(PHANTOM))
    faces["height"] += 20 * faces["patient"].isin(["p02", "p04", "p06", "p08"])
    samples = faces[faces["found"]].reset_index(drop=True)
    samples["label"] = samples["patient"].str[-1].astype(int).mod(2).eq(0).astype(int)
    seen = NOTEBOOK.what_ought_not_to_tell(samples, faces, arrays[0])
    told = {name: NOTEBOOK.probe_by(numbers, samples)["auroc"] for name, numbers in seen.items()}
    assert told["size of the picture"] > 0.75 > max(list(told.values())[1:])
    assert NOTEBOOK.probe_by(0 * seen["size of the picture"], samples)["auroc"] == 0.5
