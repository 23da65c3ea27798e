"""What is measured on a clip or on photographs without a model.

They become a tiny cohort, to go through the very steps that training data went through. Millimetres
come from the size of the iris, good to some per cent: a small one covers few pixels, and a lid may
hide its edge. Left and right are the subject's.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.cohort.load import Cohort, load_cohort
from palsy_utils.cohort.paths import KINDS, LARGEST_IMAGE, natural_key
from palsy_utils.faces import landmarks as marks
from palsy_utils.faces.features import HEIGHTS, asymmetry
from palsy_utils.faces.frames import extract_frames, load_frames, open_video
from palsy_utils.faces.landmarks import coordinates, crop_rgb, to_pixels, upright, window
from palsy_utils.faces.modalities import build_modalities, load_faces, measure_faces
from palsy_utils.faces.pictures import open_landmarker, read_image
from palsy_utils.files import PalsyError, sha256
from palsy_utils.learning.profiles import Profile

FACE, THUMBNAIL = 420, 200  # pixels, side of a crop
IRIS_MM = 11.77  # mean horizontal diameter of the human iris; hardly differs between adults
IRIS_SIDES = ((469, 474), (471, 476))  # of the right and the left one
TURNED = 15.0  # degrees: beyond, the far half of a symmetric face looks smaller
SMALL = 60.0  # pixels between the outer corners of the eyes; an iris then has about eight
RIGHT_CHEEK, LEFT_CHEEK = 234, 454  # where the oval of the face meets the ears
# name -> what is measured, in the words of a report
MEASURES = {
    "brow": "height of the brow above the line of the eyes",
    "eye": "gap between the lids",
    "mouth": "depth of the corner of the mouth below that line",
}
BROWS = {"right": marks.RIGHT_BROW, "left": marks.LEFT_BROW}
LIDS = {"right": ((160, 158), (144, 153)), "left": ((385, 387), (380, 373))}  # upper, lower
CORNERS = {"right": 61, "left": 291}  # of the mouth


@dataclass(frozen=True)
class Measured:
    """A clip or photographs with all that was measured: what a model and a page need of it."""

    source: Path  # the file or folder that the user gave
    root: Path  # its copy, a cohort in which modalities are built for the model
    frames: pd.DataFrame  # frame, time_s, or file of photographs; found, note, and of `measures`
    marked: int  # row with the largest `asymmetry_mm`
    face: np.ndarray  # upright crop of it, RGB uint8
    points: np.ndarray  # its landmarks (478, 2), in pixels of the crop
    thumbnails: dict[int, np.ndarray]  # small crops of photographs, row -> RGB uint8
    hashes: set[str]  # of the files, as in `file_hashes`


def shown(path: Path) -> str:
    """Return the name of a file or folder as text that can be written, whatever its bytes are."""
    return os.fsencode(path.name).decode(errors="replace")


def list_kinds(folder: Path) -> dict[str, list[Path]]:
    """List the files `clip` and `image` in a folder, not below it, as people number them."""
    kinds = {"clip": [], "image": []}
    try:
        for file in sorted(folder.iterdir(), key=lambda file: (natural_key(file.name), file)):
            kind = KINDS.get(file.suffix.lower())
            if kind and file.is_file() and not file.name.startswith("."):
                kinds[kind].append(file)
    except OSError as error:
        raise PalsyError(f"{folder} cannot be read: {error.strerror or error}.") from error
    return kinds


def copy_clip(clip: Path, folder: Path) -> tuple[Cohort, list[str]]:
    """Copy a clip or photographs under harmless names; return them, and what they are called.

    All are said to be healthy, so that every frame with a face is let through.
    """
    if not clip.exists():
        raise PalsyError(f"{clip} does not exist: give a video, a photograph or a folder of them.")
    files, rows = list_kinds(clip)["image"] if clip.is_dir() else [clip], []
    if not files or files[0].suffix.lower() not in KINDS:
        known = f"names may end in {' '.join(sorted(KINDS))}"
        raise PalsyError(f"{clip} is neither video nor image, nor a folder of them: {known}.")
    try:
        for number, file in enumerate(files):
            copy = folder / f"{number:06d}{file.suffix.lower()}"
            shutil.copyfile(file, copy)
            rows.append((copy.stem, copy.stem, copy.name, None, None, 0))
    except OSError as error:
        raise PalsyError(f"{file} cannot be read: {error.strerror or error}.") from error
    is_clip = KINDS[copy.suffix] == "clip"
    picture = open_video(copy).read()[1] if is_clip else read_image(copy)[0]
    if picture is None and not clip.is_dir():
        raise PalsyError(
            f"{clip} is no {'video' if is_clip else 'image'} that can be read: it may be damaged, "
            f"empty, or have more than {LARGEST_IMAGE:,} pixels."
        )
    labels = pd.DataFrame(rows, columns=["patient", "video", "file", "start_s", "end_s", "label"])
    labels.to_csv(folder / "labels.csv", index=False)
    return load_cohort(folder), [shown(file) for file in files]


def measure_clip(clip: Path, folder: Path, profile: Profile) -> Measured:
    """Measure the faces of a clip, six frames a second, or of photographs, copied into `folder`.

    All modalities are built there. A PalsyError says if it cannot be read, or shows no face.
    """
    cohort, names = copy_clip(clip, folder)
    extract_frames(cohort, workers=1)
    measure_faces(cohort, workers=1)
    open_landmarker.cache_clear()  # closed while Python is whole; at its end that is an error
    source, (table, landmarks, scores) = Path(os.path.abspath(clip)), load_faces(cohort)
    are_photographs = set(cohort.videos["kind"]) == {"image"}
    frames = pd.DataFrame({"file": names}) if are_photographs else table[["frame", "time_s"]]
    if not (found := table["found"].to_numpy()).any():
        raise PalsyError(
            f"No face was found in any of {len(frames)} picture(s) of {source}: take one, frontal, "
            "well lit, and so large that the outer corners of the eyes are at least 6 % of "
            "the picture's longer side apart."
        )
    points = to_pixels(landmarks, table["height"], table["width"])
    numbers = measures(table[found], landmarks[found], points[found], scores[found])
    frames = frames.join(table[["found", "note"]]).join(numbers)
    marked = int(numbers["asymmetry_mm"].idxmax())
    pictures = [folder / file for file in load_frames(cohort)["file"]]

    def crop(row: int, size: int) -> np.ndarray:
        return crop_rgb(read_image(pictures[row])[0], points[row], size)

    # A cohort may hold the same photographs as one folder.
    hashes = {*file_hashes(cohort), sha256(*pictures)[:16]}
    thumbnails = {row: crop(row, THUMBNAIL) for row in numbers.index if are_photographs}
    ours = cv2.transform(points[[marked]].astype(np.float32), window(points[marked], FACE))[0]
    build_modalities(cohort, profile.image_size, profile.inputs)
    return Measured(source, folder, frames, marked, crop(marked, FACE), ours, thumbnails, hashes)


def file_hashes(cohort: Cohort) -> list[str]:
    """Return the SHA-256 of every video's file or images, 16 hex digits, to know them again."""
    videos = cohort.sources.values()
    return [sha256(*(cohort.root / file for *_, file in files))[:16] for files in videos]


