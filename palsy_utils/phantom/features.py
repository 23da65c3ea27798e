"""The parts of a drawn face that move: eyes, brows and mouth."""

import numpy as np

from palsy_utils.phantom.base import Look, Pose, Sheet, curve, mix, oval, stroke

SIDES = ((0, 1), (1, -1))  # (index in a pair, direction in the image): left, then right
INK = np.array([38.0, 26, 24])


def tones(look: Look) -> dict[str, np.ndarray]:
    """Return the colours that follow from skin and hair."""
    skin = np.asarray(look.skin, float)
    dark = 1 - skin.mean() / 255  # how dark the skin is: deep skin takes more light, less shadow
    return {
        "skin": skin,
        "shade": skin * mix([0.80, 0.68, 0.64], [0.66, 0.62, 0.62], dark),
        "deep": skin * mix([0.56, 0.40, 0.38], [0.42, 0.38, 0.40], dark),
        "light": mix(skin, [255, 236, 214], 0.20 + 0.14 * dark),
        "blush": mix(skin, [222, 96, 84], 0.30 - 0.14 * dark),
        "lip": mix(skin * [0.90, 0.70, 0.68], [176, 66, 72], 0.36 - 0.10 * dark),
        "brow": mix(np.asarray(look.brow_color or look.hair, float) * 0.8, skin * 0.4, 0.25),
    }


