"""What can be measured on every frame of a clip without a model: quality, and left against right.

Millimetres come from the size of the iris (`features.millimetres`); heights and depths are taken
from the line through the outer corners of the eyes. Left and right are the subject's.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.clip.card import file_hashes
from palsy_utils.cohort.load import Cohort
from palsy_utils.faces.features import ASYMMETRY, asymmetry, millimetres
from palsy_utils.faces.frames import load_frames
from palsy_utils.faces.landmarks import LEFT_BROW, LEFT_EYE_CORNER, RIGHT_BROW, RIGHT_EYE_CORNER
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.upright import coordinates, to_pixels, upright
from palsy_utils.files import PalsyError, sha256

TURNED = 15.0  # degrees: beyond, the far half of a symmetric face looks smaller
SMALL = 60.0  # pixels between the outer corners of the eyes; an iris then has about eight
RIGHT_CHEEK, LEFT_CHEEK = 234, 454  # where the oval of the face meets the ears
# Of the 145 numbers of `asymmetry`, the heights of the 55 pairs of landmarks. What lies sideways
# follows the turn of the head: over 118 frames of one real clip it correlates with the turn by
# 0.75, heights by -0.03.
HEIGHTS = [i for i, name in enumerate(ASYMMETRY) if name.endswith(" y")]

# name -> what is measured, in the words of a report
MEASURES = {
    "brow": "height of the brow above the line of the eyes",
    "eye": "gap between the lids",
    "mouth": "depth of the corner of the mouth below that line",
}
_GAPS = {"right": ((160, 144), (158, 153)), "left": ((385, 380), (387, 373))}
_BROWS = {"right": sum(RIGHT_BROW, ()), "left": sum(LEFT_BROW, ())}
_CORNERS = {"right": 61, "left": 291}


@dataclass(frozen=True)
class Measured:
    """A clip or photographs with all that was measured: what a model and a page need of it.

    source: the file or folder that the user gave.
    cohort: its copy in a working folder, in which modalities are built for the model.
    frames: one row a frame, in order, or a photograph: `frame` and `time_s`, or `file`; `found`,
        `note`, `turned_deg`, `eye_distance_px`, `asymmetry_mm` (mean difference in height between
        the 55 landmarks of one half and their partners), and the columns of `measures`; NaN where
        no face was found.
    points: landmarks in pixels (n, 478, 2), NaN where no face was found.
    pictures: the picture of each row, a file in the working folder.
    hashes: of the files, from `card.file_hashes`.
    """

    source: Path
    cohort: Cohort
    frames: pd.DataFrame
    points: np.ndarray
    pictures: list[Path]
    hashes: list[str]


def gather(source: Path, cohort: Cohort, files: list[str] | None) -> Measured:
    """Gather what was measured on a clip, or on photographs, whose names are `files`.

    Raises:
        PalsyError: no face was found.
    """
    table, landmarks, expressions = load_faces(cohort)
    frames = pd.DataFrame({"file": files}) if files else table[["frame", "time_s"]]
    if not table["found"].any():
        raise PalsyError(
            f"No face was found in any of {count(frames)} of {source}, so there is nothing to "
            "predict: take one face, frontal and well lit, and so large that the outer corners of "
            "the eyes are at least 6 % of the picture's longer side apart."
        )
    points = to_pixels(landmarks, table["height"], table["width"])
    found = table["found"].to_numpy()
    rows, faces = table[found], points[found]
    heights = asymmetry(coordinates(faces), expressions[found])[:, HEIGHTS]
    numbers = measures(faces).set_index(rows.index)
    numbers.insert(0, "turned_deg", turn(landmarks[found], rows["height"], rows["width"]))
    numbers.insert(1, "eye_distance_px", _eye_distance(faces))
    numbers.insert(2, "asymmetry_mm", np.abs(heights).mean(1) * _unit(faces))
    pictures = [cohort.root / file for file in load_frames(cohort)["file"]]
    hashes = file_hashes(cohort)
    if files:  # a cohort may hold the same photographs as one folder
        hashes.append(sha256(*pictures)[:16])
    frames = frames.join(table[["found", "note"]]).join(numbers)
    return Measured(source, cohort, frames, points, pictures, hashes)


def shown(path: Path) -> str:
    """Return the name of a file or folder as text that can be written, whatever its bytes are."""
    return os.fsencode(path.name).decode(errors="replace")


def measures(points: np.ndarray) -> pd.DataFrame:
    """Measure brow, eye and mouth of each side, in millimetres.

    Args:
        points: (n, 478, 2) in pixels.

    Returns:
        `<name>_right`, `<name>_left` and `<name>_difference` (left minus right) for each of
        `MEASURES`. A mirrored face has the negative differences.
    """
    up = upright(points)
    unit = _unit(points)
    table = pd.DataFrame(index=range(len(points)))
    for side in ("right", "left"):
        gaps = [np.linalg.norm(up[:, a] - up[:, b], axis=-1) for a, b in _GAPS[side]]
        table[f"brow_{side}"] = -up[:, _BROWS[side], 1].mean(1) * unit
        table[f"eye_{side}"] = np.mean(gaps, 0) * unit
        table[f"mouth_{side}"] = up[:, _CORNERS[side], 1] * unit
    for name in MEASURES:
        table[f"{name}_difference"] = table[f"{name}_left"] - table[f"{name}_right"]
    return table


def _eye_distance(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[:, LEFT_EYE_CORNER] - points[:, RIGHT_EYE_CORNER], axis=-1)


def _unit(points: np.ndarray) -> np.ndarray:
    """Return the millimetres of the unit of upright faces (n,)."""
    return millimetres(points) * _eye_distance(points)


def turn(landmarks: np.ndarray, height: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return how far each head is turned aside, in degrees (n,), by the depth of its two cheeks.

    Args:
        landmarks: (n, 478, 3) as MediaPipe gives them; depth has the scale of x.
        height: (n,) of the pictures in pixels.
        width: (n,) likewise.
    """
    x, y, depth = (landmarks[:, LEFT_CHEEK] - landmarks[:, RIGHT_CHEEK]).T
    return np.degrees(np.arctan2(depth * width, np.hypot(x * width, y * height)))


