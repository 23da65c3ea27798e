"""How synthetic people move: what each means to do, what a palsy makes of it, and what happens.

A palsy is one gain per region on the affected side and a droop at rest, so it shows when the face
moves. Everybody is a little uneven, and everybody makes one-sided faces on purpose.
"""

import numpy as np
import pandas as pd

from palsy_utils.phantom.patients import Patient, with_palsy

FPS = 30  # video frames a second
HOLD = 2  # video frames that a drawing stands for: animated on twos, as cartoons are
BROW = 0.85  # what a difference of the brows counts beside one of the lids
DISCOUNT = 0.35  # what is taken for palsy of a difference that is natural, or meant
SHOWS = 0.1  # weakness from which there is a region where it shows most

# What is asked for, and how strongly: lids, brows, corners of the mouth, jaw, lips drawn together.
ACTS = {
    "rest": {},
    "talk": {"smile": 0.08, "jaw": 0.55, "pucker": 0.5},
    "smile": {"smile": 0.95, "blink": 0.10},
    "laugh": {"smile": 1.0, "blink": 0.65, "jaw": 0.45},
    "close": {"blink": 1.0},
    "squeeze": {"blink": 1.0, "smile": 0.6, "brow": -0.3},
    "brows": {"brow": 0.95, "blink": -0.1},
    "surprise": {"brow": 0.9, "jaw": 0.5, "pucker": 0.2},
}
ONE_SIDED = {"smirk": {"smile": 0.8}, "wink": {"blink": 1.0, "smile": 0.25}, "brow": {"brow": 0.9}}
PAIRS, SIDES = ("blink", "brow", "smile"), ("left", "right")
STRANDS = ("long", "bob")  # hair that falls into the face


def wander(time: np.ndarray, rng: np.random.Generator, period: float = 2.0) -> np.ndarray:
    """Return a slow random movement over time with a standard deviation of about 1."""
    waves = [(rng.uniform(0.6, 1.6) / period, rng.uniform(0, 2 * np.pi)) for _ in range(4)]
    return sum(np.sin(2 * np.pi * f * time + phase) for f, phase in waves) / np.sqrt(2)


def bump(time: np.ndarray, start: float, end: float, ramp: float) -> np.ndarray:
    """Return 1 between start and end and 0 outside, with soft edges `ramp` seconds long."""
    edge = np.clip(np.minimum(time - start, end - time) / ramp + 0.5, 0, 1)
    return edge * edge * (3 - 2 * edge)


def movements(time: np.ndarray, patient: Patient, rng: np.random.Generator) -> tuple:
    """Return what a person means to do in a clip: two dictionaries of arrays over time.

    The first has lids, brows and smile (n, 2), left and right; the second the rest, and in
    on_purpose what is one-sided because it is meant to be.
    """
    level = {name: np.zeros_like(time) for name in (*PAIRS, "jaw", "pucker")}
    purpose = {name: np.zeros((len(time), 2)) for name in PAIRS}
    act, start, queue = np.full(len(time), "", object), 0.0, []
    while start < time[-1]:
        queue = queue or list(rng.permutation([*ACTS, "rest", "talk", "one-sided"]))
        length, strength = rng.uniform(0.45, 0.75), rng.uniform(0.7, 1.05)
        now, name = bump(time, start, start + length, 0.15), queue.pop()
        if name == "one-sided":
            name, side = rng.choice(list(ONE_SIDED)), rng.integers(2)
            act[now > 0.3] = f"{name} {SIDES[side]}"
            for part, amount in ONE_SIDED[name].items():
                purpose[part][:, side] += strength * amount * now
        for part, amount in ACTS.get(name, {}).items():
            level[part] += strength * amount * now
        start += length
    for at in rng.uniform(0.3, max(time[-1] - 0.3, 0.4), 2):  # and blinks as they come
        level["blink"] = np.maximum(level["blink"], 0.9 * bump(time, at, at + 0.16, 0.1))
    syllables = np.sin(2 * np.pi * rng.uniform(2.6, 3.6) * time + 1.5 * wander(time, rng))
    level["jaw"] *= 0.5 + 0.5 * syllables
    level["pucker"] *= np.clip(wander(time, rng, 0.5), 0, 1)
    for name, usual in (("blink", 0.08), ("brow", 0.0), ("smile", 0.10), ("jaw", 0.05)):
        level[name] += usual + 0.05 * wander(time, rng)
    meant = {}
    for i, name in enumerate(PAIRS):
        apart = patient.natural[0, i] + patient.natural[1, i] * level[name]
        apart += 0.03 * wander(time, rng, 1.2)  # left minus right
        if name == "blink":  # shut is shut on both sides
            apart *= 1 - 0.8 * np.clip(level[name], 0, 1)
        pair = level[name][:, None] + np.outer(apart, [0.5, -0.5]) + purpose[name]
        meant[name] = np.minimum(pair, 1.05)
    other = {"jaw": np.clip(level["jaw"], 0, 1), "pucker": level["pucker"], "on_purpose": act}
    other |= {"gaze_x": 0.5 * wander(time, rng, 1.5), "gaze_y": 0.3 * wander(time, rng, 1.5)}
    return meant, other


