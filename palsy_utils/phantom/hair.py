"""What surrounds a synthetic face: backdrop, neck, clothes, hair, beard and glasses."""

from functools import lru_cache

import numpy as np

from palsy_utils.phantom.painter import RGB, SUNLIT, WHITE, Look, Portrait, Pose
from palsy_utils.phantom.shapes import curve, mirrored, mix, oval, points, ring, stroke

EARS = ("short", "crop", "bun", "bald", "receding")  # styles that leave the ears free
CURLY, CROPPED = ("afro", "curls"), ("crop", "receding")

# Right halves of outlines, top to bottom.
CAP = points("0 -104  30 -99  54 -80  65 -52  66 -24  62 -4")
BACK = {
    "bob": points("0 -106  36 -100  62 -76  74 -40  76 0  74 36  64 58  40 62  0 60"),
    "long": points("0 -106  36 -100  62 -76  73 -40  76 10  82 60  88 108  70 140  0 140"),
    "afro": points("0 -116  38 -110  70 -88  84 -50  79 -12  66 12  40 20  0 20"),
    "curls": points("0 -108  38 -102  66 -80  78 -44  78 -4  73 28  60 44  0 40"),
    "scarf": points("0 -106  40 -99  66 -72  73 -30  71 20  66 60  72 104  92 140  0 140"),
}
HAIRLINE = {
    "crop": points("0 -64  20 -63  47 -53  55 -34  59 -10"),
    "receding": points("0 -88  34 -80  52 -58  57 -34  60 -4"),
    "afro": points("0 -66  22 -64  46 -52  56 -30  61 -6"),
    "curls": points("0 -66  22 -62  46 -50  56 -28  61 -4"),
    "short": points("0 -67  8 -60  52 -48  57 -30  61 -8"),
}
HAIRLINE |= dict.fromkeys(("long", "bob", "bun"), points("0 -75  8 -68  36 -57  55 -36  60 -6"))
LOCK = points(
    "48 -64  56 -30  57 0  56 27  54 43  58 54  68 57  76 50  79 30  77 0  70 -44  58 -72"
)
SCARF = points("0 -106  40 -99  66 -72  73 -30  71 20  62 62  44 92  0 106")
SCARF_EDGE = points("0 -66  30 -60  48 -40  56 -8  54 24  44 52  26 72  0 81")
SHOULDERS = points("0 121  20 117  36 104  45 112  70 120  96 130  112 150  118 190  0 190")
HIGH_COLLAR = points("0 92  30 88  35 98  38 116  0 122")
ROUND_COLLAR = points("-36 104  -22 116  0 121  22 116  36 104")
FLAP = points("28 96  36 101  44 116  20 136  2 121")
NECK = points("33 98  35 112  24 124  0 130  -24 124  -35 112  -33 98")
BEARD = points("0 20  20 30  44 34  56 2  57 16  52 40  42 60  26 77  0 85")
MOUSTACHE = points("0 33  9 33  20 38  25 46  20 41  9 38.5  0 38.5")


@lru_cache(maxsize=16)
def backdrop(color: RGB, size: int) -> np.ndarray:
    """Return the empty picture (3, size, size), lighter in the middle."""
    empty, color = Portrait(Look(), Pose(), size), np.asarray(color, float)
    edge = points("0 0  256 0  256 256  0 256")
    empty.fill(edge, (mix(color, WHITE, 0.18), color * 0.86))
    empty.fill(oval(128, 110, 92, 96), mix(color, WHITE, 0.55), 0.75, 30)
    return empty.planes


