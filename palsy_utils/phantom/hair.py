"""The hair of a synthetic face, or what is worn over it."""

import numpy as np

from palsy_utils.phantom.painter import SUNLIT, Portrait, curve, mirrored, mix, oval, points, stroke

EARS = ("short", "crop", "bun", "bald", "receding")  # styles that leave the ears free
CURLY = ("afro", "curls")

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
}
LOCK = "48 -64  56 -30  57 0  56 27  54 43  58 54  68 57  76 50  79 30  77 0  70 -44  58 -72"
SCARF = points("0 -106  40 -99  66 -72  73 -30  71 20  62 62  44 92  0 106")
SCARF_EDGE = points("0 -66  30 -60  48 -40  56 -8  54 24  44 52  26 72  0 81")


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
    hair, style = face.tones.hair, face.look.style
    if style == "scarf":
        _scarf(face, hair)
    if style in ("bald", "scarf"):
        return
    part = 26 * face.look.part
    cropped = style in ("crop", "receding")
    rim = CAP * (0.955 if cropped else 1)
    right, left = _hairline(style, part)
    line = np.concatenate((left[:0:-1], right))
    shape = np.concatenate((curve(np.concatenate((rim[:0:-1] * [-1, 1], rim))), curve(line)[::-1]))
    inside = face.stencil(face.at(shape), 0.6)
    face.head(stroke(line[1:-1] + [0, 2], 4), face.tones.skin * 0.4, 0.4, 2.5)
    face.head(shape, (hair * 1.04, hair * 0.86), 1, 1.2 if cropped else 0.5)
    if style in CURLY:
        _locks(face, hair)
        _curls(face, _along(line[1:-1], 13), hair * 0.94, 20)
    elif cropped:
        for x in (-20, 20):
            face.head(oval(x, -84, 26, 12), face.tones.shine, 0.45, 8, inside)
    else:
        _strands(face, hair, part, (right, left), inside)
    if style in ("bob", "long"):
        _curtains(face, hair, 1.0 if style == "bob" else 2.2)


def _hairline(style: str, part: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the right and the left half of the hairline, from the parting to the temple."""
    if style in HAIRLINE:
        return HAIRLINE[style], HAIRLINE[style] * [-1, 1]
    top = np.array([part, -67.0 if style == "short" else -75.0])
    rest = points("52 -48  57 -30  61 -8" if style == "short" else "36 -57  55 -36  60 -6")
    return tuple(np.array([top, top + [8 * s, 7], *(rest * [s, 1])]) for s in (1, -1))


def _along(line, count: int = 10) -> np.ndarray:
    """Return `count` points evenly spread along a smooth line."""
    line = curve(line)
    way = np.append(0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
    even = np.linspace(0, way[-1], count)
    return np.stack([np.interp(even, way, line[:, i]) for i in (0, 1)], axis=1)


def _strands(face: Portrait, hair, part: float, halves, inside) -> None:
    """Paint strands from the parting down both sides, between the hairline and the rim."""
    for side, half in zip((1, -1), halves, strict=True):
        low = _along(half)
        high = _along([[0.5 * part, -103], *(CAP[1:] * [side, 1])])
        for j, share in enumerate((0.1, 0.22, 0.36, 0.5, 0.64, 0.78, 0.9)):
            strand = low + (high - low) * (share + 0.05 * np.sin(3 * j))
            color, width = ((hair * 0.55, 1.6), (face.tones.shine, 3.0))[j % 2]
            face.head(stroke(strand, width, steps=3), color, 0.42, 0.8, inside)


def _curtains(face: Portrait, hair, length: float) -> None:
    """Paint the hair that falls beside the cheeks."""
    for side in (-1, 1):
        lock = points(LOCK) * [side, 1]
        lock = np.where(lock[:, 1:] > 0, lock * [1.05 if length > 1 else 1, length], lock)
        face.head(curve(lock, closed=True), (hair, hair * 0.78), 1, 0.4, depth=-4)
        for j in range(4):
            x, end = 59.0 + 4 * j, 50 * length
            strand = np.array([[x - 3, -52], [x, -10], [x + 1, end * 0.5], [x + 2 * length, end]])
            color = (face.tones.shine, hair * 0.55)[j % 2]
            face.head(stroke(strand * [side, 1], 2), color, 0.35, 0.7, depth=-4)


def _locks(face: Portrait, hair) -> None:
    """Paint small locks all over curly hair, spread like the seeds of a sunflower."""
    for j in range(28):
        x, y = np.sqrt(j / 28) * np.array([58 * np.cos(2.4 * j), 24 * np.sin(2.4 * j)])
        lock = points("-6 3  -1 -4  6 1") + [x, y - 86 + 0.006 * x * x]
        face.head(stroke(lock, 2.8), face.tones.shine, 0.5, 0.8, depth=10)


def _curls(face: Portrait, places: np.ndarray, hair: np.ndarray, depth: float) -> None:
    """Paint curls at places, and at their mirror images if all lie on the right."""
    for j, (x, y) in enumerate(places):
        for side in (1, -1) if places[:, 0].min() > -9 else (1,):
            r = 9.5 + 1.8 * np.sin(2.4 * j)
            tint = hair * (0.95 + 0.08 * np.cos(1.7 * j))
            face.head(oval(side * x, y, r, r), tint, 1, 0.4, depth=depth)
            arc = [[-0.5 * r, 0], [0, -0.55 * r], [0.5 * r, 0.1 * r]] * np.array([side, 1])
            shine = mix(hair, SUNLIT, 0.24)
            face.head(stroke(arc + [side * x, y], 2), shine, 0.5, 0.7, depth=depth)


def _scarf(face: Portrait, cloth: np.ndarray) -> None:
    """Paint a headscarf around the face."""
    outer, inner = mirrored(SCARF), mirrored(SCARF_EDGE)
    ring = np.concatenate((outer, outer[:1], inner[:1], inner[::-1]))
    shadow = stroke(np.concatenate((inner, inner[:1])), 5, (1, 1), steps=1)
    face.head(shadow, cloth * 0.2, 0.5, 3)
    face.head(ring, (cloth * 1.05, cloth * 0.82), 1, 0.4)
    inside = face.stencil(face.at(ring))
    light = mix(cloth, [255, 250, 240], 0.25)
    for side in (-1, 1):
        for j in range(4):
            fold = [[4 + 6 * j, -74 - 7 * j], [48 + 4 * j, -52], [60 + 3 * j, 10]]
            fold = np.array([*fold, [46 + 3 * j, 66 + 4 * j]]) * [side, 1]
            face.head(stroke(fold, 2.4), (light, cloth * 0.6)[j % 2], 0.45, 1, inside)
