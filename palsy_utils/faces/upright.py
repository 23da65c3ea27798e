"""One face in its four modalities: upright coordinates, RGB crop, line image.

All modalities see the same *upright* face: position, roll and size in the picture say where the
camera was, not how the face moves, so they are taken out by one similarity transform per frame.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from palsy_utils.faces.landmarks import (
    LEFT_EYE_CORNER,
    LINES_OF_MOUTH_AND_NOSE,
    LINES_OF_THE_TEXT,
    POINTS_125,
    RIGHT_EYE_CORNER,
)

MARGIN = 1.1  # side of the square window, as a multiple of the face's larger extent


def to_pixels(landmarks: np.ndarray, height: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Turn landmarks (n, 478, 3), in fractions of the picture, into pixels (n, 478, 2)."""
    return landmarks[..., :2] * np.stack([width, height], -1)[:, None, :].astype(np.float32)


def upright(points: np.ndarray) -> np.ndarray:
    """Return faces upright and scaled: eyes level, their outer corners one unit apart.

    Works in pixels, where a length means the same in x and y (fractions of a wide picture would
    change every ratio as the head tilts): (n, 478, 2) to (n, 478, 2) float32. The origin is midway
    between the outer corners of the eyes, x grows to the subject's left, y downwards.
    """
    right, left = points[:, RIGHT_EYE_CORNER], points[:, LEFT_EYE_CORNER]
    across = left - right
    scale = np.linalg.norm(across, axis=-1)[:, None]
    cos, sin = (across / scale).T
    rotation = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    centred = points - ((left + right) / 2)[:, None]
    return (centred @ rotation / scale[:, None]).astype(np.float32)


def coordinates(points: np.ndarray) -> np.ndarray:
    """Return the paper's 125 two-dimensional coordinates of upright faces: (n, 125, 2) float32."""
    return upright(points)[:, POINTS_125]


def window(points: np.ndarray, size: int) -> np.ndarray:
    """Return the affine map (2, 3) from one picture (pixels) to its upright square face window.

    The window, of `size` pixels, holds the whole face, landmarks (478, 2) in pixels, with a small
    margin (`MARGIN`). RGB crops and line images share it, so they lie on top of each other.
    """
    dx, dy = points[LEFT_EYE_CORNER] - points[RIGHT_EYE_CORNER]
    cos, sin = np.array([dx, dy]) / np.hypot(dx, dy)
    turn = np.array([[cos, sin], [-sin, cos]])
    turned = (points @ turn.T).T.copy()  # all x, then all y: extremes are found faster
    low, high = turned.min(1), turned.max(1)
    scale = size / (MARGIN * (high - low).max())
    shift = size / 2 - scale * (low + high) / 2
    return np.hstack([scale * turn, shift[:, None]])


def in_window(points: np.ndarray, which: Sequence[int] | np.ndarray, size: int) -> np.ndarray:
    """Return where landmarks lie in the face window, in pixels, as OpenCV counts (from centres).

    Of all `points` (478, 2), in pixels of the picture, it gives `which`: (len(which), 2).
    """
    affine = window(points, size)
    return points[np.asarray(which)] @ affine[:, :2].T + affine[:, 2] - 0.5


def crop_rgb(image: np.ndarray, points: np.ndarray, size: int) -> np.ndarray:
    """Cut the upright face, landmarks (478, 2), out of an RGB picture: uint8 (size, size, 3)."""
    scale = np.linalg.norm(window(points, size)[0, :2])
    finer = int(np.clip(np.ceil(1 / scale), 1, 8))  # warp finely, then average: no aliasing
    large = cv2.warpAffine(image, window(points, size * finer), (size * finer, size * finer))
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


def draw_lines(points: np.ndarray, size: int, mouth_and_nose: bool = True) -> np.ndarray:
    """Draw the black-and-white line image of one face: uint8 (size, size), 0 to 255.

    The paper's text names face outline, eyebrows and eyes; its figure shows the mouth too, and its
    regions are eyes *and* mouth. Mouth and nose are therefore drawn unless told otherwise. Lines,
    through landmarks (478, 2) in pixels, are smooth at this size.
    """
    at = np.rint(in_window(points, range(len(points)), size) * 16).astype(np.int32)
    parts = LINES_OF_THE_TEXT + (LINES_OF_MOUTH_AND_NOSE if mouth_and_nose else ())
    lines, image = [at[list(part)] for part in parts], np.zeros((size, size), np.uint8)
    thick = max(1, round(size / 112))
    cv2.polylines(image, lines, False, 255, thick, cv2.LINE_AA, shift=4)  # in sixteenths of a pixel
    return image
