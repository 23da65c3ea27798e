"""Is one model better than another on the same people? Interval, test, and Holm's correction."""

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, rankdata

from palsy_utils.evidence.intervals import auroc_interval, concordant_pairs

SWAPS = 5000


def share_of_each(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """Return each person's share in the difference of two AUROCs; a swap turns its sign round."""
    ranks = [t.assign(probability=rankdata(t["probability"])) for t in (first, second)]
    (own, cross), (back, theirs) = ([concordant_pairs(a, b) for b in ranks] for a in ranks)
    gained, mixed = own - theirs, cross - back
    n_pairs = (first["label"] == 1).sum() * (first["label"] == 0).sum()
    return (gained.sum(0) + gained.sum(1) + mixed.sum(1) - mixed.sum(0)) / 2 / n_pairs


def compare(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, float]:
    """Compare two models on the same frames: difference of AUROC, its interval, and p.

    p is the share of swaps of predictions, person by person, with a difference at least as large.
    """
    share = share_of_each(first, second)
    p = permutation_test(
        (share,), np.sum, permutation_type="samples", n_resamples=SWAPS, rng=0
    ).pvalue
    low, high = auroc_interval(first, minus=second)
    return {"difference": share.sum(), "difference_low": low, "difference_high": high, "p": p}


def smallest_p(n_people: int) -> float:
    """Return the smallest p that `compare` can give: nobody swapped, and everybody."""
    return 2 / 2**n_people if 2**n_people <= SWAPS else 2 / (SWAPS + 1)


def holm(p: np.ndarray) -> np.ndarray:
    """Correct p values for their number, in the order in which they came (Holm 1979)."""
    p = np.asarray(p, float)
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate(np.minimum(1, np.arange(len(p), 0, -1) * p[order]))
    return corrected
