"""Inside a fold: whatever is chosen or calibrated is chosen on the training people alone.

*Inner predictions* are of a fold's training people, by nets that never saw them: grouped folds
inside the fold. A temperature, a threshold, the weights of a late fusion come from these, so the
person held out has no say in them.
"""

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from palsy_utils.learning.folds import Fold, fold_names, split
from palsy_utils.learning.nets import probabilities
from palsy_utils.learning.training import compute

THRESHOLDS = np.linspace(0.05, 0.95, 91)
ALMOST = 1e-4  # probabilities are kept this far from 0 and 1 where their logit is taken


def predict_out_of_fold(
    fold: Fold,
    fit_net: Callable[[np.ndarray], nn.Module],
    inputs: Sequence[np.ndarray],
    inner_folds: int,
) -> np.ndarray | None:
    """Predict every training sample of a fold by a net that did not see its person.

    Args:
        fold: see `folds.Fold`.
        fit_net: builds a net and trains it on the given rows of the samples.
        inputs: one array a modality, all samples.
        inner_folds: how many nets are trained; 0 for none.

    Returns:
        Probability of palsy, one for each of `fold.train`, or None if no inner folds are wanted,
        or the training people are too few to leave two classes in each.
    """
    training = fold.samples.iloc[fold.train]
    people = training["patient"].nunique()
    if not inner_folds or people < 2:
        return None
    groups = fold_names(training, min(inner_folds, people)).values()
    sides = [[side.to_numpy() for side in split(training, group)] for group in groups]
    if any(training["label"][inside].nunique() < 2 for inside, _ in sides):
        return None
    probability = np.full(len(training), np.nan)
    for inside, outside in sides:
        logits = compute(fit_net(fold.train[inside]), inputs, fold.train[outside], fold.device)
        probability[outside] = probabilities(logits).numpy()
    return probability


def _logit(probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, ALMOST, 1 - ALMOST)
    return np.log(p / (1 - p))


def log_loss(labels: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean negative log-likelihood of labels (n,) under probabilities (n,)."""
    p = np.clip(np.where(np.asarray(labels) == 1, probability, 1 - probability), ALMOST, 1)
    return float(-np.log(p).mean())


def temper(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the log-odds of probabilities by a temperature: above 1, they become more modest."""
    return 1 / (1 + np.exp(-_logit(np.asarray(probability)) / temperature))


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
    """Choose the threshold with the best *expected* F1 of inner predictions.

    Which threshold has the most hits is a matter of a few frames and jumps about. So the
    probabilities are calibrated and taken at their word: of frames called palsy, the sum of their
    calibrated probabilities is the expected number of hits. Calibrated probabilities are best cut
    at half of the best F1, so below a half (Lipton, Elkan and Naryanaswamy 2014, Optimal
    Thresholding of Classifiers to Maximize F1 Measure).

    Returns:
        A threshold for the probabilities as they are, from 0.05 to 0.95.
    """
    probability = np.asarray(probability)
    calibrated = temper(probability, fit_temperature(labels, probability))
    called = probability >= THRESHOLDS[:, None]
    expected = 2 * (called @ calibrated) / (called.sum(1) + calibrated.sum())
    return float(np.median(THRESHOLDS[expected >= expected.max() - 1e-9]))
