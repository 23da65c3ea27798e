"""Frames to faces: MediaPipe's 478 landmarks and 52 expression scores of every frame."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from palsy_utils.cohort import Cohort
from palsy_utils.downloads import LANDMARKER, find
from palsy_utils.files import PalsyError, publish
from palsy_utils.pictures import read_image
from palsy_utils.progress import progress

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import FaceLandmarker

N_LANDMARKS, N_EXPRESSIONS = 478, 52
MEASURING = "measuring faces"
MOST_FACES = 5  # as many are told apart in one picture; the largest is measured
COLUMNS = ["patient", "video", "frame", "time_s", "found", "n_faces", "note", "height", "width"]
STORED = [*COLUMNS, "landmarks", "expressions"]


@lru_cache(maxsize=1)
def open_landmarker() -> "FaceLandmarker":
    """Open MediaPipe's Face Landmarker, once per process.

    IMAGE mode gives the same answer for the same picture; VIDEO mode need not.

    Raises:
        PalsyError: the model bundle cannot be had or has the wrong hash.
    """
    path = find(LANDMARKER)
    os.environ.setdefault("GLOG_minloglevel", "2")  # its start-up chatter is not about the data
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(path)),
        output_face_blendshapes=True,
        num_faces=MOST_FACES,
    )
    return vision.FaceLandmarker.create_from_options(options)


def measure_image(image: np.ndarray) -> dict:
    """Find the largest face in one picture and measure it.

    The detector misses a face that fills the whole picture, so a picture without a face is tried
    again with a margin of half its size around it ("padded"). It also misses faces whose outer eye
    corners are less than some 6 % of the picture's longer side apart, so parts of the picture are
    tried last ("enlarged"), which halves that size.

    Args:
        image: RGB uint8, (height, width, 3).

    Returns:
        `found`, `n_faces`, `note`, `height`, `width`, `landmarks` (1434 float32: x, y, z of each
        of the 478; x and z in widths, y in heights of the picture) and `expressions` (52 float32
        from 0 to 1); the last two are None when no face is found.
    """
    height, width = image.shape[:2]
    dy, dx = height // 2, width // 2
    faces, note = _detect(image, 0, 0, width, height), ""
    if not faces:
        faces, note = _detect(image, -dx, -dy, width + dx, height + dy), "padded"
    if not faces:
        faces, note = _detect_small(image), "enlarged"
    measured = {"found": bool(faces), "n_faces": len(faces), "height": height, "width": width}
    if not faces:
        return measured | {"note": "no face", "landmarks": None, "expressions": None}
    if len(faces) > 1:
        note = "; ".join(filter(None, [note, f"largest of {len(faces)} faces"]))
    landmarks, expressions = max(faces, key=_size)
    return measured | {
        "note": note,
        "landmarks": landmarks.astype(np.float32).ravel(),
        "expressions": expressions,
    }


def _detect(
    image: np.ndarray, left: int, top: int, right: int, bottom: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return landmarks (478, 3) and expression scores (52,) of each face in a part of a picture.

    The part is given in pixels; beyond the picture it repeats the picture's edge. Landmarks are
    in fractions of the whole picture.
    """
    import mediapipe as mp

    height, width = image.shape[:2]
    part = image[max(top, 0) : bottom, max(left, 0) : right]
    beyond = ((max(-top, 0), max(bottom - height, 0)), (max(-left, 0), max(right - width, 0)))
    if np.any(beyond):
        part = np.pad(part, (*beyond, (0, 0)), mode="edge")
    picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(part))
    result = open_landmarker().detect(picture)
    scale = np.array([(right - left) / width, (bottom - top) / height, (right - left) / width])
    shift = np.array([left / width, top / height, 0])
    faces = [
        np.array([(p.x, p.y, p.z) for p in face]) * scale + shift for face in result.face_landmarks
    ]
    scores = [np.array([s.score for s in f], np.float32) for f in result.face_blendshapes]
    return list(zip(faces, scores, strict=True))


