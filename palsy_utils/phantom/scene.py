"""One frame of a synthetic clip: a face, what comes between it and the camera, light and lens."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd

from palsy_utils.phantom.face import draw_face
from palsy_utils.phantom.painter import CENTRE, WHITE, Look, Portrait, Pose
from palsy_utils.phantom.shapes import curve, mix, oval, points, stroke

PALM = points("-22 6  -27 -22  -30 -46  -27 -66  -9 -71  9 -71  27 -66  30 -46  29 -20  22 6")
FINGERS = ((-20, -62, -6, 42), (-7, -67, -1.5, 52), (7, -67, 2, 50), (20, -62, 7, 38))
THUMB = points("20 -8  38 -26  49 -50  52 -62")
# Where the wrist is of a hand on the image's right, in units of the head, and its turn in degrees.
HANDS = {
    "cheek": (66, 100, -14),
    "mouth": (84, 78, -66),
    "eye": (74, 88, -28),
    "chin": (62, 140, -34),
}
HANDS["face"] = (27, 92, -3)


def draw_scene(look: Look, row: pd.Series, size: int = 256) -> np.ndarray:
    """Return the picture of one row of `moves.clip_truth`: uint8 RGB (size, size, 3)."""
    pose = {n: (row[f"{n}_left"], row[f"{n}_right"]) for n in ("blink", "brow", "smile", "droop")}
    pose |= {n: (row[f"{n}_x"], row[f"{n}_y"]) for n in ("gaze", "shift")}
    pose |= {n: row[n] for n in row.index if n in Pose.__dataclass_fields__}
    picture = draw_face(look, pose := Pose(**pose), size)
    if row["strand"] or row["hand"]:
        lit = {
            n: tuple(np.multiply(getattr(look, n), pose.light)) for n in ("skin", "hair", "clothes")
        }
        canvas = Portrait(replace(look, **lit), pose, size)
        canvas.planes[:] = np.moveaxis(picture, -1, 0)
        if row["strand"]:
            _draw_strand(canvas, 1 if row["strand"] == "left" else -1)
        kind, _, side = row["hand"].partition(" ")
        for s in (1, -1) if kind else ():
            if side in ("both", {1: "left", -1: "right"}[s]):
                _draw_hand(canvas, kind, s, row["hand_near"])
        picture = np.moveaxis(canvas.planes, 0, -1)
    picture = np.clip(_shade(picture, row) + 0.5, 0, 255).astype(np.uint8)
    if row["blur"] > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), row["blur"] * size / 256)
    if (length := round(row["motion"] * size / 256)) > 1:
        picture = cv2.blur(picture, (length, 1))
    _, packed = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, row["quality"]])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1]


def _shade(picture: np.ndarray, row: pd.Series) -> np.ndarray:
    """Lay a soft-edged shadow over a part of the picture, as of a window's frame."""
    if not row["shadow"]:
        return picture
    size, turn = len(picture), np.radians(row["shadow_turn"])
    y, x = (np.mgrid[:size, :size] / size - 0.5).astype(np.float32)
    depth = 1 / (1 + np.exp(-14 * (x * np.cos(turn) + y * np.sin(turn) - 0.04)))
    return picture * (1 - row["shadow"] * depth[..., None])


def _draw_strand(canvas: Portrait, s: int) -> None:
    """Paint a strand of hair that falls from the parting over one eye, which lies at s * 27."""
    hair, shine = canvas.tones.hair, canvas.tones.shine
    for x, width, color in (
        (0, 11, hair * 0.8),
        (-5, 6, hair),
        (5, 5, shine),
        (2, 2.5, hair * 0.6),
    ):
        line = [[8 + x, -84], [24 + x, -56], [33 + 1.2 * x, -20], [35 + x, 8], [42 + 0.6 * x, 40]]
        canvas.head(stroke(np.array(line) * [s, 1], width, (0.5, 0.1)), color, 0.95, 0.4)


def _draw_hand(canvas: Portrait, kind: str, s: int, near: float) -> None:
    """Paint a hand on the image's right (s = 1) or left; `near` it is at 1, below at 0."""
    (x, y, turn), scale = HANDS[kind], 1.05 if kind == "face" else 0.86
    c, angle, pose = canvas.tones, np.radians(turn), canvas.pose
    rotate = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    wrist = np.array([x, y + 150 * (1 - near)])

    def hand(shape, *how) -> None:
        turned = (np.asarray(shape, float) * scale) @ rotate + wrist
        canvas.fill(turned * [s * pose.scale, pose.scale] + CENTRE + canvas.shift, *how)

    edge, skin = mix(c.skin, c.deep, 0.6), mix(c.skin, c.shade, 0.25)
    cloth = np.asarray(canvas.look.clothes, float)
    hand(oval(0, -44, 42, 62), c.deep * 0.6, 0.35, 9)
    hand(points("-20 0  20 0  24 40  34 200  -34 200  -24 40"), skin)
    hand(points("-27 34  27 34  40 200  -40 200"), (cloth, cloth * 0.8), 1, 0.4)
    thumb = stroke(THUMB, 15, (0.9, 0.6))
    hand(stroke(THUMB, 16.5, (0.9, 0.6)), edge)
    hand(thumb, skin)
    palm = curve(PALM, closed=True)
    hand(palm + [0, 0.8], edge, 1, 0.4)
    for x0, y0, lean, length in FINGERS:
        tip = np.array([x0 + lean, y0 - length])
        way = np.array([[x0, y0 + 12], [x0 + lean / 2, y0 - length / 2], tip])
        hand(np.r_[_round(way, 15)], edge, 1, 0.3)
        hand(_round(way, 13), skin, 1, 0.3)
        hand(_round(way[1:] - [1, 0], 5), c.light, 0.4, 1.5)
        hand(oval(*tip + [0, 1], 3.6, 4.6), mix(c.light, WHITE, 0.35), 0.7, 0.4)
        hand(stroke([[x0 - 4, y0 - length / 2], [x0 + 4, y0 - length / 2]], 1.2), c.deep, 0.4, 0.4)
    hand(palm * [0.97, 0.985], skin, 1, 0.6)
    hand(oval(-4, -42, 16, 20), c.light, 0.4, 7)
    for x0, y0, *_ in FINGERS:
        hand(oval(x0, y0 + 4, 5, 3), c.deep, 0.22, 2)


def _round(line, width: float) -> np.ndarray:
    """Return the outline of a line with round ends."""
    line = curve(line)
    along = np.gradient(line, axis=0)
    across = along[:, ::-1] / np.hypot(*along.T)[:, None] * [-width / 2, width / 2]
    end, start = along[-1] / np.hypot(*along[-1]), along[0] / np.hypot(*along[0])
    t = np.linspace(0, np.pi, 9)[1:-1, None]
    tip = line[-1] + np.cos(t) * across[-1] + np.sin(t) * end * width / 2
    foot = line[0] - np.cos(t) * across[0] - np.sin(t) * start * width / 2
    return np.concatenate((line + across, tip, (line - across)[::-1], foot))
