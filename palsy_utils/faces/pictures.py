"""Pictures: files to arrays, whatever wrote them, and arrays to the face that is in them."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from palsy_utils.cohort.paths import LARGEST_IMAGE
from palsy_utils.downloads import LANDMARKER, find

if TYPE_CHECKING:
    from mediapipe.tasks.python.vision import FaceLandmarker

IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
NOTES = {"L": "grey", "LA": "transparent", "RGBA": "transparent", "I;16": "16-bit"}  # by mode
MOST_FACES = 5  # as many are told apart in one picture; the largest is measured
Faces = list[tuple[np.ndarray, np.ndarray]]  # of each its landmarks (478, 3) and scores (52,)
ONE_AT_A_TIME = threading.RLock()


@contextmanager
def native_silence() -> Iterator[None]:
    """Drop what libraries write past Python to standard error: our notes tell what matters."""
    with ONE_AT_A_TIME:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


def read_image(path: Path) -> tuple[np.ndarray | None, str]:
    """Read a picture as RGB uint8 (height, width, 3), with a note on what had to be converted.

    What cannot be read is None, `unreadable`; more than `LARGEST_IMAGE` pixels, `too large`.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=IMAGE_FORMATS) as picture,  # the header alone
        ):
            note, pixels = NOTES.get(picture.mode, ""), picture.width * picture.height
        if max(pixels, path.stat().st_size // 8) > LARGEST_IMAGE:
            return None, "too large"
        with native_silence():
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), note
    except Image.DecompressionBombError:
        return None, "too large"
    except Exception:  # damaged headers make Pillow stumble in many ways, damaged pictures OpenCV
        return None, "unreadable"


@lru_cache(maxsize=1)
def open_landmarker() -> "FaceLandmarker":
    """Open MediaPipe's Face Landmarker, once per process.

    IMAGE mode gives the same answer for the same picture; VIDEO mode need not. Raises a PalsyError
    if the model bundle cannot be had or has the wrong hash.
    """
    path = find(LANDMARKER)
    from mediapipe.tasks.python import BaseOptions, vision

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
    """Find the largest face in one RGB picture (height, width, 3), uint8, and measure it.

    The detector misses a face that fills the whole picture, so a picture without a face is tried
    again with a margin of half its size around it ("padded"). It also misses faces whose outer eye
    corners are less than some 6 % of the picture's longer side apart, so parts of the picture are
    tried last ("enlarged"), which halves that size.

    Returns `found`, `n_faces`, `note`, `height`, `width`, `landmarks` (1434 float32: x, y, z of
    each of the 478; x and z in widths, y in heights of the picture) and `expressions` (52 float32
    from 0 to 1); the last two are None when no face is found.
    """
    height, width = image.shape[:2]
    dy, dx = height // 2, width // 2
    faces, note = detect(image), ""
    if not faces:
        faces, note = _detect_in(image, -dx, -dy, width + dx, height + dy), "padded"
    if not faces:
        faces, note = _detect_small(image), "enlarged"
    measured = {"found": bool(faces), "n_faces": len(faces), "height": height, "width": width}
    if not faces:
        return measured | {"note": "no face", "landmarks": None, "expressions": None}
    if len(faces) > 1:
        note = f"{note}; largest of {len(faces)} faces".removeprefix("; ")
    landmarks, scores = max(faces, key=_size)
    return measured | {
        "note": note,
        "landmarks": landmarks.astype(np.float32).ravel(),
        "expressions": scores,
    }


def detect(picture: np.ndarray) -> Faces:
    """Return landmarks (478, 3), in fractions of an RGB picture, and scores (52,) of each face."""
    import mediapipe as mp

    image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
    result = open_landmarker().detect(image)
    faces = [np.array([(p.x, p.y, p.z) for p in face]) for face in result.face_landmarks]
    scores = [np.array([s.score for s in f], np.float32) for f in result.face_blendshapes]
    return list(zip(faces, scores, strict=True))


def _detect_in(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> Faces:
    """Detect faces in a part of a picture, in pixels; beyond the picture it repeats its edge.

    Landmarks are in fractions of the whole picture.
    """
    height, width = image.shape[:2]
    part = image[max(top, 0) : bottom, max(left, 0) : right]
    beyond = ((max(-top, 0), max(bottom - height, 0)), (max(-left, 0), max(right - width, 0)))
    part = np.pad(part, (*beyond, (0, 0)), mode="edge")
    scale = np.array([(right - left) / width, (bottom - top) / height, (right - left) / width])
    shift = np.array([left / width, top / height, 0])
    return [(face * scale + shift, scores) for face, scores in detect(part)]


def _detect_small(image: np.ndarray) -> Faces:
    """Look for small faces in nine parts of a picture, half as wide and as high, that overlap.

    The edge of a part may cut a face, which moves its landmarks. So the largest one is looked for
    again in a part around itself, and has to be found there too.
    """
    sides = np.array([image.shape[1], image.shape[0]])
    half = (sides + 1) // 2
    columns, rows = ((0, rest // 2, rest) for rest in sides - half)
    starts = np.array([(column, row) for row in rows for column in columns])
    found = [face for start in starts for face in _detect_in(image, *start, *(start + half))]
    if not found:
        return []
    points = max(found, key=_size)[0][:, :2] * sides
    low, high = points.min(0), points.max(0)
    middle, reach = (low + high) / 2, 1.5 * (high - low).max()
    return _detect_in(image, *(middle - reach).astype(int), *(middle + reach).astype(int))


def _size(face: tuple[np.ndarray, np.ndarray]) -> float:
    return np.prod(np.ptp(face[0][:, :2], axis=0))
