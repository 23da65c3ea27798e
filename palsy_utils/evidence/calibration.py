"""Do probabilities mean what they say, and does it help to stay silent when they are near a half?

Temperature and threshold of a fold come from its inner predictions (`nested.py`), so the person
held out has no say in them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.evidence.intervals import mean_over_seeds
from palsy_utils.evidence.scores import THRESHOLD, draw_people, interval, scores
from palsy_utils.learning.nested import choose_threshold, fit_temperature, temper
from palsy_utils.runs.results import read_predictions, run_folder

BINS = 10  # of equal width


def load_inner(root: Path, profile: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """Load the inner predictions of every model that has them in all of its folds and seeds.

    Args:
        root: the cohort's folder.
        profile: its name.
        predictions: from `evidence.load_seeds`.

    Returns:
        As `evidence.mean_over_seeds`; the people of a fold are those it trained on. No rows if no
        model has any.
    """
    tables = [predictions.iloc[:0]]
    for model, frames in predictions.groupby("model", sort=False):
        cells = frames[["seed", "fold"]].drop_duplicates().itertuples(index=False)
        folders = [run_folder(root, profile, seed) / model / fold for seed, fold in cells]
        if all((folder / "inner.csv").exists() for folder in folders):
            tables += [read_predictions(folder, "inner.csv") for folder in folders]
    return mean_over_seeds(pd.concat(tables, ignore_index=True))


def calibrate(frames: pd.DataFrame, inner: pd.DataFrame) -> pd.DataFrame:
    """Add to predictions what the inner predictions of each fold choose.

    Args:
        frames: from `evidence.mean_over_seeds`.
        inner: from `load_inner`.

    Returns:
        The frames with `temperature`, `threshold` (for the probability as it is) and `calibrated`
        (the probability after the temperature); NaN for models without inner predictions.
    """
    chosen = []
    for key, some in inner.groupby(["model", "fold"], sort=False):
        given = (some["label"], some["probability"])
        chosen.append((*key, fit_temperature(*given), choose_threshold(*given)))
    chosen = pd.DataFrame(chosen, columns=["model", "fold", "temperature", "threshold"])
    chosen = chosen.astype({"temperature": float, "threshold": float})  # of no rows, too
    table = frames.merge(chosen, on=["model", "fold"], how="left", validate="m:1")
    table["calibrated"] = temper(table["probability"], table["temperature"])
    return table


def reliability(labels: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Return `predicted` (mean), `observed` (share of palsy), `frames` of ten equal bins."""
    which = np.minimum((np.asarray(probability) * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"predicted": np.asarray(probability), "observed": np.asarray(labels)})
    bins = table.groupby(which)
    return bins.mean().assign(frames=bins.size())


def expected_calibration_error(labels: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean distance of predicted and observed over the bins, weighted by frames.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    bins = reliability(labels, probability)
    return float(np.average((bins["predicted"] - bins["observed"]).abs(), weights=bins["frames"]))


def calibration_table(frames: pd.DataFrame) -> pd.DataFrame:
    """Score calibration before and after the temperature, and the threshold of each fold.

    Args:
        frames: from `calibrate`.

    Returns:
        `model`, `brier`, `brier_after`, `ece`, `ece_after`, `f1_inner_threshold` (pooled), and the
        smallest and largest `temperature` of the folds; NaN without inner predictions.
    """
    from sklearn.metrics import brier_score_loss

    rows = []
    for model, some in frames.groupby("model", sort=False):
        labels, before, after = some["label"], some["probability"], some["calibrated"]
        row = {"model": model, "brier": brier_score_loss(labels, before)}
        row["ece"] = expected_calibration_error(labels, before)
        if after.notna().all():
            row["brier_after"] = brier_score_loss(labels, after)
            row["ece_after"] = expected_calibration_error(labels, after)
            row["f1_inner_threshold"] = scores(labels, before, some["threshold"])["f1"]
            row["temperature_low"] = some["temperature"].min()
            row["temperature_high"] = some["temperature"].max()
        rows.append(row)
    columns = ["model", "brier", "brier_after", "ece", "ece_after", "f1_inner_threshold"]
    return pd.DataFrame(rows, columns=[*columns, "temperature_low", "temperature_high"])


def best_probability(frames: pd.DataFrame) -> pd.Series:
    """Return the calibrated probability, and the plain one of models that have no other."""
    return frames["calibrated"].fillna(frames["probability"])


def risk_coverage(
    labels: np.ndarray, probability: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the error rate of the most confident frames, for every share of them that is kept.

    Frames of equal confidence (distance from a half) are kept or left out together.

    Args:
        labels: (n,) 0 healthy, 1 palsy.
        probability: (n,) of palsy.
        weights: (n,) how often each frame counts; once each if not given.

    Returns:
        Coverage, rising up to 1, and risk. The area under the curve is `risk_area`.
    """
    p = np.asarray(probability, float)
    weights = np.ones(len(p)) if weights is None else weights
    confidence = np.abs(p - 0.5).round(9)
    order = np.argsort(-confidence, kind="stable")
    wrong = ((p >= THRESHOLD) != (np.asarray(labels) == 1)) * weights
    ends = np.flatnonzero(np.diff(confidence[order], append=-1))
    kept, wrong = np.cumsum(weights[order])[ends], np.cumsum(wrong[order])[ends]
    there = kept > 0
    return kept[there] / kept[-1], wrong[there] / kept[there]


def risk_area(coverage: np.ndarray, risk: np.ndarray) -> float:
    """Return the mean risk over all coverages; leaving out at random gives the error rate."""
    return float((risk * np.diff(coverage, prepend=0)).sum())


def abstention_table(frames: pd.DataFrame) -> pd.DataFrame:
    """Say how much is gained by leaving out the least confident frames instead of random ones.

    Args:
        frames: from `calibrate`.

    Returns:
        `model`, `error_rate` (which random abstention keeps), `area` under risk and coverage,
        `gain` (their difference) with `gain_low` and `gain_high` from resampling people.
    """
    rows = []
    for model, some in frames.groupby("model", sort=False):
        labels, p = some["label"].to_numpy(), best_probability(some).to_numpy()
        who = some.groupby("patient").ngroup().to_numpy()
        curve = risk_coverage(labels, p)
        error, area = curve[1][-1], risk_area(*curve)
        drawn = (risk_coverage(labels, p, draw[who]) for draw in draw_people(who.max() + 1))
        gains = np.array([risk[-1] - risk_area(coverage, risk) for coverage, risk in drawn])
        rows.append((model, error, area, error - area, *interval(gains)))
    columns = ["model", "error_rate", "area", "gain", "gain_low", "gain_high"]
    return pd.DataFrame(rows, columns=columns)
