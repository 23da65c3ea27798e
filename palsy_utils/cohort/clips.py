"""Take six frames a second out of one clip, by the time stamps of its pictures."""

import math
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from palsy_utils.cohort.paths import LARGEST_IMAGE, RATE
from palsy_utils.files import publish

TOLERANCE = 0.001  # s; some containers round time stamps to milliseconds
CUT = 0.25  # s that may be missing at the end of a clip
QUALITY = 95  # of JPEG
MP4_SUFFIXES = {".mp4", ".mov", ".m4v", ".3gp"}


class BadVideoError(Exception):
    """A video without a single usable frame; the message completes "<file> ..."."""


def open_video(path: Path) -> cv2.VideoCapture:
    """Open a video, quietly: our notes tell what matters of FFmpeg's many complaints."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read once, by the first video
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)


def extract_clip(root: Path, file: str, folder: str) -> list[tuple[int, float, str, str]]:
    """Write frames of the clip `root/file` as `root/folder/<frame>.jpg`, upright as in players.

    A frame is taken when its time since the first reaches the next multiple of 1/6 s, so any
    frame rate is fine, a variable one too; of a clip with fewer than 6 frames a second all are
    taken. One frame at a time is in memory.

    Returns:
        for each frame: its number in the clip from 0, time in s since the first, file relative to
        `root`, note; the first one's tells its time stamp unless that is about 0, the last one's
        is "clip ends early" if the clip was cut off there.

    Raises:
        BadVideoError: there is no frame to take.
        PalsyError: the frames cannot be written.
    """
    source = root / file
    if not source.is_file():
        raise BadVideoError("does not exist")
    if source.stat().st_size == 0:
        raise BadVideoError("is empty")
    with suppress(OSError):  # of an interrupted run; a folder that is closed is told by `publish`
        for old in (*(root / folder).glob("*.jpg"), *(root / folder).glob(".*.part")):
            old.unlink()
    capture = open_video(source)
    try:
        sides = capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        if math.prod(sides) > LARGEST_IMAGE:
            raise BadVideoError(f"has pictures of more than {LARGEST_IMAGE:,} pixels")
        rows, complete = _write_frames(capture, root, folder)
    except cv2.error as error:
        raise BadVideoError(f"cannot be decoded: {error.err}") from None
    finally:
        capture.release()
    if not rows:
        raise BadVideoError("is no video that can be read")
    # A trimmed MP4 holds frames that players do not show, so there the file itself has to tell.
    if not complete and (source.suffix.lower() not in MP4_SUFFIXES or _is_cut_mp4(source)):
        *last, note = rows[-1]
        rows[-1] = (*last, "; ".join(filter(None, [note, "clip ends early"])))
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


def _write_frames(
    capture: cv2.VideoCapture, root: Path, folder: str
) -> tuple[list[tuple[int, float, str, str]], bool]:
    """Return the rows of all frames taken, and whether the clip was as long as it promised."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    fps = fps if 0 < fps <= 1000 else 30.0
    rows, number, time, first = [], -1, 0.0, 0.0
    for number, time, image in sample(capture, fps):
        if number == 0:  # OpenCV's time counts from the stream's first stamp; this is that stamp
            first = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            first = max(first, capture.get(cv2.CAP_PROP_PTS) / fps)
        if image is None:
            continue
        file = f"{folder}/{number}.jpg"
        with publish(root / file) as part:
            part.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
        rows.append((number, time, file, ""))
    if rows and first > 1 / RATE:
        note = f"times count from the first picture, whose stamp is {first:.2f} s"
        rows[0] = (*rows[0][:3], note)
    promised = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return rows, number + 1 >= promised or time + 1 / fps > promised / fps - CUT


def _is_cut_mp4(path: Path) -> bool:
    """Tell whether an MP4's last box is longer than what is left of the file."""
    size, at = path.stat().st_size, 0
    with open(path, "rb") as file:
        while at + 8 <= size:
            file.seek(at)
            length = struct.unpack(">I", file.read(8)[:4])[0]
            if length == 1:  # the real length follows in eight bytes
                length = struct.unpack(">Q", file.read(8).rjust(8, b"\0"))[0]
            if length < 8:  # 0 means up to the end of the file
                return False
            at += length
    return at > size
