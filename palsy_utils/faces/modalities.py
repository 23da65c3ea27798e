"""Frames to faces, and faces to files: landmarks and scores of every frame, and its modalities."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.load import Cohort, frame_labels
from palsy_utils.downloads import LANDMARKER, find
from palsy_utils.faces.features import IMAGES, MODALITIES, STRUCTURED
from palsy_utils.faces.frames import frames_of, load_frames
from palsy_utils.faces.landmarks import to_pixels
from palsy_utils.faces.pictures import measure_image, read_image
from palsy_utils.files import PalsyError, progress, publish, side_by_side, write_csv
from palsy_utils.stamps import DONE, Product

MEASURING = "measuring faces"
COLUMNS = ["patient", "video", "frame", "time_s", "found", "n_faces", "note", "height", "width"]
STORED = [*COLUMNS, "landmarks", "expressions"]
UNREADABLE = {"found": False, "n_faces": 0, "note": "", "height": 0, "width": 0}
UNREADABLE |= {"landmarks": None, "expressions": None}
SAMPLES_FILE = "modalities/samples.csv"
SAMPLES = ["patient", "video", "frame", "time_s", "eyes", "mouth", "label"]


def measure_faces(cohort: Cohort, workers: int | None = None) -> None:
    """Measure every frame of a cohort into `faces/<video>.parquet`, frames without a face too.

    Its frames must have been extracted. A video whose measurements are up to date (`stamps.py`) is
    not measured again. `workers` are processes; None for one a core.
    """
    products = [faces_of(cohort, video) for video in cohort.videos.itertuples(index=False)]
    missing = [p for p in products if not p.is_source and p.state().kind != DONE]
    if not missing:
        return
    frames = dict(list(load_frames(cohort).groupby("video")))
    find(LANDMARKER)  # one clear error, early
    alone = len(missing) == 1  # then its frames are counted, else the videos
    jobs = [(product, frames[product.path.stem], alone) for product in missing]
    running = side_by_side(_measure_video, jobs, workers)
    for _ in running if alone else progress(running, MEASURING, len(missing), "video"):
        pass


def faces_of(cohort: Cohort, video: tuple) -> Product:
    """Return the measurements of a video, and what they are made from (`stamps.py`).

    Where the video itself is not at hand, its measurements are the source.
    """
    root, path = cohort.root, cohort.root / "faces" / f"{video.video}.parquet"
    if video.kind == "measured":
        source = {"measured": stamps.content(path)} if path.exists() else None
        return Product(path, source, root, is_source=True)
    if (frames := frames_of(cohort, video).made_from) is None:
        return Product(path, None, root)
    made_from = {"code": stamps.CODE["faces"], "landmarker": LANDMARKER.sha256}
    return Product(path, made_from | {"frames": stamps.identity(frames)}, root)


def _measure_video(product: Product, frames: pd.DataFrame, show: bool) -> None:
    rows, each = [], frames.itertuples()
    for frame in progress(each, MEASURING, len(frames), "frame") if show else each:
        image, note = read_image(product.root / frame.file)
        measured = UNREADABLE if image is None else measure_image(image)
        identity = {k: getattr(frame, k) for k in ("patient", "video", "frame", "time_s")}
        notes = dict.fromkeys(filter(None, [frame.note, note, measured["note"]]))
        rows.append(measured | identity | {"note": "; ".join(notes)})
    write_faces(pd.DataFrame(rows)[STORED], product.path)
    stamps.write_stamp(product.path, product.made_from, mediapipe=version("mediapipe"))


def write_faces(table: pd.DataFrame, path: Path) -> None:
    """Write the measurements of one video (`COLUMNS`, landmarks, expressions) as parquet."""
    with publish(path) as part:
        table.to_parquet(part, compression="zstd", use_dictionary=False, index=False)


def load_faces(cohort: Cohort) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Load what was measured on a cohort, if it is up to date, by patient, video, frame.

    Returns the table (`COLUMNS`), landmarks (n, 478, 3) and expression scores (n, 52), both
    float32; NaN where no face was found.
    """
    tables, advice = [], "run notebook 02 (faces and modalities), or put another copy there"
    for video in cohort.videos.itertuples(index=False):
        product = faces_of(cohort, video)
        product.check(advice)
        try:
            tables.append(pd.read_parquet(product.path, columns=STORED))
        except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
            told = f"{product.path} is no table of measurements"
            raise PalsyError(f"{told}: {advice}.") from error
    table = pd.concat(tables)
    # Who is in a video is the cohort's word: a table of patients may have come after measuring.
    table["patient"] = table["video"].map(cohort.videos.set_index("video")["patient"])
    table = table.sort_values(["patient", "video", "frame"], ignore_index=True)
    arrays = []
    for name, numbers in (("landmarks", 478 * 3), ("expressions", 52)):
        missing = np.full(numbers, np.nan, np.float32)
        rows = [missing if row is None else row for row in table[name]]
        arrays.append(np.stack(rows).astype(np.float32))
    return table[COLUMNS], arrays[0].reshape(-1, 478, 3), arrays[1]


