"""The phantom cohort: clips of synthetic patients, what raters say about them, and the truth."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.files import PalsyError, progress, publish, write_csv
from palsy_utils.phantom.moves import FPS, HOLD, clip_truth
from palsy_utils.phantom.patients import Patient, describe, make_patients
from palsy_utils.phantom.ratings import rate, with_labels
from palsy_utils.phantom.scene import draw_scene

SIZE = 256  # pixels of a side of a clip's pictures


def draw_clip(patient: Patient, truth: pd.DataFrame) -> Iterator[np.ndarray]:
    """Yield the pictures (SIZE, SIZE, 3), uint8 RGB, of a clip, each drawing HOLD times."""
    for start in range(0, len(truth), HOLD):
        picture = draw_scene(patient.look, truth.iloc[start], SIZE)
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
    folder: Path | str, patients: int = 12, clips: int = 16, seed: int = 0, seconds: float = 4.0
) -> pd.DataFrame:
    """Draw a cohort of any size into a folder and return its labels.

    Writes `clips/<video>.mp4`, `patients.csv` and `truth.csv` (what is shown), `ratings.csv` (what
    three raters say) and, last, `labels.csv` (their majority), so that half a cohort is never taken
    for a whole one. The same numbers give the same pictures. Patients get their clips in turn.
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

    def write_one(number: int) -> list[pd.DataFrame]:
        patient, clip = people[number % patients], number // patients
        truth, video = clip_truth(patient, clip, seconds, seed), f"{patient.name}-{clip + 1}"
        write_clip(draw_clip(patient, truth), folder / "clips" / f"{video}.mp4")
        tables = [ratings := rate(truth, patient.name, clip, seed), with_labels(truth, ratings)]
        about = pd.DataFrame({"patient": patient.name, "video": [video]})
        return [about.merge(table, how="cross") for table in tables]

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # drawing and encoding leave Python often
        done = list(progress(pool.map(write_one, range(clips)), "drawing clips", clips, "clip"))
    ratings, truth = (
        pd.concat(tables).sort_values("video", kind="stable", ignore_index=True)
        for tables in zip(*done, strict=True)
    )
    labels = ratings[["patient", "video", "start_s", "end_s", "eyes", "mouth"]]
    labels.insert(2, "file", "clips/" + labels["video"] + ".mp4")
    write_csv(describe(people), folder / "patients.csv")
    write_csv(truth, folder / "truth.csv")
    write_csv(ratings.drop(columns=["eyes", "mouth"]), folder / "ratings.csv")
    write_csv(labels, folder / "labels.csv")
    return labels
