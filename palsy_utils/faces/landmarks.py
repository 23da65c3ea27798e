"""The 478 landmarks and 52 expression scores, their mirror images, and faces made upright of them.

`landmarks.json` has MediaPipe's own groups (`FaceLandmarksConnections`) and names, and our regions;
a test compares them, so that drawing and training need not import MediaPipe. Left and right are the
subject's.

All modalities see the same *upright* face: position, roll and size in the picture say where the
camera was, not how the face moves, so they are taken out by one similarity transform per frame.
"""

import json
from collections.abc import Sequence
from importlib.resources import files

import cv2
import numpy as np

_GIVEN = json.loads((files("palsy_utils.faces") / "landmarks.json").read_text())
_GIVEN = {k: tuple(tuple(p) if isinstance(p, list) else p for p in v) for k, v in _GIVEN.items()}

# Lines through landmarks; closed ones repeat their first point at the end. A brow has two.
FACE_OVAL, RIGHT_EYE, LEFT_EYE = (_GIVEN[k] for k in ("FACE_OVAL", "RIGHT_EYE", "LEFT_EYE"))
RIGHT_BROW, LEFT_BROW = _GIVEN["RIGHT_BROW"], _GIVEN["LEFT_BROW"]
RIGHT_IRIS, LEFT_IRIS = _GIVEN["RIGHT_IRIS"], _GIVEN["LEFT_IRIS"]
OUTER_LIPS, INNER_LIPS = _GIVEN["OUTER_LIPS"], _GIVEN["INNER_LIPS"]
NOSE_RIDGE, NOSE_WINGS = _GIVEN["NOSE_RIDGE"], _GIVEN["NOSE_WINGS"]
PHILTRUM = 164  # the midline point between nose and lip
# The outer corners of the eyes span the upright, scaled frame of every modality.
RIGHT_EYE_CORNER, LEFT_EYE_CORNER = 33, 263

# The paper takes 125 points of "eyes, nose, and mouth regions" without listing them. Our reading:
# MediaPipe's groups (eyes 16 + 16, brows 10 + 10, irises 4 + 4, nose 24, lips 40) make 124, and
# the philtrum's midline point makes a mirror-symmetric 125.
_GROUPS = (RIGHT_EYE, LEFT_EYE, *RIGHT_BROW, *LEFT_BROW, RIGHT_IRIS, LEFT_IRIS)
_GROUPS += (OUTER_LIPS, INNER_LIPS, NOSE_RIDGE, NOSE_WINGS)
POINTS_125 = tuple(sorted({PHILTRUM}.union(*_GROUPS)))

# The 52 scores in MediaPipe's order, and of each the mirror image: itself if it has no side.
# MediaPipe itself is not quite symmetric: measured on a flipped picture, scores differ a bit.
EXPRESSIONS = _GIVEN["EXPRESSIONS"]
MIRROR_EXPRESSIONS = np.array(_GIVEN["MIRROR_EXPRESSIONS"])
# The scores that come in pairs: indices of the left ones and of the right ones.
LEFT_SCORES = np.array([i for i, name in enumerate(EXPRESSIONS) if name.endswith("Left")])
RIGHT_SCORES = MIRROR_EXPRESSIONS[LEFT_SCORES]

# The mirror image of each of the 478 landmarks, and of each position within the 125.
MIRROR = np.array(_GIVEN["MIRROR"])
MIRROR_125 = np.array([POINTS_125.index(MIRROR[point]) for point in POINTS_125])
# Positions within the 125 of the right and left point of each pair, and of the midline points.
# MediaPipe gives the right one the lower index, so *left minus right* has one meaning everywhere.
RIGHT_OF_PAIR = np.flatnonzero(np.arange(125) < MIRROR_125)
LEFT_OF_PAIR = MIRROR_125[RIGHT_OF_PAIR]
MIDLINE = np.flatnonzero(np.arange(125) == MIRROR_125)

