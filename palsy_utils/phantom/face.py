"""Draw one face: an illustration in which Face Landmarker finds a face, and no person at all."""

from functools import lru_cache

import cv2
import numpy as np

from palsy_utils.phantom.base import RGB, Look, Pose, Sheet, curve, mirrored, mix, oval, stroke
from palsy_utils.phantom.clothes import draw_beard, draw_clothes, draw_glasses
from palsy_utils.phantom.features import SIDES, draw_brow, draw_eye, draw_mouth, tones
from palsy_utils.phantom.hair import EARS, hair_back, hair_front

CENTRE = np.array([128.0, 123.0])  # where the middle of the face lies in the picture
PIVOT = np.array([0.0, 92.0])  # the head rolls about the top of the neck


def draw_face(look: Look, pose: Pose, size: int = 256) -> np.ndarray:
    """Return the picture of a drawn face: uint8 RGB (size, size, 3).

    It is painted at one and a half times the size and reduced, so that all edges are smooth. The
    subject's right is the image's left.
    """
    sheet = Sheet(size * 3 // 2)
    sheet.planes[:] = _backdrop(look.backdrop, sheet.size)
    at, put = _placing(pose)
    c = tones(look)
    chin = 11 * max(pose.jaw, 0)
    hair_back(sheet, at, look)
    _neck(sheet, at, put, c, look.style in EARS)
    draw_clothes(sheet, put, look)
    outline = _outline(look, chin)
    _skin(sheet, at, look, pose, c, outline, chin)
    draw_beard(sheet, at, look, chin)
    for k, s in SIDES:
        draw_eye(sheet, at, look, pose, k, s)
        draw_brow(sheet, at, look, pose, k, s)
    _nose(sheet, at, look, pose, c)
    draw_mouth(sheet, at, look, pose)
    hair_front(sheet, at, look)
    if look.glasses:
        draw_glasses(sheet, at, look)
    picture = cv2.resize(
        np.ascontiguousarray(np.moveaxis(sheet.planes, 0, -1)),
        (size, size),
        interpolation=cv2.INTER_AREA,
    )
    return _lit(picture, pose)


def _placing(pose: Pose):
    """Return two functions from points of the head, and of the body, to points of the picture."""
    yaw, nod, roll = np.radians([pose.yaw, pose.nod, pose.roll])
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]]) * pose.scale
    tilt, lean = np.cos([yaw, nod]), np.sin([yaw, nod])
    shift = np.asarray(pose.shift, float)
    place = PIVOT * pose.scale + CENTRE + shift

    def at(points, depth=None) -> np.ndarray:
        p = np.asarray(points, float)
        if depth is None:  # on a head as round as an egg, with the nose on it
            inner = 1 - (p[:, 0] / 68) ** 2 - ((p[:, 1] + 4) / 112) ** 2
            depth = 58 * np.sqrt(np.maximum(inner, 0))
            depth += 15 * np.exp(-((p[:, 0] / 11) ** 2) - ((p[:, 1] - 15) / 15) ** 2)
        seen = p * tilt
        seen[:, 0] += depth * lean[0]
        seen[:, 1] += (depth - 20) * lean[1]
        return (seen - PIVOT) @ turn + place

    def put(points) -> np.ndarray:
        return np.asarray(points, float) * (0.4 + 0.6 * pose.scale) + CENTRE + shift * 0.6

    return at, put


@lru_cache(maxsize=16)
def _backdrop(backdrop: RGB, size: int) -> np.ndarray:
    sheet, color = Sheet(size), np.asarray(backdrop, float)
    edge = np.array([[0, 0], [256, 0], [256, 256], [0, 256]], float)
    sheet.fill(edge, (mix(color, [255, 255, 255], 0.18), color * 0.86))
    sheet.fill(oval(128, 110, 92, 96), mix(color, [255, 255, 255], 0.55), 0.75, 30)
    return sheet.planes


def _outline(look: Look, chin: float) -> np.ndarray:
    """Return the outline of the head without hair, in points of the head."""
    w, q = look.width, look.jaw
    half = [[0, -95], [22, -91.5], [42, -78], [54 * w, -48], [58.5 * w, -10], [57 * w, 16]]
    half += [[52 * w + 1.5 * q, 38 + 0.2 * chin], [43 * w + 4 * q, 57 + 2 * q + 0.5 * chin]]
    half += [[27 * w + 5 * q, 73 + q + 0.9 * chin], [11 + 3 * q, 81 + chin], [0, 82 + chin]]
    return mirrored(half)


