"""The phantom cohort: how drawn patients move, what shows of it, and the files.

A palsy is one gain per region on the affected side and a droop at rest. It shows when the face
moves, so a frame is labelled by the drawn difference between left and right.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.files import PalsyError, progress, publish, write_csv
from palsy_utils.phantom.face import draw_face
from palsy_utils.phantom.painter import Pose
from palsy_utils.phantom.patients import Patient, describe, make_patients, with_palsy

SIZE, FPS = 256, 30  # pixels of a side of a clip's pictures, and how many of them a second
HOLD = 2  # video frames that a drawing stands for: animated on twos, as cartoons are
SLIGHT, STRONG = 0.25, 0.60  # drawn differences from which a region is labelled so
SHORTEST = 6  # frames: a label that lasts less is joined to the one before it

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


def wander(time: np.ndarray, rng: np.random.Generator, period: float = 2.0) -> np.ndarray:
    """Return a slow random movement over time with a standard deviation of about 1."""
    waves = [(rng.uniform(0.6, 1.6) / period, rng.uniform(0, 2 * np.pi)) for _ in range(4)]
    return sum(np.sin(2 * np.pi * f * time + phase) for f, phase in waves) / np.sqrt(2)


def bump(time: np.ndarray, start: float, end: float, ramp: float) -> np.ndarray:
    """Return 1 between start and end and 0 outside, with soft edges `ramp` seconds long."""
    rise = np.clip((time - start) / ramp + 0.5, 0, 1)
    fall = np.clip((end - time) / ramp + 0.5, 0, 1)
    return (rise * rise * (3 - 2 * rise)) * (fall * fall * (3 - 2 * fall))


def movements(time: np.ndarray, rng: np.random.Generator) -> tuple[dict, dict]:
    """Return what a person means to do in a clip, and how head, eyes and light move.

    The first has (left, right) arrays for blink, brow and smile: equal but for the small
    differences that everybody has. The second has arrays by columns of `clip_truth`.
    """
    level = {name: np.zeros_like(time) for name in ("blink", "brow", "smile", "jaw", "pucker")}
    start, queue = 0.0, []
    while start < time[-1]:
        queue = queue or list(rng.permutation([*ACTS, "rest", "talk"]))
        length, strength = rng.uniform(0.45, 0.75), rng.uniform(0.75, 1.05)
        for part, amount in ACTS[queue.pop()].items():
            level[part] += strength * amount * bump(time, start, start + length, 0.15)
        start += length
    for at in rng.uniform(0.3, max(time[-1] - 0.3, 0.4), 2):  # and blinks as they come
        blink = rng.uniform(0.8, 1) * bump(time, at, at + 0.16, 0.1)
        level["blink"] = np.maximum(level["blink"], blink)
    syllables = np.sin(2 * np.pi * rng.uniform(2.6, 3.6) * time + 1.5 * wander(time, rng))
    level["jaw"] = level["jaw"] * (0.5 + 0.5 * syllables) + 0.03 + 0.02 * wander(time, rng)
    level["pucker"] = level["pucker"] * np.clip(wander(time, rng, 0.5), 0, 1)
    level["blink"] += 0.08 + 0.05 * wander(time, rng)
    level["brow"] += 0.06 * wander(time, rng)
    level["smile"] += 0.10 + 0.05 * wander(time, rng)
    meant = {}
    for name, usual in (("blink", 0.045), ("brow", 0.05), ("smile", 0.05)):
        apart = usual * (wander(time, rng, 1.2) + rng.normal())  # left minus right, of everybody
        apart = np.clip(apart + 0.10 * rng.uniform(-1, 1) * level[name], -0.17, 0.17)
        meant[name] = level[name] + apart / 2, level[name] - apart / 2
    rest = {
        "jaw": np.clip(level["jaw"], 0, 1),
        "pucker": level["pucker"],
        "gaze_x": 0.5 * wander(time, rng, 1.5),
        "gaze_y": 0.3 * wander(time, rng, 1.5),
        "roll": np.clip(rng.uniform(-6, 6) + 4 * wander(time, rng, 3), -12, 12),
        "yaw": np.clip(rng.uniform(-3, 3) + 2.5 * wander(time, rng, 3), -8, 8),
        "nod": np.clip(2.5 * wander(time, rng, 2.5), -6, 6),
        "shift_x": rng.uniform(-5, 5) + 2.5 * wander(time, rng, 4),
        "shift_y": rng.uniform(-1, 4) + 1.5 * wander(time, rng, 4),
        "scale": np.full_like(time, rng.uniform(0.86, 0.97)),
        "light": np.round(rng.uniform(0.78, 1.08) + 0.03 * wander(time, rng, 3), 2),
        "side_light": np.round(rng.uniform(-0.7, 0.7) + 0.12 * wander(time, rng, 3), 1),
    }
    return meant, rest


def clip_truth(patient: Patient, clip: int = 0, seconds: float = 4, seed: int = 0) -> pd.DataFrame:
    """Return what is drawn in each frame of a clip, and its labels: one row a frame, 30 a second.

    Beside frame, time_s and the fields of `Pose`, such as blink_left or shift_x, it has
    eyes_difference and mouth_difference (how unlike the sides are), eyes, mouth and label.
    """
    rng = np.random.default_rng([seed, int(patient.name[1:]), clip])
    frame = np.arange(round(seconds * FPS))
    meant, rest = movements(frame // HOLD * HOLD / FPS, rng)
    truth = pd.DataFrame({"frame": frame})
    for name, (left, right) in with_palsy(patient, **meant).items():
        truth[f"{name}_left"], truth[f"{name}_right"] = left, right
    truth = truth.assign(**rest).round(3)
    truth.insert(1, "time_s", (frame / FPS).round(4))
    lids = (truth.blink_left - truth.blink_right).abs()
    brows = (truth.brow_left - truth.brow_right).abs()
    corners = (truth.smile_left - truth.droop_left) - (truth.smile_right - truth.droop_right)
    truth["eyes_difference"] = np.maximum(lids, 0.85 * brows).round(3)
    truth["mouth_difference"] = corners.abs().round(3)
    truth["eyes"] = label_region(truth.eyes_difference.to_numpy())
    truth["mouth"] = label_region(truth.mouth_difference.to_numpy())
    strong = (truth.eyes == "strong") | (truth.mouth == "strong")
    both = (truth.eyes == "slight") & (truth.mouth == "slight")
    return truth.assign(label=(strong | both).astype(int))


def label_region(difference: np.ndarray) -> np.ndarray:
    """Return normal, slight or strong for each frame; under 0.2 s, the label before it stays."""
    level = (difference > SLIGHT).astype(int) + (difference > STRONG)
    for start, end in pairwise([*(np.flatnonzero(np.diff(level)) + 1), len(level)]):
        if end - start < SHORTEST:
            level[start:end] = level[start - 1]
    return np.array(["normal", "slight", "strong"])[level]


def intervals(truth: pd.DataFrame) -> pd.DataFrame:
    """Return runs of equal labels: start_s, end_s, eyes, mouth; edges halfway between frames."""
    pair = truth.eyes + truth.mouth
    run = (pair != pair.shift()).cumsum()
    first = truth.groupby(run)[["time_s", "eyes", "mouth"]].first().reset_index(drop=True)
    start = (first.time_s - 0.5 / FPS).clip(lower=0).round(4)
    end = start.shift(-1, fill_value=round(len(truth) / FPS, 4))
    return pd.DataFrame({"start_s": start, "end_s": end, "eyes": first.eyes, "mouth": first.mouth})


def draw_clip(patient: Patient, truth: pd.DataFrame) -> Iterator[np.ndarray]:
    """Yield the pictures (SIZE, SIZE, 3), uint8 RGB, of a clip, each drawing HOLD times."""
    for start in range(0, len(truth), HOLD):
        row = truth.iloc[start]
        sides = ("blink", "brow", "smile", "droop")
        pose = {n: (row[f"{n}_left"], row[f"{n}_right"]) for n in sides}
        pose |= {n: (row[f"{n}_x"], row[f"{n}_y"]) for n in ("gaze", "shift")}
        pose |= {n: row[n] for n in truth if n in Pose.__dataclass_fields__}
        picture = draw_face(patient.look, Pose(**pose), SIZE)
        yield from [picture] * min(HOLD, len(truth) - start)


def write_clip(pictures: Iterable[np.ndarray], path: Path) -> None:
    """Write RGB pictures as a VP9 video in an MP4 file, 30 a second, whole or not at all."""
    with publish(path) as part:
        video = part.with_name(part.name + ".mp4")  # OpenCV takes the container from the name
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"vp09"), FPS, (SIZE, SIZE))
        try:
            if not writer.isOpened():
                raise PalsyError(
                    f"{path} could not be written: install opencv-contrib-python from its registry "
                    "if OpenCV has no VP9 encoder here, or choose another folder."
                )
            for picture in pictures:
                writer.write(picture[..., ::-1])
            writer.release()
            os.replace(video, part)
        finally:
            writer.release()
            video.unlink(missing_ok=True)


def write_cohort(
    folder: Path | str, patients: int = 8, clips: int = 11, seed: int = 0, seconds: float = 4.0
) -> pd.DataFrame:
    """Draw a cohort of any size into a folder and return its labels.

    Writes `clips/<video>.mp4`, `patients.csv` and `truth.csv` (what was drawn) and, last,
    `labels.csv`, so that half a cohort is never taken for a whole one. The same numbers give the
    same pictures. Patients get their clips in turn, so there should be at least one for each.
    """
    folder = Path(folder)
    if (folder / "labels.csv").exists():
        raise PalsyError(f"{folder} holds a cohort already: give another folder to draw one in.")
    if not 1 <= patients <= clips or seconds < 1:
        raise PalsyError(
            f"{patients} patients in {clips} clips of {seconds} s make no cohort: ask for at least "
            "one patient, one clip for each and one second a clip."
        )
    people = make_patients(patients, seed)

    def write_one(number: int) -> pd.DataFrame:
        patient, clip = people[number % patients], number // patients
        truth, video = clip_truth(patient, clip, seconds, seed), f"{patient.name}-{clip + 1}"
        write_clip(draw_clip(patient, truth), folder / "clips" / f"{video}.mp4")
        return pd.concat({(patient.name, video): truth}, names=["patient", "video"])

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # drawing and encoding leave Python often
        done = pool.map(write_one, range(clips))
        truth = pd.concat(progress(done, "drawing clips", clips, "clip"))
    truth = truth.sort_index(level=[0, 1], kind="stable").reset_index([0, 1])
    labels = truth.groupby(["patient", "video"]).apply(intervals, include_groups=False)
    labels = labels.reset_index([0, 1]).reset_index(drop=True)
    labels.insert(2, "file", "clips/" + labels["video"] + ".mp4")
    write_csv(describe(people), folder / "patients.csv")
    write_csv(truth, folder / "truth.csv")
    write_csv(labels, folder / "labels.csv")
    return labels
