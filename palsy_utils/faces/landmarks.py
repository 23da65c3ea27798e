"""What the 478 landmarks and 52 expression scores are, and which are each other's mirror image.

`landmarks.json` has MediaPipe's own groups (`FaceLandmarksConnections`) and names; a test compares
them, so that drawing and training need not import MediaPipe. Left and right are the subject's.
"""

import json
import re
from importlib.resources import files

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
_OTHER = {"Left": "Right", "Right": "Left"}
_OTHERS = [re.sub("Left$|Right$", lambda side: _OTHER[side[0]], name) for name in EXPRESSIONS]
MIRROR_EXPRESSIONS = np.array([EXPRESSIONS.index(name) for name in _OTHERS])
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