def _detect_small(image: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Look for small faces in nine parts of a picture, half as wide and as high, that overlap.

    The edge of a part may cut a face, which moves its landmarks. So the largest one is looked for
    again in a part around itself, and has to be found there too.
    """
    sides = np.array([image.shape[1], image.shape[0]])
    half = (sides + 1) // 2
    columns, rows = ((0, rest // 2, rest) for rest in sides - half)
    starts = np.array([(column, row) for row in rows for column in columns])
    found = [face for start in starts for face in _detect(image, *start, *(start + half))]
    if not found:
        return []
    points = max(found, key=_size)[0][:, :2] * sides
    low, high = points.min(0), points.max(0)
    middle, reach = (low + high) / 2, 1.5 * (high - low).max()
    return _detect(image, *(middle - reach).astype(int), *(middle + reach).astype(int))


def _size(face: tuple[np.ndarray, np.ndarray]) -> float:
    return np.prod(np.ptp(face[0][:, :2], axis=0))


def measure_faces(cohort: Cohort, workers: int | None = None) -> pd.DataFrame:
    """Measure every frame of a cohort into `faces/<video>.parquet`, frames without a face too.

    A video whose measurements are at hand, for the same frames, is not measured again.

    Args:
        cohort: its frames must have been extracted (`frames.extract_frames`).
        workers: processes that measure side by side; None for one a core.

    Returns:
        One row a video: `video`, `frames`, `faces`, `no_face`, and `notes` with their counts.

    Raises:
        PalsyError: the landmark model cannot be had, or frames or measurements are missing.
    """
    from joblib import Parallel, delayed

    from palsy_utils.frames import load_frames

    frames = dict(list(load_frames(cohort).groupby("video")))
    missing = [v for v in frames if not _is_measured(cohort.root, v, frames[v])]
    if missing:
        find(LANDMARKER)  # one clear error, early
        alone = len(missing) == 1  # then its frames are counted, else the videos
        jobs = (delayed(_measure_video)(cohort.root, frames[video], alone) for video in missing)
        parallel = Parallel(min(workers or os.cpu_count(), len(missing)), return_as="generator")
        running = parallel(jobs)
        for _ in running if alone else progress(running, MEASURING, len(missing), "video"):
            pass
    table, _, _ = load_faces(cohort)
    return pd.DataFrame(
        [
            {
                "video": video,
                "frames": len(rows),
                "faces": int(rows["found"].sum()),
                "no_face": int((~rows["found"]).sum()),
                "notes": ", ".join(f"{n} x {k}" for k, n in _count_notes(rows).items()),
            }
            for video, rows in table.groupby("video", sort=False)
        ]
    )


def _count_notes(rows: pd.DataFrame) -> dict[str, int]:
    return rows["note"].str.split("; ").explode().replace("", None).value_counts().to_dict()


def _faces_file(root: Path, video: str) -> Path:
    return root / "faces" / f"{video}.parquet"


def _is_measured(root: Path, video: str, frames: pd.DataFrame) -> bool:
    try:
        measured = pd.read_parquet(_faces_file(root, video), columns=STORED)
    except (OSError, ValueError):  # absent or damaged: pyarrow's own errors derive from these
        return False
    return measured["frame"].tolist() == frames["frame"].tolist()


def _measure_video(root: Path, frames: pd.DataFrame, show: bool) -> None:
    rows, each = [], frames.itertuples()
    for frame in progress(each, MEASURING, len(frames), "frame") if show else each:
        image, note = read_image(root / frame.file)
        if image is None:
            measured = {"found": False, "n_faces": 0, "note": "", "height": 0, "width": 0}
            measured |= {"landmarks": None, "expressions": None}
        else:
            measured = measure_image(image)
        identity = {k: getattr(frame, k) for k in ("patient", "video", "frame", "time_s")}
        notes = dict.fromkeys(filter(None, [frame.note, note, measured["note"]]))
        rows.append(identity | measured | {"note": "; ".join(notes)})
    table = pd.DataFrame(rows)[STORED]
    write_faces(table, _faces_file(root, rows[0]["video"]))


def write_faces(table: pd.DataFrame, path: Path) -> None:
    """Write the measurements of one video (`COLUMNS`, landmarks, expressions) as parquet."""
    with publish(path) as part:
        table.to_parquet(part, compression="zstd", use_dictionary=False, index=False)


def load_faces(cohort: Cohort) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Load what was measured on a cohort, ordered by patient, video, frame.

    Returns:
        The table (`COLUMNS`), landmarks (n, 478, 3) and expression scores (n, 52), both float32;
        NaN where no face was found.

    Raises:
        PalsyError: measurements of a video are missing or unreadable.
    """
    tables = []
    for video in cohort.videos["video"]:
        path = _faces_file(cohort.root, video)
        try:
            tables.append(pd.read_parquet(path, columns=STORED))
        except (OSError, ValueError) as error:
            raise PalsyError(
                f"{path} is missing or cannot be read: run notebook 02 (faces and modalities) on "
                f"this cohort; delete the file first if it is damaged."
            ) from error
    table = pd.concat(tables)
    # Who is in a video is the cohort's word: a table of patients may have come after measuring.
    table["patient"] = table["video"].map(cohort.videos.set_index("video")["patient"])
    table = table.sort_values(["patient", "video", "frame"], ignore_index=True)
    landmarks = _stack(table.pop("landmarks"), N_LANDMARKS * 3).reshape(-1, N_LANDMARKS, 3)
    return table[COLUMNS], landmarks, _stack(table.pop("expressions"), N_EXPRESSIONS)


def _stack(column: pd.Series, length: int) -> np.ndarray:
    missing = np.full(length, np.nan, np.float32)
    return np.stack([missing if v is None else v for v in column]).astype(np.float32)
