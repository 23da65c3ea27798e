"""29 handcrafted features: Parra-Dominguez et al. 2021, as Oo et al. 2025 fused them with RGB.

Mended: the published ones take fractions of the picture, so that a tilted head changes its ratios,
and forget the side. Ours work on upright faces scaled by the distance of the outer corners of the
eyes, and keep the side: left against right is log(left / right), positive where the left is larger.
"""

import numpy as np

ALMOST_CLOSED = 0.01  # added to lengths in ratios (eye distances): a shut eye has no logarithm

BROW_PAIRS = ((70, 300), (105, 334), (55, 285))  # right, left: outer, middle, inner
RIGHT_BROW, LEFT_BROW = (70, 63, 105, 66, 55), (285, 296, 334, 293, 300)
RIGHT_LIP, LEFT_LIP = (61, 39, 37, 0, 17, 84, 181), (291, 269, 267, 0, 17, 314, 405)
NAMES = (
    "brow angle outer", "brow angle middle", "brow angle inner", "brow height",
    "brow above eye outer", "brow above eye middle", "brow above eye inner",
    "eye angle", "eye width", "eye to ear", "eye to nose", "lid gap", "lid gap outer",
    "lid gap inner",
    "mouth angle", "eye to lower lip", "lip gap outer", "lip gap inner", "mouth half width",
    "mean lip gap outer", "mean lip gap inner", "lip perimeter",
    "nose angle", "nose to lip angle", "nose wing to lip", "middle brow to lip",
    "inner brow to lip", "lip to chin", "philtrum",
)  # fmt: skip

# A mirror turns the sign of all features but these.
SYMMETRIC = [NAMES.index(name) for name in NAMES if name.startswith("mean ")]
SYMMETRIC += [NAMES.index(name) for name in ("lip to chin", "philtrum")]
SIGNS = np.where(np.isin(np.arange(len(NAMES)), SYMMETRIC), 1, -1).astype(np.float32)


def handcrafted(points: np.ndarray) -> np.ndarray:
    """Return the 29 features (`NAMES`) of upright faces (`upright.upright`): (n, 29) float32.

    Args:
        points: (n, 478, 2).
    """

    def x(i: int) -> np.ndarray:
        return points[:, i, 0]

    def y(i: int) -> np.ndarray:
        return points[:, i, 1]

    def d(i: int, j: int) -> np.ndarray:
        return np.linalg.norm(points[:, i, :2] - points[:, j, :2], axis=-1)

    def tilt(right: int, left: int) -> np.ndarray:  # degrees; positive: the left end is lower
        return np.degrees(np.arctan2(y(left) - y(right), np.abs(x(left) - x(right))))

    def log_ratio(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.log((left + ALMOST_CLOSED) / (right + ALMOST_CLOSED))

    def mean_y(indices: tuple) -> np.ndarray:
        return points[:, indices, 1].mean(1)

    face = x(356) - x(127)
    mouth = x(291) - x(61)
    right_gaps, left_gaps = (d(39, 181), d(37, 84)), (d(269, 405), d(267, 314))
    right_lids, left_lids = (d(160, 144), d(158, 153)), (d(387, 373), d(385, 380))
    above = [  # how high a brow stands above the outer corner of its own eye
        (y(359) - y(left)) - (y(130) - y(right)) for right, left in BROW_PAIRS
    ]
    features = [
        *(tilt(right, left) for right, left in BROW_PAIRS),
        mean_y(LEFT_BROW) - mean_y(RIGHT_BROW),
        *above,
        tilt(130, 359),
        log_ratio(np.abs(x(359) - x(398)), np.abs(x(173) - x(130))),
        log_ratio(np.abs(x(356) - x(359)), np.abs(x(130) - x(127))),
        log_ratio(d(359, 327), d(130, 98)),
        log_ratio(np.mean(left_lids, 0), np.mean(right_lids, 0)),
        *(log_ratio(left, right) for left, right in zip(left_lids, right_lids, strict=True)),
        tilt(61, 291),
        log_ratio(d(359, 17), d(130, 17)),
        *(log_ratio(left, right) for left, right in zip(left_gaps, right_gaps, strict=True)),
        log_ratio(d(291, 17), d(61, 17)),
        *((left + right) / 2 / mouth for left, right in zip(left_gaps, right_gaps, strict=True)),
        log_ratio(_perimeter(points, LEFT_LIP), _perimeter(points, RIGHT_LIP)),
        tilt(98, 327),
        np.degrees(np.arctan2(x(17) - x(1), y(17) - y(1))),  # positive: the lip is to the left
        log_ratio(d(327, 17), d(98, 17)),
        log_ratio(d(334, 17), d(105, 17)),
        log_ratio(d(296, 17), d(66, 17)),
        d(17, 152) / face,
        d(0, 1) / face,
    ]
    return np.stack(features, 1).astype(np.float32)


def _perimeter(points: np.ndarray, indices: tuple) -> np.ndarray:
    corners = points[:, indices, :2]
    return np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=-1).sum(1)
