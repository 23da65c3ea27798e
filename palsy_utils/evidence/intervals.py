"""Confidence intervals from resampling patients.

Frames of one patient resemble each other. Resampling frames would make intervals far too narrow, so
patients are resampled with replacement, each with all of their frames.
"""

import numpy as np
import pandas as pd

from palsy_utils.evidence.scores import THRESHOLD, count_calls, rates, scores

N_RESAMPLES = 2000


def bootstrap_patients(n_patients: int) -> np.ndarray:
    """Return how often each patient is in each bootstrap sample, (`N_RESAMPLES`, n_patients)."""
    share = np.full(n_patients, 1 / n_patients)
    return np.random.default_rng(0).multinomial(n_patients, share, N_RESAMPLES)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % percentile interval of resampled values; undefined ones are left out."""
    values = values[np.isfinite(values)]
    return tuple(np.percentile(values, [2.5, 97.5]).tolist()) if len(values) else (np.nan, np.nan)


def concordant_pairs(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """Count, for every two patients, the pairs of frames that are in the right order.

    A pair is a palsy frame of the one patient, as `first` predicts it, and a healthy frame of the
    other, as `second` does. It is in order if the palsy frame has the higher probability; ties
    count as half. The AUROC is the share of such pairs.

    Returns:
        (n, n), palsy frames down, healthy frames across; patients in sorted order.
    """
    patient, n = pd.factorize(first["patient"], sort=True)[0], first["patient"].nunique()
    palsy = first["label"].to_numpy() == 1
    high, counts = first["probability"].to_numpy()[palsy], np.zeros((n, n))
    for i, (_, frames) in enumerate(second.groupby("patient")):
        low = np.sort(frames.loc[frames["label"] == 0, "probability"].to_numpy())
        below = sum(np.searchsorted(low, high, side) for side in ("left", "right")) / 2
        counts[:, i] = np.bincount(patient[palsy], below, n)
    return counts


def auroc_interval(frames: pd.DataFrame, minus: pd.DataFrame | None = None) -> tuple[float, float]:
    """Return the 95 % interval of the pooled AUROC of a model, from resampling patients.

    With predictions of another model on the same frames (`minus`) it is the interval of the
    difference, from the same bootstrap samples for both. A bootstrap sample only weighs the counts
    of `concordant_pairs`, so its AUROC is exact.
    """
    ordered = concordant_pairs(frames, frames)
    if minus is not None:
        ordered = ordered - concordant_pairs(minus, minus)
    n_palsy, n_healthy = ((frames["label"] == y).groupby(frames["patient"]).sum() for y in (1, 0))
    drawn = bootstrap_patients(len(n_palsy))
    pairs = (drawn @ n_palsy.to_numpy()) * (drawn @ n_healthy.to_numpy())
    in_order = ((drawn @ ordered) * drawn).sum(1)
    return interval(in_order[pairs > 0] / pairs[pairs > 0])


def call_intervals(
    frames: pd.DataFrame, threshold: float | pd.Series = THRESHOLD
) -> dict[str, tuple[float, float, float]]:
    """Return value, lower and upper end of F1, sensitivity and specificity over a model's frames.

    Palsy is predicted from the threshold on; one number, or one a frame.
    """
    value = scores(frames["label"], frames["probability"], threshold)
    calls = pd.DataFrame(count_calls(frames["label"], frames["probability"], threshold))
    calls = calls.groupby(frames["patient"].to_numpy()).sum().to_numpy()
    resampled = rates(bootstrap_patients(len(calls)) @ calls)
    names = {"f1": "f1", "recall": "sensitivity", "specificity": "specificity"}
    return {told: (value[name], *interval(resampled[name])) for name, told in names.items()}
