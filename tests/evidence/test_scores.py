import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from palsy_utils.evidence.scores import (
    TABLE_COLUMNS,
    patient_scores,
    scores,
    table_1,
)
from palsy_utils.learning.experiments import PAPER_MODELS as MODELS

frames = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=40)


@given(frames)
def test_scores_are_scikit_learns_where_they_are_defined(rows):
    labels, probability = np.array(rows).T
    called = probability >= 0.5
    ours = scores(labels, probability)
    if labels.any():
        assert ours["recall"] == pytest.approx(recall_score(labels, called, zero_division=0))
        assert ours["f1"] == pytest.approx(f1_score(labels, called, zero_division=0))
    else:
        assert np.isnan(ours["recall"]) and np.isnan(ours["f1"])
    if called.any():
        assert ours["precision"] == pytest.approx(precision_score(labels, called))
    else:
        assert np.isnan(ours["precision"])
    if not labels.all():
        healthy = recall_score(labels == 0, ~called)
        assert ours["specificity"] == pytest.approx(healthy)


def predictions(model="expressions-fnn"):
    """Three people by hand: one scored well, one badly, one without palsy."""
    people = {
        "a": ([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1]),  # precision 2/3, recall 1, F1 0.8
        "b": ([1, 1, 0, 0], [0.9, 0.2, 0.3, 0.1]),  # precision 1, recall 1/2, F1 2/3
        "c": ([0, 0], [0.6, 0.1]),  # precision 0, recall and F1 undefined
    }
    rows = [
        (who, who, i, label, p)
        for who, (labels, ps) in people.items()
        for i, (label, p) in enumerate(zip(labels, ps, strict=True))
    ]
    table = pd.DataFrame(rows, columns=["patient", "video", "frame", "label", "probability"])
    return table.assign(model=model, fold=table["patient"], seed=0)


def test_table_is_the_one_computed_by_hand():
    ours = predictions()
    table = table_1(ours, ours, models=["expressions-fnn"])
    assert list(table) == TABLE_COLUMNS
    row = table.iloc[0]
    assert row["f1"] == pytest.approx(100 * (0.8 + 2 / 3) / 2, abs=0.01)
    assert row["precision"] == pytest.approx(100 * (2 / 3 + 1 + 0) / 3, abs=0.01)
    assert row["recall"] == pytest.approx(75)
    assert (row["n_patients"], row["n_undefined"], row["n_frames"]) == (3, 1, 10)
    assert row["pooled_f1"] == pytest.approx(100 * 6 / 9, abs=0.01)  # 3 hits, 2 false, 1 missed
    assert row["specificity"] == pytest.approx(100 * 4 / 6, abs=0.01)
    expected = roc_auc_score(ours["label"], ours["probability"])
    assert row["auroc"] == pytest.approx(expected, abs=1e-4)
    assert (row["paper_f1"], row["paper_precision"], row["paper_recall"]) == (71.21, 76.22, 79.0)


def test_trivial_baselines_stand_below_the_models():
    ours = predictions()
    always = table_1(ours, ours, models=["expressions-fnn"]).set_index("model")
    assert list(always.index) == ["expressions-fnn", "always-palsy", "always-healthy"]
    assert always.loc["always-palsy", "recall"] == 100
    assert always.loc["always-palsy", "specificity"] == 0
    assert always.loc["always-palsy", "auroc"] == always.loc["always-healthy", "auroc"] == 0.5
    assert always.loc["always-healthy", "recall"] == 0
    assert np.isnan(always.loc["always-healthy", "precision"])


def test_a_model_that_is_not_finished_has_no_scores():
    ours = predictions()
    part = ours[ours["patient"] != "b"]
    row = table_1(part, ours, models=["expressions-fnn"]).iloc[0]
    assert np.isnan(row["f1"]) and np.isnan(row["auroc"])
    assert (row["n_patients"], row["n_frames"]) == (2, 6)


def test_all_seven_rows_in_the_papers_order():
    ours = predictions()
    assert list(table_1(ours, ours)["model"])[:7] == list(MODELS)


def test_patient_scores_count_frames_and_palsy():
    people = patient_scores(predictions()).set_index("patient")
    assert people["n_frames"].to_dict() == {"a": 4, "b": 4, "c": 2}
    assert people["n_palsy"].to_dict() == {"a": 2, "b": 2, "c": 0}
