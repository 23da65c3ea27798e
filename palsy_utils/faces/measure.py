"""Frames to faces: MediaPipe's 478 landmarks and 52 expression scores of every frame."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.load import Cohort
from palsy_utils.downloads import LANDMARKER, find
from palsy_utils.faces.frames import VIDEO, frames_from, load_frames
from palsy_utils.faces.landmarker import measure_image
from palsy_utils.faces.pictures import read_image
from palsy_utils.files import PalsyError, progress, publish
from palsy_utils.processes import side_by_side
from palsy_utils.stamps import DONE, State

N_LANDMARKS, N_EXPRESSIONS = 478, 52
MEASURING = "measuring faces"
COLUMNS = ["patient", "video", "frame", "time_s", "found", "n_faces", "note", "height", "width"]
STORED = [*COLUMNS, "landmarks", "expressions"]
UNREADABLE = dict.fromkeys(STORED) | {"found": False, "n_faces": 0, "note": ""}
UNREADABLE |= {"height": 0, "width": 0}


def measure_faces(cohort: Cohort, workers: int | None = None) -> None:
    """Measure every frame of a cohort into `faces/<video>.parquet`, frames without a face too.

    Its frames must have been extracted. A video whose measurements are up to date (`stamps.py`) is
    not measured again. `workers` are processes; None for one a core.

    Raises:
        PalsyError: the landmark model cannot be had, or frames or measurements are missing.
    """
    frames = dict(list(load_frames(cohort).groupby("video")))
    videos = cohort.videos[VIDEO].itertuples(index=False)
    missing = [v for v in videos if v.video in frames and faces_state(cohort, v).kind != DONE]
    if not missing:
        return
    find(LANDMARKER)  # one clear error, early
    alone = len(missing) == 1  # then its frames are counted, else the videos
    jobs = [(cohort.root, frames[v.video], faces_from(cohort, v), alone) for v in missing]
    running = side_by_side(_measure_video, jobs, workers)
    for _ in running if alone else progress(running, MEASURING, len(missing), "video"):
        pass


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
        broken = stamps.find_damage(path, root=cohort.root)
        return State(stamps.DAMAGED, broken) if broken else State(DONE)
    return stamps.state(path, lambda: faces_from(cohort, video), cohort.root)


def _measure_video(root: Path, frames: pd.DataFrame, made_from: dict, show: bool) -> None:
    rows, each = [], frames.itertuples()
    for frame in progress(each, MEASURING, len(frames), "frame") if show else each:
        image, note = read_image(root / frame.file)
        measured = UNREADABLE if image is None else measure_image(image)
        identity = {k: getattr(frame, k) for k in ("patient", "video", "frame", "time_s")}
        notes = dict.fromkeys(filter(None, [frame.note, note, measured["note"]]))
        rows.append(measured | identity | {"note": "; ".join(notes)})
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
