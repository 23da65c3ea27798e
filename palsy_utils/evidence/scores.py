"""Scores of predictions, over all frames and person by person, and the ground truth beside them.

A score whose denominator is zero is *undefined* (NaN): precision without a frame predicted palsy,
recall and F1 without anything to find.
"""

import numpy as np
import pandas as pd

from palsy_utils.cohort.load import Cohort

THRESHOLD = 0.5  # palsy if its probability is at least this: the class with the higher output


def count_calls(
    labels: np.ndarray, probability: np.ndarray, threshold: float | np.ndarray = THRESHOLD
) -> np.ndarray:
    """Return (n, 4) of 0 and 1: true positive, false negative, false positive, true negative."""
    palsy, called = np.asarray(labels) == 1, np.asarray(probability) >= np.asarray(threshold)
    kinds = (palsy & called, palsy & ~called, ~palsy & called, ~palsy & ~called)
    return np.column_stack(kinds).astype(int)


def rates(calls: np.ndarray) -> dict[str, np.ndarray]:
    """Return F1, precision, recall and specificity, from 0 to 1, of sums (..., 4) of `count_calls`.

    F1 is undefined for a person without a palsy frame: it could only be 0 there, whatever the
    model predicts.
    """
    tp, fn, fp, tn = np.moveaxis(calls.astype(float), -1, 0)
    with np.errstate(invalid="ignore"):  # 0 / 0
        return {
            "f1": np.where(tp + fn > 0, 2 * tp / (2 * tp + fn + fp), np.nan),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp),
        }


def scores(
    labels: np.ndarray, probability: np.ndarray, threshold: float | np.ndarray = THRESHOLD
) -> dict[str, float]:
    """Return the `rates` over all frames; palsy is predicted from the threshold on."""
    calls = count_calls(labels, probability, threshold).sum(axis=0)
    return {name: float(rate) for name, rate in rates(calls).items()}


def auroc(labels: np.ndarray, probability: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN with a single class."""
    from sklearn.metrics import roc_auc_score  # slow to import; every fold draws pictures

    return roc_auc_score(labels, probability) if len(set(labels)) == 2 else np.nan


def patient_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the `rates` of every model on every person, from `results.PREDICTIONS`.

    Columns `model`, `patient`, the rates, `n_frames` and `n_palsy`.
    """
    calls = pd.DataFrame(count_calls(predictions["label"], predictions["probability"]))
    identity = [predictions[column].to_numpy() for column in ("model", "patient")]
    calls = calls.groupby(identity, sort=False).sum().rename_axis(["model", "patient"])
    table = pd.DataFrame(rates(calls.to_numpy()), index=calls.index)
    table["n_frames"], table["n_palsy"] = calls.sum(axis=1), calls[0] + calls[1]
    return table.reset_index()


def is_synthetic(cohort: Cohort) -> bool:
    """Say whether a cohort is synthetic, with the ground truth of every frame beside it."""
    return (cohort.root / "truth.csv").exists()


def load_truth(cohort: Cohort, samples: pd.DataFrame) -> pd.DataFrame:
    """Load the ground truth of samples of a synthetic cohort, row by row; NaN where it has none."""
    frame = ["patient", "video", "frame"]
    truth = pd.read_csv(cohort.root / "truth.csv", dtype={"patient": str, "video": str})
    return samples[frame].merge(truth, on=frame, how="left", validate="1:1")