def draw_eye(sheet: Sheet, at, look: Look, pose: Pose, k: int, s: int) -> None:
    """Paint one eye: socket, white, iris, lids and lashes."""
    c = tones(look)
    shut = float(np.clip(pose.blink[k], -0.35, 1.05))
    size = look.eye_size * (1 + s * 0.02 * look.eye_uneven)
    cheek = 1.6 * max(pose.smile[k], 0) * (1 - 0.6 * max(shut, 0))
    x0, y0 = 27.0 * look.eye_gap, -10.0

    def eye(points):
        return at(np.asarray(points, float) * [s * size, size] + [s * x0, y0])

    tilt = 1.2 + 2 * look.eye_tilt
    rest = np.array([[-13.5, 3], [-9, -2.6], [-1.5, -6.4], [7, -5.0], [14, -tilt]])
    closed = np.array([[-13.5, 3], [-8, 4.6], [-0.5, 5.8], [7.5, 4.4], [14, -tilt + 1]])
    under = np.array([[-13.5, 3], [-7.5, 4.6], [0, 5.7], [7.5, 4.5], [14, -tilt]])
    upper = rest + (closed - rest) * np.sign(shut) * abs(shut) ** 0.8
    lower = (
        under + (closed - under) * max(shut, 0) - [0, cheek] * np.array([[0], [1], [1], [1], [0]])
    )
    lower = np.maximum(lower, upper * [0, 1] + [-99, 0])

    sheet.fill(eye(oval(0, -5, 19, 12)), c["shade"], 0.40, 5)
    sheet.fill(eye(oval(-12, -2, 6, 9)), c["shade"], 0.40, 3)
    lid = np.r_[
        curve(upper), curve(np.array([[14, -tilt], [8, -10.2], [-2, -12], [-10, -7], [-13.5, 3]]))
    ]
    sheet.fill(eye(lid), c["shade"], 0.30 + 0.1 * max(shut, 0), 1.2)
    sheet.fill(
        eye(oval(1, -6.5 + 3 * max(shut, 0), 7, 2.4)), c["light"], 0.20 + 0.3 * max(shut, 0), 1.6
    )
    if shut < 0.93:
        opening = np.r_[curve(upper), curve(lower[::-1])]
        inside = sheet.stencil(eye(opening))
        white = mix([246, 243, 240], c["skin"], 0.10)
        sheet.fill(eye(opening), white)
        sheet.fill(
            eye(oval(-13, 3.2, 2.6, 2)), mix([214, 130, 120], c["skin"], 0.3), 0.7, 0.5, inside
        )
        gx, gy = 4.2 * pose.gaze[0] * s, -0.9 + 2.6 * pose.gaze[1]
        iris = np.asarray(look.iris, float)
        sheet.fill(eye(oval(gx, gy, 7.3, 7.3)), iris * 0.42, 1, 0.3, inside)
        sheet.fill(
            eye(oval(gx, gy, 6.3, 6.3)),
            (iris * 0.75, mix(iris, [255, 200, 140], 0.22)),
            1,
            0.3,
            inside,
        )
        sheet.fill(
            eye(oval(gx, gy + 2.6, 4, 2.8)), mix(iris, [255, 206, 150], 0.4), 0.5, 0.9, inside
        )
        sheet.fill(eye(oval(gx, gy, 3.1, 3.1)), [16, 12, 14], 1, 0.2, inside)
        shadow = np.r_[curve(upper), curve(upper[::-1] + [0, 3.4])]
        sheet.fill(eye(shadow), c["deep"] * 0.6, 0.50, 0.8, inside)
        glint = 2.3 * np.clip(pose.side_light * 2, -1, 1) * s
        sheet.fill(eye(oval(gx + glint, gy - 2.9, 1.7, 1.7)), [255, 255, 255], 0.95, 0.15, inside)
        sheet.fill(eye(oval(gx - glint, gy + 2.8, 1.0, 0.8)), [255, 255, 255], 0.45, 0.2, inside)
        sheet.fill(eye(stroke(lower[1:-1] + [0, 0.2], 1.1)), mix(c["blush"], c["light"], 0.5), 0.8)
    sheet.fill(eye(stroke(lower + [0, 0.7], 0.9)), c["deep"], 0.55, 0.2)
    fold = np.array([[-12, -1.5], [-7, -8.4], [0, -11.4], [8, -9.6], [15, -2.5]])
    fold = fold + (rest[:, :1] * 0 + [0, 2.2]) * max(shut, 0) - [0, 1.5 * min(pose.brow[k], 1)]
    sheet.fill(eye(stroke(fold, 1.3)), c["deep"], 0.62 - 0.3 * max(shut, 0), 0.3)
    lash = np.r_[upper, [[15.6, -tilt - 0.7 + 2.2 * max(shut, 0)]]]
    sheet.fill(eye(stroke(lash, 2.1 + 0.7 * look.lashes, (0.3, 0.3))), INK, 0.95, 0.2)
    for u in np.linspace(0.45, 1, 5) if look.lashes > 0.5 else ():
        root = np.array([np.interp(u, np.linspace(0, 1, 5), upper[:, i]) for i in (0, 1)])
        flick = np.array([2.6 * u, (-3.0 + 5.4 * np.clip(shut, 0, 1)) * look.lashes])
        sheet.fill(
            eye(stroke([root, root + flick * [0.4, 0.6], root + flick], 0.9, (0.8, 0.1))), INK, 0.9
        )
    sheet.fill(
        eye(stroke([[-10, 9.5], [-2, 12.4], [8, 10.6]], 1.5)),
        c["deep"],
        0.10 + 0.30 * look.age,
        0.7,
    )
    for j in range(3):  # crow's feet: age, and the smile of this side
        line = [[18, -1 + 3 * j], [22, -2.4 + 3.8 * j], [25.5, -4 + 5 * j]]
        sheet.fill(
            eye(stroke(line, 0.9)), c["deep"], look.age * (0.15 + 0.5 * max(pose.smile[k], 0)), 0.4
        )