def draw_body(face: Portrait) -> None:
    """Paint the neck, the ears if they show, and the clothes."""
    c = face.tones
    for s in (-1, 1) if face.look.style in EARS else ():
        x = s * 60 * face.tilt[0] ** 2  # the far one hides behind the cheek
        face.head(oval(x, 2, 8.5, 17, s * 8), mix(c.skin, c.shade, 0.55), depth=-4)
        face.head(oval(x + 0.5 * s, 2, 4.5, 11, s * 8), c.deep, 0.45, 1.5, depth=-4)
    top = face.at(points("-33 40  33 40"), 0)
    face.fill(np.concatenate((top, face.put(NECK))), (c.deep, c.shade))
    face.body(oval(0, 116, 24, 9), c.skin, 0.55, 5)
    cloth = np.asarray(face.look.clothes, float)
    light, dark = mix(cloth, WHITE, 0.28), cloth * 0.62
    face.body(mirrored(SHOULDERS), (mix(cloth, WHITE, 0.12), cloth * 0.74))
    for s in (-1, 1):
        face.body(stroke([[s * 74, 190], [s * 80, 160], [s * 88, 134]], 3), cloth * 0.5, 0.4, 1.5)
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


def draw_beard(face: Portrait) -> None:
    """Paint stubble or a beard around the mouth, open at the lips."""
    beard, hair = face.look.beard, face.tones.hair * 0.9
    outer = BEARD + np.outer(np.clip((BEARD[:, 1] - 40) / 40, 0, 1), [0, face.chin])
    lips = mirrored(points("0 30  27 32  24 46  15 57  0 58") + [0, 0.3 * face.chin])
    free = 1 - 0.8 * face.stencil(face.at(lips), 3)
    face.head(mirrored(outer), hair, 0.22 + 1.3 * max(beard - 0.5, 0), 2.2, free)
    moustache = np.concatenate((MOUSTACHE, MOUSTACHE[::-1] * [-1, 1]))
    face.head(curve(moustache, 4), hair, 0.6 * beard, 0.8)


def draw_glasses(face: Portrait) -> None:
    """Paint thin round glasses."""
    look = ([48, 42, 46], 0.9, 0.2)
    for s in (-1, 1):
        x = s * 27.5 * face.look.eye_gap
        face.head(ring(oval(x, -8, 20.5, 17), oval(x, -8, 19.1, 15.6)), *look, depth=56)
        arm = [[x + s * 20, -11], [s * 58, -11]]
        face.head(stroke(arm, 1.8, (0.9, 0.9)), *look, depth=40)
    bridge = stroke([[-7.5, -10], [0, -12], [7.5, -10]], 1.8, (0.9, 0.9))
    face.head(bridge, *look, depth=60)


def hair_back(face: Portrait) -> None:
    """Paint the hair that lies behind the head."""
    hair, style = face.tones.hair, face.look.style
    if style not in ("bald", "scarf"):
        face.head(mirrored([*CAP, [0, -4]]), hair * 0.7, depth=0)
    if style in BACK:
        face.head(mirrored(BACK[style]), (hair * 0.82, hair * 0.62), depth=-14)
        if style in CURLY:
            _curls(face, _along(BACK[style][:-1], 17) - [3, 0], hair * 0.82, -14)
    if style == "bun":
        face.head(oval(0, -106, 24, 18), (hair, hair * 0.7), depth=-20)
        for x in (-10, 0, 10):
            line = [[x - 5, -120], [x + 2, -108], [x - 2, -94]]
            face.head(stroke(line, 2.4), face.tones.shine, 0.45, 0.8, depth=-20)


