"""Faces to files: all modalities of every frame that has a face and a label."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.load import Cohort, frame_labels
from palsy_utils.faces.features import MODALITIES, STRUCTURED
from palsy_utils.faces.frames import load_frames
from palsy_utils.faces.measure import faces_of, load_faces
from palsy_utils.faces.pictures import read_image
from palsy_utils.faces.upright import to_pixels
from palsy_utils.files import PalsyError, progress, publish, write_csv
from palsy_utils.stamps import DONE, Product

SAMPLES_FILE = "modalities/samples.csv"
SAMPLES = ["patient", "video", "frame", "time_s", "eyes", "mouth", "label"]


def build_modalities(cohort: Cohort, size: int, mouth_and_nose: bool = True) -> pd.DataFrame:
    """Write all modalities of every frame that has a face and a label, and return the samples.

    `modalities/`: `samples.csv` (`SAMPLES`) and an array of each structured modality, such as
    `coordinates.npy` (n, 125, 2), float32. `images/`: `rgb-<size>.npy` (n, size, size, 3) and
    `lines-<size>.npy` (n, size, size), uint8. Row i of each is row i of the samples. What is up to
    date (`stamps.py`) is left alone. Without pictures, of measurements alone, no RGB images come.
    Raises a PalsyError if nothing is measured, or no frame has both a face and a label.
    """
    products = modalities_of(cohort, size, mouth_and_nose)
    todo = {name: product for name, product in products.items() if product.state().kind != DONE}
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
    if product := todo.pop("samples", None):
        files = [product.path.with_name(name) for name in product.files]
        for path in files:
            with publish(path) as part, open(part, "wb") as file:
                np.save(file, MODALITIES[path.stem].compute(points, expressions[usable]))
        write_csv(samples[SAMPLES].astype({"label": int}), product.path)
        stamps.write_stamp(product.path, product.made_from, files)
    for name, product in todo.items():
        pictures, draw = [None] * len(samples), MODALITIES[name].compute
        if MODALITIES[name].from_picture:
            frames = load_frames(cohort)[["video", "frame", "file"]]
            listed = samples.merge(frames, on=["video", "frame"], validate="1:1")["file"]
            pictures = (_read(root / file) for file in listed)
        each = zip(pictures, points, strict=True)
        images = (draw(picture, face, size, mouth_and_nose) for picture, face in each)
        _write_images(product, len(samples), images)
    return load_samples(cohort)


def samples_of(cohort: Cohort) -> Product:
    """Return samples and structured modalities, and what they are made from (`stamps.py`)."""
    faces, root, made_from = {}, cohort.root, None
    for video in cohort.videos.itertuples(index=False):
        # Both what they should be made from and what they are: another version may have measured.
        product = faces_of(cohort, video)
        if product.made_from is None or not product.path.exists():
            break
        both = [product.made_from, stamps.content(product.path, root)]
        faces[video.video] = stamps.identity(both)
    else:
        made_from = {"code": stamps.CODE["samples"], "labels": labels_from(cohort)}
        made_from["faces of"] = faces
    return Product(root / SAMPLES_FILE, made_from, root, tuple(f"{n}.npy" for n in STRUCTURED))


def labels_from(cohort: Cohort) -> str:
    """Return a hash of who is in which video, and of all labels (`stamps.py`)."""
    people = cohort.videos[["patient", "video"]].to_csv(index=False)
    return stamps.identity(people + cohort.labels.to_csv(index=False))


def modalities_of(cohort: Cohort, size: int, mouth_and_nose: bool = True) -> dict[str, Product]:
    """Return `samples`, and the images of each image modality that can be drawn, as products."""
    samples, have_pictures = samples_of(cohort), (cohort.videos["kind"] != "measured").all()
    drawn_from = samples.made_from and images_from(
        stamps.identity(samples.made_from), size, mouth_and_nose
    )
    return {"samples": samples} | {
        name: Product(cohort.root / f"images/{name}-{size}.npy", drawn_from, cohort.root)
        for name, modality in MODALITIES.items()
        if not modality.numbers and (have_pictures or not modality.from_picture)
    }


def images_from(samples: str, size: int, mouth_and_nose: bool = True) -> dict:
    """Return what images are made from (`stamps.py`); `samples` is the identity of the samples."""
    settings = {"size": size, "mouth_and_nose": mouth_and_nose}
    return {"code": stamps.CODE["images"], "samples": samples} | settings


def _read(path: Path) -> np.ndarray:
    image, note = read_image(path)
    if image is None:
        raise PalsyError(f"{path} is {note} now, though a face was measured in it: restore it.")
    return image


def _write_images(product: Product, n: int, images: Iterator) -> None:
    """Write n images one by one into an array file, and its stamp."""
    first, path = next(images), product.path
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, *first.shape)}
    # Written, not mapped into memory: a full disk would kill a process that writes to a map.
    with publish(path) as part, open(part, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in progress(chain([first], images), f"drawing {path.stem}", n, "image"):
            file.write(np.ascontiguousarray(image, np.uint8))
    stamps.write_stamp(path, product.made_from)


def load_samples(cohort: Cohort) -> pd.DataFrame:
    """Load one row a frame that has a face and a label (`SAMPLES`), if they are up to date."""
    product = samples_of(cohort)
    product.check("run notebook 02 (faces and modalities) first")
    return pd.read_csv(product.path, dtype={"patient": str, "video": str})


def load_modality(root: Path, modality: str, size: int) -> np.ndarray:
    """Load one of `MODALITIES` of all samples, mapped into memory rather than read.

    Row i belongs to sample i; shapes as in `build_modalities`, structured ones of any `size`.
    Raises a PalsyError if it was not built of the samples as they are now.
    """
    product, fits = root / SAMPLES_FILE, True
    path = product.with_name(f"{modality}.npy")
    if not MODALITIES[modality].numbers:
        samples = stamps.identity(stamps.read_stamp(product)["made_from"])
        path = product = root / f"images/{modality}-{size}.npy"
        fits = stamps.read_stamp(path)["made_from"].get("samples") == samples
    if not fits or stamps.find_damage(product, [path.name], root):
        raise PalsyError(
            f"{path} is missing, damaged or not of the samples as they are now: run notebook 02 "
            "(faces and modalities) with this profile; a cohort that has measurements but no "
            "pictures has no RGB images."
        )
    return np.load(path, mmap_mode="c")