def draw_brow(sheet: Sheet, at, look: Look, pose: Pose, k: int, s: int) -> None:
    """Paint one brow, and the lines that it pushes up on the forehead."""
    c = tones(look)
    up = float(np.clip(pose.brow[k], -1.2, 1.2))
    y0 = -26.5 - s * look.brow_tilt / 2 - 10.5 * up
    thick = 5.2 * look.brow * (0.9 + 0.1 * look.eye_size)

    def brow(points):
        return at(np.asarray(points, float) * [s, 1] + [s * 27.0 * look.eye_gap, y0])

    spine = np.array(
        [[-15, 2.4 + 1.2 * up], [-7, -0.8], [2, -2.8 - 0.5 * up], [10, -2.6], [19, 3.2 + 0.5 * up]]
    )
    line = curve(spine)
    t = np.linspace(0, 1, len(line))[:, None]
    half = thick / 2 * np.interp(t, [0, 0.12, 0.45, 1], [0.7, 1, 0.92, 0.12])
    shape = np.r_[line - [0, 1] * half, (line + [0, 1] * half)[::-1]]
    sheet.fill(brow(shape), c["brow"], 0.85, 0.7)
    for u in np.linspace(0.02, 0.72, 8):
        root = np.array([np.interp(u, t[:, 0], line[:, i]) for i in (0, 1)]) + [
            0,
            thick * 0.42 * (1 - 0.6 * u),
        ]
        lean = np.array([2 + 3 * u, -thick * 0.85 * (1 - u)])
        sheet.fill(
            brow(stroke([root, root + lean / 2, root + lean], 0.9)), c["brow"] * 0.7, 0.5, 0.2
        )
    for j, y in enumerate((-11, -18, -25)):
        strength = (
            max(up, 0) * (0.55 + 0.2 * look.age) + 0.35 * max(look.age - 0.3, 0) + 0.1 * min(up, 0)
        )
        fold = [[-24, y + 1.5], [-12, y - 0.5], [0, y - 2.2], [12 - 2 * j, y + 0.5]]
        sheet.fill(brow(stroke(fold, 1.5)), c["deep"], strength * (0.9 - 0.12 * j), 0.5)
        sheet.fill(brow(stroke(np.array(fold) + [0, 1.8], 1.6)), c["light"], 0.6 * strength, 0.6)


