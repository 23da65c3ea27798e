"""What three noisy raters say about a synthetic clip, and the labels that their majority makes."""

from itertools import pairwise

import numpy as np
import pandas as pd

from palsy_utils.phantom.moves import FPS

GRADES = np.array(["normal", "slight", "strong"])
LIMITS = np.array([0.13, 0.6])  # shown differences from which a region is called slight, strong
SHORTEST = 6  # frames: an interval that lasts less is joined to the one before it
RATERS, BIAS, NOISE = 3, 0.03, 0.06  # how far a rater's own limits lie off, and how far they waver


def grade_region(shown: np.ndarray) -> np.ndarray:
    """Return 0, 1 or 2 for each frame by the limits; under 0.2 s, the grade before it stays."""
    level = np.digitize(shown, LIMITS)
    for start, end in pairwise([*(np.flatnonzero(np.diff(level)) + 1), len(level)]):
        if end - start < SHORTEST:
            level[start:end] = level[start - 1]
    return level


def rate(truth: pd.DataFrame, patient: str, clip: int = 0, seed: int = 0) -> pd.DataFrame:
    """Return what three raters say about a clip: start_s, end_s, and eyes_1 to mouth_3 a row.

    An interval lasts as long as the differences shown stay within the limits. Every rater has their
    own limits, the same in all clips, which waver from interval to interval: so raters disagree
    where a difference lies near a limit.
    """
    levels = np.stack([grade_region(truth[f"{r}_shown"].to_numpy()) for r in ("eyes", "mouth")])
    starts = np.flatnonzero(np.r_[True, (np.diff(levels) != 0).any(0)])
    begins = np.maximum((starts - 0.5) / FPS, 0).round(4)  # edges lie halfway between frames
    table = pd.DataFrame({"start_s": begins, "end_s": [*begins[1:], round(len(truth) / FPS, 4)]})
    own = np.random.default_rng([seed, 0]).normal(0, BIAS, (2, RATERS))
    rng = np.random.default_rng([seed, 1, int(patient[1:]), clip])
    for region, biases in zip(("eyes", "mouth"), own, strict=True):
        shown = truth[f"{region}_shown"].groupby(np.repeat(starts, np.diff([*starts, len(truth)])))
        for rater, bias in enumerate(biases, 1):
            seen = shown.median().to_numpy() + bias + rng.normal(0, NOISE, len(table))
            table[f"{region}_{rater}"] = GRADES[np.digitize(seen, LIMITS)]
    return table


def with_labels(truth: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the truth with eyes, mouth (the raters' majority: the median grade) and label.

    The label is the paper's: palsy, if either region is strong or both are slight.
    """
    at = np.searchsorted(ratings["start_s"], truth["time_s"], side="right") - 1
    grades = {}
    for region in ("eyes", "mouth"):
        said = ratings.filter(regex=f"{region}_[0-9]").map(GRADES.tolist().index)
        grades[region] = np.median(said, axis=1).astype(int)[at]
    total = np.stack([*grades.values()])
    label = (total.max(0) == 2) | (total.min(0) == 1)
    named = {region: GRADES[grade] for region, grade in grades.items()}
    return truth.assign(**named, label=label.astype(int))


def intervals(truth: pd.DataFrame) -> pd.DataFrame:
    """Return runs of equal labels: start_s, end_s, eyes, mouth; edges halfway between frames."""
    pair = truth.eyes + truth.mouth
    run = (pair != pair.shift()).cumsum()
    first = truth.groupby(run)[["time_s", "eyes", "mouth"]].first().reset_index(drop=True)
    start = (first.time_s - 0.5 / FPS).clip(lower=0).round(4)
    end = start.shift(-1, fill_value=round(len(truth) / FPS, 4))
    return pd.DataFrame({"start_s": start, "end_s": end, "eyes": first.eyes, "mouth": first.mouth})