def happenings(time: np.ndarray, strands: bool, rng: np.random.Generator) -> dict:
    """Return how head, camera and light are over time, and what comes between face and camera."""

    def event(chance: float, shortest: float, longest: float, ramp: float = 0.25) -> np.ndarray:
        start, length = rng.uniform(0, max(time[-1] - longest, 0.1)), rng.uniform(shortest, longest)
        return (rng.random() < chance) * bump(time, start, start + length, ramp)

    turn = rng.choice([-1, 1]) * rng.uniform(12, 25) * event(0.6, 0.7, 1.6, 0.4)
    leaning, covered = event(0.3, 0.30, 0.45, 0.3), event(0.25, 0.25, 0.40)
    hand = np.where(leaning > 0, 0, event(0.45, 0.6, 1.3))
    where = " ".join(rng.choice(part) for part in (("cheek", "mouth", "eye", "chin"), SIDES))
    strand = rng.choice(SIDES) if strands and rng.random() < 0.6 else ""
    covers = (covered > 0) & (leaning == 0)
    out = rng.choice([-1, 1]) * leaning
    return {
        "roll": np.clip(rng.uniform(-6, 6) + 4 * wander(time, rng, 3) + 14 * out, -24, 24),
        "yaw": np.clip(rng.uniform(-4, 4) + 3 * wander(time, rng, 3) + turn, -25, 25),
        "nod": np.clip(rng.uniform(-2, 2) + 3 * wander(time, rng, 2.5), -8, 8),
        "shift_x": rng.uniform(-5, 5) + 2.5 * wander(time, rng, 4) + 205 * out,
        "shift_y": rng.uniform(-1, 4) + 1.5 * wander(time, rng, 4),
        "scale": np.full_like(time, rng.uniform(0.84, 0.97)),
        "light": np.round(rng.uniform(0.68, 1.08) + 0.03 * wander(time, rng, 3), 2),
        "side_light": np.round(rng.uniform(-1, 1) + 0.12 * wander(time, rng, 3), 1),
        "shadow": np.full(len(time), round((rng.random() < 0.5) * rng.uniform(0.2, 0.55), 2)),
        "shadow_turn": np.full(len(time), rng.integers(360)),
        "blur": np.round(rng.uniform(0, 0.5) + rng.uniform(0.6, 1.6) * event(0.5, 0.5, 1.5), 2),
        "quality": np.full(len(time), rng.integers(25, 90)),
        "strand": np.full(len(time), strand),
        "hand": np.where(covers, "face both", np.where(hand > 0, where, "")),
        "hand_near": np.where(covers, covered, hand),
    }


def clip_truth(patient: Patient, clip: int = 0, seconds: float = 4, seed: int = 0) -> pd.DataFrame:
    """Return what is rendered in each frame of a clip: one row a frame, 30 a second.

    Beside frame, time_s, the fields of `Pose`, such as blink_left or shift_x, and what `scene`
    draws, it has what palsy alone does to eyes and mouth (eyes_difference and mouth_difference: how
    unlike what is meant the weaker side is), the region where that is most, what of all differences
    a rater may take for palsy (eyes_shown, mouth_shown), and whether there is a face to be seen.
    """
    rng = np.random.default_rng([seed, int(patient.name[1:]), clip])
    frame = np.arange(round(seconds * FPS))
    time = frame // HOLD * HOLD / FPS
    meant, other = movements(time, patient, rng)
    done = with_palsy(patient, **meant)
    truth = pd.DataFrame({"frame": frame, "time_s": (frame / FPS).round(4)})
    for name, pair in done.items():
        truth[[f"{name}_left", f"{name}_right"]] = pair
    truth = truth.assign(**other, **happenings(time, patient.look.style in STRANDS, rng))
    names = {"eye": ("blink", 1), "brow": ("brow", BROW), "mouth": ("smile", 1)}
    done["smile"] = done["smile"] - done["droop"]
    weak, shown = {}, {}
    for region, (name, counts) in names.items():
        lost = done[name] - meant[name]
        apart = (lost + DISCOUNT * meant[name]) @ [1, -1]
        weak[region] = counts * np.abs(lost).max(1)  # on the weaker side
        shown[region] = counts * (np.abs(apart) + np.abs(lost).min(1))  # weak sides may be alike
    for told, value in (("difference", weak), ("shown", shown)):
        truth[f"eyes_{told}"] = np.maximum(value["eye"], value["brow"])
        truth[f"mouth_{told}"] = value["mouth"]
    weak = pd.DataFrame(weak)
    truth["region"] = weak.idxmax(axis=1).where(weak.max(axis=1) >= SHOWS, "")
    speed = np.abs(np.gradient(truth["shift_x"] + 0.8 * truth["yaw"])) * FPS
    truth["motion"] = np.where(speed > 40, 0.03 * speed, 0)  # px: what moves during the exposure
    covered = truth["hand_near"].where(truth["hand"] == "face both", 0) > 0.85
    truth["face_shown"] = 1 - (covered | (truth["shift_x"].abs() > 98))
    return truth.round(dict.fromkeys(truth.columns.drop("time_s"), 3))
