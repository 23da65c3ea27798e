"""What can be measured on every frame of a clip without a model: quality, and left against right.

Millimetres come from the size of the iris (`asymmetry.millimetres`); heights and depths are taken
from the line through the outer corners of the eyes. Left and right are the subject's.
"""

import numpy as np
import pandas as pd

from palsy_utils.asymmetry import asymmetry, millimetres, names
from palsy_utils.cohort import Cohort
from palsy_utils.faces import load_faces
from palsy_utils.frames import load_frames
from palsy_utils.landmarks import LEFT_BROW, LEFT_EYE_CORNER, RIGHT_BROW, RIGHT_EYE_CORNER
from palsy_utils.pictures import read_image
from palsy_utils.upright import coordinates, to_pixels, upright

TURNED = 15.0  # degrees: beyond, the far half of a symmetric face looks smaller
SMALL = 60.0  # pixels between the outer corners of the eyes; an iris then has about eight
RIGHT_CHEEK, LEFT_CHEEK = 234, 454  # where the oval of the face meets the ears
# Of the 145 numbers of `asymmetry`, the heights of the 55 pairs of landmarks. What lies sideways
# follows the turn of the head: over 118 frames of one real clip it correlates with the turn by
# 0.75, heights by -0.03.
HEIGHTS = [i for i, name in enumerate(names()) if name.endswith(" y")]

# name -> what is measured, in the words of a report
MEASURES = {
    "brow": "height of the brow above the line of the eyes",
    "eye": "gap between the lids",
    "mouth": "depth of the corner of the mouth below that line",
}
_GAPS = {"right": ((160, 144), (158, 153)), "left": ((385, 380), (387, 373))}
_BROWS = {"right": sum(RIGHT_BROW, ()), "left": sum(LEFT_BROW, ())}
_CORNERS = {"right": 61, "left": 291}


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


def measure_frames(cohort: Cohort) -> pd.DataFrame:
    """Measure every frame of a clip (`prediction.measure_clip`), in order.

    Returns:
        `frame`, `time_s`, `found`, `note`, `turned_deg`, `eye_distance_px`, `asymmetry_mm` (mean
        difference in height between the 55 landmarks of one half and their partners), and the
        columns of `measures`; NaN where no face was found.
    """
    table, landmarks, expressions = load_faces(cohort)
    found = table["found"].to_numpy()
    rows = table.loc[found].reset_index(drop=True)
    points = to_pixels(landmarks[found], rows["height"], rows["width"])
    heights = asymmetry(coordinates(points), expressions[found])[:, HEIGHTS]
    numbers = pd.DataFrame(
        {
            "turned_deg": turn(landmarks[found], rows["height"], rows["width"]),
            "eye_distance_px": _eye_distance(points),
            "asymmetry_mm": np.abs(heights).mean(1) * _unit(points),
        }
    ).join(measures(points))
    numbers.index = table.index[found]
    return table[["frame", "time_s", "found", "note"]].join(numbers)


def most_asymmetric(frames: pd.DataFrame) -> int:
    """Return the row of the frame with the largest `asymmetry_mm`.

    Args:
        frames: from `measure_frames`, with a face in at least one.
    """
    return int(frames["asymmetry_mm"].idxmax())


def look_at(cohort: Cohort, frames: pd.DataFrame, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture of a frame, RGB uint8 (height, width, 3), and its points (478, 2).

    Args:
        cohort: from `prediction.measure_clip`.
        frames: from `measure_frames`.
        row: of a frame with a face.
    """
    table, landmarks, _ = load_faces(cohort)
    files = load_frames(cohort).set_index("frame")["file"]
    image, _ = read_image(cohort.root / files[frames["frame"][row]])
    return image, to_pixels(landmarks[[row]], table["height"][[row]], table["width"][[row]])[0]


def quality_notes(frames: pd.DataFrame) -> list[str]:
    """Say, one sentence each, what makes the answers of a clip less trustworthy.

    Args:
        frames: from `measure_frames`.
    """
    n, faces = len(frames), frames[frames["found"]]
    turned = int((faces["turned_deg"].abs() > TURNED).sum())
    small = int((faces["eye_distance_px"] < SMALL).sum())
    notes = []
    if len(faces) < n:
        notes.append(f"No face was found in {n - len(faces)} of {n} frames; they have no answer.")
    if turned:
        notes.append(
            f"The head is turned by more than {TURNED:.0f} degrees in {turned} of {len(faces)} "
            "frames with a face; there, asymmetry is partly the camera's."
        )
    if small:
        notes.append(
            f"The face is small in {small} of {len(faces)} frames with a face (less than "
            f"{SMALL:.0f} pixels between the eyes' outer corners); millimetres are rough there."
        )
    others = frames["note"].str.split("; ").explode()
    for note, number in others[~others.isin(["", "no face"])].value_counts().items():
        notes.append(f"{number} of {n} frames are marked: {note}.")
    return notes