def hair_front(face: Portrait) -> None:
    """Paint the hair over the forehead and the temples."""
    hair, shine, style, part = face.tones.hair, face.tones.shine, face.look.style, face.look.part
    rim, part = CAP * (0.955 if style in CROPPED else 1), 26 * part
    halves = [HAIRLINE[style] * [s, 1] for s in (1, -1)]
    for half in halves if style not in (*CURLY, *CROPPED) else ():
        half[:2] += [part, 0]
    line = np.concatenate((halves[1][:0:-1], halves[0]))
    shape = np.concatenate((curve(np.concatenate((rim[:0:-1] * [-1, 1], rim))), curve(line)[::-1]))
    inside = face.stencil(face.at(shape), 0.6)
    face.head(stroke(line[1:-1] + [0, 2], 4), face.tones.skin * 0.4, 0.4, 2.5)
    face.head(shape, (hair * 1.04, hair * 0.86), 1, 1.2 if style in CROPPED else 0.5)
    if style in CURLY:
        for j in range(28):  # small locks, spread like the seeds of a sunflower
            x, y = np.sqrt(j / 28) * np.array([58 * np.cos(2.4 * j), 24 * np.sin(2.4 * j)])
            lock = points("-6 3  -1 -4  6 1") + [x, y - 86 + 0.006 * x * x]
            face.head(stroke(lock, 2.8), shine, 0.5, 0.8, depth=10)
        _curls(face, _along(line[1:-1], 13), hair * 0.94, 20)
    elif style in CROPPED:
        for x in (-20, 20):
            face.head(oval(x, -84, 26, 12), shine, 0.45, 8, inside)
    else:  # strands from the parting down both sides, between the hairline and the rim
        for s, half in zip((1, -1), halves, strict=True):
            low, high = _along(half), _along([[0.5 * part, -103], *(CAP[1:] * [s, 1])])
            for j, share in enumerate((0.1, 0.22, 0.36, 0.5, 0.64, 0.78, 0.9)):
                strand = low + (high - low) * (share + 0.05 * np.sin(3 * j))
                color, width = ((hair * 0.55, 1.6), (shine, 3.0))[j % 2]
                face.head(stroke(strand, width, steps=3), color, 0.42, 0.8, inside)
    if style in ("bob", "long"):  # beside the cheeks
        length = 1.0 if style == "bob" else 2.2
        for s in (-1, 1):
            lock = LOCK * [s, 1]
            lock = np.where(lock[:, 1:] > 0, lock * [1.05 if length > 1 else 1, length], lock)
            face.head(curve(lock, closed=True), (hair, hair * 0.78), 1, 0.4, depth=-4)
            for j in range(4):
                x, end = 59.0 + 4 * j, 50 * length
                strand = [[x - 3, -52], [x, -10], [x + 1, end * 0.5], [x + 2 * length, end]]
                color = (shine, hair * 0.55)[j % 2]
                face.head(stroke(strand * np.array([s, 1]), 2), color, 0.35, 0.7, depth=-4)


def _along(line, count: int = 10) -> np.ndarray:
    """Return `count` points evenly spread along a smooth line."""
    line = curve(line)
    way = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    even = np.linspace(0, way[-1], count)
    return np.stack([np.interp(even, way, line[:, i]) for i in (0, 1)], axis=1)


def _curls(face: Portrait, places: np.ndarray, hair: np.ndarray, depth: float) -> None:
    """Paint curls at places, and at their mirror images if all lie on the right."""
    shine = mix(hair, SUNLIT, 0.24)
    for j, (x, y) in enumerate(places):
        for s in (1, -1) if places[:, 0].min() > -9 else (1,):
            r, tint = 9.5 + 1.8 * np.sin(2.4 * j), hair * (0.95 + 0.08 * np.cos(1.7 * j))
            face.head(oval(s * x, y, r, r), tint, 1, 0.4, depth=depth)
            arc = [[-0.5 * r, 0], [0, -0.55 * r], [0.5 * r, 0.1 * r]] * np.array([s, 1])
            face.head(stroke(arc + [s * x, y], 2), shine, 0.5, 0.7, depth=depth)


def draw_scarf(face: Portrait) -> None:
    """Paint a headscarf around the face."""
    cloth, inner = face.tones.hair, mirrored(SCARF_EDGE)
    shape = ring(mirrored(SCARF), inner)
    face.head(stroke(np.r_[inner, inner[:1]], 5, (1, 1), steps=1), cloth * 0.2, 0.5, 3)
    face.head(shape, (cloth * 1.05, cloth * 0.82), 1, 0.4)
    inside, light = face.stencil(face.at(shape)), mix(cloth, [255, 250, 240], 0.25)
    for s in (-1, 1):
        for j in range(4):
            fold = [[4 + 6 * j, -74 - 7 * j], [48 + 4 * j, -52], [60 + 3 * j, 10]]
            fold = np.array([*fold, [46 + 3 * j, 66 + 4 * j]]) * [s, 1]
            face.head(stroke(fold, 2.4), (light, cloth * 0.6)[j % 2], 0.45, 1, inside)