# Which region of the face a landmark of the 125, or an expression score, belongs to; the philtrum
# counts to the mouth, and jaw and cheeks go with what moves them.
REGIONS = ("brow", "eye", "nose", "mouth")
REGION_OF_125, REGION_OF_EXPRESSION = (
    np.array(_GIVEN[f"REGION_OF_{of}"]) for of in ("125", "EXPRESSION")
)

MARGIN = 1.1  # side of the square window, as a multiple of the face's larger extent
# What the paper's text names for the line images, and what its figure shows besides.
LINES_OF_THE_TEXT = (FACE_OVAL, RIGHT_EYE, LEFT_EYE, *RIGHT_BROW, *LEFT_BROW)
MOUTH_AND_NOSE = (OUTER_LIPS, INNER_LIPS, NOSE_RIDGE, NOSE_WINGS)


def mirror_coordinates(points: np.ndarray) -> np.ndarray:
    """Return the upright coordinates (n, 125, 2) of the mirrored faces."""
    return points[:, MIRROR_125] * np.array([-1, 1], points.dtype)


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


def window(points: np.ndarray, size: int, level: bool = True) -> np.ndarray:
    """Return the affine map (2, 3) from a picture to the upright square window of `size` pixels.

    The window holds the whole face, landmarks (478, 2) in pixels of the picture, with a small
    margin (`MARGIN`). RGB crops and line images share it, so they lie on top of each other. If the
    eyes need not be `level`, the face is only cut out, tilted as it is.
    """
    dx, dy = points[LEFT_EYE_CORNER] - points[RIGHT_EYE_CORNER] if level else (1, 0)
    cos, sin = np.array([dx, dy]) / np.hypot(dx, dy)
    turn = np.array([[cos, sin], [-sin, cos]])
    turned = (points @ turn.T).T.copy()  # all x, then all y: extremes are found faster
    low, high = turned.min(1), turned.max(1)
    scale = size / (MARGIN * (high - low).max())
    shift = size / 2 - scale * (low + high) / 2
    return np.hstack([scale * turn, shift[:, None]])


def in_window(
    points: np.ndarray, which: Sequence[int] | np.ndarray, size: int, level: bool = True
) -> np.ndarray:
    """Return where `which` of the landmarks (478, 2) lie in the window: (len(which), 2) pixels.

    They are counted as OpenCV does, from the centres of pixels.
    """
    affine = window(points, size, level)
    return points[np.asarray(which)] @ affine[:, :2].T + affine[:, 2] - 0.5


def crop_rgb(image: np.ndarray, points: np.ndarray, size: int, level: bool = True) -> np.ndarray:
    """Cut the face, landmarks (478, 2), out of an RGB picture: uint8 (size, size, 3)."""
    scale = np.linalg.norm(window(points, size, level)[0, :2])
    finer = int(np.clip(np.ceil(1 / scale), 1, 8))  # warp finely, then average: no aliasing
    affine = window(points, size * finer, level)
    large = cv2.warpAffine(image, affine, (size * finer, size * finer))
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


def draw_lines(
    points: np.ndarray, size: int, mouth_and_nose: bool = True, level: bool = True
) -> np.ndarray:
    """Draw the white-on-black line image of one face (478, 2): uint8 (size, size), smooth.

    The paper's text names face outline, eyebrows and eyes; its figure shows the mouth too, and its
    regions are eyes *and* mouth. Mouth and nose are therefore drawn unless told otherwise.
    """
    at = np.rint(in_window(points, range(len(points)), size, level) * 16).astype(np.int32)
    parts = LINES_OF_THE_TEXT + (MOUTH_AND_NOSE if mouth_and_nose else ())
    lines, image = [at[list(part)] for part in parts], np.zeros((size, size), np.uint8)
    thick = max(1, round(size / 112))
    cv2.polylines(image, lines, False, 255, thick, cv2.LINE_AA, shift=4)  # in sixteenths of a pixel
    return image
