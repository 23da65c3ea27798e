"""The phantom cohort: drawn patients whose side, region and severity of palsy are known exactly.

A palsy is one gain per region on the affected side (the lid closes less, the brow and the corner of
the mouth rise less) and a droop at rest. It shows when the face moves, so a frame is labelled by
what shows in it: the drawn difference between left and right.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.files import PalsyError, progress, publish, write_csv
from palsy_utils.phantom.face import draw_face
from palsy_utils.phantom.motion import FPS, HOLD, clip_truth, intervals
from palsy_utils.phantom.painter import Pose
from palsy_utils.phantom.patients import Patient, describe, make_patients

SIZE = 256  # pixels, side of a clip's pictures


def pose_of(row: pd.Series) -> Pose:
    """Return the pose in which a row of the truth was drawn."""
    sides = {n: (row[f"{n}_left"], row[f"{n}_right"]) for n in ("blink", "brow", "smile", "droop")}
    plane = {n: (row[f"{n}_x"], row[f"{n}_y"]) for n in ("gaze", "shift")}
    single = ("jaw", "pucker", "roll", "yaw", "nod", "scale", "light", "side_light")
    return Pose(**sides, **plane, **{n: row[n] for n in single})


def draw_clip(patient: Patient, truth: pd.DataFrame) -> Iterator[np.ndarray]:
    """Yield the pictures (SIZE, SIZE, 3), uint8 RGB, of a clip, each drawing HOLD times."""
    for start in range(0, len(truth), HOLD):
        picture = draw_face(patient.look, pose_of(truth.iloc[start]), SIZE)
        for _ in range(min(HOLD, len(truth) - start)):
            yield picture


def write_clip(pictures: Iterable[np.ndarray], path: Path) -> None:
    """Write RGB pictures as a VP9 video in an MP4 file, 30 a second, whole or not at all.

    Raises:
        PalsyError: this OpenCV cannot write VP9, or the disk cannot be written.
    """
    with publish(path) as part:
        video = part.with_name(part.name + ".mp4")  # OpenCV takes the container from the name
        writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"vp09"), FPS, (SIZE, SIZE))
        try:
            if not writer.isOpened():
                raise PalsyError(
                    f"{path} could not be written because this OpenCV has no VP9 encoder or may "
                    "not write there: install opencv-contrib-python from its registry, or choose "
                    "another folder."
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

    Raises:
        PalsyError: the folder holds a cohort already, a number makes no cohort, or the disk cannot
            be written.
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

    def write_one(number: int) -> tuple[tuple[str, str], pd.DataFrame]:
        patient, clip = people[number % patients], number // patients
        video = f"{patient.name}-{clip + 1}"
        truth = clip_truth(patient, clip, seconds, seed)
        write_clip(draw_clip(patient, truth), folder / "clips" / f"{video}.mp4")
        return (patient.name, video), truth

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # drawing and encoding leave Python often
        done = pool.map(write_one, range(clips))
        truths = dict(progress(done, "drawing clips", clips, "clip"))
    write_csv(describe(people), folder / "patients.csv")
    write_csv(_whole(truths), folder / "truth.csv")
    labels = _whole({who: intervals(truth) for who, truth in truths.items()})
    labels.insert(2, "file", "clips/" + labels["video"] + ".mp4")
    write_csv(labels, folder / "labels.csv")
    return labels


def _whole(tables: dict[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Return tables, (patient, video) -> table, as one, sorted by patient and video."""
    table = pd.concat(dict(sorted(tables.items(), key=lambda one: one[0])))
    return table.rename_axis(["patient", "video", ""]).reset_index([0, 1]).reset_index(drop=True)
