"""What the 478 landmarks and 52 expression scores are, and which are each other's mirror image.

The groups are MediaPipe's own (`FaceLandmarksConnections`); a test compares them, so that
drawing and training need not import MediaPipe. Left and right are the subject's.
"""

import json
import re
from importlib.resources import files

import numpy as np

# Closed lines repeat their first point at the end.
FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10,
)  # fmt: skip
RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33)
LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263)
RIGHT_BROW = ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107))
LEFT_BROW = ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336))
RIGHT_IRIS = (469, 470, 471, 472, 469)
LEFT_IRIS = (474, 475, 476, 477, 474)
OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61,
)  # fmt: skip
INNER_LIPS = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78,
)  # fmt: skip
NOSE_RIDGE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2)
NOSE_WINGS = (98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64, 98)
PHILTRUM = 164  # the midline point between nose and lip

# The outer corners of the eyes span the upright, scaled frame of every modality.
RIGHT_EYE_CORNER, LEFT_EYE_CORNER = 33, 263

# What the paper's text names for the line images, and what its figure shows besides.
LINES_OF_THE_TEXT = (FACE_OVAL, RIGHT_EYE, LEFT_EYE, *RIGHT_BROW, *LEFT_BROW)
LINES_OF_MOUTH_AND_NOSE = (OUTER_LIPS, INNER_LIPS, NOSE_RIDGE, NOSE_WINGS)

# The paper takes 125 points of "eyes, nose, and mouth regions" without listing them. Our reading:
# MediaPipe's groups (eyes 16 + 16, brows 10 + 10, irises 4 + 4, nose 24, lips 40) make 124, and
# the philtrum's midline point makes a mirror-symmetric 125.
POINTS_125 = tuple(
    sorted(
        {PHILTRUM}.union(
            RIGHT_EYE, LEFT_EYE, *RIGHT_BROW, *LEFT_BROW, RIGHT_IRIS, LEFT_IRIS,
            OUTER_LIPS, INNER_LIPS, NOSE_RIDGE, NOSE_WINGS,
        )
    )
)  # fmt: skip

# In MediaPipe's order; `Left` and `Right` are the subject's.
EXPRESSIONS = tuple(
    """
    _neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
    cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight
    eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight
    eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight
    mouthClose mouthDimpleLeft mouthDimpleRight mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft
    mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight
    mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight
    mouthStretchLeft mouthStretchRight mouthUpperUpLeft mouthUpperUpRight noseSneerLeft
    noseSneerRight
    """.split()
)

# For each of the 478 landmarks its mirror image; midline points map to themselves.
MIRROR = np.array(json.loads((files("palsy_utils.faces") / "mirror_map_478.json").read_text()))

# For each of the 52 expressions its mirror image; those without a side map to themselves.
_SWAPPED = {"Left": "Right", "Right": "Left"}
_OTHERS = [re.sub("Left$|Right$", lambda m: _SWAPPED[m[0]], name) for name in EXPRESSIONS]
MIRROR_EXPRESSIONS = np.array([EXPRESSIONS.index(name) for name in _OTHERS])

# The same for positions within the 125 coordinates.
MIRROR_125 = np.array([POINTS_125.index(MIRROR[point]) for point in POINTS_125])

# Positions within the 125 of the right and left point of each pair, and of the midline points.
# MediaPipe gives the right one the lower index, so *left minus right* has one meaning everywhere.
RIGHT_OF_PAIR = np.flatnonzero(np.arange(125) < MIRROR_125)
LEFT_OF_PAIR = MIRROR_125[RIGHT_OF_PAIR]
MIDLINE = np.flatnonzero(np.arange(125) == MIRROR_125)

# The scores that come in pairs: indices of the left ones and of the right ones.
LEFT_SCORES = np.array([i for i, name in enumerate(EXPRESSIONS) if name.endswith("Left")])
RIGHT_SCORES = MIRROR_EXPRESSIONS[LEFT_SCORES]

# Which region of the face a landmark of the 125, or an expression score, belongs to.
REGIONS = ("brow", "eye", "nose", "mouth")


def region_of_point(point: int) -> str:
    """Return the region of one of the 125 landmarks; the philtrum counts to the mouth."""
    if any(point in brow for brow in (*RIGHT_BROW, *LEFT_BROW)):
        return "brow"
    if any(point in eye for eye in (RIGHT_EYE, LEFT_EYE, RIGHT_IRIS, LEFT_IRIS)):
        return "eye"
    return "nose" if point in NOSE_RIDGE or point in NOSE_WINGS else "mouth"


def region_of_expression(name: str) -> str:
    """Return the region of an expression score; jaw and cheeks go with what moves them."""
    starts = {"brow": "brow", "eye": "eye", "cheekSquint": "eye", "nose": "nose"}
    return next((region for start, region in starts.items() if name.startswith(start)), "mouth")


def mirror_coordinates(points: np.ndarray) -> np.ndarray:
    """Return the upright coordinates (n, 125, 2) of the mirrored faces."""
    return points[:, MIRROR_125] * np.array([-1, 1], points.dtype)


def mirror_expressions(scores: np.ndarray) -> np.ndarray:
    """Return the expression scores (n, 52) of mirrored faces, sides swapped.

    MediaPipe itself is not quite symmetric: measured on the flipped picture, scores differ a bit.
    """
    return scores[:, MIRROR_EXPRESSIONS]
