"""What is worn on and under a drawn face: beard, glasses, clothes."""

import numpy as np

from palsy_utils.phantom.base import Look, Sheet, curve, mirrored, mix, oval, points, stroke

SHOULDERS = points("0 121  20 117  36 104  45 112  70 120  96 130  112 150  118 190  0 190")
HIGH_COLLAR = points("0 92  30 88  35 98  38 116  0 122")
ROUND_COLLAR = points("-36 104  -22 116  0 121  22 116  36 104")
FLAP = points("28 96  36 101  44 116  20 136  2 121")
MOUSTACHE = points("0 33  9 33  20 38  25 46  20 41  9 38.5  0 38.5")


def draw_beard(sheet: Sheet, at, look: Look, chin: float) -> None:
    """Paint stubble or a beard around the mouth, open at the lips; `chin` is how far it hangs."""
    if look.beard <= 0:
        return
    hair = np.asarray(look.hair, float) * 0.9
    outer = points("0 20  20 30  44 34  56 2  57 16  52 40  42 60  26 77  0 85")
    outer = outer + np.outer(np.clip((outer[:, 1] - 40) / 40, 0, 1), [0, chin])
    lips = mirrored(points("0 30  27 32  24 46  15 57  0 58") + [0, 0.3 * chin])
    free = 1 - 0.8 * sheet.stencil(at(lips), 3)
    sheet.fill(at(mirrored(outer)), hair, 0.22 + 1.3 * max(look.beard - 0.5, 0), 2.2, free)
    moustache = np.concatenate((MOUSTACHE, MOUSTACHE[::-1] * [-1, 1]))
    sheet.fill(at(curve(moustache, 4)), hair, 0.6 * look.beard, 0.8)


def draw_glasses(sheet: Sheet, at, look: Look) -> None:
    """Paint thin round glasses."""
    frame = [48, 42, 46]
    for s in (-1, 1):
        x = s * 27.5 * look.eye_gap
        rim, hole = oval(x, -8, 20.5, 17), oval(x, -8, 19.1, 15.6)
        ring = np.concatenate((rim, rim[:1], hole[:1], hole[::-1]))
        sheet.fill(at(ring, 56), frame, 0.9, 0.2)
        arm = [[x + s * 20, -11], [s * 58, -11]]
        sheet.fill(at(stroke(arm, 1.8, (0.9, 0.9)), 40), frame, 0.9, 0.2)
    sheet.fill(
        at(stroke([[-7.5, -10], [0, -12], [7.5, -10]], 1.8, (0.9, 0.9)), 60), frame, 0.9, 0.2
    )


def draw_clothes(sheet: Sheet, put, look: Look) -> None:
    """Paint shoulders and collar; `put` places points of the body."""
    cloth = np.asarray(look.clothes, float)
    light, dark = mix(cloth, [255, 255, 255], 0.28), cloth * 0.62
    sheet.fill(put(mirrored(SHOULDERS)), (mix(cloth, [255, 255, 255], 0.12), cloth * 0.74))
    for s in (-1, 1):
        sleeve = [[s * 74, 190], [s * 80, 160], [s * 88, 134]]
        sheet.fill(put(stroke(sleeve, 3)), cloth * 0.5, 0.4, 1.5)
    if look.collar == "high":
        sheet.fill(put(mirrored(HIGH_COLLAR)), (light, cloth * 0.8), 1, 0.3)
        sheet.fill(put(stroke([[-35, 98], [0, 106], [35, 98]], 2)), dark, 0.4, 0.8)
    elif look.collar == "shirt":
        for s in (-1, 1):
            sheet.fill(put(FLAP * [s, 1] + [0, 1.5]), dark, 0.5, 1.5)
            sheet.fill(put(FLAP * [s, 1]), (light, cloth), 1, 0.3)
        sheet.fill(put(stroke([[0, 121], [0, 140], [0, 170]], 1.2)), dark, 0.7, 0.3)
    else:
        sheet.fill(put(stroke(ROUND_COLLAR, 6, (0.9, 0.9))), light, 1, 0.3)
        sheet.fill(put(stroke(ROUND_COLLAR + [0, 3.2], 1.2)), dark, 0.6, 0.4)
