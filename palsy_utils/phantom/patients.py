"""Who is drawn: patients in balance, how they look, and what a palsy makes of their movements."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from palsy_utils.phantom.base import Look

GAIN = {"none": 1.0, "slight": 0.50, "strong": 0.06}  # share of the movement that is left
DROOP = {"none": 0.0, "slight": 0.05, "strong": 0.12}  # how far brow and mouth hang at rest

# Severities (eyes, mouth) of eight patients, and again for the next eight on the other side. The
# fifth shows no palsy; later ones in that place do.
SCHEME = (
    ("strong", "none"),
    ("none", "strong"),
    ("strong", "strong"),
    ("slight", "slight"),
    ("none", "none"),
    ("strong", "slight"),
    ("slight", "strong"),
    ("strong", "strong"),
)
HEALTHY = 4  # the place of the one without palsy

# Warm versions of the ten tones of the Monk scale, and the order in which they are given out.
TONES = (
    (248, 226, 210),
    (242, 212, 190),
    (236, 200, 170),
    (226, 182, 146),
    (208, 160, 120),
    (176, 126, 90),
    (146, 100, 70),
    (114, 76, 54),
    (86, 58, 44),
    (66, 46, 38),
)
TONE_ORDER = (3, 7, 6, 9, 5, 2, 8, 4, 10, 1)  # tells neither side nor severity
STYLE_ORDER = ("long", "crop", "scarf", "afro", "curls", "receding", "bald", "short", "bun", "bob")
SOFT = ("long", "scarf", "afro", "bun", "bob")  # drawn with longer lashes and a narrower jaw
PARTED = ("short", "long", "bob")
BEARDS = {"bald": 0.9, "crop": 0.5}
DARK = ((30, 24, 24), (44, 32, 28), (58, 40, 32))
FAIR = (*DARK, (96, 62, 40), (150, 92, 54), (196, 156, 100), (206, 176, 124))
GREY = ((150, 148, 146), (188, 184, 178), (110, 106, 104))
CLOTHES = (
    (84, 112, 150),
    (196, 116, 84),
    (108, 134, 104),
    (150, 92, 108),
    (214, 168, 92),
    (92, 96, 118),
    (70, 130, 134),
    (176, 150, 128),
)
BACKDROPS = ((208, 218, 226), (228, 216, 200), (206, 220, 208), (226, 210, 208), (214, 210, 226))
IRISES = ((84, 56, 38), (66, 44, 34), (104, 74, 46), (96, 120, 92), (92, 128, 152))


@dataclass(frozen=True)
class Patient:
    """A drawn patient: how they look, and what of their face does not move.

    `side` is the affected side, the subject's own: left, right or none. `eyes` and `mouth` are the
    severities: none, slight or strong. `tone` is the skin tone, 1 (lightest) to 10. A gain is the
    share of the movement that is left on the affected side.
    """

    name: str
    side: str
    eyes: str
    mouth: str
    tone: int
    eyes_gain: float
    mouth_gain: float
    look: Look


def make_patients(n: int = 8, seed: int = 0) -> list[Patient]:
    """Return n drawn patients, p01 to p<n>: sides, severities and skin tones in balance."""
    return [_make_patient(index, np.random.default_rng([seed, index])) for index in range(n)]


def _make_patient(index: int, rng: np.random.Generator) -> Patient:
    place, again = index % 8, index // 8
    eyes, mouth = ("slight", "slight") if place == HEALTHY and again else SCHEME[place]
    side = "none" if eyes == mouth == "none" else ("left", "right")[(index + again) % 2]
    gains = [GAIN[s] + (s != "none") * rng.uniform(-0.06, 0.06) for s in (eyes, mouth)]
    tone = TONE_ORDER[index % 10]
    look = _make_look(index, tone, rng)
    return Patient(f"p{index + 1:02d}", side, eyes, mouth, tone, *np.round(gains, 2), look)


def _make_look(index: int, tone: int, rng: np.random.Generator) -> Look:
    style = STYLE_ORDER[(index + 3 * (index // 10)) % 10]
    soft, old = style in SOFT, style == "receding"
    hairs = GREY if old else FAIR if tone <= 4 else DARK
    irises = IRISES if tone <= 4 else IRISES[:3]

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    return Look(
        skin=TONES[tone - 1],
        hair=CLOTHES[6] if style == "scarf" else hairs[rng.integers(len(hairs))],
        brow_color=DARK[1] if style == "scarf" else None,
        iris=irises[rng.integers(len(irises))],
        style=style,
        part=float(rng.choice([-0.7, 0.0, 0.6])) if style in PARTED else 0.0,
        beard=BEARDS.get(style, 0.0),
        glasses=old,
        lashes=0.9 if soft else 0.3,
        age=0.85 if old else between(0.05, 0.5),
        width=between(0.95, 1.04),
        jaw=between(-0.8, -0.2) if soft else between(0, 0.9),
        eye_gap=between(0.96, 1.05),
        eye_size=between(1.04, 1.14),
        eye_tilt=between(-0.3, 0.7),
        brow=between(0.8, 1.0) if soft else between(1.0, 1.3),
        nose=between(0.92, 1.08) + 0.02 * max(tone - 5, 0),
        lips=between(0.88, 1.05) + 0.03 * max(tone - 5, 0),
        mouth=between(0.94, 1.08),
        clothes=CLOTHES[(3 * index + 1) % 8],
        collar=("shirt", "round", "high")[index % 3],
        backdrop=BACKDROPS[index % 5],
        brow_tilt=between(-1.8, 1.8),
        eye_uneven=between(-2, 2),
        mouth_tilt=between(-1.3, 1.3),
    )


def with_palsy(patient: Patient, blink, brow, smile) -> dict[str, tuple]:
    """Return what the patient's face makes of a movement: pairs blink, brow, smile and droop.

    Args:
        patient: whose side, severities and gains count.
        blink: lid closure that is meant (left, right), numbers or arrays; `brow`, `smile` alike.
    """
    moved: dict[str, list] = {"blink": [], "brow": [], "smile": [], "droop": []}
    for k, side in enumerate(("left", "right")):
        weak = side == patient.side
        eyes, mouth = (patient.eyes_gain, patient.mouth_gain) if weak else (1.0, 1.0)
        wide = 0.08 * (1 - eyes)  # the lid of a weak eye stands a little wide
        moved["blink"].append(blink[k] * eyes - wide)
        moved["brow"].append(brow[k] * eyes - weak * DROOP[patient.eyes])
        moved["smile"].append(smile[k] * mouth)
        moved["droop"].append(weak * DROOP[patient.mouth] + 0 * smile[k])
    return {name: tuple(pair) for name, pair in moved.items()}


def describe(patients: list[Patient]) -> pd.DataFrame:
    """Return a table of drawn patients, one row each."""
    own = ("name", "side", "eyes", "mouth", "eyes_gain", "mouth_gain", "tone")
    seen = ("style", "brow_tilt", "eye_uneven", "mouth_tilt")
    rows = [[getattr(p, n) for n in own] + [getattr(p.look, n) for n in seen] for p in patients]
    table = pd.DataFrame(rows, columns=[*own, *seen]).round(3)
    return table.rename(columns={"name": "patient", "tone": "skin_tone", "style": "hair"})
