"""What a drawn face is made of: plain data, a sheet to paint on, and a few curves and colours."""

from dataclasses import dataclass

import cv2
import numpy as np

RGB = tuple[float, float, float]
Pair = tuple[float, float]  # (left, right): always the subject's own sides


@dataclass(frozen=True)
class Look:
    """Who is drawn: everything about a face that does not move. Lengths are relative to 1."""

    skin: RGB = (214, 164, 132)
    hair: RGB = (62, 42, 32)
    iris: RGB = (92, 64, 44)
    style: str = "short"  # one of phantom_patients.STYLE_ORDER
    part: float = 0.0  # where the hair is parted, -1 (image left) to 1
    beard: float = 0.0  # 0 none, 0.5 stubble, 1 full
    glasses: bool = False
    lashes: float = 0.4
    age: float = 0.2  # 0 smooth, 1 many lines
    width: float = 1.0
    jaw: float = 0.0  # -1 pointed, 1 square
    eye_gap: float = 1.0
    eye_size: float = 1.0
    eye_tilt: float = 0.0
    brow: float = 1.0  # thickness
    brow_color: RGB | None = None  # the hair's, if not given
    nose: float = 1.0  # width
    lips: float = 1.0  # fullness
    mouth: float = 1.0  # width
    clothes: RGB = (84, 104, 140)
    collar: str = "round"  # round, shirt, high
    backdrop: RGB = (206, 214, 222)
    brow_tilt: float = 0.0  # what nature left uneven: units of drawing, left minus right
    eye_uneven: float = 0.0
    mouth_tilt: float = 0.0


@dataclass(frozen=True)
class Pose:
    """The state of a face in one frame. Pairs are (left, right) of the subject.

    Attributes:
        blink: lid closure, 0 open to 1 shut; a little below 0 is a wide eye.
        brow: brow raise, 0 rest to 1; below 0 is a brow that hangs.
        smile: how far the corner of the mouth is pulled out and up, 0 to 1.
        droop: how far the corner of the mouth hangs, 0 to 1.
        jaw: opening of the jaw, 0 to 1.
        pucker: lips drawn together, 0 to 1.
        gaze: (right, down) in the image, -1 to 1.
        roll: degrees, clockwise in the image.
        yaw: degrees, towards the image's right.
        nod: degrees, downwards.
        shift: (x, y) in 1/256 of the picture.
        scale: 1 fills the picture from hair to shoulders.
        light: brightness, 1 as painted.
        side_light: -1 light from the image's left to 1 from the right.
    """

    blink: Pair = (0.0, 0.0)
    brow: Pair = (0.0, 0.0)
    smile: Pair = (0.0, 0.0)
    droop: Pair = (0.0, 0.0)
    jaw: float = 0.0
    pucker: float = 0.0
    gaze: Pair = (0.0, 0.0)
    roll: float = 0.0
    yaw: float = 0.0
    nod: float = 0.0
    shift: Pair = (0.0, 0.0)
    scale: float = 1.0
    light: float = 1.0
    side_light: float = 0.0


class Sheet:
    """A picture that is painted shape by shape, in units of 1/256 of its side."""

    def __init__(self, size: int):
        """Open an empty sheet of `size` x `size` pixels."""
        self.size = size
        self.unit = size / 256
        self.planes = np.zeros((3, size, size), np.float32)  # red, green, blue

    def mask(self, outline: np.ndarray, soft: float = 0.0):
        """Return the box (two slices) around a shape and how far each pixel in it is covered."""
        sigma = soft * self.unit
        points = outline * self.unit - 0.5  # OpenCV counts from the centre of the first pixel
        low = np.floor(points.min(0) - 2.5 * sigma - 1).astype(int).clip(0, self.size)
        high = np.ceil(points.max(0) + 2.5 * sigma + 2).astype(int).clip(0, self.size)
        width, height = np.maximum(high - low, 1)
        coarse = 4 if sigma > 8 else 2 if sigma > 3.5 else 1  # a wide blur needs few pixels
        small = np.zeros((-(-height // coarse), -(-width // coarse)), np.uint8)
        shape = ((points - low + 0.5) / coarse - 0.5) * 16
        cv2.fillPoly(small, [np.round(shape).astype(np.int32)], 255, cv2.LINE_AA, 4)
        if sigma > 0.3:
            small = cv2.GaussianBlur(small, (0, 0), sigma / coarse)
        if coarse > 1:
            small = cv2.resize(small, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_LINEAR)
        box = slice(low[1], high[1]), slice(low[0], high[0])
        return box, small[: high[1] - low[1], : high[0] - low[0]].astype(np.float32) / 255

    def stencil(self, outline: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """Return the coverage of a shape over the whole sheet, to paint `inside` of it."""
        whole = np.zeros((self.size, self.size), np.float32)
        box, part = self.mask(outline, soft)
        whole[box] = part
        return whole

    def fill(self, outline, color, alpha=1.0, soft=0.0, inside=None) -> None:
        """Paint a shape: `color` is RGB or two of them (from its top to its bottom)."""
        if alpha <= 0.01:
            return
        box, weight = self.mask(outline, soft)
        if weight.size == 0:
            return
        if inside is not None:
            weight = weight * inside[box]
        color = np.asarray(color, np.float32)
        if color.ndim == 2:
            down = np.arange(len(weight), dtype=np.float32)[:, None] / len(weight)
            color = color[0] + down * (color[1] - color[0])
        part = self.planes[:, *box]
        part += (color.T.reshape(3, -1, 1) - part) * (weight * np.float32(min(alpha, 1)))


CIRCLE = np.array([[np.cos(t), np.sin(t)] for t in np.arange(40) * np.pi / 20])


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
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return CIRCLE @ np.array([[a * c, a * s], [-b * s, b * c]]) + [x, y]


def stroke(points, width: float, ends: Pair = (0.2, 0.2), steps: int = 8) -> np.ndarray:
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


def mix(a, b, share: float) -> np.ndarray:
    """Return colour a with a share of colour b in it."""
    return np.asarray(a, float) * (1 - share) + np.asarray(b, float) * share