def _neck(sheet: Sheet, at, put, c, ears: bool) -> None:
    """Paint the neck, and the ears if they show."""
    for s in (-1, 1) if ears else ():
        sheet.fill(at(oval(s * 60, 2, 8.5, 17, s * 8), -4), mix(c["skin"], c["shade"], 0.55))
        sheet.fill(at(oval(s * 60.5, 2, 4.5, 11, s * 8), -4), c["deep"], 0.45, 1.5)
    top = at(np.array([[-33.0, 40], [33, 40]]), 0)
    low = put([[33, 98], [35, 112], [24, 124], [0, 130], [-24, 124], [-35, 112], [-33, 98]])
    sheet.fill(np.concatenate((top, low)), (c["deep"], c["shade"]))
    sheet.fill(put(oval(0, 116, 24, 9)), c["skin"], 0.55, 5)


def _skin(sheet: Sheet, at, look: Look, pose: Pose, c, outline, chin: float) -> None:
    """Paint the skin of the face and its large soft shadows and lights."""
    face = at(outline, 0.25 * np.clip(outline[:, 1], 0, 99))
    sheet.fill(face + [0, 3], c["deep"], 0.5, 4)
    sheet.fill(face, mix(c["skin"], c["shade"], 0.75))
    inside = sheet.stencil(face)
    sheet.fill(at(outline * [0.83, 0.88] + [0, -4]), c["skin"], 1, 9, inside)
    sheet.fill(at(oval(0, -56, 34, 16)), c["light"], 0.65, 11, inside)
    sheet.fill(at(oval(0, 73 + chin, 14, 7)), c["light"], 0.40, 5, inside)
    for s in (-1, 1):  # the side away from the light is darker, the side towards it lighter
        glow = float(np.clip(s * pose.side_light, -1, 1))
        tone = c["light"] if glow > 0 else c["deep"]
        sheet.fill(at(oval(s * 44, 0, 26, 84)), tone, 0.5 * abs(glow), 14, inside)
    for k, s in SIDES:
        lift = max(pose.smile[k], 0)
        sheet.fill(at(oval(s * 45, 30, 9, 30, s * 18)), c["shade"], 0.32, 7, inside)
        sheet.fill(
            at(oval(s * 34, 22 - 4 * lift, 15, 11)), c["blush"], 0.48 + 0.2 * lift, 7, inside
        )
        sheet.fill(
            at(oval(s * 36, 12 - 3 * lift, 12, 6, s * -14)),
            c["light"],
            0.40 + 0.3 * lift,
            5,
            inside,
        )


def _nose(sheet: Sheet, at, look: Look, pose: Pose, c) -> None:
    n = look.nose
    dark = 0.34 - 0.18 * np.clip(pose.side_light, -1, 1) * np.array([1, -1])
    for k, s in SIDES:
        side = [[s * 7, -24], [s * 5.5, -8], [s * 8 * n, 8], [s * 12 * n, 17]]
        sheet.fill(at(stroke(side, 5, (0.9, 0.9))), c["shade"], 0.5 + dark[k], 2.6)
    sheet.fill(at(oval(0, -4, 3.4, 20)), c["light"], 0.55, 2.2)
    sheet.fill(at(oval(0, 25, 13 * n, 3.4)), c["shade"], 0.85, 2)
    sheet.fill(at(oval(0, 14.5, 8 * n, 6.5)), mix(c["skin"], c["light"], 0.35), 0.8, 2.6)
    sheet.fill(at(oval(0, 12.5, 3.4, 3.2)), mix(c["light"], [255, 255, 255], 0.3), 0.6, 1.6)
    for s in (-1, 1):
        sheet.fill(at(oval(s * 10.5 * n, 18, 4, 4.5)), mix(c["skin"], c["blush"], 0.4), 0.7, 1.5)
        wing = [[s * 11.5 * n, 12], [s * 14.6 * n, 17], [s * 13.4 * n, 22], [s * 10 * n, 22.5]]
        sheet.fill(at(stroke(wing, 1.4)), c["deep"], 0.62, 0.4)
        hole = [[s * 3.4, 22.6], [s * 6.5 * n, 20.6], [s * 10 * n, 22.4], [s * 6.5, 24]]
        sheet.fill(at(curve(hole, closed=True)), c["deep"] * 0.5, 0.85, 0.5)
    sheet.fill(at(stroke([[-4.5, 23.6], [0, 25], [4.5, 23.6]], 1.1)), c["deep"], 0.6, 0.4)
    for s in (-1, 1):
        sheet.fill(
            at(stroke([[s * 2.6, 28], [s * 3, 32], [s * 3.8, 36]], 1.6)), c["shade"], 0.55, 0.8
        )


def _lit(picture: np.ndarray, pose: Pose) -> np.ndarray:
    """Return the picture in its light: one brightness, and one side lighter than the other."""
    across = np.linspace(-1, 1, picture.shape[1], dtype=np.float32)[None, :, None]
    picture = picture * (
        pose.light * (1 + 0.16 * pose.side_light * across - 0.06 * abs(pose.side_light))
    )
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