def measures(table: pd.DataFrame, landmarks: np.ndarray, points: np.ndarray, scores: np.ndarray):
    """Measure faces: their turn, size and asymmetry, and brow, eye and mouth of either side.

    From `height` and `width` of pictures, landmarks (n, 478, 3), the same in pixels (n, 478, 2) and
    scores (n, 52): `turned_deg`, by the depth of the cheeks; `eye_distance_px`; `asymmetry_mm`, the
    mean difference in height between the landmarks of one half and their partners; and in mm
    `<name>_right`, `<name>_left`, `<name>_difference` (left minus right) of each of `MEASURES`.
    """
    ends = points[:, marks.LEFT_EYE_CORNER] - points[:, marks.RIGHT_EYE_CORNER]
    distance = np.linalg.norm(ends, axis=-1)
    iris = np.linalg.norm(points[:, IRIS_SIDES[0]] - points[:, IRIS_SIDES[1]], axis=-1).mean(1)
    up, unit = upright(points), IRIS_MM / iris * distance
    x, y, depth = (landmarks[:, LEFT_CHEEK] - landmarks[:, RIGHT_CHEEK]).T
    across = np.hypot(x * table["width"], y * table["height"])
    heights = asymmetry(coordinates(points), scores)[:, HEIGHTS]
    found = pd.DataFrame({"turned_deg": np.degrees(np.arctan2(depth * table["width"], across))})
    found["eye_distance_px"] = distance
    found["asymmetry_mm"] = np.abs(heights).mean(1) * unit
    for side in ("right", "left"):
        upper, lower = (up[:, list(lid)] for lid in LIDS[side])
        found[f"brow_{side}"] = -up[:, sum(BROWS[side], ()), 1].mean(1) * unit
        found[f"eye_{side}"] = np.linalg.norm(upper - lower, axis=-1).mean(1) * unit
        found[f"mouth_{side}"] = up[:, CORNERS[side], 1] * unit
    for name in MEASURES:
        found[f"{name}_difference"] = found[f"{name}_left"] - found[f"{name}_right"]
    return found
