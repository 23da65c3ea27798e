"""Faces to the four modalities: RGB crops, 125 coordinates, 52 expression scores, line images.

All four see the same *upright* face: position, roll and size in the picture say where the camera
was, not how the face moves, so they are taken out by one similarity transform per frame.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.cohort import Cohort, frame_labels
from palsy_utils.faces import load_faces, read_image
from palsy_utils.files import PalsyError, publish, read_json, sha256, write_csv, write_json
from palsy_utils.landmarks import (
    LEFT_EYE_CORNER,
    LINES_OF_MOUTH_AND_NOSE,
    LINES_OF_THE_TEXT,
    POINTS_125,
    RIGHT_EYE_CORNER,
)

SAMPLES = ["patient", "video", "frame", "time_s", "eyes", "mouth", "label"]
MARGIN = 1.1  # side of the square window, as a multiple of the face's larger extent


def to_pixels(landmarks: np.ndarray, height: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Turn landmarks (n, 478, 3), in fractions of the picture, into pixels (n, 478, 2)."""
    return landmarks[..., :2] * np.stack([width, height], -1)[:, None, :].astype(np.float32)


def upright(points: np.ndarray) -> np.ndarray:
    """Return faces upright and scaled: eyes level, their outer corners one unit apart.

    Works in pixels, where a length means the same in x and y (fractions of a wide picture would
    change every ratio as the head tilts).

    Args:
        points: (n, 478, 2) in pixels.

    Returns:
        (n, 478, 2) float32; the origin is midway between the outer corners of the eyes, x grows
        to the subject's left, y downwards; without unit (distances between the eye corners).
    """
    right, left = points[:, RIGHT_EYE_CORNER], points[:, LEFT_EYE_CORNER]
    across = left - right
    scale = np.linalg.norm(across, axis=-1)[:, None]
    cos, sin = (across / scale).T
    rotation = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], -2)
    centred = points - ((left + right) / 2)[:, None]
    return (centred @ rotation / scale[:, None]).astype(np.float32)


def coordinates(points: np.ndarray) -> np.ndarray:
    """Return the paper's 125 two-dimensional coordinates of upright faces: (n, 125, 2) float32."""
    return upright(points)[:, POINTS_125]


def window(points: np.ndarray, size: int) -> np.ndarray:
    """Return the affine map (2, 3) from one picture (pixels) to its upright square face window.

    The window holds the whole face with a small margin (`MARGIN`); RGB crops and line images share
    it, so they lie on top of each other.

    Args:
        points: (478, 2) in pixels.
        size: side of the window in pixels.
    """
    dx, dy = points[LEFT_EYE_CORNER] - points[RIGHT_EYE_CORNER]
    cos, sin = np.array([dx, dy]) / np.hypot(dx, dy)
    turn = np.array([[cos, sin], [-sin, cos]])
    turned = points @ turn.T
    low, high = turned.min(0), turned.max(0)
    scale = size / (MARGIN * (high - low).max())
    shift = size / 2 - scale * (low + high) / 2
    return np.column_stack([scale * turn, shift])


def crop_rgb(image: np.ndarray, points: np.ndarray, size: int) -> np.ndarray:
    """Cut the upright face out of a picture: RGB uint8 (size, size, 3).

    Args:
        image: RGB uint8 (height, width, 3).
        points: (478, 2) landmarks in pixels.
        size: side of the result in pixels.
    """
    scale = np.linalg.norm(window(points, size)[0, :2])
    finer = int(np.clip(np.ceil(1 / scale), 1, 8))  # warp finely, then average: no aliasing
    large = cv2.warpAffine(image, window(points, size * finer), (size * finer, size * finer))
    return cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)


def draw_lines(points: np.ndarray, size: int, mouth_and_nose: bool = True) -> np.ndarray:
    """Draw the black-and-white line image of one face: uint8 (size, size), 0 to 255.

    The paper's text names face outline, eyebrows and eyes; its figure shows the mouth too, and its
    regions are eyes *and* mouth. Mouth and nose are therefore drawn unless told otherwise.

    Args:
        points: (478, 2) landmarks in pixels.
        size: side of the image in pixels; lines are drawn anti-aliased at this size.
        mouth_and_nose: whether lips and nose are drawn besides what the text names.
    """
    affine = window(points, size)
    inside = points @ affine[:, :2].T + affine[:, 2] - 0.5  # OpenCV counts from pixel centres
    fixed = np.round(inside * 16).astype(np.int32)  # sixteenths of a pixel
    parts = LINES_OF_THE_TEXT + (LINES_OF_MOUTH_AND_NOSE if mouth_and_nose else ())
    image = np.zeros((size, size), np.uint8)
    lines = [fixed[list(part)] for part in parts]
    cv2.polylines(image, lines, False, 255, max(1, round(size / 112)), cv2.LINE_AA, shift=4)
    return image


def build_modalities(cohort: Cohort, size: int, mouth_and_nose: bool = True) -> pd.DataFrame:
    """Write the four modalities of every frame that has a face and a label.

    `modalities/`: `samples.csv` (`SAMPLES`), `coordinates.npy` (n, 125, 2) and `expressions.npy`
    (n, 52), float32. `images/`: `rgb-<size>.npy` (n, size, size, 3) and `lines-<size>.npy`
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
    _write_array(coordinates(points), folder / "coordinates.npy")
    _write_array(expressions[usable], folder / "expressions.npy")
    write_csv(samples[SAMPLES].astype({"label": int}), folder / "samples.csv")

    _draw_images(
        cohort.root / "images" / f"lines-{size}.npy",
        (len(samples), size, size),
        (draw_lines(face, size, mouth_and_nose) for face in points),
        {"samples": fingerprint(cohort.root), "mouth_and_nose": mouth_and_nose},
    )
    if (cohort.videos["kind"] != "measured").all():
        from palsy_utils.frames import load_frames

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


def _crop(path: Path, points: np.ndarray, size: int) -> np.ndarray:
    image, note = read_image(path)
    if image is None:
        raise PalsyError(f"{path} is {note} now, though a face was measured in it: restore it.")
    return crop_rgb(image, points, size)


def _write_array(array: np.ndarray, path: Path) -> None:
    with publish(path) as part, open(part, "wb") as file:
        np.save(file, array)


def _draw_images(path: Path, shape: Sequence[int], images, made_from: dict) -> None:
    """Write images one by one into an array file, unless it was made from the same already."""
    from tqdm import tqdm

    record = path.with_suffix(".json")
    if path.exists() and read_json(record) == made_from:
        return
    record.unlink(missing_ok=True)
    with publish(path) as part:
        array = np.lib.format.open_memmap(part, "w+", np.uint8, tuple(shape))
        for i, image in enumerate(tqdm(images, f"drawing {path.stem}", shape[0], unit="image")):
            array[i] = image
        array.flush()
    write_json(made_from, record)


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
        modality: `coordinates`, `expressions`, `rgb` or `lines`.
        size: side of the images in pixels; structured modalities ignore it.

    Returns:
        Row i belongs to sample i; shapes as in `build_modalities`.

    Raises:
        PalsyError: it was not built yet, or the cohort has no pictures.
    """
    structured = modality in ("coordinates", "expressions")
    name = f"modalities/{modality}.npy" if structured else f"images/{modality}-{size}.npy"
    try:
        return np.load(root / name, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise PalsyError(
            f"{root / name} is missing or cut off: run notebook 02 (faces and modalities) with "
            "this profile; a cohort that has measurements but no pictures has no RGB images."
        ) from error
