"""From clips to frames: six a second by their time stamps, as JPEG files with an index.

Still images, image folders and the YFP database's frames are indexed where they lie.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.cohort.load import TOLERANCE, Cohort
from palsy_utils.cohort.paths import LARGEST_IMAGE, RATE, natural_key
from palsy_utils.files import PalsyError, progress, publish, side_by_side, write_csv
from palsy_utils.stamps import CODE, DONE, Product, content, identity, write_stamp

CUT = 0.25  # s that may be missing at the end of a clip
SHORT = "clip ends before its file says"
QUALITY = 95  # of JPEG
COLUMNS = {"patient": str, "video": str, "frame": int, "time_s": float, "file": str, "note": str}


class BadVideoError(Exception):
    """A video without a single usable frame; the message completes "<file> ..."."""


def extract_frames(cohort: Cohort, workers: int | None = None) -> None:
    """Write the frames of all clips, and an index of every video: `frames/<video>.csv`, last.

    A frame is `frames/<video>/<frame>.jpg`, named with its number in the clip from 0 and upright
    as players show it. What is up to date (`stamps.py`) is passed over, so that a run that was
    interrupted goes on where it stopped. `workers` are processes; None for one a core. A PalsyError
    names the videos that give no frame, after all others are done.
    """
    videos = list(cohort.videos[cohort.videos["kind"] != "measured"].itertuples(index=False))
    jobs = [(frames_of(cohort, v), v, cohort.sources[v.video]) for v in videos]
    jobs = [job for job in jobs if job[0].state().kind != DONE]
    clips = sum(video.kind == "clip" for _, video, _ in jobs)
    running = side_by_side(_prepare, jobs, 1 if clips < 2 else workers)
    problems = list(progress(running, "extracting frames", len(jobs), "video"))
    if bad := sorted(filter(None, problems), key=natural_key):
        raise PalsyError(
            f"{len(bad)} of {len(videos)} videos in {cohort.root} give no frames "
            f"({'; '.join(bad)}): replace them or take them out of the cohort, then run the same "
            "again; the others are done."
        )


def load_frames(cohort: Cohort) -> pd.DataFrame:
    """Read the indexes of all videos, if they are up to date, by patient, video and frame.

    Returns `COLUMNS`, the file relative to the cohort's folder, and as note "", `SHORT` or
    "unreadable". Time counts from the first frame of a clip; in an image folder it is position /
    6, in YFP (frame - 1) / 30, of a still image 0. Videos of which only measurements are at hand
    are not in it.
    """
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    for video in cohort.videos[cohort.videos["kind"] != "measured"].itertuples(index=False):
        product = frames_of(cohort, video)
        product.check("run extract_frames (notebook 01) on this cohort first")
        table = pd.read_csv(product.path, dtype=COLUMNS, keep_default_na=False)
        tables.append(table.assign(patient=video.patient))
    frames = pd.concat(tables[1:] or tables, ignore_index=True)
    return frames.sort_values(["patient", "video", "frame"], ignore_index=True)


def frames_of(cohort: Cohort, video: tuple) -> Product:
    """Return the index of a video's frames, and what they are made from (`stamps.py`)."""
    root, listed = cohort.root, cohort.sources.get(video.video, [])
    made_from = {"code": CODE["frames"], "kind": video.kind, "file": video.file}
    try:
        contents = [(n, file, content(root / file)) for n, _, file in listed]
    except OSError:
        made_from = None
    else:
        is_clip = video.kind == "clip"
        made_from |= {"frames a second": RATE} if is_clip else {}
        made_from["content"] = contents[0][2] if is_clip else identity(contents)
    return Product(root / "frames" / f"{video.video}.csv", made_from, root)


def _prepare(product: Product, video: tuple, listed: list) -> str | None:
    """Make one video's index, with frames if it is a clip; return what is wrong with it."""
    root, pictures = product.root, []
    try:
        if product.made_from is None:
            raise BadVideoError("is not there or cannot be read")
        if video.kind == "clip":
            rows = extract_clip(root, video.file, f"frames/{video.video}")
            pictures = [root / file for _, _, file, _ in rows]
        else:
            notes = ["unreadable", ""]  # as the first bytes tell
            rows = [(*one, notes[cv2.haveImageReader(str(root / one[2]))]) for one in listed]
        if not rows:
            raise BadVideoError("holds no image")
    except BadVideoError as error:
        return f"{video.file} {error}"
    table = pd.DataFrame(rows, columns=list(COLUMNS)[2:]).round({"time_s": 6})
    table.insert(0, "patient", video.patient)
    table.insert(1, "video", video.video)
    write_csv(table, product.path)
    write_stamp(product.path, product.made_from, pictures, opencv=cv2.__version__)
    return None


def open_video(path: Path) -> cv2.VideoCapture:
    """Open a video, quietly: our notes tell what matters of FFmpeg's many complaints."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, by the first video
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def extract_clip(root: Path, file: str, folder: str) -> list[list]:
    """Write frames of the clip `root/file` as `root/folder/<frame>.jpg`, upright as in players.

    Returns for each frame its number in the clip, time in s since the first, file relative to
    `root`, and a note; the first one's tells its time stamp unless that is about 0, the last one's
    is `SHORT` if the file tells of more. One frame at a time is in memory. Raises a
    BadVideoError if there is no frame to take.
    """
    rows, number, time, first = [], -1, 0.0, 0.0
    with suppress(OSError):  # of an interrupted run; a folder that is closed is told by `publish`
        for old in (*(root / folder).glob("*.jpg"), *(root / folder).glob(".*.part")):
            old.unlink()
    capture = open_video(root / file)
    try:
        sides = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if math.prod(sides) > LARGEST_IMAGE:
            raise BadVideoError(f"has pictures of more than {LARGEST_IMAGE:,} pixels")
        fps, promised = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
        fps = fps if 0 < fps <= 1000 else 30.0
        for number, time, image in sample(capture, fps):
            if number == 0:  # OpenCV's time counts from the stream's first stamp; this is that one
                first = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                first = max(first, capture.get(cv2.CAP_PROP_PTS) / fps)
            if image is not None:
                rows.append([number, time, f"{folder}/{number}.jpg", ""])
                jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
                with publish(root / rows[-1][2]) as part:
                    part.write_bytes(jpeg)
    except cv2.error as error:
        raise BadVideoError(f"cannot be decoded: {error.err}") from None
    finally:
        capture.release()
    if not rows:
        raise BadVideoError("is no video that can be read")
    if first > 1 / RATE:
        rows[0][3] = f"times count from the first picture, whose stamp is {first:.2f} s"
    if number + 1 < promised and time + 1 / fps <= promised / fps - CUT:  # cut off, or trimmed
        rows[-1][3] = f"{rows[-1][3]}; {SHORT}".removeprefix("; ")
    return rows


def sample(capture: cv2.VideoCapture, fps: float) -> Iterator[tuple[int, float, np.ndarray | None]]:
    """Go through a clip: number of each picture, and its time in s since the first.

    With them comes the picture itself if it is the first at or after 0, 1/6, 2/6, ... s.
    """
    start, time, due = 0.0, 0.0, 0
    for number in count():
        if not capture.grab():
            return
        stamp, image = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, None
        if number == 0:
            start = stamp
        else:  # a stamp that does not move on (some files have none) is made up from the rate
            time = stamp - start if stamp - start > time else time + 1 / fps
        if time >= due / RATE - TOLERANCE:
            _, image = capture.retrieve()
        if image is not None:
            due = math.floor((time + TOLERANCE) * RATE) + 1
        yield number, time, image