def build_modalities(cohort: Cohort, size: int, inputs: Mapping[str, str] = {}) -> pd.DataFrame:
    """Write the modalities of every frame that has a face and a label, and return the samples.

    `modalities/`: `samples.csv` (`SAMPLES`) and an array of each structured modality, such as
    `coordinates.npy` (n, 125, 2), float32. `images/`: `rgb-<size>.npy` (n, size, size, 3) and
    `lines-<size>.npy` (n, size, size), uint8, or those in their place (`Profile.inputs`). Row i of
    each is row i of the samples. What is up to date (`stamps.py`) is left alone. Without pictures,
    of measurements alone, no RGB images come.
    Raises a PalsyError if nothing is measured, or no frame has both a face and a label.
    """
    products = modalities_of(cohort, size, inputs)
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
            modality, both = MODALITIES[path.stem], (points, landmarks[usable])
            with publish(path) as part, open(part, "wb") as file:
                np.save(file, modality.compute(both[modality.in_fractions], expressions[usable]))
        write_csv(samples[SAMPLES].astype({"label": int}), product.path)
        stamps.write_stamp(product.path, product.made_from, files)
    for name, product in todo.items():
        pictures, draw = [None] * len(samples), MODALITIES[name].compute
        if MODALITIES[name].from_picture:
            frames = load_frames(cohort)[["video", "frame", "file"]]
            listed = samples.merge(frames, on=["video", "frame"], validate="1:1")["file"]
            pictures = (read_image(root / file)[0] for file in listed)
        each = zip(pictures, points, strict=True)
        images = (draw(picture, face, size) for picture, face in each)
        _write_images(product, len(samples), images)
    return load_samples(cohort)


def structured_of_all(
    cohort: Cohort, inputs: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Return every frame that has a face, labelled or not, and the structured modalities of all."""
    table, landmarks, expressions = load_faces(cohort)
    found = table["found"].to_numpy(bool)
    table = table[found].reset_index(drop=True)
    points = to_pixels(landmarks[found], table["height"], table["width"])
    seen = {name: MODALITIES[inputs.get(name, name)] for name in STRUCTURED}
    both = points, landmarks[found]
    return table, {n: m.compute(both[m.in_fractions], expressions[found]) for n, m in seen.items()}


def samples_of(cohort: Cohort) -> Product:
    """Return samples and structured modalities, and what they are made from (`stamps.py`)."""
    faces, root, made_from = {}, cohort.root, None
    for video in cohort.videos.itertuples(index=False):
        # Both what they should be made from and what they are: another version may have measured.
        product = faces_of(cohort, video)
        if product.made_from is None or not product.path.exists():
            break
        both = [product.made_from, stamps.content(product.path)]
        faces[video.video] = stamps.identity(both)
    else:
        made_from = {"code": stamps.CODE["samples"], "labels": labels_from(cohort)}
        made_from["faces of"] = faces
    files = (f"{name}.npy" for name, modality in MODALITIES.items() if modality.numbers)
    return Product(root / SAMPLES_FILE, made_from, root, tuple(files))


def labels_from(cohort: Cohort) -> str:
    """Return a hash of who is in which video, and of all labels (`stamps.py`)."""
    people = cohort.videos[["patient", "video"]].to_csv(index=False)
    return stamps.identity(people + cohort.labels.to_csv(index=False))


def modalities_of(cohort: Cohort, size: int, inputs: Mapping[str, str]) -> dict[str, Product]:
    """Return `samples`, and each image modality that nets see if it can be drawn, as products."""
    samples, have_pictures = samples_of(cohort), (cohort.videos["kind"] != "measured").all()
    drawn_from = samples.made_from and images_from(stamps.identity(samples.made_from), size)
    return {"samples": samples} | {
        name: Product(cohort.root / f"images/{name}-{size}.npy", drawn_from, cohort.root)
        for name in (inputs.get(image, image) for image in IMAGES)
        if have_pictures or not MODALITIES[name].from_picture
    }


def images_from(samples: str, size: int) -> dict:
    """Return what images are made from (`stamps.py`); `samples` is the identity of the samples."""
    return {"code": stamps.CODE["images"], "samples": samples, "size": size}


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
        fits = stamps.read_stamp(path)["made_from"] == images_from(samples, size)
    if not fits or stamps.find_damage(product, [path.name]):
        raise PalsyError(
            f"{path} is missing, damaged or not of the samples as they are now: run notebook 02 "
            "(faces and modalities) with this profile; a cohort that has measurements but no "
            "pictures has no RGB images."
        )
    return np.load(path, mmap_mode="c")
