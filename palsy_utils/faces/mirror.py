"""A face and its mirror image: which landmark, and which expression score, is the other one's.

Left and right are the subject's. Of a pair of landmarks, MediaPipe gives the right one the lower
index, so every *left minus right* below has one meaning everywhere.
"""

import json
from importlib.resources import files

import numpy as np

from palsy_utils.faces.landmarks import EXPRESSIONS, POINTS_125

# For each of the 478 landmarks its mirror image; midline points map to themselves.
MIRROR = np.array(json.loads((files("palsy_utils.faces") / "mirror_map_478.json").read_text()))

# For each of the 52 expressions its mirror image; those without a side map to themselves.
_SWAPPED = {"Left": "Right", "Right": "Left"}


def _other_side(name: str) -> str:
    for side, other in _SWAPPED.items():
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


MIRROR_EXPRESSIONS = np.array([EXPRESSIONS.index(_other_side(name)) for name in EXPRESSIONS])

# The same for positions within the 125 coordinates.
MIRROR_125 = np.array([POINTS_125.index(MIRROR[point]) for point in POINTS_125])

# Positions within the 125 of the right and left point of each pair, and of the midline points.
RIGHT_OF_PAIR = np.flatnonzero(np.arange(125) < MIRROR_125)
LEFT_OF_PAIR = MIRROR_125[RIGHT_OF_PAIR]
MIDLINE = np.flatnonzero(np.arange(125) == MIRROR_125)

# The scores that come in pairs: indices of the left ones and of the right ones.
LEFT_SCORES = np.array([i for i, name in enumerate(EXPRESSIONS) if name.endswith("Left")])
RIGHT_SCORES = MIRROR_EXPRESSIONS[LEFT_SCORES]


def mirror_coordinates(points: np.ndarray) -> np.ndarray:
    """Return the upright coordinates (n, 125, 2) of the mirrored faces."""
    return points[:, MIRROR_125] * np.array([-1, 1], points.dtype)


def mirror_expressions(scores: np.ndarray) -> np.ndarray:
    """Return the expression scores (n, 52) of mirrored faces, sides swapped.

    MediaPipe itself is not quite symmetric: measured on the flipped picture, scores differ a bit.
    """
    return scores[:, MIRROR_EXPRESSIONS]
