"""One face in its four modalities: upright coordinates, RGB crop, line image.

All modalities see the same *upright* face: position, roll and size in the picture say where the
camera was, not how the face moves, so they are taken out by one similarity transform per frame.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from palsy_utils.faces import landmarks as marks
from palsy_utils.faces.landmarks import LEFT_EYE_CORNER, POINTS_125, RIGHT_EYE_CORNER

MARGIN = 1.1  # side of the square window, as a multiple of the face's larger extent
# What the paper's text names for the line images, and what its figure shows besides.
LINES_OF_THE_TEXT = (marks.FACE_OVAL, marks.RIGHT_EYE, marks.LEFT_EYE)
LINES_OF_THE_TEXT += (*marks.RIGHT_BROW, *marks.LEFT_BROW)
MOUTH_AND_NOSE = (marks.OUTER_LIPS, marks.INNER_LIPS, marks.NOSE_RIDGE, marks.NOSE_WINGS)


def to_pixels(landmarks: np.ndarray, height: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Turn landmarks (n, 478, 3), in fractions of the picture, into pixels (n, 478, 2)."""
    return landmarks[..., :2] * np.stack([width, height], -1)[:, None, :].astype(np.float32)


def upright(points: np.ndarray) -> np.ndarray:
    """Return faces (n, 478, 2) upright and scaled: eyes level, their outer corners one unit apart.

    Give pixels, where a length means the same in x and y (fractions of a wide picture would change
    every ratio as the head tilts). The origin of the result, (n, 478, 2) float32, is midway between
    the outer corners of the eyes, x grows to the subject's left, y downwards.
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
    """Return the affine map (2, 3) from a picture to the upright square window of `size` pixels.

    The window holds the whole face, landmarks (478, 2) in pixels of the picture, with a small
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
    """Return where `which` of the landmarks (478, 2) lie in the window: (len(which), 2) pixels.

    They are counted as OpenCV does, from the centres of pixels.
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
    """Draw the white-on-black line image of one face (478, 2): uint8 (size, size), smooth.

    The paper's text names face outline, eyebrows and eyes; its figure shows the mouth too, and its
    regions are eyes *and* mouth. Mouth and nose are therefore drawn unless told otherwise.
    """
    at = np.rint(in_window(points, range(len(points)), size) * 16).astype(np.int32)
    parts = LINES_OF_THE_TEXT + (MOUTH_AND_NOSE if mouth_and_nose else ())
    lines, image = [at[list(part)] for part in parts], np.zeros((size, size), np.uint8)
    thick = max(1, round(size / 112))
    cv2.polylines(image, lines, False, 255, thick, cv2.LINE_AA, shift=4)  # in sixteenths of a pixel
    return image
