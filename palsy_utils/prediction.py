"""What a fitted model says of a clip that nobody has labelled: `palsy predict`.

The clip is copied into a temporary folder as a tiny cohort, so that it goes through the very steps
that training data went through, and nothing is written beside it.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.attention import predict_with_attention
from palsy_utils.clip_measures import measure_frames
from palsy_utils.clips import open_video
from palsy_utils.cohort import Cohort, load_cohort
from palsy_utils.downloads import LANDMARKER, is_at_hand
from palsy_utils.faces import (
    faces_file,
    faces_from,
    faces_state,
    load_faces,
    measure_faces,
    open_landmarker,
    write_faces,
)
from palsy_utils.files import PalsyError, check_writable, sha256, write_csv
from palsy_utils.fitting import Fitted, is_attention, read_model
from palsy_utils.frames import VIDEO, extract_frames
from palsy_utils.inner import temper
from palsy_utils.layout import CLIP_SUFFIXES, IMAGE_SUFFIXES, LARGEST_IMAGE, list_images
from palsy_utils.modalities import build_modalities, load_samples
from palsy_utils.models import probabilities
from palsy_utils.one_fold import Fold, load_inputs
from palsy_utils.pictures import read_image
from palsy_utils.profiles import Profile
from palsy_utils.questions import answers_table
from palsy_utils.rows import find_model
from palsy_utils.stamps import DONE, content, write_stamp
from palsy_utils.tokens import load_tokens
from palsy_utils.training import compute, pick_device

ANYBODY = "clip"  # patient and video of the tiny cohort: the clip's own name may be anything


def measure_clip(
    clip: Path, folder: Path, profile: Profile, measured: Path | None = None
) -> Cohort:
    """Take six frames a second of a clip, measure their faces, and build all modalities.

    Args:
        clip: a video, an image, or a folder of images.
        folder: an empty folder to work in.
        profile: of the model, for the size of its images.
        measured: a cohort. If the very same file is in it, its measurements there are taken where
            the landmark model is not at hand.

    Returns:
        A cohort of one video in `folder`; its notes say whose measurements were taken.

    Raises:
        PalsyError: the clip is missing, cannot be read, or shows no face.
    """
    kind, file = _copy(clip, folder)
    identity = {"patient": [ANYBODY], "video": [ANYBODY]}
    # Nothing is known of the clip; a stand-in label lets every frame with a face through.
    labels = {"start_s": [0.0], "end_s": [np.inf], "eyes": [None], "mouth": [None], "label": [0.0]}
    cohort = Cohort(
        folder,
        clip.name,
        "labels.csv",
        pd.DataFrame(identity | {"file": [file], "kind": [kind]}),
        pd.DataFrame(identity | labels),
        "video",
        (),
    )
    extract_frames(cohort, workers=1)
    if measured and not is_at_hand(LANDMARKER):
        cohort = replace(cohort, notes=_take_measurements(cohort, load_cohort(measured)))
    measure_faces(cohort, workers=1)
    open_landmarker.cache_clear()  # closed while Python is whole; at its end that is an error
    found = load_faces(cohort)[0]["found"]
    if not found.any():
        raise PalsyError(
            f"No face was found in any of {len(found)} frame(s) of {clip}, so there is nothing to "
            "predict: take a clip of one face, frontal and well lit."
        )
    build_modalities(cohort, profile.image_size, profile.mouth_and_nose)
    return cohort


def _copy(clip: Path, folder: Path) -> tuple[str, str]:
    """Copy a clip under a harmless name; return its kind (`Cohort.videos`) and that name."""
    try:
        if clip.is_dir():
            images = list_images(clip, ".")
            if not images:
                raise PalsyError(f"{clip} holds no image: give a video, an image or their folder.")
            (folder / ANYBODY).mkdir()
            for number, file in images:
                copy = folder / ANYBODY / f"{number}{Path(file).suffix.lower()}"
                shutil.copyfile(clip / file, copy)
            return "folder", ANYBODY
        suffix = clip.suffix.lower()
        if not clip.is_file():
            raise PalsyError(
                f"{clip} does not exist: give a video, an image or a folder of images."
            )
        if suffix not in CLIP_SUFFIXES | IMAGE_SUFFIXES:
            known = " ".join(sorted(CLIP_SUFFIXES | IMAGE_SUFFIXES))
            raise PalsyError(f"{clip} is neither video nor image: its name may end in {known}.")
        copy = folder / f"{ANYBODY}{suffix}"
        shutil.copyfile(clip, copy)
    except OSError as error:
        raise PalsyError(f"{clip} cannot be read: {error.strerror or error}.") from error
    is_image = suffix in IMAGE_SUFFIXES
    image, note = read_image(copy) if is_image else (None, "")
    if note == "too large":
        raise PalsyError(
            f"{clip} has more than {LARGEST_IMAGE:,} pixels: make it smaller, or cut out the face."
        )
    if not (image is not None if is_image else _plays(copy)):
        what = "image" if is_image else "video"
        raise PalsyError(f"{clip} is no {what} that can be read: it may be damaged, or empty.")
    return ("image" if is_image else "clip"), copy.name


def _take_measurements(clip: Cohort, cohort: Cohort) -> tuple[str, ...]:
    """Copy what was measured of the same file in a cohort, if it was, and say so."""
    (ours,) = clip.videos[VIDEO].itertuples(index=False)
    for video in cohort.videos[VIDEO].itertuples(index=False):
        if video.kind != ours.kind or ours.kind == "folder":
            continue
        same = content(cohort.root / video.file, cohort.root) == sha256(clip.root / ours.file)
        if same and faces_state(cohort, video).kind == DONE:
            table = pd.read_parquet(faces_file(cohort.root, video.video))
            path = faces_file(clip.root, ANYBODY)
            write_faces(table.assign(patient=ANYBODY, video=ANYBODY), path)
            write_stamp(path, faces_from(clip, ours))
            return (
                f"The landmark model is not at hand, but this clip is {video.video} of the cohort "
                f"{cohort.name}, so the measurements there are taken.",
            )
    return ()


def _plays(video: Path) -> bool:
    capture = open_video(video)
    plays = capture.read()[0]
    capture.release()
    return plays


def predict_clip(fitted: Fitted, cohort: Cohort, device: str = "auto") -> pd.DataFrame:
    """Run a fitted model on every frame of a measured clip.

    Args:
        fitted: from `fitting.read_model` or `fitting.fit`.
        cohort: from `measure_clip`, with the model's profile.
        device: see `training.pick_device`.

    Returns:
        One row a frame: `frame`, `time_s`, `found`, `probability` (of palsy, 0 to 1),
        `calibrated_probability` (empty if the model has no temperature), `eyes_<grade>`,
        `mouth_<grade>`, `side_<side>` as far as the model has learnt them, then the measures of
        `clip_measures.measure_frames`. Frames without a face have no numbers.

    Raises:
        PalsyError: a modality that the model needs was not built.
    """
    samples, where = load_samples(cohort), pick_device(device)
    rows, nobody = np.arange(len(samples)), np.arange(0)
    who = (fitted.model, ANYBODY, (), samples, nobody, rows)
    fold = Fold(cohort.root, fitted.profile, *who, 0, where, cohort.root)
    if is_attention(fitted.model):
        inputs = list(load_tokens(fold)[0].values())
        logits, _ = predict_with_attention(fitted.net, inputs, rows, where)
    else:
        logits = compute(fitted.net, load_inputs(fold), rows, where)
    answers = pd.DataFrame(index=rows)
    if find_model(fitted.model).multitask:
        known = tuple(f"{question}_" for question in fitted.questions)
        answers = answers_table(logits)
        answers = answers[[column for column in answers if column.startswith(known)]]
    probability = probabilities(logits).numpy()
    calibrated = np.nan if fitted.temperature is None else temper(probability, fitted.temperature)
    said = pd.DataFrame({"probability": probability, "calibrated_probability": calibrated})
    said = said.join(answers).assign(frame=samples["frame"])
    measured = measure_frames(cohort)
    first = ["frame", "time_s", "found"]
    table = measured[first].merge(said, on="frame", how="left", validate="1:1")
    return table.join(measured.drop(columns=first))


def predict(clip: str, model: str, output: str, device: str = "auto") -> tuple[Path, Path]:
    """Predict a clip and write `<name>.csv` and the report `<name>.html`.

    Args:
        clip: a video, an image, or a folder of images; only read.
        model: a file of `palsy fit`.
        output: folder for what is written.
        device: see `training.pick_device`.

    Returns:
        The two files.

    Raises:
        PalsyError: something is missing, cannot be read or written, or no frame shows a face.
    """
    from palsy_utils.report import write_report

    files = output_files(clip, output)
    fitted = read_model(Path(model))
    with tempfile.TemporaryDirectory(prefix="palsy-") as work:
        cohort = measure_clip(Path(clip), Path(work), fitted.profile)
        table = predict_clip(fitted, cohort, device)
        write_csv(table.round(6), files[0])
        write_report(Path(clip).name, table, cohort, fitted, files[1])
    return files


def output_files(clip: str, output: str) -> tuple[Path, Path]:
    """Name the table and the report of a clip, and make their folder, before any work is done.

    Raises:
        PalsyError: the folder cannot be written, or is where the clip lies.
    """
    source, folder = Path(clip).resolve(), Path(output)
    where = folder.resolve()
    if where == source.parent or where.is_relative_to(source):
        raise PalsyError(f"{folder} is where the clip lies: choose another folder as output.")
    check_writable(folder)
    name = source.name if source.is_dir() else source.stem
    return folder / f"{name}.csv", folder / f"{name}.html"
