"""What a synthetic face is painted with: its look, its pose, and a picture to paint on."""

from dataclasses import dataclass
from math import ceil, floor
from types import SimpleNamespace

import cv2
import numpy as np

from palsy_utils.phantom.shapes import mix, rotation

RGB = tuple[float, float, float]
Pair = tuple[float, float]  # (left, right): always the subject's own sides
WHITE, SUNLIT = (255, 255, 255), (255, 228, 196)
SIDES = ((0, 1), (1, -1))  # (index in a pair, direction in the image): left, then right
CENTRE = np.array([128.0, 123.0])  # where the middle of the face lies in the picture
PIVOT = np.array([0.0, 92.0])  # the head rolls about the top of the neck


@dataclass(frozen=True)
class Look:
    """Everything about a face that does not move. Lengths are relative to 1."""

    skin: RGB = (214, 164, 132)
    hair: RGB = (62, 42, 32)
    iris: RGB = (92, 64, 44)
    style: str = "short"  # one of patients.STYLE_ORDER
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
    brow_tilt: float = 0.0  # natural asymmetry: units of drawing, left minus right
    eye_uneven: float = 0.0
    mouth_tilt: float = 0.0
    eye_level: float = 0.0  # how much lower the left eye lies, brow and all


@dataclass(frozen=True)
class Pose:
    """The state of a face in one frame. Pairs are (left, right) of the subject."""

    blink: Pair = (0.0, 0.0)  # 0 open to 1 shut; a little below 0 is a wide eye
    brow: Pair = (0.0, 0.0)  # 0 rest to 1 raised; below 0 is a brow that hangs
    smile: Pair = (0.0, 0.0)  # how far the corner of the mouth is pulled out and up, 0 to 1
    droop: Pair = (0.0, 0.0)  # how far the corner of the mouth hangs, 0 to 1
    jaw: float = 0.0  # opening, 0 to 1
    pucker: float = 0.0  # lips drawn together, 0 to 1
    gaze: Pair = (0.0, 0.0)  # (right, down) in the image, -1 to 1
    roll: float = 0.0  # degrees, clockwise in the image
    yaw: float = 0.0  # degrees, towards the image's right
    nod: float = 0.0  # degrees, downwards
    shift: Pair = (0.0, 0.0)  # (x, y) in 1/256 of the picture
    scale: float = 1.0  # 1 fills the picture from hair to shoulders
    light: float = 1.0  # brightness, 1 as painted
    side_light: float = 0.0  # -1 light from the image's left to 1 from the right


class Portrait:
    """A picture of `size` x `size` pixels on which one person is painted, shape by shape.

    Shapes are points (x, y) of the head or of the body: x to the image's right, y down, the origin
    amid the face, one unit 1/256 of the picture.
    """

    def __init__(self, look: Look, pose: Pose, size: int):
        self.look, self.pose, self.size, self.unit = look, pose, size, size / 256
        skin, hair = np.asarray(look.skin, float), np.asarray(look.hair, float)
        dark = 1 - skin.mean() / 255  # deep skin takes more light, less shadow
        self.tones = SimpleNamespace(
            skin=skin,
            shade=skin * mix([0.80, 0.68, 0.64], [0.66, 0.62, 0.62], dark),
            deep=skin * mix([0.56, 0.40, 0.38], [0.42, 0.38, 0.40], dark),
            light=mix(skin, [255, 236, 214], 0.20 + 0.14 * dark),
            blush=mix(skin, [222, 96, 84], 0.30 - 0.14 * dark),
            lip=mix(skin * [0.90, 0.70, 0.68], [176, 66, 72], 0.36 - 0.10 * dark),
            brow=mix(np.asarray(look.brow_color or look.hair, float) * 0.8, skin * 0.4, 0.25),
            hair=hair,
            shine=mix(hair, SUNLIT, 0.24),
        )
        self.planes = np.zeros((3, size, size), np.float32)  # red, green, blue
        self.chin = 11 * max(pose.jaw, 0)  # how far it hangs
        yaw, nod = np.radians([pose.yaw, pose.nod])
        self.turn = pose.scale * rotation(pose.roll)
        self.tilt, self.lean = np.cos([yaw, nod]), np.sin([yaw, nod])
        self.shift = np.asarray(pose.shift, float)
        self.place = PIVOT * pose.scale + CENTRE + self.shift

    def mask(self, outline: np.ndarray, soft: float = 0.0):
        """Return the box (two slices) around a shape and how far each pixel in it is covered."""
        sigma, size = soft * self.unit, self.size
        shape = outline * self.unit - 0.5  # OpenCV counts from the centre of the first pixel
        low = [min(max(floor(v - 2.5 * sigma - 1), 0), size) for v in shape.min(0)]
        high = [min(max(ceil(v + 2.5 * sigma + 2), 0), size) for v in shape.max(0)]
        width, height = (max(b - a, 1) for a, b in zip(low, high, strict=True))
        coarse = 4 if sigma > 8 else 2 if sigma > 3.5 else 1  # a wide blur needs few pixels
        small = np.zeros((-(-height // coarse), -(-width // coarse)), np.uint8)
        shape = ((shape - low + 0.5) / coarse - 0.5) * 16
        cv2.fillPoly(small, [np.round(shape).astype(np.int32)], 255, cv2.LINE_AA, 4)
        if sigma > 0.3:
            small = cv2.GaussianBlur(small, (0, 0), sigma / coarse)
        if coarse > 1:
            small = cv2.resize(small, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_LINEAR)
        box = slice(low[1], high[1]), slice(low[0], high[0])
        return box, small[: high[1] - low[1], : high[0] - low[0]].astype(np.float32) / 255

    def stencil(self, outline: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """Return the coverage of a shape over the whole picture, to paint `inside` of it."""
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
        change = color.T.reshape(3, -1, 1) - part
        change *= weight * np.float32(min(alpha, 1))
        part += change

    def at(self, points, depth=None) -> np.ndarray:
        """Return where points of the head lie in the picture."""
        p = np.asarray(points, float)
        if depth is None:  # on a head as round as an egg, with the nose on it
            inner = 1 - (p[:, 0] / 68) ** 2 - ((p[:, 1] + 4) / 112) ** 2
            depth = 58 * np.sqrt(np.maximum(inner, 0))
            depth += 15 * np.exp(-((p[:, 0] / 11) ** 2) - ((p[:, 1] - 15) / 15) ** 2)
        seen = p * self.tilt
        # What lies at the rim of a round head is its outline from every side: it keeps its width.
        rim = np.clip(1 - np.asarray(depth) / 58, 0, 1)
        seen[:, 0] += (p[:, 0] - seen[:, 0]) * rim + depth * self.lean[0]
        edge = np.maximum(np.abs(p[:, 0]), 63)  # nothing of the front is seen beyond the outline
        seen[:, 0] = np.clip(seen[:, 0], -edge, edge)
        seen[:, 1] += (depth - 20) * self.lean[1]
        return (seen - PIVOT) @ self.turn + self.place

    def put(self, points) -> np.ndarray:
        """Return where points of the body lie in the picture."""
        return np.asarray(points, float) * (0.4 + 0.6 * self.pose.scale) + CENTRE + self.shift * 0.6

    def head(self, points, color, alpha=1.0, soft=0.0, inside=None, depth=None) -> None:
        """Paint a shape of the head."""
        self.fill(self.at(points, depth), color, alpha, soft, inside)

    def body(self, points, *how) -> None:
        """Paint a shape of the body."""
        self.fill(self.put(points), *how)
