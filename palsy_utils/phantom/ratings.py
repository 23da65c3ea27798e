"""What three noisy raters say about a synthetic clip, and the labels that their majority makes."""

from itertools import pairwise

import numpy as np
import pandas as pd

from palsy_utils.phantom.moves import FPS

REGIONS = ("eyes", "mouth")
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
    """Return what raters say about a clip: start_s, end_s, eyes, mouth, and eyes_1 to mouth_3.

    An interval lasts as long as the differences shown stay within the limits. Every rater has their
    own limits, the same in all clips, which waver from interval to interval: so raters disagree
    where a difference lies near a limit. eyes and mouth are their majority (the median grade).
    """
    shown = [truth[f"{region}_shown"].to_numpy() for region in REGIONS]
    starts = np.flatnonzero(np.r_[True, np.diff([grade_region(r) for r in shown]).any(0)])
    begins = np.maximum((starts - 0.5) / FPS, 0).round(4)  # edges lie halfway between frames
    table = pd.DataFrame({"start_s": begins, "end_s": [*begins[1:], round(len(truth) / FPS, 4)]})
    own = np.random.default_rng([seed, 0]).normal(0, BIAS, (2, RATERS))
    wavering = np.random.default_rng([seed, 1, int(patient[1:]), clip])
    for region, seen, biases in zip(REGIONS, shown, own, strict=True):
        usual = np.array([np.median(part) for part in np.split(seen, starts[1:])])
        noise = biases + wavering.normal(0, NOISE, (len(usual), RATERS))
        grades = np.digitize(usual[:, None] + noise, LIMITS)
        table[region] = GRADES[np.median(grades, axis=1).astype(int)]
        table[[f"{region}_{i + 1}" for i in range(RATERS)]] = GRADES[grades]
    return table


def with_labels(truth: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the truth with eyes, mouth and label: palsy if either is strong, or both slight."""
    at = np.searchsorted(ratings["start_s"], truth["time_s"], side="right") - 1
    grades = ratings[[*REGIONS]].iloc[at].reset_index(drop=True)
    palsy = (grades == "strong").any(axis=1) | (grades == "slight").all(axis=1)
    return truth.join(grades).assign(label=palsy.astype(int))
