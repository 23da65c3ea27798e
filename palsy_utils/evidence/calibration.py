"""Temperature, intercept and threshold of each fold, from its out-of-fold predictions.

These are of `predict_out_of_fold`; the person held out has no say in them.
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


def load_out_of_fold(root: Path, profile: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """Load the out-of-fold predictions of every model that has them in all of its folds and seeds.

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


def temper(probability: np.ndarray, temperature: float, intercept: float = 0) -> np.ndarray:
    """Divide the log-odds of probabilities by a temperature, and add an intercept.

    Above 1, a temperature makes probabilities more modest; an intercept above 0 makes all higher.
    """
    p = np.clip(np.asarray(probability), ALMOST, 1 - ALMOST)
    return 1 / (1 + np.exp(-np.log(p / (1 - p)) / temperature - intercept))


def fit_calibration(labels: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Find the temperature, from 0.05 to 20, and the intercept that make labels most likely.

    Sources: Platt 1999, Probabilistic Outputs for Support Vector Machines; Guo et al. 2017, On
    Calibration of Modern Neural Networks.
    """
    from scipy.optimize import minimize  # most notebooks need none, and it takes a while

    def loss(x: np.ndarray) -> float:
        return log_loss(labels, temper(probability, np.exp(x[0]), x[1]))

    found = minimize(loss, (0, 0), bounds=[np.log([0.05, 20]), (-5, 5)])
    return float(np.exp(found.x[0])), float(found.x[1])


def choose_threshold(labels: np.ndarray, probability: np.ndarray) -> float:
    """Choose the threshold (0.05 to 0.95) with the best *expected* F1 of out-of-fold predictions.

    Which threshold has the most hits is a matter of a few frames and jumps about. So the
    probabilities are calibrated and taken at their word: of frames predicted palsy, the sum of
    calibrated probabilities is the expected number of hits. Calibrated probabilities are best cut
    at half of the best F1, so below a half (Lipton, Elkan and Naryanaswamy 2014, Optimal
    Thresholding of Classifiers to Maximize F1 Measure). The threshold is for the probabilities as
    they are.
    """
    probability = np.asarray(probability)
    calibrated = temper(probability, *fit_calibration(labels, probability))
    called = probability >= THRESHOLDS[:, None]
    expected = 2 * (called @ calibrated) / (called.sum(1) + calibrated.sum())
    return float(np.median(THRESHOLDS[expected >= expected.max() - 1e-9]))


def calibrate(frames: pd.DataFrame, inner: pd.DataFrame) -> pd.DataFrame:
    """Add to frames (`mean_over_seeds`) what out-of-fold predictions (`load_out_of_fold`) choose.

    `temperature`, `intercept` and `threshold` (for the probability as it is) of each fold, and
    `calibrated` (the probability by the first two); NaN for models without out-of-fold predictions.
    """
    chosen = []
    for key, some in inner.groupby(["model", "fold"], sort=False):
        given = (some["label"], some["probability"])
        chosen.append((*key, *fit_calibration(*given), choose_threshold(*given)))
    names = ["temperature", "intercept", "threshold"]
    chosen = pd.DataFrame(chosen, columns=["model", "fold", *names])
    chosen = chosen.astype(dict.fromkeys(names, float))  # of no rows, too
    table = frames.merge(chosen, on=["model", "fold"], how="left", validate="m:1")
    table["calibrated"] = temper(table["probability"], table["temperature"], table["intercept"])
    return table
