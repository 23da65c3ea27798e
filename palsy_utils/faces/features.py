"""What a net may see of a face: every modality once, in one table (`MODALITIES`), and its making.

Beyond the paper there are two, which compare the left half of a face with the right. `asymmetry` is
what clinicians look at. `handcrafted` are the 29 features of Parra-Dominguez et al. 2021, as Oo et
al. 2025 fused them with RGB, mended: the published ones take fractions of the picture, so that a
tilted head changes its ratios, and forget the side. Ours work on upright faces and keep the side:
left against right is log(left / right), positive where the left is larger.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from palsy_utils.faces import landmarks as marks
from palsy_utils.faces.landmarks import EXPRESSIONS, LEFT_OF_PAIR, LEFT_SCORES, MIDLINE, POINTS_125

ALMOST_CLOSED = 0.01  # added to lengths in ratios (eye distances): a shut eye has no logarithm

BROW_PAIRS = ((70, 300), (105, 334), (55, 285))  # right, left: outer, middle, inner
RIGHT_BROW, LEFT_BROW = (70, 63, 105, 66, 55), (285, 296, 334, 293, 300)
RIGHT_LIP, LEFT_LIP = (61, 39, 37, 0, 17, 84, 181), (291, 269, 267, 0, 17, 314, 405)
# A mirror turns the sign of all handcrafted features but these: lip gaps, lip to chin, philtrum.
SYMMETRIC = (19, 20, 27, 28)
SIGNS = np.where(np.isin(np.arange(29), SYMMETRIC), 1, -1).astype(np.float32)

# The 145 numbers of `asymmetry`: the landmark (the left one of a pair) and its axis, or the score.
ASYMMETRY = [f"{POINTS_125[i]} {axis}" for i in LEFT_OF_PAIR for axis in "xy"]
ASYMMETRY += [f"{POINTS_125[i]} x" for i in MIDLINE]
ASYMMETRY_REGIONS = [*marks.REGION_OF_125[[*np.repeat(LEFT_OF_PAIR, 2), *MIDLINE]]]
ASYMMETRY += [EXPRESSIONS[i].removesuffix("Left") for i in LEFT_SCORES]
# Of them, the heights of the 55 pairs of landmarks. What lies sideways follows the turn of the
# head: over 118 frames of one real clip it correlates with the turn by 0.75, heights by -0.03.
HEIGHTS = [i for i, name in enumerate(ASYMMETRY) if name.endswith(" y")]
ASYMMETRY_REGIONS += [*marks.REGION_OF_EXPRESSION[LEFT_SCORES]]


def asymmetry(coordinates: np.ndarray, expressions: np.ndarray) -> np.ndarray:
    """Return the signed asymmetry of upright faces: (n, 145) float32; a symmetric face is all 0.

    Of `coordinates` (n, 125, 2), every left point is compared with the mirror image of its right
    partner (55 pairs, x and y), every midline point with its own (15, x); of `expressions` (n, 52),
    every left score with the right one (20). A mirrored face has the negative of these numbers, so
    their sign tells the side. `ASYMMETRY` names them.
    """
    right, left = coordinates[:, marks.RIGHT_OF_PAIR], coordinates[:, LEFT_OF_PAIR]
    pairs = left - right * np.array([-1, 1], right.dtype)
    midline = 2 * coordinates[:, MIDLINE, 0]
    scores = expressions[:, LEFT_SCORES] - expressions[:, marks.RIGHT_SCORES]
    return np.concatenate([pairs.reshape(len(pairs), -1), midline, scores], 1).astype(np.float32)


def handcrafted(points: np.ndarray) -> np.ndarray:
    """Return the 29 handcrafted features of upright faces (n, 478, 2): (n, 29) float32."""
    x, y = np.moveaxis(points, -1, 0).swapaxes(1, 2)  # of each landmark, for all faces

    def d(i: int, j: int) -> np.ndarray:
        return np.linalg.norm(points[:, i] - points[:, j], axis=-1)

    def tilt(right: int, left: int) -> np.ndarray:  # degrees; positive: the left end is lower
        return np.degrees(np.arctan2(y[left] - y[right], np.abs(x[left] - x[right])))

    def log_ratio(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.log((left + ALMOST_CLOSED) / (right + ALMOST_CLOSED))

    def perimeter(indices: tuple) -> np.ndarray:
        corners = points[:, indices]
        return np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=-1).sum(1)

    lids = [(d(387, 373), d(160, 144)), (d(385, 380), d(158, 153))]  # left, right: outer, inner
    gaps = [(d(269, 405), d(39, 181)), (d(267, 314), d(37, 84))]  # of the lips, likewise
    features = [
        *(tilt(right, left) for right, left in BROW_PAIRS),
        points[:, LEFT_BROW, 1].mean(1) - points[:, RIGHT_BROW, 1].mean(1),
        # how high each brow stands above the outer corner of its own eye
        *((y[359] - y[left]) - (y[130] - y[right]) for right, left in BROW_PAIRS),
        tilt(130, 359),  # eyes
        log_ratio(np.abs(x[359] - x[398]), np.abs(x[173] - x[130])),  # width of an eye
        log_ratio(np.abs(x[356] - x[359]), np.abs(x[130] - x[127])),  # eye to ear
        log_ratio(d(359, 327), d(130, 98)),  # eye to nose
        log_ratio(*np.mean(lids, 0)),
        *(log_ratio(*pair) for pair in lids),
        tilt(61, 291),  # mouth
        log_ratio(d(359, 17), d(130, 17)),  # eye to lower lip
        *(log_ratio(*pair) for pair in gaps),
        log_ratio(d(291, 17), d(61, 17)),  # half the width of the mouth
        *((left + right) / 2 / (x[291] - x[61]) for left, right in gaps),
        log_ratio(perimeter(LEFT_LIP), perimeter(RIGHT_LIP)),
        tilt(98, 327),  # nose
        np.degrees(np.arctan2(x[17] - x[1], y[17] - y[1])),  # positive: the lip is to the left
        log_ratio(d(327, 17), d(98, 17)),  # wing of the nose to lip
        log_ratio(d(334, 17), d(105, 17)),  # middle of the brow to lip
        log_ratio(d(296, 17), d(66, 17)),  # inner end of the brow to lip
        d(17, 152) / (x[356] - x[127]),  # lip to chin
        d(0, 1) / (x[356] - x[127]),  # philtrum
    ]
    return np.stack(features, 1).astype(np.float32)


class Modality(NamedTuple):
    """One modality: how it is made, and all that the rest of the series has to know of it.

    Structured ones are computed of all faces at once, from landmarks in pixels (n, 478, 2) and
    expression scores (n, 52), to float32 (n, ...); images of one face, from its picture, landmarks
    (478, 2) and the size, to uint8 (size, size) or (size, size, 3).
    """

    compute: Callable[..., np.ndarray]
    mirror: Callable[[np.ndarray], np.ndarray]  # (n, ...) to those of the mirrored faces
    colour: str  # in figures; Okabe and Ito's, told apart by colour-blind readers too
    numbers: int = 0  # of a structured modality
    units: tuple[int, ...] = ()  # of the hidden layers of its net
    signed: bool = False  # whether left and right differ by the sign of these numbers
    from_picture: bool = False  # whether landmarks do not suffice
    in_fractions: bool = False  # whether its landmarks are those of MediaPipe, not in pixels


MODALITIES = {
    "coordinates": Modality(
        compute=lambda points, _: marks.coordinates(points),
        mirror=marks.mirror_coordinates,
        colour="#009E73",
        numbers=250,
        units=(128, 64, 32),  # paper
    ),
    "expressions": Modality(
        compute=lambda _, scores: scores,
        mirror=lambda scores: scores[:, marks.MIRROR_EXPRESSIONS],
        colour="#E69F00",
        numbers=52,
        units=(64, 32, 10),  # paper
    ),
    "asymmetry": Modality(
        compute=lambda points, scores: asymmetry(marks.coordinates(points), scores),
        mirror=np.negative,
        colour="#56B4E9",
        numbers=145,
        units=(128, 64, 32),
        signed=True,
    ),
    "handcrafted": Modality(
        compute=lambda points, _: handcrafted(marks.upright(points)),
        mirror=lambda features: features * SIGNS,
        colour="#CC79A7",
        numbers=29,
        units=(64, 32, 10),
        signed=True,
    ),
    "lines": Modality(
        compute=lambda _, points, size: marks.draw_lines(points, size),
        mirror=lambda images: images[:, :, ::-1],
        colour="#000000",
    ),
    "rgb": Modality(
        compute=marks.crop_rgb,
        mirror=lambda images: images[:, :, ::-1],
        colour="#882255",  # Tol's wine: Okabe and Ito's red is that of palsy
        from_picture=True,
    ),
}
STRUCTURED = tuple(name for name, modality in MODALITIES.items() if modality.numbers)
IMAGES = tuple(name for name, modality in MODALITIES.items() if not modality.numbers)
# What profile `paper-literal` puts in place of three of them: faces as they lie in the picture.
MODALITIES |= {
    "raw-coordinates": MODALITIES["coordinates"]._replace(
        compute=lambda landmarks, _: landmarks[:, POINTS_125, :2],
        mirror=lambda points: marks.mirror_coordinates(points) + np.array([1, 0], points.dtype),
        in_fractions=True,
    ),
    "raw-lines": MODALITIES["lines"]._replace(
        compute=lambda _, points, size: marks.draw_lines(points, size, False, level=False)
    ),
    "raw-rgb": MODALITIES["rgb"]._replace(compute=partial(marks.crop_rgb, level=False)),
}
