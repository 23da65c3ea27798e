"""Temperature and threshold of each fold, from its inner predictions (`predict_out_of_fold`).

The person held out has no say in them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.runs.results import read_predictions, run_folder

THRESHOLDS = np.linspace(0.05, 0.95, 91)
ALMOST = 1e-4  # probabilities are kept this far from 0 and 1 where their logit is taken


def mean_over_seeds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean `probability` of each frame over seeds, model by model and fold by fold."""
    identity = ["model", "fold", "patient", "video", "frame", "label"]
    return predictions.groupby(identity, sort=False, as_index=False)["probability"].mean()


def load_inner(root: Path, profile: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """Load the inner predictions of every model that has them in all of its folds and seeds.

    As `mean_over_seeds`, of a cohort's folder; the people of a fold are those it trained on.
    """
    tables = [predictions.iloc[:0]]
    for model, frames in predictions.groupby("model", sort=False):
        cells = frames[["seed", "fold"]].drop_duplicates().itertuples(index=False)
        folders = [run_folder(root, profile, seed) / model / fold for seed, fold in cells]
        if all((folder / "inner.csv").exists() for folder in folders):
            tables += [read_predictions(folder, "inner.csv") for folder in folders]
    return mean_over_seeds(pd.concat(tables, ignore_index=True))


def log_loss(labels: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels (n,) under probabilities (n,)."""
    p = np.clip(np.where(np.asarray(labels) == 1, probability, 1 - probability), ALMOST, 1)
    return float(-np.log(p).mean())


def temper(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the log-odds of probabilities by a temperature: above 1, they become more modest."""
    p = np.clip(np.asarray(probability), ALMOST, 1 - ALMOST)
    return 1 / (1 + np.exp(-np.log(p / (1 - p)) / temperature))


def fit_temperature(labels: np.ndarray, probability: np.ndarray) -> float:
    """Find the temperature, from 0.05 to 20, that makes inner predictions most likely.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks.
    """
    from scipy.optimize import minimize_scalar  # most notebooks need none, and it takes a while

    found = minimize_scalar(
        lambda t: log_loss(labels, temper(probability, np.exp(t))),
        bounds=np.log([0.05, 20]),
        method="bounded",
    )
    return float(np.exp(found.x))


def choose_threshold(labels: np.ndarray, probability: np.ndarray) -> float:
    """Choose the threshold, from 0.05 to 0.95, with the best *expected* F1 of inner predictions.

    Which threshold has the most hits is a matter of a few frames and jumps about. So the
    probabilities are calibrated and taken at their word: of frames called palsy, the sum of their
    calibrated probabilities is the expected number of hits. Calibrated probabilities are best cut
    at half of the best F1, so below a half (Lipton, Elkan and Naryanaswamy 2014, Optimal
    Thresholding of Classifiers to Maximize F1 Measure). The threshold is for the probabilities as
    they are.
    """
    probability = np.asarray(probability)
    calibrated = temper(probability, fit_temperature(labels, probability))
    called = probability >= THRESHOLDS[:, None]
    expected = 2 * (called @ calibrated) / (called.sum(1) + calibrated.sum())
    return float(np.median(THRESHOLDS[expected >= expected.max() - 1e-9]))


def calibrate(frames: pd.DataFrame, inner: pd.DataFrame) -> pd.DataFrame:
    """Add to frames (`mean_over_seeds`) what the inner predictions (`load_inner`) choose.

    `temperature`, `threshold` (for the probability as it is) and `calibrated` (the probability
    after the temperature) of each fold; NaN for models without inner predictions.
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
