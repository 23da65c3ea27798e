"""The synthetic patients: in balance, how they look, and what a palsy makes of their movements."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import t as heavy_tailed

from palsy_utils.phantom.painter import RGB, Look

GAIN = {"none": 1.0, "slight": 0.50, "strong": 0.06}  # share of the movement that is left
DROOP = {"none": 0.0, "slight": 0.05, "strong": 0.12}  # how far brow and mouth hang at least
SPREAD = {"none": (0.0, 0.0), "slight": (-0.1, 0.25), "strong": (-0.04, 0.2)}  # of gains
HANG = {"none": 0.0, "slight": 0.14, "strong": 0.2}  # and how much farther at most

# Natural differences, left minus right, of lids, brows and corners of the mouth: heavy-tailed. At
# rest they are offsets, in movement a share of it.
NATURAL, FARTHEST = ((0.05, 0.10, 0.10), (0.05, 0.14, 0.14)), 0.28
UNEVEN = ("brow_tilt", "eye_uneven", "mouth_tilt", "eye_level")  # and of bones, in every frame


def palette(colours: str) -> tuple[RGB, ...]:
    """Return colours (red, green, blue) from text: "f8e2d2 f2d4be ..."."""
    return tuple(tuple(bytes.fromhex(colour)) for colour in colours.split())


# Severities of twelve patients, and again for the next twelve on the other side. p05, p08, p09 and
# p12 have no palsy. In larger cohorts p13 had one and is well again, and p14 has one on both sides.
EYES = "strong none slight slight none slight slight none none strong slight none".split()
MOUTH = "none strong slight slight none slight strong none none slight slight none".split()
SPECIAL = {12: ("recovered", "none", "none"), 13: ("bilateral", "slight", "slight")}

# Warm versions of the ten tones of the Monk scale, and the order in which they are given out.
TONES = palette("f8e2d2 f2d4be ecc8aa e2b692 d0a078 b07e5a 926446 724c36 563a2c 422e26")
TONE_ORDER = (3, 7, 6, 9, 5, 2, 8, 4, 10, 1)  # tells neither side nor severity
STYLE_ORDER = ("long", "crop", "scarf", "afro", "curls", "receding", "bald", "short", "bun", "bob")
SOFT = ("long", "scarf", "afro", "bun", "bob")  # painted with longer lashes and a narrower jaw
PARTED = ("short", "long", "bob")
BEARDS = {"bald": 0.9, "crop": 0.5}
DARK = palette("1e1818 2c201c 3a2820")
FAIR = DARK + palette("603e28 965c36 c49c64 ceb07c")
GREY = palette("969492 bcb8b2 6e6a68")
CLOTHES = palette("547096 c47454 6c8668 965c6c d6a85c 5c6076 468286 b09680")
BACKDROPS = palette("d0dae2 e4d8c8 cedcd0 e2d2d0 d6d2e2")
IRISES = palette("543826 422c22 684a2e 60785c 5c8098")


@dataclass(frozen=True)
class Patient:
    """A synthetic patient: how they look, and what of their face does not move."""

    name: str
    condition: str  # palsy, healthy, recovered or bilateral
    side: str  # affected side, the subject's own: left, right or none (both alike)
    eyes: str  # severity: none, slight or strong
    mouth: str
    tone: int  # of the skin, 1 (lightest) to 10
    eyes_gain: float  # share of the movement that is left on the affected side
    mouth_gain: float
    droop: tuple[float, float]  # of brow and mouth on the affected side at rest
    synkinesis: float  # how far the affected eye closes with a full smile
    natural: np.ndarray  # differences, (2, 3): at rest and in movement, of lids, brows, mouth
    look: Look


def make_patients(n: int = 12, seed: int = 0) -> list[Patient]:
    """Return n synthetic patients, p01 to p<n>: sides, severities and skin tones in balance."""
    people = []
    for index in range(n):
        rng, place, again = np.random.default_rng([seed, index]), index % 12, index // 12
        eyes, mouth = EYES[place], MOUTH[place]
        condition = "healthy" if eyes == mouth == "none" else "palsy"
        if n > max(SPECIAL):
            condition, eyes, mouth = SPECIAL.get(index, (condition, eyes, mouth))
        one_sided = condition in ("palsy", "recovered")
        side = ("left", "right")[(index + again) % 2] if one_sided else "none"
        tone = TONE_ORDER[index % 10]
        share = (np.random.default_rng(seed).random() + 0.618 * index) % 1  # even over the people
        level = min(heavy_tailed.ppf(0.5 + share / 2, 3), 2.4) * rng.choice([-1.9, 1.9])
        look = replace(_make_look(index, tone, rng), eye_level=level)
        of_eyes, of_mouth = (round(GAIN[s] + rng.uniform(*SPREAD[s]), 2) for s in (eyes, mouth))
        droop = tuple(round(DROOP[s] + HANG[s] * rng.random(), 3) for s in (eyes, mouth))
        synkinesis = round(rng.uniform(0.25, 0.6) * (rng.random() < 0.5), 2)
        if "none" in (eyes, mouth):  # a trace is all that is left of one that is over
            synkinesis = 0.12 * (condition == "recovered")
        natural = np.clip(NATURAL * rng.standard_t(3, (2, 3)), -FARTHEST, FARTHEST).round(3)
        about = (f"p{index + 1:02d}", condition, side, eyes, mouth, tone, of_eyes, of_mouth)
        people.append(Patient(*about, droop, synkinesis, natural, look))
    return people


def _make_look(index: int, tone: int, rng: np.random.Generator) -> Look:
    style = STYLE_ORDER[(index + 4 * (index // 10)) % 10]
    soft, old = style in SOFT, style == "receding"
    hairs = GREY if old else FAIR if tone <= 4 else DARK
    irises = IRISES if tone <= 4 else IRISES[:3]
    between, uneven = rng.uniform, np.clip(rng.standard_t(3, 3), -2.4, 2.4)
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
        collar=("shirt", "round", "high")[(index + index // 5) % 3],
        backdrop=BACKDROPS[(2 * index + index // 5) % 5],
        brow_tilt=1.2 * uneven[0],
        eye_uneven=1.2 * uneven[1],
        mouth_tilt=1.0 * uneven[2],
    )


def with_palsy(patient: Patient, blink, brow, smile) -> dict[str, np.ndarray]:
    """Return what a face makes of meant movements (..., 2), left and right, and its droop."""
    both = patient.condition == "bilateral"
    weak = np.array([both or side == patient.side for side in ("left", "right")])
    eyes, mouth = (np.where(weak, gain, 1.0) for gain in (patient.eyes_gain, patient.mouth_gain))
    lids = blink * eyes - 0.08 * (1 - eyes)  # the lid of a weak eye stands a little wide,
    closes = weak * patient.synkinesis * np.clip(smile, 0, 1)  # or closes with the smile
    return {
        "blink": lids + closes * (1 - np.clip(lids, 0, 1)),
        "brow": brow * eyes - weak * patient.droop[0],
        "smile": smile * mouth,
        "droop": weak * patient.droop[1] + 0 * smile,
    }


def describe(patients: list[Patient]) -> pd.DataFrame:
    """Return a table of synthetic patients, one row each."""
    table = pd.DataFrame([vars(p.look) | vars(p) for p in patients])
    natural = [f"{part}_{when}" for when in ("rest", "moving") for part in ("lid", "brow", "mouth")]
    table[natural] = np.stack(table["natural"]).reshape(-1, 6)
    told = ["name", "side", "condition", "eyes", "mouth", "eyes_gain", "mouth_gain", "synkinesis"]
    table = table[[*told, *natural, *UNEVEN, "tone", "style"]].round(3)
    return table.rename(columns={"name": "patient", "tone": "skin_tone", "style": "hair"})
