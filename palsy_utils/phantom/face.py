"""Draw one face: an illustration in which Face Landmarker finds a face, and no person at all."""

from functools import lru_cache

import cv2
import numpy as np

from palsy_utils.phantom.features import draw_brow, draw_eye, draw_mouth
from palsy_utils.phantom.hair import EARS, hair_back, hair_front
from palsy_utils.phantom.painter import (
    RGB,
    SIDES,
    WHITE,
    Look,
    Portrait,
    Pose,
    curve,
    mirrored,
    mix,
    oval,
    points,
    stroke,
)

SHOULDERS = points("0 121  20 117  36 104  45 112  70 120  96 130  112 150  118 190  0 190")
HIGH_COLLAR = points("0 92  30 88  35 98  38 116  0 122")
ROUND_COLLAR = points("-36 104  -22 116  0 121  22 116  36 104")
FLAP = points("28 96  36 101  44 116  20 136  2 121")
NECK = points("33 98  35 112  24 124  0 130  -24 124  -35 112  -33 98")
BEARD = points("0 20  20 30  44 34  56 2  57 16  52 40  42 60  26 77  0 85")
MOUSTACHE = points("0 33  9 33  20 38  25 46  20 41  9 38.5  0 38.5")


def draw_face(look: Look, pose: Pose, size: int = 256) -> np.ndarray:
    """Return the picture of a synthetic face: uint8 RGB (size, size, 3).

    It is painted at one and a half times the size and reduced, so that all edges are smooth.
    """
    face = Portrait(look, pose, size * 3 // 2)
    face.planes[:] = _backdrop(look.backdrop, face.size)
    hair_back(face)
    _neck(face)
    _clothes(face)
    _skin(face)
    if look.beard > 0:
        _beard(face)
    for k, s in SIDES:
        draw_eye(face, k, s)
        draw_brow(face, k, s)
    _nose(face)
    draw_mouth(face)
    hair_front(face)
    if look.glasses:
        _glasses(face)
    pixels = np.ascontiguousarray(np.moveaxis(face.planes, 0, -1))
    return _lit(cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA), pose)


@lru_cache(maxsize=16)
def _backdrop(backdrop: RGB, size: int) -> np.ndarray:
    empty, color = Portrait(Look(), Pose(), size), np.asarray(backdrop, float)
    edge = points("0 0  256 0  256 256  0 256")
    empty.fill(edge, (mix(color, WHITE, 0.18), color * 0.86))
    empty.fill(oval(128, 110, 92, 96), mix(color, WHITE, 0.55), 0.75, 30)
    return empty.planes


def _neck(face: Portrait) -> None:
    """Paint the neck, and the ears if they show."""
    c = face.tones
    for s in (-1, 1) if face.look.style in EARS else ():
        face.head(oval(s * 60, 2, 8.5, 17, s * 8), mix(c.skin, c.shade, 0.55), depth=-4)
        face.head(oval(s * 60.5, 2, 4.5, 11, s * 8), c.deep, 0.45, 1.5, depth=-4)
    top = face.at(points("-33 40  33 40"), 0)
    face.fill(np.concatenate((top, face.put(NECK))), (c.deep, c.shade))
    face.body(oval(0, 116, 24, 9), c.skin, 0.55, 5)


def _clothes(face: Portrait) -> None:
    cloth = np.asarray(face.look.clothes, float)
    light, dark = mix(cloth, WHITE, 0.28), cloth * 0.62
    face.body(mirrored(SHOULDERS), (mix(cloth, WHITE, 0.12), cloth * 0.74))
    for s in (-1, 1):
        sleeve = [[s * 74, 190], [s * 80, 160], [s * 88, 134]]
        face.body(stroke(sleeve, 3), cloth * 0.5, 0.4, 1.5)
    if face.look.collar == "high":
        face.body(mirrored(HIGH_COLLAR), (light, cloth * 0.8), 1, 0.3)
        face.body(stroke([[-35, 98], [0, 106], [35, 98]], 2), dark, 0.4, 0.8)
    elif face.look.collar == "shirt":
        for s in (-1, 1):
            face.body(FLAP * [s, 1] + [0, 1.5], dark, 0.5, 1.5)
            face.body(FLAP * [s, 1], (light, cloth), 1, 0.3)
        face.body(stroke([[0, 121], [0, 140], [0, 170]], 1.2), dark, 0.7, 0.3)
    else:
        face.body(stroke(ROUND_COLLAR, 6, (0.9, 0.9)), light, 1, 0.3)
        face.body(stroke(ROUND_COLLAR + [0, 3.2], 1.2), dark, 0.6, 0.4)


def _outline(look: Look, chin: float) -> np.ndarray:
    """Return the outline of the head without hair."""
    w, q = look.width, look.jaw
    half = [[0, -95], [22, -91.5], [42, -78], [54 * w, -48], [58.5 * w, -10], [57 * w, 16]]
    half += [[52 * w + 1.5 * q, 38 + 0.2 * chin], [43 * w + 4 * q, 57 + 2 * q + 0.5 * chin]]
    half += [[27 * w + 5 * q, 73 + q + 0.9 * chin], [11 + 3 * q, 81 + chin], [0, 82 + chin]]
    return mirrored(half)


