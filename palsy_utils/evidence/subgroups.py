"""For whom does a model work? Groups of people and of poses, and the drawn truth."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from palsy_utils.cohort.labels_csv import SIDES, load_people
from palsy_utils.cohort.load import Cohort
from palsy_utils.evidence.intervals import call_intervals
from palsy_utils.evidence.scores import auroc, auroc_interval
from palsy_utils.faces.landmarks import LEFT_EYE_CORNER, RIGHT_EYE_CORNER
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.upright import to_pixels
from palsy_utils.files import PalsyError

FEWEST = 3  # people; a group with fewer gets no interval
TONES = {"light (1-3)": 3, "middle (4-6)": 6, "dark (7-10)": 10}  # Monk scale
SCORES = ("auroc", "sensitivity", "specificity")


def head_roll(cohort: Cohort, samples: pd.DataFrame) -> np.ndarray:
    """Return how far each head is tilted in the picture, in degrees, 0 or more.

    It is the angle of the line between the outer corners of the eyes, in pixels.

    Args:
        cohort: see `cohort.load_cohort`; its faces must have been measured.
        samples: frames with `video` and `frame`.
    """
    table, landmarks, _ = load_faces(cohort)
    points = to_pixels(landmarks, table["height"], table["width"])
    dx, dy = (points[:, LEFT_EYE_CORNER] - points[:, RIGHT_EYE_CORNER]).T
    table["roll"] = np.abs(np.degrees(np.arctan2(dy, dx)))
    roll = table.set_index(["video", "frame"])["roll"]
    return roll.loc[pd.MultiIndex.from_frame(samples[["video", "frame"]])].to_numpy()


def group_frames(cohort: Cohort, samples: pd.DataFrame) -> dict[str, pd.Series]:
    """Sort frames into groups by what is known: skin tone, side of the palsy, head roll.

    Returns:
        Of each of them a category for every sample, missing where it is not known; skin tone and
        side are there only if `patients.csv` tells them. Head roll is in thirds of the frames.
    """
    people, groups = load_people(cohort.root), {}
    if "skin_tone" in people:
        tone = samples["patient"].map(people["skin_tone"]).astype(float)
        groups["skin tone"] = pd.cut(tone, [0, *TONES.values()], labels=list(TONES))
    if "side" in people:
        groups["side of the palsy"] = _category(samples["patient"].map(people["side"]), SIDES)
    roll = pd.Series(head_roll(cohort, samples), index=samples.index)
    a, b = roll.quantile([1 / 3, 2 / 3])
    names = [f"up to {a:.1f}°", f"{a:.1f}° to {b:.1f}°", f"above {b:.1f}°"]
    thirds = (roll > a).astype(int) + (roll > b)
    groups["head roll"] = _category(thirds.map(dict(enumerate(names))), names)
    return groups


def _category(values: pd.Series, names: Iterable[str]) -> pd.Series:
    return values.astype(pd.CategoricalDtype(list(names)))


def subgroup_table(frames: pd.DataFrame, groups: dict[str, pd.Series]) -> pd.DataFrame:
    """Score one model in every group, with intervals where there are three people or more.

    Args:
        frames: predictions of one model.
        groups: from `group_frames` of the same frames, in the same order.

    Returns:
        `property`, `group`, `people`, `frames`, `palsy` (frames), and `auroc`, `sensitivity`,
        `specificity`, each with `_low` and `_high`; NaN where undefined.
    """
    rows = []
    for name, group in groups.items():
        for value in group.cat.categories.intersection(group.dropna().unique(), sort=False):
            some = frames[(group == value).to_numpy()]
            n, both = some["patient"].nunique(), some["label"].nunique() == 2
            area = auroc_interval(some) if both else (np.nan, np.nan)
            scores = {"auroc": (auroc(some["label"], some["probability"]), *area)}
            scores |= call_intervals(some)
            row = {"property": name, "group": value, "people": n, "frames": len(some)}
            row["palsy"] = int(some["label"].sum())
            for score in SCORES:
                row[score], low, high = scores[score]
                row[f"{score}_low"] = low if n >= FEWEST else np.nan
                row[f"{score}_high"] = high if n >= FEWEST else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def true_severity(cohort: Cohort, samples: pd.DataFrame) -> pd.Series:
    """Return the drawn left-right difference of every frame, the larger of eyes and mouth.

    Args:
        cohort: a drawn one, with a `truth.csv`.
        samples: frames with `video` and `frame`.

    Returns:
        About 0 (both sides alike) to 1 (one side does nothing), by the index of the samples.

    Raises:
        PalsyError: `truth.csv` does not tell of a frame.
    """
    path = cohort.root / "truth.csv"
    truth = pd.read_csv(path, dtype={"patient": str, "video": str}).set_index(["video", "frame"])
    wanted = pd.MultiIndex.from_frame(samples[["video", "frame"]])
    severity = truth[["eyes_difference", "mouth_difference"]].max(axis=1).reindex(wanted)
    if severity.isna().any():
        raise PalsyError(f"{path} lacks frames of this cohort: draw it again with `palsy phantom`.")
    return severity.set_axis(samples.index)