def draw_mouth(sheet: Sheet, at, look: Look, pose: Pose) -> None:
    """Paint the mouth: inside, teeth, lips, and the folds from the nose to its corners."""
    c = tones(look)
    smile, droop = np.clip(pose.smile, -0.2, 1.2), np.clip(pose.droop, -0.2, 1.2)
    pull = 2.4 * (smile[0] - smile[1])  # the stronger side draws the middle of the mouth to it
    mid = np.array([pull, 44.0 - 1.2 * smile.mean()])
    drop = 17 * max(pose.jaw, 0) + 2.2 * pose.pucker
    full, wide = 1 + 0.25 * pose.pucker, 21.5 * look.mouth * (1 - 0.26 * pose.pucker)
    corners, gaps = {}, {}
    for k, s in SIDES:
        out = wide + 8.0 * smile[k] - 2.0 * droop[k]
        sag = -10.5 * smile[k] + 11.5 * droop[k] + 0.35 * drop - s * look.mouth_tilt / 2
        corners[s] = np.array([s * out + 0.5 * pull, 44.0 + sag])
        gaps[s] = 0.82 * drop + 3.4 * max(smile[k] - 0.25, 0) * (1 - 0.5 * max(droop[k], 0))
    gap = drop + 2.8 * max(smile.mean() - 0.2, 0)

    def lip(middle, peak, edge, inward=0.0):
        """Return a lip line through both corners; heights at the middle, the peaks and beside."""
        rows = [corners[-1] + [inward, 0]]
        for s in (-1, 1):
            q = [mid + (corners[s] - mid) * [0.56, 0.40] + [0, edge[s]]]
            q += [mid + [s * 4.6, 0] + (corners[s] - mid) * [0, 0.08] + [0, peak]]
            rows += q if s < 0 else [mid + [0, middle], *q[::-1]]
        return curve([*rows, corners[1] - [inward, 0]])

    both = {-1: 1.0, 1: 1.0}
    up_out = lip(
        -4.9 * look.lips * full, -7.0 * look.lips * full, {s: -4.4 * look.lips * full for s in both}
    )
    up_in = lip(0.8, 0.1, {s: 0.0 for s in both}, 1.0)
    low_in = lip(gap + 0.9, gap + 0.7, {s: gaps[s] + 0.4 for s in both}, 1.0)
    low_out = lip(
        gap + 9.6 * look.lips * full,
        gap + 9.2 * look.lips * full,
        {s: gaps[s] + 5.6 * look.lips * full for s in both},
    )
    sheet.fill(at(oval(mid[0], 44 + gap + 14.5, 13, 4)), c["shade"], 0.60, 2.5)
    sheet.fill(at(oval(0, 44 + gap + 24, 11, 6)), c["light"], 0.35, 4)
    opening = np.r_[up_in, low_in[::-1]]
    if gap > 0.6 or max(gaps.values()) > 0.6:
        inside = sheet.stencil(at(opening))
        sheet.fill(at(opening), ([70, 22, 26], [112, 42, 44]))
        sheet.fill(
            at(oval(mid[0], 47 + 1.15 * gap, 12, 0.40 * gap + 2)), [190, 90, 88], 0.85, 1.2, inside
        )
        bite = min(5.6, 2.2 + 0.36 * gap)
        teeth = np.r_[up_in[3:-3] - [0, 2], (up_in[3:-3] + [0, bite])[::-1]]
        sheet.fill(at(teeth), ([226, 220, 212], [250, 247, 242]), 1, 0.3, inside)
        for x in (-8.4, -4.3, 0, 4.3, 8.4):
            edge = stroke(
                [[mid[0] + x, 43], [mid[0] + x, 45 + bite / 2], [mid[0] + x, 44.6 + bite]], 0.5
            )
            sheet.fill(at(edge), [190, 178, 168], 0.45, 0.1, inside)
        sheet.fill(
            at(np.r_[up_in - [0, 1], (up_in + [0, 2.0])[::-1]]), [60, 16, 20], 0.45, 0.8, inside
        )
    sheet.fill(at(np.r_[up_out, up_in[::-1]]), (c["lip"] * 0.93, c["lip"] * 0.80), 1, 0.25)
    sheet.fill(
        at(np.r_[low_in, low_out[::-1]]), (c["lip"] * 0.97, mix(c["lip"], c["skin"], 0.25)), 1, 0.25
    )
    sheet.fill(
        at(oval(mid[0], 44 + gap + 5.2 * look.lips, 8, 1.9)),
        mix(c["lip"], [255, 240, 232], 0.6),
        0.55,
        1.2,
    )
    line = np.array([up_in[i] for i in np.linspace(0, len(up_in) - 1, 9).astype(int)])
    sheet.fill(
        at(stroke(np.r_[[corners[-1]], line, [corners[1]]] + [0, 0.3], 1.3, (0.6, 0.6))),
        c["lip"] * 0.35,
        0.85,
        0.25,
    )
    for k, s in SIDES:
        _draw_folds(sheet, at, look, pose, k, s, corners[s])


def _draw_folds(sheet: Sheet, at, look: Look, pose: Pose, k: int, s: int, corner) -> None:
    """Paint the folds beside one corner of the mouth; a weak side has a flat one."""
    c, (x, y) = tones(look), corner
    sheet.fill(at(oval(x + s * 1.5, y + 0.5, 2.6, 2.6)), c["deep"], 0.42, 1.2)
    lift = max(pose.smile[k], 0)
    start = np.array([s * 14.5 * look.nose, 18.5])
    way = np.array([x + s * (5.5 + 1.5 * lift), y + 2]) - start
    fold = start + way * [[0, 0], [0.46, 0.22], [0.84, 0.58], [1, 1]]
    depth = 0.24 + 0.30 * look.age + 0.55 * lift - 0.45 * max(pose.droop[k], 0)
    sheet.fill(at(stroke(fold, 2.0)), c["deep"], np.clip(depth, 0, 0.8), 0.7)
    sheet.fill(
        at(stroke(np.array(fold) + [s * 3.0, -1.5], 3.4)),
        c["light"],
        0.55 * np.clip(depth, 0, 1),
        1.6,
    )
    hang = [[x + s * 1.5, y + 3], [x + s * 3, y + 8], [x + s * 2.5, y + 13]]
    sheet.fill(at(stroke(hang, 1.6)), c["deep"], 0.6 * max(pose.droop[k], 0) + 0.2 * look.age, 0.7)