def _skin(face: Portrait) -> None:
    """Paint the skin of the face and its large soft shadows and lights."""
    c, pose, outline = face.tones, face.pose, _outline(face.look, face.chin)
    edge = face.at(outline, 0.25 * np.clip(outline[:, 1], 0, 99))
    face.fill(edge + [0, 3], c.deep, 0.5, 4)
    face.fill(edge, mix(c.skin, c.shade, 0.75))
    inside = face.stencil(edge)
    face.head(outline * [0.83, 0.88] + [0, -4], c.skin, 1, 9, inside)
    face.head(oval(0, -56, 34, 16), c.light, 0.65, 11, inside)
    face.head(oval(0, 73 + face.chin, 14, 7), c.light, 0.40, 5, inside)
    for s in (-1, 1):  # the side away from the light is darker, the side towards it lighter
        glow = float(np.clip(s * pose.side_light, -1, 1))
        tone = c.light if glow > 0 else c.deep
        face.head(oval(s * 44, 0, 26, 84), tone, 0.5 * abs(glow), 14, inside)
    for k, s in SIDES:
        lift = max(pose.smile[k], 0)
        bone = oval(s * 36, 12 - 3 * lift, 12, 6, s * -14)
        face.head(oval(s * 45, 30, 9, 30, s * 18), c.shade, 0.32, 7, inside)
        face.head(oval(s * 34, 22 - 4 * lift, 15, 11), c.blush, 0.48 + 0.2 * lift, 7, inside)
        face.head(bone, c.light, 0.40 + 0.3 * lift, 5, inside)


def _beard(face: Portrait) -> None:
    """Paint stubble or a beard around the mouth, open at the lips."""
    beard, hair = face.look.beard, face.tones.hair * 0.9
    outer = BEARD + np.outer(np.clip((BEARD[:, 1] - 40) / 40, 0, 1), [0, face.chin])
    lips = mirrored(points("0 30  27 32  24 46  15 57  0 58") + [0, 0.3 * face.chin])
    free = 1 - 0.8 * face.stencil(face.at(lips), 3)
    face.head(mirrored(outer), hair, 0.22 + 1.3 * max(beard - 0.5, 0), 2.2, free)
    moustache = np.concatenate((MOUSTACHE, MOUSTACHE[::-1] * [-1, 1]))
    face.head(curve(moustache, 4), hair, 0.6 * beard, 0.8)


def _nose(face: Portrait) -> None:
    c, n = face.tones, face.look.nose
    dark = 0.34 - 0.18 * np.clip(face.pose.side_light, -1, 1) * np.array([1, -1])
    for k, s in SIDES:
        side = [[s * 7, -24], [s * 5.5, -8], [s * 8 * n, 8], [s * 12 * n, 17]]
        face.head(stroke(side, 5, (0.9, 0.9)), c.shade, 0.5 + dark[k], 2.6)
    face.head(oval(0, -4, 3.4, 20), c.light, 0.55, 2.2)
    face.head(oval(0, 25, 13 * n, 3.4), c.shade, 0.85, 2)
    face.head(oval(0, 14.5, 8 * n, 6.5), mix(c.skin, c.light, 0.35), 0.8, 2.6)
    face.head(oval(0, 12.5, 3.4, 3.2), mix(c.light, WHITE, 0.3), 0.6, 1.6)
    for s in (-1, 1):
        face.head(oval(s * 10.5 * n, 18, 4, 4.5), mix(c.skin, c.blush, 0.4), 0.7, 1.5)
        wing = [[s * 11.5 * n, 12], [s * 14.6 * n, 17], [s * 13.4 * n, 22], [s * 10 * n, 22.5]]
        face.head(stroke(wing, 1.4), c.deep, 0.62, 0.4)
        hole = [[s * 3.4, 22.6], [s * 6.5 * n, 20.6], [s * 10 * n, 22.4], [s * 6.5, 24]]
        face.head(curve(hole, closed=True), c.deep * 0.5, 0.85, 0.5)
    face.head(stroke([[-4.5, 23.6], [0, 25], [4.5, 23.6]], 1.1), c.deep, 0.6, 0.4)
    for s in (-1, 1):
        face.head(stroke([[s * 2.6, 28], [s * 3, 32], [s * 3.8, 36]], 1.6), c.shade, 0.55, 0.8)


def _glasses(face: Portrait) -> None:
    """Paint thin round glasses."""
    frame = [48, 42, 46]
    for s in (-1, 1):
        x = s * 27.5 * face.look.eye_gap
        rim, hole = oval(x, -8, 20.5, 17), oval(x, -8, 19.1, 15.6)
        ring = np.concatenate((rim, rim[:1], hole[:1], hole[::-1]))
        face.head(ring, frame, 0.9, 0.2, depth=56)
        arm = [[x + s * 20, -11], [s * 58, -11]]
        face.head(stroke(arm, 1.8, (0.9, 0.9)), frame, 0.9, 0.2, depth=40)
    bridge = stroke([[-7.5, -10], [0, -12], [7.5, -10]], 1.8, (0.9, 0.9))
    face.head(bridge, frame, 0.9, 0.2, depth=60)


def _lit(picture: np.ndarray, pose: Pose) -> np.ndarray:
    """Return the picture in its light: one brightness, and one side lighter than the other."""
    across = np.linspace(-1, 1, picture.shape[1], dtype=np.float32)[None, :, None]
    side = 0.16 * pose.side_light * across
    picture = picture * (pose.light * (1 + side - 0.06 * abs(pose.side_light)))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
