"""Picture files to arrays, whatever wrote them."""

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from palsy_utils.cohort.paths import LARGEST_IMAGE

IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP")
NOTES = {"L": "grey", "LA": "transparent", "RGBA": "transparent", "I;16": "16-bit"}  # by mode
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
