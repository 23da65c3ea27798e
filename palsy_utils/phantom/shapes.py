"""Outlines of what is painted, and mixtures of colours."""

import numpy as np

CIRCLE = np.array([[np.cos(t), np.sin(t)] for t in np.arange(40) * np.pi / 20])


def mix(a, b, share: float) -> np.ndarray:
    """Return colour a with a share of colour b in it."""
    return np.asarray(a, float) * (1 - share) + np.asarray(b, float) * share


def points(numbers: str) -> np.ndarray:
    """Return points (n, 2) from text: "x y  x y  ..."."""
    return np.array(numbers.split(), float).reshape(-1, 2)


def curve(points, steps: int = 8, closed: bool = False) -> np.ndarray:
    """Return a smooth line (m, 2) through points (n, 2): Catmull-Rom."""
    p = np.asarray(points, float)
    ends = (p[-1:], p, p[:2]) if closed else (2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1])
    p = np.concatenate(ends)
    t = (np.arange(steps) / steps)[:, None, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    line = b + 0.5 * t * ((c - a) + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    line = line.transpose(1, 0, 2).reshape(-1, 2)
    return line if closed else np.concatenate((line, p[-2:-1]))


def oval(x: float, y: float, a: float, b: float, turn: float = 0.0) -> np.ndarray:
    """Return an ellipse (40, 2) around (x, y), turned by `turn` degrees."""
    return (CIRCLE * [a, b]) @ rotation(turn) + [x, y]


def rotation(degrees: float) -> np.ndarray:
    """Return the matrix (2, 2) that turns points (n, 2) on its left clockwise."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, s], [-s, c]])


def stroke(points, width: float, ends: tuple = (0.2, 0.2), steps: int = 8) -> np.ndarray:
    """Return the outline of a line through points that is `width` wide and thinner at its ends."""
    line = curve(points, steps)
    t = np.arange(len(line)) / (len(line) - 1)
    full = np.abs(np.sin(np.pi * t)) ** 0.6
    half = width / 2 * (full + (1 - full) * np.where(t < 0.5, *ends))
    along = np.empty_like(line)
    along[1:-1], along[0], along[-1] = line[2:] - line[:-2], line[1] - line[0], line[-1] - line[-2]
    across = along[:, ::-1] * (half / np.maximum(np.hypot(*along.T), 1e-6))[:, None] * [-1, 1]
    return np.concatenate((line + across, (line - across)[::-1]))


def mirrored(half) -> np.ndarray:
    """Return a closed outline from its right half, top to bottom."""
    half = np.asarray(half, float)
    return curve(np.r_[half, half[::-1][half[::-1][:, 0] > 0] * [-1, 1]], closed=True)


def ring(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return what lies between two closed outlines, as one outline."""
    return np.concatenate((outer, outer[:1], inner[:1], inner[::-1]))
