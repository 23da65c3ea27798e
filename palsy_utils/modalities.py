"""Faces to files: the four modalities of every frame that has a face and a label."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.asymmetry import asymmetry
from palsy_utils.cohort import Cohort, frame_labels
from palsy_utils.faces import load_faces
from palsy_utils.files import PalsyError, publish, read_json, sha256, write_csv, write_json
from palsy_utils.frames import load_frames
from palsy_utils.handcrafted import SYMMETRIC, handcrafted
from palsy_utils.mirror import mirror_coordinates, mirror_expressions
from palsy_utils.pictures import read_image
from palsy_utils.progress import progress
from palsy_utils.rows import STRUCTURED
from palsy_utils.upright import coordinates, crop_rgb, draw_lines, to_pixels, upright

SAMPLES = ["patient", "video", "frame", "time_s", "eyes", "mouth", "label"]


def build_modalities(cohort: Cohort, size: int, mouth_and_nose: bool = True) -> pd.DataFrame:
    """Write the four modalities of every frame that has a face and a label.

    `modalities/`: `samples.csv` (`SAMPLES`), `coordinates.npy` (n, 125, 2), `expressions.npy`
    (n, 52), and beyond the paper `asymmetry.npy` (n, 145) and `handcrafted.npy` (n, 29), float32.
    `images/`: `rgb-<size>.npy` (n, size, size, 3) and `lines-<size>.npy`
    (n, size, size), uint8. Row i of each is row i of the samples. What is there already and made
    from the same measurements is left alone. A cohort that has measurements but no pictures gets
    no RGB images.

    Returns:
        The samples.

    Raises:
        PalsyError: nothing is measured, or no frame has both a face and a label.
    """
    table, landmarks, expressions = load_faces(cohort)
    table = frame_labels(cohort, table)
    usable = (table["found"] & table["label"].notna()).to_numpy()
    if not usable.any():
        raise PalsyError(
            f"{cohort.root} has no frame with both a face and a label: look at it in notebook 00, "
            "and check its labels."
        )
    samples = table[usable].reset_index(drop=True)
    points = to_pixels(landmarks[usable], samples["height"], samples["width"])
    folder = cohort.root / "modalities"
    structured = {"coordinates": coordinates(points), "expressions": expressions[usable]}
    structured["asymmetry"] = asymmetry(*structured.values())
    structured["handcrafted"] = handcrafted(upright(points))
    for name, array in structured.items():
        _write_array(array, folder / f"{name}.npy")
    write_csv(samples[SAMPLES].astype({"label": int}), folder / "samples.csv")

    _draw_images(
        cohort.root / "images" / f"lines-{size}.npy",
        (len(samples), size, size),
        (draw_lines(face, size, mouth_and_nose) for face in points),
        {"samples": fingerprint(cohort.root), "mouth_and_nose": mouth_and_nose},
    )
    if (cohort.videos["kind"] != "measured").all():
        frames = load_frames(cohort)[["video", "frame", "file"]]
        files = samples.merge(frames, on=["video", "frame"], validate="1:1")["file"]
        _draw_images(
            cohort.root / "images" / f"rgb-{size}.npy",
            (len(samples), size, size, 3),
            (
                _crop(cohort.root / file, face, size)
                for file, face in zip(files, points, strict=True)
            ),
            {"samples": fingerprint(cohort.root)},
        )
    return load_samples(cohort.root)


def mirror_modality(modality: str, array: np.ndarray) -> np.ndarray:
    """Return a modality (n, ...) of the mirrored faces, left and right swapped."""
    if modality == "coordinates":
        return mirror_coordinates(array)
    if modality == "expressions":
        return mirror_expressions(array)
    if modality == "asymmetry":
        return -array
    if modality == "handcrafted":
        signs = -np.ones(array.shape[1], array.dtype)
        signs[SYMMETRIC] = 1
        return array * signs
    return array[:, :, ::-1]


def face_in_modalities(
    cohort: Cohort, sample: pd.Series, size: int = 224
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Make the four modalities of one sample at any image size, for looking at.

    Returns:
        RGB image (size, size, 3), coordinates (125, 2), expressions (52,), line image (size, size).
    """
    table, landmarks, expressions = load_faces(cohort)
    frames = load_frames(cohort)
    i, file = (
        t.index[(t["video"] == sample["video"]) & (t["frame"] == sample["frame"])][0]
        for t in (table, frames)
    )
    points = to_pixels(landmarks[[i]], table["height"][[i]], table["width"][[i]])
    rgb = _crop(cohort.root / frames["file"][file], points[0], size)
    return rgb, coordinates(points)[0], expressions[i], draw_lines(points[0], size)


def _crop(path: Path, points: np.ndarray, size: int) -> np.ndarray:
    image, note = read_image(path)
    if image is None:
        raise PalsyError(f"{path} is {note} now, though a face was measured in it: restore it.")
    return crop_rgb(image, points, size)


def _write_array(array: np.ndarray, path: Path) -> None:
    with publish(path) as part, open(part, "wb") as file:
        np.save(file, array)


def _draw_images(path: Path, shape: Sequence[int], images: Iterable, made_from: dict) -> None:
    """Write images one by one into an array file, unless it was made from the same already."""
    record = path.with_suffix(".json")
    if read_json(record) == made_from and _is_whole(path, shape):
        return
    record.unlink(missing_ok=True)
    header = {"descr": "|u1", "fortran_order": False, "shape": tuple(shape)}
    # Written, not mapped into memory: a full disk would kill a process that writes to a map.
    with publish(path) as part, open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in progress(images, f"drawing {path.stem}", shape[0], "image"):
            file.write(np.ascontiguousarray(image, np.uint8))
    write_json(made_from, record)


def _is_whole(path: Path, shape: Sequence[int]) -> bool:
    try:
        return np.load(path, mmap_mode="r").shape == tuple(shape)
    except (OSError, ValueError):  # absent, or cut off
        return False


def fingerprint(root: Path) -> str:
    """Return the hash of what training sees of a cohort: its samples and structured modalities."""
    names = ("samples.csv", "coordinates.npy", "expressions.npy")
    return sha256(*(root / "modalities" / name for name in names))


def load_samples(root: Path) -> pd.DataFrame:
    """Load the samples of a cohort: one row a frame that has a face and a label (`SAMPLES`).

    Raises:
        PalsyError: they were not built yet.
    """
    path = root / "modalities" / "samples.csv"
    if not path.exists():
        raise PalsyError(f"{path} is missing: run notebook 02 (faces and modalities) first.")
    return pd.read_csv(path, dtype={"patient": str, "video": str})


def load_modality(root: Path, modality: str, size: int) -> np.ndarray:
    """Load one modality of all samples, mapped into memory rather than read.

    Args:
        root: the cohort's folder.
        modality: one of `rows.STRUCTURED`, `rgb` or `lines`.
        size: side of the images in pixels; structured modalities ignore it.

    Returns:
        Row i belongs to sample i; shapes as in `build_modalities`.

    Raises:
        PalsyError: it was not built yet, or the cohort has no pictures.
    """
    structured = modality in STRUCTURED
    name = f"modalities/{modality}.npy" if structured else f"images/{modality}-{size}.npy"
    try:
        return np.load(root / name, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise PalsyError(
            f"{root / name} is missing or cut off: run notebook 02 (faces and modalities) with "
            "this profile; a cohort that has measurements but no pictures has no RGB images."
        ) from error
