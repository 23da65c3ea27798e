"""From clips to frames: six a second by their time stamps, as JPEG files with an index.

Still images, image folders and the YFP database's frames are indexed where they lie.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import pandas as pd

from palsy_utils.cohort.clips import BadVideoError, extract_clip
from palsy_utils.cohort.load import Cohort
from palsy_utils.cohort.paths import RATE, natural_key
from palsy_utils.files import PalsyError, progress, write_csv
from palsy_utils.processes import side_by_side
from palsy_utils.stamps import CODE, DONE, State, content, identity, state, write_stamp

VIDEO = ["patient", "video", "file", "kind"]
COLUMNS = {"patient": str, "video": str, "frame": int, "time_s": float, "file": str, "note": str}


def extract_frames(cohort: Cohort, workers: int | None = None) -> None:
    """Write the frames of all clips, and an index of every video: `frames/<video>.csv`, last.

    A frame is `frames/<video>/<frame>.jpg`, named with its number in the clip from 0 and upright
    as players show it. Videos whose frames are up to date (`stamps.py`) are passed over, so that a
    run that was interrupted goes on where it stopped. Clips of which only measurements are at hand
    have no frames. `workers` are processes; None for one a core.

    Raises:
        PalsyError: names the videos that give no frame, after all others are done.
    """
    videos = list(cohort.videos[VIDEO].itertuples(index=False))
    todo = [v for v in videos if v.kind != "measured" and frames_state(cohort, v).kind != DONE]
    clips = sum(video.kind == "clip" for video in todo)
    light = replace(cohort, labels=cohort.labels.iloc[:0])  # it goes to other processes
    jobs = [(replace(light, sources={v.video: cohort.sources[v.video]}), v) for v in todo]
    running = side_by_side(_prepare, jobs, 1 if clips < 2 else workers)
    problems = list(progress(running, "extracting frames", len(todo), "video"))
    if bad := sorted(filter(None, problems), key=natural_key):
        raise PalsyError(
            f"{len(bad)} of {len(videos)} videos in {cohort.root} give no frames "
            f"({'; '.join(bad)}): replace them or take them out of the cohort, then run the same "
            "again; the others are done."
        )


def load_frames(cohort: Cohort) -> pd.DataFrame:
    """Read the indexes of all videos of a cohort, sorted by patient, video and frame.

    Returns:
        patient, video, frame (int), time_s (float), file (relative to the cohort's folder) and
        note ("", "clip ends early" or "unreadable"). Time counts from the first frame of a clip;
        in an image folder it is position / 6, in YFP (frame - 1) / 30, of a still image 0.
        Videos of which only measurements are at hand are not in it.

    Raises:
        PalsyError: a video has no whole index yet.
    """
    tables = []
    for video in cohort.videos.itertuples(index=False):
        if video.kind == "measured":
            continue
        path = index_path(cohort.root, video.video)
        if (found := frames_state(cohort, video)).kind != DONE:
            raise PalsyError(
                f"{path} is {found}: run extract_frames (notebook 01) on this cohort first."
            )
        table = pd.read_csv(path, dtype=COLUMNS, keep_default_na=False)
        tables.append(table.assign(patient=video.patient))
    frames = pd.concat(tables or [pd.DataFrame(columns=list(COLUMNS))], ignore_index=True)
    return frames.sort_values(["patient", "video", "frame"], ignore_index=True)


def frames_from(cohort: Cohort, video: tuple) -> dict:
    """Return what the frames of a video (`VIDEO`) are made from (`stamps.py`).

    Raises:
        OSError: its file or an image of it is gone.
    """
    made_from = {"code": CODE["frames"], "kind": video.kind, "file": video.file}
    if video.kind == "clip":
        return made_from | {
            "frames a second": RATE,
            "content": content(cohort.root / video.file, cohort.root),
        }
    listed = [(n, file) for n, _, file in cohort.sources[video.video]]
    contents = [(n, file, content(cohort.root / file, cohort.root)) for n, file in listed]
    return made_from | {"content": identity(contents)}


def frames_state(cohort: Cohort, video: tuple) -> State:
    """Say whether the frames of a video are up to date (`stamps.py`)."""
    path = index_path(cohort.root, video.video)
    return state(path, lambda: frames_from(cohort, video), cohort.root)


def index_path(root: Path, video: str) -> Path:
    """Return where the index of a video's frames lies."""
    return root / "frames" / f"{video}.csv"


def _prepare(cohort: Cohort, video: tuple) -> str | None:
    """Make one video's index, with frames if it is a clip; return what is wrong with it."""
    root, file = cohort.root, video.file
    try:
        made_from = frames_from(cohort, video)
        if video.kind == "clip":
            rows = extract_clip(root, file, f"frames/{video.video}")
        else:
            listed = cohort.sources[video.video]
            notes = ["unreadable", ""]  # as the first bytes tell
            rows = [(*one, notes[cv2.haveImageReader(str(root / one[2]))]) for one in listed]
        if not rows:
            raise BadVideoError("holds no image")
    except FileNotFoundError:
        return f"{file} does not exist"
    except BadVideoError as error:
        return f"{file} {error}"
    except OSError as error:
        return f"{file} cannot be read: {error.strerror or error}"
    table = pd.DataFrame(rows, columns=list(COLUMNS)[2:]).round({"time_s": 6})
    table.insert(0, "patient", video.patient)
    table.insert(1, "video", video.video)
    path = index_path(root, video.video)
    write_csv(table, path)
    pictures = [root / image for image in table["file"]] if video.kind == "clip" else []
    write_stamp(path, made_from, pictures, opencv=cv2.__version__)
    return None
