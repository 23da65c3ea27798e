"""What clinicians look at: the difference between a face's left and right half, with its sign."""

import numpy as np

from palsy_utils.faces.landmarks import (
    EXPRESSIONS,
    POINTS_125,
    region_of_expression,
    region_of_point,
)
from palsy_utils.faces.mirror import (
    LEFT_OF_PAIR,
    LEFT_SCORES,
    MIDLINE,
    RIGHT_OF_PAIR,
    RIGHT_SCORES,
)

IRIS_MM = 11.77  # mean horizontal diameter of the human iris; hardly differs between adults
RIGHT_IRIS_SIDES, LEFT_IRIS_SIDES = (469, 471), (474, 476)


def asymmetry(coordinates: np.ndarray, expressions: np.ndarray) -> np.ndarray:
    """Return the signed asymmetry of upright faces: (n, 145) float32; a symmetric face is all 0.

    Every left point is compared with the mirror image of its right partner (55 pairs, x and y),
    every midline point with its own (15, x), every left score with the right one (20). A mirrored
    face has the negative of these numbers, so their sign tells the side. `names` names them.

    Args:
        coordinates: (n, 125, 2), upright, in distances between the outer corners of the eyes.
        expressions: (n, 52), from 0 to 1.
    """
    right, left = coordinates[:, RIGHT_OF_PAIR], coordinates[:, LEFT_OF_PAIR]
    pairs = left - right * np.array([-1, 1], right.dtype)
    midline = 2 * coordinates[:, MIDLINE, 0]
    scores = expressions[:, LEFT_SCORES] - expressions[:, RIGHT_SCORES]
    return np.concatenate([pairs.reshape(len(pairs), -1), midline, scores], 1).astype(np.float32)


def names() -> list[str]:
    """Name the 145 numbers of `asymmetry`: the landmark (its left one) and axis, or the score."""
    pairs = [f"{POINTS_125[i]} {axis}" for i in LEFT_OF_PAIR for axis in "xy"]
    midline = [f"{POINTS_125[i]} x" for i in MIDLINE]
    return pairs + midline + [EXPRESSIONS[i].removesuffix("Left") for i in LEFT_SCORES]


def regions() -> list[str]:
    """Return the region (`landmarks.REGIONS`) of each of the 145 numbers of `asymmetry`."""
    points = [POINTS_125[i] for i in LEFT_OF_PAIR for _ in "xy"]
    points += [POINTS_125[i] for i in MIDLINE]
    scores = [EXPRESSIONS[i] for i in LEFT_SCORES]
    return [*map(region_of_point, points), *map(region_of_expression, scores)]


def millimetres(points: np.ndarray) -> np.ndarray:
    """Return how many millimetres one pixel is, face by face, by the size of the iris (`IRIS_MM`).

    Args:
        points: (n, 478, 2) in pixels.

    Returns:
        (n,) millimetres a pixel, by the mean of both irises. Good to some per cent: a small iris
        covers few pixels, and a lid may hide its edge.
    """
    widths = [
        np.linalg.norm(points[:, a] - points[:, b], axis=-1)
        for a, b in (RIGHT_IRIS_SIDES, LEFT_IRIS_SIDES)
    ]
    return IRIS_MM / np.mean(widths, 0)
