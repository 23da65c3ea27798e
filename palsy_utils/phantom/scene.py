"""One frame of a synthetic clip: a face, what comes between it and the camera, light and lens."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd

from palsy_utils.phantom.face import draw_face
from palsy_utils.phantom.painter import CENTRE, WHITE, Look, Portrait, Pose
from palsy_utils.phantom.shapes import curve, mix, oval, points, rotation, stroke

PALM = points("-22 6  -27 -22  -30 -46  -27 -66  -9 -71  9 -71  27 -66  30 -46  29 -20  22 6")
FINGERS = ((-20, -62, -6, 42), (-7, -67, -1.5, 52), (7, -67, 2, 50), (20, -62, 7, 38))
THUMB = points("20 -8  38 -26  49 -50  52 -62")
# Where the wrist is of a hand on the image's right, in units of the head, and its turn in degrees.
HANDS = {"cheek": (66, 100, -14), "mouth": (84, 78, -66), "eye": (74, 88, -28)}
HANDS |= {"chin": (62, 140, -34), "face": (27, 92, -3)}
SHADOW = points("4 -400  400 -400  400 400  4 400")  # half of the picture, before it is turned


def draw_scene(look: Look, row: pd.Series, size: int = 256) -> np.ndarray:
    """Return the picture of one row of `moves.clip_truth`: uint8 RGB (size, size, 3)."""
    pose = {n: (row[f"{n}_left"], row[f"{n}_right"]) for n in ("blink", "brow", "smile", "droop")}
    pose |= {n: (row[f"{n}_x"], row[f"{n}_y"]) for n in ("gaze", "shift")}
    pose = Pose(**pose, **{n: row[n] for n in row.index if n in Pose.__dataclass_fields__})
    lit = {n: np.multiply(getattr(look, n), pose.light) for n in ("skin", "hair", "clothes")}
    canvas = Portrait(replace(look, **lit), pose, size)
    canvas.planes[:] = np.moveaxis(draw_face(look, pose, size), -1, 0)
    for s, side in ((1, "left"), (-1, "right")):
        if row["strand"] == side:
            _draw_strand(canvas, s)
        if row["hand"].endswith((side, "both")):
            _draw_hand(canvas, row["hand"].split()[0], s, row["hand_near"])
    canvas.fill(SHADOW @ rotation(row["shadow_turn"]) + 128, [0, 0, 0], row["shadow"], 24)
    picture = np.clip(np.moveaxis(canvas.planes, 0, -1) + 0.5, 0, 255).astype(np.uint8)
    if row["blur"] > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), row["blur"] * size / 256)
    picture = cv2.blur(picture, (max(round(row["motion"] * size / 256), 1), 1))
    _, packed = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, row["quality"]])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1]


def _draw_strand(canvas: Portrait, s: int) -> None:
    """Paint a strand of hair that falls from the parting over one eye, which lies at s * 27."""
    hair = canvas.tones.hair
    strands = ((0, 11, 0.8 * hair), (-5, 6, hair), (5, 5, canvas.tones.shine), (2, 2.5, 0.6 * hair))
    for x, width, color in strands:
        line = [[8 + x, -84], [24 + x, -56], [33 + 1.2 * x, -20], [35 + x, 8], [42 + 0.6 * x, 40]]
        canvas.head(stroke(np.array(line) * [s, 1], width, (0.5, 0.1)), color, 0.95, 0.4)


def _draw_hand(canvas: Portrait, kind: str, s: int, near: float) -> None:
    """Paint a hand on the image's right (s = 1) or left; `near` it is at 1, below at 0."""
    (x, y, turn), scale = HANDS[kind], 1.05 if kind == "face" else 0.86
    c, pose, wrist = canvas.tones, canvas.pose, [x, y + 150 * (1 - near)]

    def hand(shape, *how) -> None:
        turned = scale * np.asarray(shape, float) @ rotation(turn) + wrist
        canvas.fill(turned * [s * pose.scale, pose.scale] + CENTRE + canvas.shift, *how)

    edge, skin, cloth = mix(c.skin, c.deep, 0.6), mix(c.skin, c.shade, 0.25), canvas.look.clothes
    hand(oval(0, -44, 42, 62), c.deep * 0.6, 0.35, 9)
    hand(points("-20 0  20 0  24 40  34 200  -34 200  -24 40"), skin)
    hand(points("-27 34  27 34  40 200  -40 200"), (cloth, cloth * 0.8), 1, 0.4)
    for width, color in ((16.5, edge), (15, skin)):
        hand(stroke(THUMB, width, (0.9, 0.6)), color)
    palm = curve(PALM, closed=True)
    hand(palm + [0, 0.8], edge, 1, 0.4)
    for x0, y0, lean, length in FINGERS:
        tip = np.array([x0 + lean, y0 - length])
        way = np.array([[x0, y0 + 12], [x0 + lean / 2, y0 - length / 2], tip])
        for width, color in ((15, edge), (13, skin)):
            hand(stroke(way, width, (1, 0.86)), color, 1, 0.3)
            hand(oval(tip[0], tip[1], 0.43 * width, 0.45 * width), color, 1, 0.3)
        hand(stroke(way[1:] - [1, 0], 5), c.light, 0.4, 1.5)
        hand(oval(tip[0], tip[1] + 1, 3.6, 4.6), mix(c.light, WHITE, 0.35), 0.7, 0.4)
        hand(stroke([[x0 - 4, y0 - length / 2], [x0 + 4, y0 - length / 2]], 1.2), c.deep, 0.4, 0.4)
    hand(palm * [0.97, 0.985], skin, 1, 0.6)
    hand(oval(-4, -42, 16, 20), c.light, 0.4, 7)
    for x0, y0, *_ in FINGERS:
        hand(oval(x0, y0 + 4, 5, 3), c.deep, 0.22, 2)
