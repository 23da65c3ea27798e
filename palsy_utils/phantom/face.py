"""Draw one face: an illustration in which Face Landmarker finds a face, and no person at all."""

import cv2
import numpy as np

from palsy_utils.phantom import hair
from palsy_utils.phantom.painter import SIDES, WHITE, Look, Portrait, Pose
from palsy_utils.phantom.shapes import curve, mirrored, mix, oval, points, stroke

INK = np.array([38.0, 26, 24])
BOTH_CORNERS = np.array([[0], [1], [1], [1], [0]])  # of an eye: they stay where they are


def draw_face(look: Look, pose: Pose, size: int = 256) -> np.ndarray:
    """Return the picture of a synthetic face: uint8 RGB (size, size, 3).

    It is painted at one and a half times the size and reduced, so that all edges are smooth.
    """
    face = Portrait(look, pose, size * 3 // 2)
    face.planes[:] = hair.backdrop(look.backdrop, face.size)
    hair.hair_back(face)
    hair.draw_body(face)
    _skin(face)
    if look.beard > 0:
        hair.draw_beard(face)
    for k, s in SIDES:
        _eye(face, k, s)
        _brow(face, k, s)
    _nose(face)
    _mouth(face)
    if look.style == "scarf":
        hair.draw_scarf(face)
    elif look.style != "bald":
        hair.hair_front(face)
    if look.glasses:
        hair.draw_glasses(face)
    pixels = np.ascontiguousarray(np.moveaxis(face.planes, 0, -1))
    picture = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
    # Its light: one brightness, and one side lighter than the other.
    side = 0.16 * pose.side_light * np.linspace(-1, 1, size, dtype=np.float32)[None, :, None]
    picture = picture * (pose.light * (1 + side - 0.06 * abs(pose.side_light)))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def _skin(face: Portrait) -> None:
    """Paint the skin of the face and its large soft shadows and lights."""
    c, pose, chin, w, q = face.tones, face.pose, face.chin, face.look.width, face.look.jaw
    half = [[0, -95], [22, -91.5], [42, -78], [54 * w, -48], [58.5 * w, -10], [57 * w, 16]]
    half += [[52 * w + 1.5 * q, 38 + 0.2 * chin], [43 * w + 4 * q, 57 + 2 * q + 0.5 * chin]]
    half += [[27 * w + 5 * q, 73 + q + 0.9 * chin], [11 + 3 * q, 81 + chin], [0, 82 + chin]]
    outline = mirrored(half)
    edge = face.at(outline, 12 + 0.27 * np.clip(outline[:, 1], 0, 99))
    face.fill(edge + [0, 3], c.deep, 0.5, 4)
    face.fill(edge, mix(c.skin, c.shade, 0.75))
    inside = face.stencil(edge)
    face.head(outline * [0.83, 0.88] + [0, -4], c.skin, 1, 9, inside)
    face.head(oval(0, -56, 34, 16), c.light, 0.65, 11, inside)
    face.head(oval(0, 73 + chin, 14, 7), c.light, 0.40, 5, inside)
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


def _eye(face: Portrait, k: int, s: int) -> None:
    """Paint one eye: socket, lids and lashes, and what shows between the lids."""
    c, look, pose, tilt = face.tones, face.look, face.pose, 1.2 + 2 * face.look.eye_tilt
    shut = float(np.clip(pose.blink[k], -0.35, 1.05))
    closing, smile = max(shut, 0), max(pose.smile[k], 0)
    size = look.eye_size * (1 + s * 0.02 * look.eye_uneven)
    eye_at = [s * 27.0 * look.eye_gap, -10 + s * look.eye_level / 2]

    def place(shape) -> np.ndarray:
        return np.asarray(shape, float) * [s * size, size] + eye_at

    def eye(shape, *how) -> None:
        face.head(place(shape), *how)

    rest = np.array([[-13.5, 3], [-9, -2.6], [-1.5, -6.4], [7, -5.0], [14, -tilt]])
    closed = np.array([[-13.5, 3], [-8, 4.6], [-0.5, 5.8], [7.5, 4.4], [14, -tilt + 1]])
    under = np.array([[-13.5, 3], [-7.5, 4.6], [0, 5.7], [7.5, 4.5], [14, -tilt]])
    upper = rest + (closed - rest) * np.sign(shut) * abs(shut) ** 0.8
    cheek = [0, 1.6 * smile * (1 - 0.6 * closing)]
    lower = under + (closed - under) * closing - cheek * BOTH_CORNERS
    lower = np.maximum(lower, upper * [0, 1] + [-99, 0])

    eye(oval(0, -5, 19, 12), c.shade, 0.40, 5)
    eye(oval(-12, -2, 6, 9), c.shade, 0.40, 3)
    above = curve([[14, -tilt], [8, -10.2], [-2, -12], [-10, -7], [-13.5, 3]])
    eye(np.r_[curve(upper), above], c.shade, 0.30 + 0.1 * closing, 1.2)
    eye(oval(1, -6.5 + 3 * closing, 7, 2.4), c.light, 0.20 + 0.3 * closing, 1.6)
    if shut < 0.93:
        opening = np.r_[curve(upper), curve(lower[::-1])]
        eye(opening, mix([246, 243, 240], c.skin, 0.10))
        inside, iris = face.stencil(face.at(place(opening))), np.asarray(look.iris, float)
        gx, gy = 4.2 * pose.gaze[0] * s, -0.9 + 2.6 * pose.gaze[1]
        glint = 2.3 * np.clip(pose.side_light * 2, -1, 1) * s
        warm = (iris * 0.75, mix(iris, [255, 200, 140], 0.22))
        eye(oval(-13, 3.2, 2.6, 2), mix([214, 130, 120], c.skin, 0.3), 0.7, 0.5, inside)
        eye(oval(gx, gy, 7.3, 7.3), iris * 0.42, 1, 0.3, inside)
        eye(oval(gx, gy, 6.3, 6.3), warm, 1, 0.3, inside)
        eye(oval(gx, gy + 2.6, 4, 2.8), mix(iris, [255, 206, 150], 0.4), 0.5, 0.9, inside)
        eye(oval(gx, gy, 3.1, 3.1), [16, 12, 14], 1, 0.2, inside)
        shadow = np.r_[curve(upper), curve(upper[::-1] + [0, 3.4])]
        eye(shadow, c.deep * 0.6, 0.50, 0.8, inside)
        eye(oval(gx + glint, gy - 2.9, 1.7, 1.7), WHITE, 0.95, 0.15, inside)
        eye(oval(gx - glint, gy + 2.8, 1.0, 0.8), WHITE, 0.45, 0.2, inside)
        eye(stroke(lower[1:-1] + [0, 0.2], 1.1), mix(c.blush, c.light, 0.5), 0.8)
    eye(stroke(lower + [0, 0.7], 0.9), c.deep, 0.55, 0.2)
    fold = points("-12 -1.5  -7 -8.4  0 -11.4  8 -9.6  15 -2.5")
    fold = fold + np.array([0, 2.2]) * closing - [0, 1.5 * min(pose.brow[k], 1)]
    eye(stroke(fold, 1.3), c.deep, 0.62 - 0.3 * closing, 0.3)
    lash = np.r_[upper, [[15.6, -tilt - 0.7 + 2.2 * closing]]]
    eye(stroke(lash, 2.1 + 0.7 * look.lashes, (0.3, 0.3)), INK, 0.95, 0.2)
    for u in np.linspace(0.45, 1, 5) if look.lashes > 0.5 else ():
        root = np.array([np.interp(u, np.linspace(0, 1, 5), upper[:, i]) for i in (0, 1)])
        flick = np.array([2.6 * u, (-3.0 + 5.4 * np.clip(shut, 0, 1)) * look.lashes])
        eye(stroke([root, root + flick * [0.4, 0.6], root + flick], 0.9, (0.8, 0.1)), INK, 0.9)
    eye(stroke([[-10, 9.5], [-2, 12.4], [8, 10.6]], 1.5), c.deep, 0.10 + 0.30 * look.age, 0.7)
    for j in range(3):  # crow's feet: age, and the smile of this side
        line = [[18, -1 + 3 * j], [22, -2.4 + 3.8 * j], [25.5, -4 + 5 * j]]
        eye(stroke(line, 0.9), c.deep, look.age * (0.15 + 0.5 * smile), 0.4)


def _brow(face: Portrait, k: int, s: int) -> None:
    """Paint one brow, and the lines that it pushes up on the forehead."""
    c, look = face.tones, face.look
    up = float(np.clip(face.pose.brow[k], -1.2, 1.2))
    y0 = -26.5 + s * (look.eye_level - look.brow_tilt) / 2 - 10.5 * up
    thick = 5.2 * look.brow * (0.9 + 0.1 * look.eye_size)

    def brow(shape, *how) -> None:
        face.head(np.asarray(shape, float) * [s, 1] + [s * 27.0 * look.eye_gap, y0], *how)

    spine = [[-15, 2.4 + 1.2 * up], [-7, -0.8], [2, -2.8 - 0.5 * up], [10, -2.6]]
    line = curve([*spine, [19, 3.2 + 0.5 * up]])
    t = np.linspace(0, 1, len(line))[:, None]
    half = thick / 2 * np.interp(t, [0, 0.12, 0.45, 1], [0.7, 1, 0.92, 0.12])
    brow(np.r_[line - [0, 1] * half, (line + [0, 1] * half)[::-1]], c.brow, 0.85, 0.7)
    for u in np.linspace(0.02, 0.72, 8):
        root = np.array([np.interp(u, t[:, 0], line[:, i]) for i in (0, 1)])
        root = root + [0, thick * 0.42 * (1 - 0.6 * u)]
        lean = np.array([2 + 3 * u, -thick * 0.85 * (1 - u)])
        brow(stroke([root, root + lean / 2, root + lean], 0.9), c.brow * 0.7, 0.5, 0.2)
    deep = max(up, 0) * (0.55 + 0.2 * look.age) + 0.35 * max(look.age - 0.3, 0) + 0.1 * min(up, 0)
    for j, y in enumerate((-11, -18, -25)):
        fold = np.array([[-24, y + 1.5], [-12, y - 0.5], [0, y - 2.2], [12 - 2 * j, y + 0.5]])
        brow(stroke(fold, 1.5), c.deep, deep * (0.9 - 0.12 * j), 0.5)
        brow(stroke(fold + [0, 1.8], 1.6), c.light, 0.6 * deep, 0.6)


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


def _mouth(face: Portrait) -> None:
    """Paint the mouth: inside, teeth, lips, and the folds from the nose to its corners."""
    c, look, pose = face.tones, face.look, face.pose
    smile, droop = np.clip(pose.smile, -0.2, 1.2), np.clip(pose.droop, -0.2, 1.2)
    pull = 2.4 * (smile[0] - smile[1])  # the stronger side draws the middle of the mouth to it
    mid = np.array([pull, 44.0 - 1.2 * smile.mean()])
    drop = 17 * max(pose.jaw, 0) + 2.2 * pose.pucker
    wide = 21.5 * look.mouth * (1 - 0.26 * pose.pucker)
    corners, gaps = {}, {}
    for k, s in SIDES:
        out = wide + 8.0 * smile[k] - 2.0 * droop[k]
        sag = -10.5 * smile[k] + 11.5 * droop[k] + 0.35 * drop - s * look.mouth_tilt / 2
        corners[s] = np.array([s * out + 0.5 * pull, 44.0 + sag])
        gaps[s] = 0.82 * drop + 3.4 * max(smile[k] - 0.25, 0) * (1 - 0.5 * max(droop[k], 0))
    gap = drop + 2.8 * max(smile.mean() - 0.2, 0)

    def lip(middle, peak, left, right, inward=0.0):
        """Return a lip line through both corners; heights at the middle, the peaks and beside."""
        rows = [corners[-1] + [inward, 0]]
        for s, edge in ((-1, left), (1, right)):
            q = [mid + (corners[s] - mid) * [0.56, 0.40] + [0, edge]]
            q += [mid + [s * 4.6, 0] + (corners[s] - mid) * [0, 0.08] + [0, peak]]
            rows += q if s < 0 else [mid + [0, middle], *q[::-1]]
        return curve([*rows, corners[1] - [inward, 0]])

    def full(height):
        return height * look.lips * (1 + 0.25 * pose.pucker)

    up_out = lip(full(-4.9), full(-7.0), full(-4.4), full(-4.4))
    up_in = lip(0.8, 0.1, 0.0, 0.0, 1.0)
    low_in = lip(gap + 0.9, gap + 0.7, gaps[-1] + 0.4, gaps[1] + 0.4, 1.0)
    below = full(5.6)
    low_out = lip(gap + full(9.6), gap + full(9.2), gaps[-1] + below, gaps[1] + below)
    face.head(oval(mid[0], 44 + gap + 14.5, 13, 4), c.shade, 0.60, 2.5)
    face.head(oval(0, 44 + gap + 24, 11, 6), c.light, 0.35, 4)
    if gap > 0.6 or max(gaps.values()) > 0.6:
        _inside_the_mouth(face, up_in, low_in, mid[0], gap)
    face.head(np.r_[up_out, up_in[::-1]], (c.lip * 0.93, c.lip * 0.80), 1, 0.25)
    lower = (c.lip * 0.97, mix(c.lip, c.skin, 0.25))
    face.head(np.r_[low_in, low_out[::-1]], lower, 1, 0.25)
    shine = mix(c.lip, [255, 240, 232], 0.6)
    face.head(oval(mid[0], 44 + gap + 5.2 * look.lips, 8, 1.9), shine, 0.55, 1.2)
    line = up_in[np.linspace(0, len(up_in) - 1, 9).astype(int)]
    line = np.r_[[corners[-1]], line, [corners[1]]] + [0, 0.3]
    face.head(stroke(line, 1.3, (0.6, 0.6)), c.lip * 0.35, 0.85, 0.25)
    for k, s in SIDES:  # the folds beside the corners; a weak side has a flat one
        (x, y), lift, hang = corners[s], max(pose.smile[k], 0), max(pose.droop[k], 0)
        face.head(oval(x + s * 1.5, y + 0.5, 2.6, 2.6), c.deep, 0.42, 1.2)
        start = np.array([s * 14.5 * look.nose, 18.5])
        way = np.array([x + s * (5.5 + 1.5 * lift), y + 2]) - start
        fold = start + way * [[0, 0], [0.46, 0.22], [0.84, 0.58], [1, 1]]
        depth = 0.24 + 0.30 * look.age + 0.55 * lift - 0.45 * hang
        face.head(stroke(fold, 2.0), c.deep, np.clip(depth, 0, 0.8), 0.7)
        face.head(stroke(fold + [s * 3.0, -1.5], 3.4), c.light, 0.55 * np.clip(depth, 0, 1), 1.6)
        line = [[x + s * 1.5, y + 3], [x + s * 3, y + 8], [x + s * 2.5, y + 13]]
        face.head(stroke(line, 1.6), c.deep, 0.6 * hang + 0.2 * look.age, 0.7)


def _inside_the_mouth(face: Portrait, up_in, low_in, x: float, gap: float) -> None:
    """Paint what shows between the lips: tongue, teeth, and the upper lip's shadow."""
    opening = np.r_[up_in, low_in[::-1]]
    inside = face.stencil(face.at(opening))
    face.head(opening, ([70, 22, 26], [112, 42, 44]))
    face.head(oval(x, 47 + 1.15 * gap, 12, 0.40 * gap + 2), [190, 90, 88], 0.85, 1.2, inside)
    bite = min(5.6, 2.2 + 0.36 * gap)
    teeth = np.r_[up_in[3:-3] - [0, 2], (up_in[3:-3] + [0, bite])[::-1]]
    face.head(teeth, ([226, 220, 212], [250, 247, 242]), 1, 0.3, inside)
    for at in (-8.4, -4.3, 0, 4.3, 8.4):
        edge = stroke([[x + at, 43], [x + at, 45 + bite / 2], [x + at, 44.6 + bite]], 0.5)
        face.head(edge, [190, 178, 168], 0.45, 0.1, inside)
    shadow = np.r_[up_in - [0, 1], (up_in + [0, 2.0])[::-1]]
    face.head(shadow, [60, 16, 20], 0.45, 0.8, inside)
