"""Faces to files: all modalities of every frame that has a face and a label."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.load import Cohort, frame_labels
from palsy_utils.faces.features import MODALITIES, STRUCTURED
from palsy_utils.faces.frames import VIDEO, load_frames
from palsy_utils.faces.measure import faces_file, faces_from, load_faces
from palsy_utils.faces.pictures import read_image
from palsy_utils.faces.upright import coordinates, crop_rgb, draw_lines, to_pixels
from palsy_utils.files import PalsyError, progress, publish, write_csv
from palsy_utils.stamps import DONE, State

SAMPLES_FILE = "modalities/samples.csv"
SAMPLES = ["patient", "video", "frame", "time_s", "eyes", "mouth", "label"]


def build_modalities(cohort: Cohort, size: int, mouth_and_nose: bool = True) -> pd.DataFrame:
    """Write all modalities of every frame that has a face and a label, and return the samples.

    `modalities/`: `samples.csv` (`SAMPLES`) and an array of each structured modality, such as
    `coordinates.npy` (n, 125, 2), float32. `images/`: `rgb-<size>.npy` (n, size, size, 3) and
    `lines-<size>.npy` (n, size, size), uint8. Row i of each is row i of the samples. What is up to
    date (`stamps.py`) is left alone. Without pictures, of measurements alone, no RGB images come.

    Raises:
        PalsyError: nothing is measured, or no frame has both a face and a label.
    """
    states = modality_states(cohort, size, mouth_and_nose)
    todo = [name for name, found in states.items() if found.kind != DONE]
    if not todo:
        return load_samples(cohort)
    root, (table, landmarks, expressions) = cohort.root, load_faces(cohort)
    table = frame_labels(cohort, table)
    usable = (table["found"] & table["label"].notna()).to_numpy()
    if not usable.any():
        raise PalsyError(
            f"{root} has no frame with both a face and a label: look at it in notebook 00, and "
            "check its labels."
        )
    samples = table[usable].reset_index(drop=True)
    points = to_pixels(landmarks[usable], samples["height"], samples["width"])
    made_from = samples_from(cohort)
    if SAMPLES_FILE in todo:
        files = [root / "modalities" / f"{name}.npy" for name in STRUCTURED]
        for path in files:
            with publish(path) as part, open(part, "wb") as file:
                np.save(file, MODALITIES[path.stem].compute(points, expressions[usable]))
        write_csv(samples[SAMPLES].astype({"label": int}), root / SAMPLES_FILE)
        stamps.write_stamp(root / SAMPLES_FILE, made_from, files)

    drawn_from = images_from(stamps.identity(made_from), size, mouth_and_nose)
    for name in (n for n in MODALITIES if image_file(n, size) in todo):
        pictures, draw = [None] * len(samples), MODALITIES[name].compute
        if MODALITIES[name].from_picture:
            frames = load_frames(cohort)[["video", "frame", "file"]]
            listed = samples.merge(frames, on=["video", "frame"], validate="1:1")["file"]
            pictures = (_read(root / file) for file in listed)
        each = zip(pictures, points, strict=True)
        images = (draw(picture, face, size, mouth_and_nose) for picture, face in each)
        _write_images(root / image_file(name, size), len(samples), images, drawn_from)
    return load_samples(cohort)


def samples_from(cohort: Cohort) -> dict:
    """Return what the samples and structured modalities are made from (`stamps.py`).

    Raises:
        OSError: a video is gone, or was not measured.
    """
    faces, root = {}, cohort.root
    for video in cohort.videos[VIDEO].itertuples(index=False):
        # Both what they should be made from and what they are: another version may have measured.
        measured = stamps.content(faces_file(root, video.video), root)
        faces[video.video] = stamps.identity([faces_from(cohort, video), measured])
    return {"code": stamps.CODE["samples"], "labels": labels_from(cohort), "faces of": faces}


def labels_from(cohort: Cohort) -> str:
    """Return a hash of who is in which video, and of all labels (`stamps.py`)."""
    people = cohort.videos[["patient", "video"]].to_csv(index=False)
    return stamps.identity(people + cohort.labels.to_csv(index=False))


def images_from(samples: str, size: int, mouth_and_nose: bool = True) -> dict:
    """Return what images are made from (`stamps.py`); `samples` is the identity of the samples."""
    settings = {"size": size, "mouth_and_nose": mouth_and_nose}
    return {"code": stamps.CODE["images"], "samples": samples} | settings


def image_file(modality: str, size: int) -> str:
    """Return the array file of an image modality, relative to the cohort's folder."""
    return f"images/{modality}-{size}.npy"


