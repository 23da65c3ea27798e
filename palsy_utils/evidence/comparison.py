"""Is one model better than another? Paired intervals, permutation of people, many comparisons."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, rankdata

from palsy_utils.evidence.intervals import mean_over_seeds
from palsy_utils.evidence.scores import draw_people, interval
from palsy_utils.learning.experiments import NEW_MODELS

N_SWAPS = 5000  # all swaps of up to 12 people; beyond, so many random ones
LEVEL = 0.05


def holm(p: Iterable[float]) -> np.ndarray:
    """Correct p values for their number; all of them stay in the order in which they came.

    Source: Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure.
    """
    p = np.asarray(list(p), float)
    order = np.argsort(p)
    corrected = np.empty(len(p))
    corrected[order] = np.maximum.accumulate(np.minimum(1, np.arange(len(p), 0, -1) * p[order]))
    return corrected


def smallest_p(n_people: int) -> float:
    """Return the smallest p that `compare` can give for so many people."""
    return 2 / 2**n_people if 2**n_people <= N_SWAPS else 2 / (N_SWAPS + 1)


def compare(first: pd.DataFrame, second: pd.DataFrame, seed: int = 0) -> dict[str, float]:
    """Compare two models on the same frames: difference of pooled AUROC, interval, p.

    For p, the predictions of the two are swapped person by person: all swaps of up to 12 people,
    otherwise 5,000 random ones. Probabilities become ranks over all frames first, so that a
    model that merely speaks louder does not change what a swap means.

    Args:
        first: predictions of one model, one row a frame.
        second: of the other.
        seed: of the resamples and of random swaps.

    Returns:
        `difference` (first minus second), `difference_low`, `difference_high` (paired, from
        resampling people), `p` (two-sided).
    """
    one, other = ([_ranks(frames, label) for label in (1, 0)] for frames in (first, second))
    n_palsy, n_healthy = ([len(ranks) for ranks in side] for side in one)
    own, cross, back, theirs = (_pairs(a[0], b[1]) for a in (one, other) for b in (one, other))

    def in_order(high: np.ndarray, counts: np.ndarray, low: np.ndarray) -> np.ndarray:
        return ((high @ counts) * low).sum(1)

    # The sum over all pairs is one of a share for each person, and a swap turns its share round.
    gained, mixed = own - theirs, cross - back
    share = (gained.sum(0) + gained.sum(1) + mixed.sum(1) - mixed.sum(0)) / 2
    options = {"permutation_type": "samples", "n_resamples": N_SWAPS, "rng": seed}
    drawn = draw_people(len(n_palsy), seed=seed)
    pairs = (drawn @ n_palsy) * (drawn @ n_healthy).astype(float)
    pairs[pairs == 0] = np.nan
    low, high = interval(in_order(drawn, own - theirs, drawn) / pairs)
    return {
        "difference": share.sum() / (sum(n_palsy) * sum(n_healthy)),
        "difference_low": low,
        "difference_high": high,
        "p": float(permutation_test((share,), np.sum, **options).pvalue),
    }


def _ranks(frames: pd.DataFrame, label: int) -> list[np.ndarray]:
    """Return each person's ranks among all frames, sorted, of the frames with a label."""
    frames = frames.assign(rank=rankdata(frames["probability"]))
    return [
        np.sort(person.loc[person["label"] == label, "rank"].to_numpy())
        for _, person in frames.groupby("patient")
    ]


def _pairs(palsy: list[np.ndarray], healthy: list[np.ndarray]) -> np.ndarray:
    """Count, for every two people, the frame pairs in order; ties count half."""

    def count(high: np.ndarray, low: np.ndarray) -> float:
        return sum(np.searchsorted(low, high, side).sum() for side in ("left", "right")) / 2

    return np.array([[count(high, low) for low in healthy] for high in palsy])


def compare_with(predictions: pd.DataFrame, best: str | None) -> pd.DataFrame:
    """Compare every row beyond the paper with one of the paper's, on the seeds that both have.

    A mean over seeds is a small ensemble and often better than one seed alone, so rows with
    different numbers of seeds are not compared as they are.

    Args:
        predictions: from `evidence.load_seeds`.
        best: from `evidence.best_row`; None compares nothing.

    Returns:
        `model`, `shared_seeds`, `difference_to_best_paper_row`, `difference_low`,
        `difference_high`, `p`, `p_holm`; models that share no seed with it are left out.
    """
    rows, paper = [], predictions[predictions["model"] == best]
    tried = dict.fromkeys(predictions["model"])
    for model in tried if best else ():
        ours = predictions[predictions["model"] == model]
        shared = set(ours["seed"]) & set(paper["seed"])
        if model in NEW_MODELS and shared:
            pair = (mean_over_seeds(t[t["seed"].isin(shared)]) for t in (ours, paper))
            rows.append({"model": model, "shared_seeds": len(shared)} | compare(*pair))
    columns = ["model", "shared_seeds", "difference", "difference_low", "difference_high", "p"]
    table = pd.DataFrame(rows, columns=columns)
    table = table.rename(columns={"difference": "difference_to_best_paper_row"})
    return table.assign(p_holm=holm(table["p"]))


def claims(differences: pd.DataFrame, best: str | None, n_people: int) -> list[str]:
    """Say in sentences what the comparisons show, and that nothing is shown where it is not.

    Something is shown when Holm's p is below 0.05 and the interval excludes zero.

    Args:
        differences: from `compare_with`.
        best: the row that was compared with.
        n_people: how many people were swapped.
    """
    if best is None or differences.empty:
        return ["There is nothing to compare: rows of the paper, or beyond it, are missing."]
    lines, shown = [], 0
    for row in differences.to_dict("records"):
        gain = row["difference_to_best_paper_row"]
        low, high = row["difference_low"], row["difference_high"]
        clear = row["p_holm"] < LEVEL and (low > 0 or high < 0)
        shown += clear
        verdict = f"is {'better' if gain > 0 else 'worse'}" if clear else "nothing is shown"
        excludes = "excludes" if low > 0 or high < 0 else "holds"
        lines.append(
            f"{row['model']}: {gain:+.3f} ({low:+.3f} to {high:+.3f}, {excludes} zero), p = "
            f"{row['p']:.3f}, {row['p_holm']:.3f} after Holm: {verdict}."
        )
    if not shown:
        lines.append(f"**No row beyond the paper is shown to differ from {best}.**")
    least = min(1, smallest_p(n_people) * len(differences))
    if least >= LEVEL:
        lines.append(
            f"With {n_people} people and {len(differences)} comparisons the smallest corrected p "
            f"that is possible is {least:.3f}: no difference, however large, could be shown here."
        )
    return lines
