"""From clips to frames: six a second by their time stamps, as JPEG files with an index.

Still images, image folders and the YFP database's frames are indexed where they lie.
"""

import os
from pathlib import Path

import cv2
import pandas as pd

from palsy_utils.children import side_by_side
from palsy_utils.clips import RATE, BadVideoError, extract_clip
from palsy_utils.cohort import Cohort
from palsy_utils.files import PalsyError, write_csv
from palsy_utils.layout import check_inside, list_images, natural_key
from palsy_utils.progress import progress
from palsy_utils.yfp import SOURCE_FPS, list_frames

VIDEO = ["patient", "video", "file", "kind"]
COLUMNS = {"patient": str, "video": str, "frame": int, "time_s": float, "file": str, "note": str}


def extract_frames(cohort: Cohort, workers: int | None = None) -> pd.DataFrame:
    """Write the frames of all clips, and an index of every video: `frames/<video>.csv`, last.

    A frame is `frames/<video>/<frame>.jpg`, named with its number in the clip from 0 and upright
    as players show it. Videos whose index is whole are passed over, so that a run that was
    interrupted goes on where it stopped. Clips of which only measurements are at hand have no
    frames.

    Args:
        cohort: as from `load_cohort`.
        workers: processes to use, as many as there are cores if None.

    Returns:
        report, one row a video: video, frames, seconds (time stamp of the last frame), notes.

    Raises:
        PalsyError: names the videos that give no frame, after all others are done.
    """
    videos = list(cohort.videos[VIDEO].itertuples(index=False))
    todo = [v for v in videos if v.kind != "measured" and not _is_done(cohort, v)]
    clips = sum(video.kind == "clip" for video in todo)
    jobs = [(cohort.root, cohort.kind, *video) for video in todo]
    running = side_by_side(_prepare, jobs, 1 if clips < 2 else workers)
    problems = list(progress(running, "extracting frames", len(todo), "video"))
    if bad := sorted(filter(None, problems), key=natural_key):
        raise PalsyError(
            f"{len(bad)} of {len(videos)} videos in {cohort.root} give no frames "
            f"({'; '.join(bad)}): replace them or take them out of the cohort, then run the same "
            "again; the others are done."
        )
    return pd.DataFrame([_report(cohort, video) for video in videos])


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
        table = _read_index(cohort, video)
        if table is None:
            raise PalsyError(
                f"{_index_path(cohort.root, video.video)} is missing or not whole: run "
                "extract_frames (notebook 01) on this cohort first."
            )
        tables.append(table.assign(patient=video.patient))
    frames = pd.concat(tables or [pd.DataFrame(columns=list(COLUMNS))], ignore_index=True)
    return frames.sort_values(["patient", "video", "frame"], ignore_index=True)


def _index_path(root: Path, video: str) -> Path:
    return root / "frames" / f"{video}.csv"


def _read_index(cohort: Cohort, video: tuple) -> pd.DataFrame | None:
    """Read a video's index; None if it is not there, cut off, or out of step with the files."""
    path = _index_path(cohort.root, video.video)
    try:
        table = pd.read_csv(path, dtype=COLUMNS, keep_default_na=False)
        whole = path.read_bytes().endswith(b"\n") and list(table) == list(COLUMNS) and len(table)
        if not whole or (table["video"] != video.video).any():
            return None
        if video.kind == "clip" and _modified(cohort.root / video.file) > _modified(path):
            return None  # the clip was replaced after its frames were taken
        if video.kind == "clip":
            listed = list_images(cohort.root, f"frames/{video.video}")
            files = {file for _, file in listed if file.endswith(".jpg")}
        elif video.kind == "image":
            files = {video.file}
        elif cohort.kind == "YFP tree":
            files = {file for _, file in list_frames(cohort.root, video.file)}
        else:
            files = {file for _, file in list_images(cohort.root, video.file)}
    except (OSError, ValueError):  # pandas' parser errors are ValueErrors
        return None
    return table if set(table["file"]) == files else None


def _is_done(cohort: Cohort, video: tuple) -> bool:
    """Say whether a video has its index, and its frames are whole as far as their ends tell."""
    table = _read_index(cohort, video)
    if table is None or video.kind != "clip":
        return table is not None
    return all(_ends_well(cohort.root / file) for file in table["file"])


def _ends_well(jpeg: Path) -> bool:
    try:
        with open(jpeg, "rb") as file:
            file.seek(-2, os.SEEK_END)
            return file.read() == b"\xff\xd9"
    except OSError:  # of an empty file, too
        return False


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def _report(cohort: Cohort, video: tuple) -> dict[str, object]:
    if video.kind == "measured":
        note = "the file is not at hand, but its measurements are"
        return {"video": video.video, "frames": 0, "seconds": 0.0, "notes": note}
    table = _read_index(cohort, video)
    notes = table.loc[table["note"] != "", "note"].value_counts()
    return {
        "video": video.video,
        "frames": len(table),
        "seconds": float(table["time_s"].iloc[-1]),
        "notes": "; ".join(note if n == 1 else f"{n} {note}" for note, n in notes.items()),
    }


def _prepare(
    root: Path, cohort_kind: str, patient: str, video: str, file: str, kind: str
) -> str | None:
    """Make one video's index, with frames if it is a clip; return what is wrong with it."""
    try:
        check_inside(root, file, str(root))
        if kind == "clip":
            rows = extract_clip(root, file, f"frames/{video}")
        elif kind == "image":
            rows = [(0, 0.0, file, _note_on_image(root / file))]
        elif cohort_kind == "YFP tree":
            frames = list_frames(root, file)
            rows = [(n, (n - 1) / SOURCE_FPS, f, _note_on_image(root / f)) for n, f in frames]
        else:
            listed = enumerate(list_images(root, file))
            rows = [(n, i / RATE, f, _note_on_image(root / f)) for i, (n, f) in listed]
        if not rows:
            raise BadVideoError("holds no image")
    except BadVideoError as error:
        return f"{file} {error}"
    except OSError as error:
        return f"{file} cannot be read: {error.strerror or error}"
    table = pd.DataFrame(rows, columns=list(COLUMNS)[2:]).round({"time_s": 6})
    table.insert(0, "patient", patient)
    table.insert(1, "video", video)
    path = _index_path(root, video)
    write_csv(table, path)
    if kind == "clip":  # never older than its clip, whatever the clocks of two machines say
        modified = max(_modified(path), _modified(root / file))
        os.utime(path, (modified, modified))
    return None


def _note_on_image(path: Path) -> str:
    """Tell from its first bytes whether OpenCV can read an image at all."""
    return "" if cv2.haveImageReader(str(path)) else "unreadable"
