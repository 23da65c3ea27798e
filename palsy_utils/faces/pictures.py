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

    Grey is repeated to three channels, 16 bits are reduced to 8, transparency is laid over mid
    grey. What cannot be read is None, `unreadable`; more than `LARGEST_IMAGE` pixels, `too large`.
    """
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(path, formats=IMAGE_FORMATS) as picture,  # the header alone
        ):
            if max(picture.width * picture.height, path.stat().st_size // 8) > LARGEST_IMAGE:
                raise Image.DecompressionBombError
    except Image.DecompressionBombError:
        return None, "too large"
    except Exception:  # damaged headers make Pillow stumble in many ways
        return None, "unreadable"
    # Only JPEG carries the rotation of a phone, which UNCHANGED would ignore.
    jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if jpeg else cv2.IMREAD_UNCHANGED
    try:
        with native_silence():
            image = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    except (OSError, cv2.error):
        image = None
    if image is None or image.dtype not in (np.uint8, np.uint16):
        return None, "unreadable"
    notes = []
    if image.dtype == np.uint16:
        notes.append("16-bit")
        image = (image // 257).astype(np.uint8)
    if image.ndim == 2:
        notes.append("grey")
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.shape[2] == 4:
        notes.append("transparent")
        opacity = image[..., 3:] / 255
        image = (image[..., :3] * opacity + 127 * (1 - opacity)).astype(np.uint8)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), "; ".join(notes)