def modality_states(cohort: Cohort, size: int, mouth_and_nose: bool = True) -> dict[str, State]:
    """Say of samples and images whether they are up to date (`stamps.py`), by file."""
    root, have_pictures = cohort.root, (cohort.videos["kind"] != "measured").all()
    images = {n: m for n, m in MODALITIES.items() if not m.numbers}
    names = [n for n, m in images.items() if have_pictures or not m.from_picture]
    files = [image_file(name, size) for name in names]
    try:
        made_from = samples_from(cohort)
    except OSError:
        return dict.fromkeys([SAMPLES_FILE, *files], State(stamps.OPEN))
    drawn_from = images_from(stamps.identity(made_from), size, mouth_and_nose)
    wanted = {SAMPLES_FILE: made_from} | dict.fromkeys(files, drawn_from)
    states = {name: stamps.state(root / name, its, root) for name, its in wanted.items()}
    known = stamps.read_stamp(root / SAMPLES_FILE)["files"]
    if states[SAMPLES_FILE].kind == DONE and {f"{name}.npy" for name in STRUCTURED} - {*known}:
        states[SAMPLES_FILE] = State(stamps.OUT_OF_DATE, "changed: modalities")
    return states


def face_in_modalities(
    cohort: Cohort, sample: pd.Series, size: int = 224
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Make the paper's four modalities of one sample at any image size, for looking at.

    Returns:
        RGB image (size, size, 3), coordinates (125, 2), expressions (52,), line image (size, size).
    """
    table, landmarks, scores = load_faces(cohort)
    frames, key = load_frames(cohort), ["video", "frame"]
    i, at = (t.index[(t[key] == sample[key]).all(axis=1)] for t in (table, frames))
    points = to_pixels(landmarks[i], table["height"][i], table["width"][i])
    rgb = crop_rgb(_read(cohort.root / frames["file"][at].item()), points[0], size)
    return rgb, coordinates(points)[0], scores[i][0], draw_lines(points[0], size)


def _read(path: Path) -> np.ndarray:
    image, note = read_image(path)
    if image is None:
        raise PalsyError(f"{path} is {note} now, though a face was measured in it: restore it.")
    return image


def _write_images(path: Path, n: int, images: Iterator, made_from: dict) -> None:
    """Write n images one by one into an array file, and its stamp."""
    first = next(images)
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *first.shape)}
    # Written, not mapped into memory: a full disk would kill a process that writes to a map.
    with publish(path) as part, open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in progress(chain([first], images), f"drawing {path.stem}", n, "image"):
            file.write(np.ascontiguousarray(image, np.uint8))
    stamps.write_stamp(path, made_from)


def load_samples(cohort: Cohort) -> pd.DataFrame:
    """Load the samples of a cohort: one row a frame that has a face and a label (`SAMPLES`).

    Raises:
        PalsyError: they were not built yet, or are out of date or damaged.
    """
    path = cohort.root / SAMPLES_FILE
    found = stamps.state(path, lambda: samples_from(cohort), cohort.root)
    if found.kind != DONE:
        raise PalsyError(f"{path} is {found}: run notebook 02 (faces and modalities) first.")
    return pd.read_csv(path, dtype={"patient": str, "video": str})


def load_modality(root: Path, modality: str, size: int) -> np.ndarray:
    """Load one of `MODALITIES` of all samples, mapped into memory rather than read.

    Row i belongs to sample i; shapes as in `build_modalities`, structured ones of any `size`.

    Raises:
        PalsyError: it was not built yet, not from the samples of now, or has no pictures.
    """
    product, fits = root / SAMPLES_FILE, True
    path = root / "modalities" / f"{modality}.npy"
    if not MODALITIES[modality].numbers:
        samples = stamps.identity(stamps.read_stamp(product)["made_from"])
        path = product = root / image_file(modality, size)
        fits = stamps.read_stamp(path)["made_from"].get("samples") == samples
    if not fits or stamps.find_damage(product, [path.name], root):
        raise PalsyError(
            f"{path} is missing, damaged or not of the samples as they are now: run notebook 02 "
            "(faces and modalities) with this profile; a cohort that has measurements but no "
            "pictures has no RGB images."
        )
    return np.load(path, mmap_mode="c")
