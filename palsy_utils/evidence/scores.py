"""Predictions to the paper's Table 1, with what it leaves out: baselines and pooled scores.

Scores of a person are of the frames of that person. A score whose denominator is zero is
*undefined* (NaN): precision without a frame called palsy, recall and F1 without anything to find.
Means are over the people for whom a score is defined, and the table counts the others.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS

THRESHOLD = 0.5  # palsy if its probability is at least this: the class with the higher output
TABLE_COLUMNS = [
    "model",
    "modality",
    "f1",
    "precision",
    "recall",
    "paper_f1",
    "paper_precision",
    "paper_recall",
    "pooled_f1",
    "auroc",
    "specificity",
    "n_patients",
    "n_undefined",
    "n_frames",
]
BASELINES = {"always-palsy": 1.0, "always-healthy": 0.0}


def count_calls(
    labels: np.ndarray, probability: np.ndarray, threshold: float | np.ndarray = THRESHOLD
) -> np.ndarray:
    """Return (n, 4) of 0 and 1: true positive, false negative, false positive, true negative."""
    palsy, called = np.asarray(labels) == 1, np.asarray(probability) >= np.asarray(threshold)
    kinds = (palsy & called, palsy & ~called, ~palsy & called, ~palsy & ~called)
    return np.column_stack(kinds).astype(int)


def rates(calls: np.ndarray) -> dict[str, np.ndarray]:
    """Return F1, precision, recall and specificity, from 0 to 1; NaN where undefined.

    F1 is undefined for a person without a palsy frame: it could only be 0 there, whatever the
    model predicts.

    Args:
        calls: (..., 4), sums over frames of `count_calls`.
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
    labels: np.ndarray, probability: np.ndarray, threshold: float = THRESHOLD
) -> dict[str, float]:
    """Return the `rates` over all frames; palsy is predicted from the threshold on."""
    calls = count_calls(labels, probability, threshold).sum(axis=0)
    return {name: float(rate) for name, rate in rates(calls).items()}


def auroc(labels: np.ndarray, probability: np.ndarray) -> float:
    """Return the area under the ROC curve; NaN with a single class."""
    from sklearn.metrics import roc_auc_score  # slow to import; every fold draws pictures

    return roc_auc_score(labels, probability) if len(set(labels)) == 2 else np.nan


def patient_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of every model on every person.

    Args:
        predictions: `results.PREDICTIONS`.

    Returns:
        `model`, `patient`, `f1`, `precision`, `recall`, `specificity` (0 to 1, NaN where
        undefined), `n_frames`, `n_palsy`.
    """
    calls = pd.DataFrame(count_calls(predictions["label"], predictions["probability"]))
    identity = [predictions[column].to_numpy() for column in ("model", "patient")]
    calls = calls.groupby(identity, sort=False).sum().rename_axis(["model", "patient"])
    table = pd.DataFrame(rates(calls.to_numpy()), index=calls.index)
    table["n_frames"], table["n_palsy"] = calls.sum(axis=1), calls[0] + calls[1]
    return table.reset_index()


def has_single_classes(samples: pd.DataFrame) -> bool:
    """Say whether every person has a single class, so that scores of a person tell nothing.

    The healthy then have no F1, the ill no false alarms, and "always palsy" gets 100 per cent.
    """
    return samples.groupby("patient")["label"].nunique().max() == 1


def baseline_predictions(samples: pd.DataFrame) -> pd.DataFrame:
    """Return what "always palsy" and "always healthy" say of the samples, as predictions."""
    identity = samples[["patient", "video", "frame", "label"]]
    return pd.concat(
        [identity.assign(model=name, probability=value) for name, value in BASELINES.items()],
        ignore_index=True,
    )


def table_1(
    predictions: pd.DataFrame, samples: pd.DataFrame, models: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the results table: the models in the paper's order, then the two baselines.

    Models beyond the paper stand below its seven, as far as the run has predictions of them.

    A model that has not predicted every sample yet gets a row without scores; `n_patients` and
    `n_frames` then say how far it is.

    Args:
        predictions: `results.PREDICTIONS`, of one run.
        samples: all samples of the cohort (`modalities.SAMPLES`).
        models: which rows; the paper's seven and what else the run has if not given.

    Returns:
        `TABLE_COLUMNS`. Per cent for F1, precision, recall (means over people, beside the
        paper's), pooled F1 and specificity (over all frames); AUROC over all frames, 0 to 1.
        Where `has_single_classes`, a further column `sensitivity`, in per cent over all frames.
    """
    tried = set(predictions["model"])
    models = models or [*PAPER_MODELS, *(name for name in NEW_MODELS if name in tried)]
    everything = pd.concat([predictions, baseline_predictions(samples)], ignore_index=True)
    further = ["sensitivity"] if has_single_classes(samples) else []
    return pd.DataFrame(
        [
            _row(name, everything[everything["model"] == name], len(samples))
            for name in (*models, *BASELINES)
        ],
        columns=TABLE_COLUMNS + further,
    )


def _row(name: str, frames: pd.DataFrame, n_samples: int) -> dict:
    model = MODELS.get(name)
    row = {"model": name, "modality": "none", "n_patients": frames["patient"].nunique()}
    row["n_frames"] = len(frames)
    if model:
        row["modality"] = model.title
        if model.paper:
            row |= zip(("paper_f1", "paper_precision", "paper_recall"), model.paper, strict=True)
    if len(frames) < n_samples:
        return row
    people = patient_scores(frames)[["f1", "precision", "recall"]]
    pooled = scores(frames["label"], frames["probability"])
    row |= (100 * people.mean()).round(2).to_dict()
    return row | {
        "pooled_f1": round(100 * pooled["f1"], 2),
        "sensitivity": round(100 * pooled["recall"], 2),
        "specificity": round(100 * pooled["specificity"], 2),
        "auroc": round(auroc(frames["label"], frames["probability"]), 4),
        "n_undefined": int(people.isna().any(axis=1).sum()),
    }
