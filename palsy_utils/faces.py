"""Frames to faces: MediaPipe's 478 landmarks and 52 expression scores of every frame."""

import os
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.children import side_by_side
from palsy_utils.cohort import Cohort
from palsy_utils.downloads import LANDMARKER, find
from palsy_utils.files import PalsyError, publish
from palsy_utils.frames import VIDEO, frames_from, load_frames
from palsy_utils.pictures import native_silence, read_image
from palsy_utils.progress import progress
from palsy_utils.stamps import DONE, State

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import FaceLandmarker

N_LANDMARKS, N_EXPRESSIONS = 478, 52
MEASURING = "measuring faces"
MOST_FACES = 5  # as many are told apart in one picture; the largest is measured
COLUMNS = ["patient", "video", "frame", "time_s", "found", "n_faces", "note", "height", "width"]
STORED = [*COLUMNS, "landmarks", "expressions"]
SILENT_MEDIAPIPE = ("0.10.21", "0.10.30", "0.10.32", "0.10.33")  # were seen to make no connection


@lru_cache(maxsize=1)
def open_landmarker() -> "FaceLandmarker":
    """Open MediaPipe's Face Landmarker, once per process.

    IMAGE mode gives the same answer for the same picture; VIDEO mode need not.

    Raises:
        PalsyError: the model bundle cannot be had or has the wrong hash.
    """
    path = find(LANDMARKER)
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    if mediapipe.__version__ not in SILENT_MEDIAPIPE:
        block_metrics()
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(path)),
        output_face_blendshapes=True,
        num_faces=MOST_FACES,
    )
    with native_silence():
        return vision.FaceLandmarker.create_from_options(options)


def block_metrics() -> None:
    """Keep newer MediaPipes from sending usage metrics, each minute and when they are closed.

    The libcurl in them has no other switch than the environment of C, where it finds a proxy at
    which nobody listens, so that it does not even look a name up. Python reads `os.environ`, which
    stays as it was: downloads, and kernels and workers started from here, use the user's own proxy.
    """
    os.putenv("https_proxy", "http://127.0.0.1:9")  # in lower case it comes before all others
    os.putenv("no_proxy", "localhost")  # in place of one that lets all or some hosts pass


def measure_image(image: np.ndarray) -> dict:
    """Find the largest face in one picture and measure it.

    A face that fills the whole picture is missed by the detector, so a picture without a face is
    tried once more with a margin of half its size around it.

    Args:
        image: RGB uint8, (height, width, 3).

    Returns:
        `found`, `n_faces`, `note`, `height`, `width`, `landmarks` (1434 float32: x, y, z of each
        of the 478; x and z in widths, y in heights of the picture) and `expressions` (52 float32
        from 0 to 1); the last two are None when no face is found.
    """
    height, width = image.shape[:2]
    faces, scores = _detect(image)
    note = ""
    if not faces:
        dy, dx = height // 2, width // 2
        faces, scores = _detect(np.pad(image, ((dy, dy), (dx, dx), (0, 0)), mode="edge"))
        scale = np.array([(width + 2 * dx) / width, (height + 2 * dy) / height, 0])
        scale[2] = scale[0]
        shift = np.array([dx / width, dy / height, 0])
        faces = [face * scale - shift for face in faces]
        note = "padded" if faces else "no face"
    measured = {"found": bool(faces), "n_faces": len(faces), "height": height, "width": width}
    if not faces:
        return measured | {"note": note, "landmarks": None, "expressions": None}
    largest = int(np.argmax([np.prod(np.ptp(face[:, :2], axis=0)) for face in faces]))
    if len(faces) > 1:
        note = "; ".join(filter(None, [note, f"largest of {len(faces)} faces"]))
    return measured | {
        "note": note,
        "landmarks": faces[largest].astype(np.float32).ravel(),
        "expressions": scores[largest],
    }


def _detect(image: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return landmarks (478, 3) and expression scores (52,) of each face in a picture."""
    import mediapipe as mp

    picture = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(image))
    result = open_landmarker().detect(picture)
    faces = [np.array([(p.x, p.y, p.z) for p in face]) for face in result.face_landmarks]
    scores = [np.array([s.score for s in f], np.float32) for f in result.face_blendshapes]
    return faces, scores


def measure_faces(cohort: Cohort, workers: int | None = None) -> pd.DataFrame:
    """Measure every frame of a cohort into `faces/<video>.parquet`, frames without a face too.

    A video whose measurements are up to date (`stamps.py`) is not measured again.

    Args:
        cohort: its frames must have been extracted (`frames.extract_frames`).
        workers: processes that measure side by side; None for one a core.

    Returns:
        One row a video: `video`, `frames`, `faces`, `no_face`, and `notes` with their counts.

    Raises:
        PalsyError: the landmark model cannot be had, or frames or measurements are missing.
    """

    frames = dict(list(load_frames(cohort).groupby("video")))
    videos = cohort.videos[VIDEO].itertuples(index=False)
    missing = [v for v in videos if v.video in frames and faces_state(cohort, v).kind != DONE]
    if missing:
        find(LANDMARKER)  # one clear error, early
        alone = len(missing) == 1  # then its frames are counted, else the videos
        jobs = [(cohort.root, frames[v.video], faces_from(cohort, v), alone) for v in missing]
        running = side_by_side(_measure_video, jobs, workers)
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


def faces_file(root: Path, video: str) -> Path:
    """Return where the measurements of a video lie."""
    return root / "faces" / f"{video}.parquet"


def faces_from(cohort: Cohort, video: tuple) -> dict:
    """Return what the measurements of a video (`frames.VIDEO`) are made from (`stamps.py`).

    Where the video itself is not at hand, its measurements are the source.

    Raises:
        OSError: the source is gone.
    """
    if video.kind == "measured":
        return {"measured": stamps.content(faces_file(cohort.root, video.video), cohort.root)}
    frames = stamps.identity(frames_from(cohort, video))
    return {"code": stamps.CODE["faces"], "frames": frames, "landmarker": LANDMARKER.sha256}


def faces_state(cohort: Cohort, video: tuple) -> State:
    """Say whether the measurements of a video are up to date (`stamps.py`)."""
    path = faces_file(cohort.root, video.video)
    if video.kind == "measured":  # with a stamp or without, but whole if there is one
        broken = stamps.find_damage(path, stamps.read_stamp(path)["files"], cohort.root)
        return State(stamps.DAMAGED, broken) if broken else State(DONE)
    try:
        return stamps.state(path, faces_from(cohort, video), cohort.root)
    except OSError:
        return State(stamps.OPEN)


def _measure_video(root: Path, frames: pd.DataFrame, made_from: dict, show: bool) -> None:
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
    path = faces_file(root, rows[0]["video"])
    write_faces(pd.DataFrame(rows)[STORED], path)
    stamps.write_stamp(path, made_from, mediapipe=version("mediapipe"))


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
        PalsyError: measurements of a video are missing, out of date or damaged.
    """
    tables = []
    for video in cohort.videos[VIDEO].itertuples(index=False):
        path, found = faces_file(cohort.root, video.video), faces_state(cohort, video)
        try:
            if found.kind != DONE:
                raise ValueError(found)
            tables.append(pd.read_parquet(path, columns=STORED))
        except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
            kind = found if found.kind != DONE else "no table of measurements"
            raise PalsyError(
                f"{path} is {kind}: run notebook 02 (faces and modalities) on this cohort; put "
                "another copy there if its video is not at hand."
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