def most_asymmetric(frames: pd.DataFrame) -> int:
    """Return the row of the frame with the largest `asymmetry_mm`.

    Args:
        frames: from `Measured`, with a face in at least one.
    """
    return int(frames["asymmetry_mm"].idxmax())


def unit(frames: pd.DataFrame) -> str:
    """Return what a row shows, in the words of a report: a frame, or a photograph."""
    return "photograph" if "file" in frames else "frame"


def count(frames: pd.DataFrame) -> str:
    """Say how many frames or photographs there are."""
    return f"{len(frames)} {unit(frames)}{'s' * (len(frames) != 1)}"


def quality_notes(frames: pd.DataFrame) -> list[str]:
    """Say, one sentence each, what makes the answers of a clip less trustworthy.

    Args:
        frames: from `Measured`.
    """
    n, faces = len(frames), frames[frames["found"]]
    turned = int((faces["turned_deg"].abs() > TURNED).sum())
    small = int((faces["eye_distance_px"] < SMALL).sum())
    of_all = f"of {count(frames)}"
    of_faces = f"of {count(faces)} with a face"
    notes = []
    if len(faces) < n:
        notes.append(f"No face was found in {n - len(faces)} {of_all}; they have no answer.")
    if turned:
        notes.append(
            f"The head is turned by more than {TURNED:.0f} degrees in {turned} {of_faces}; there, "
            "asymmetry is partly the camera's."
        )
    if small:
        notes.append(
            f"The face is small in {small} {of_faces} (less than {SMALL:.0f} pixels between the "
            "eyes' outer corners); millimetres are rough there."
        )
    others = frames["note"].str.split("; ").explode()
    for note, number in others[~others.isin(["", "no face"])].value_counts().items():
        notes.append(f"{number} {of_all} are marked: {note}.")
    return notes
