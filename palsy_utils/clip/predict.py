"""What a fitted model says of clips and photographs that nobody has labelled: `palsy predict`.

They are copied into a temporary folder as a tiny cohort, so that they go through the very steps
that training data went through, and nothing is written beside them.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from palsy_utils.clip.card import file_hashes
from palsy_utils.clip.fit import Fitted, lay_out, load_seen, read_model
from palsy_utils.clip.measures import Measured, count, measures, shown
from palsy_utils.clip.report import made_from, report
from palsy_utils.cohort.load import Cohort, load_cohort
from palsy_utils.cohort.paths import CLIP_SUFFIXES, IMAGE_SUFFIXES, LARGEST_IMAGE, natural_key
from palsy_utils.downloads import LANDMARKER, is_at_hand
from palsy_utils.faces.frames import extract_frames, frames_of, load_frames, open_video
from palsy_utils.faces.landmarker import open_landmarker
from palsy_utils.faces.measure import faces_of, load_faces, measure_faces, write_faces
from palsy_utils.faces.modalities import build_modalities
from palsy_utils.faces.pictures import read_image
from palsy_utils.faces.upright import crop_rgb, to_pixels, window
from palsy_utils.files import PalsyError, check_writable, sha256, write_csv, write_text
from palsy_utils.learning.heads import heads_table
from palsy_utils.learning.nested import temper
from palsy_utils.learning.nets import probabilities
from palsy_utils.learning.profiles import Profile
from palsy_utils.learning.training import compute
from palsy_utils.stamps import DONE, write_stamp

FACE, THUMBNAIL = 420, 200  # pixels, side of a crop
ANYBODY = "clip"  # patient and video of the tiny cohort: the clip's own name may be anything
KNOWN = f"names may end in {' '.join(sorted(CLIP_SUFFIXES | IMAGE_SUFFIXES))}"


def measure_clip(
    clip: Path, folder: Path, profile: Profile, measured: Path | None = None
) -> Measured:
    """Measure the faces of a clip, six frames a second, or of photographs; build all modalities.

    Args:
        clip: a video, a photograph, or a folder of photographs.
        folder: an empty folder to work in.
        profile: of the model.
        measured: a cohort; where the landmark model is not at hand, its measurements of the very
            same file are taken, and a note of the result's cohort says so.

    Raises:
        PalsyError: the clip is missing, cannot be read, or shows no face.
    """
    kind, copies = _copy(clip, folder)
    stems = [Path(copy).stem for copy in copies]
    videos = pd.DataFrame({"patient": stems, "video": stems})
    # Nothing is known of the clip; a stand-in label lets every frame with a face through.
    labels = videos.assign(start_s=0.0, end_s=np.inf, eyes=None, mouth=None, label=0.0)
    videos = videos.assign(file=list(copies), kind=kind)
    sources = {name: [(0, 0.0, copy)] for name, copy in zip(stems, copies, strict=True)}
    cohort = Cohort(folder, clip.name, "labels.csv", videos, labels, sources, "video", ())
    extract_frames(cohort, workers=1)
    if measured and kind == "clip" and not is_at_hand(LANDMARKER):
        cohort = replace(cohort, notes=_borrow_faces(cohort, load_cohort(measured)))
    measure_faces(cohort, workers=1)
    open_landmarker.cache_clear()  # closed while Python is whole; at its end that is an error
    source, (table, landmarks, scores) = Path(os.path.abspath(clip)), load_faces(cohort)
    frames, found = table[["frame", "time_s"]], table["found"].to_numpy()
    if kind == "image":
        frames = pd.DataFrame({"file": list(copies.values())})
    if not found.any():
        raise PalsyError(
            f"No face was found in any of {count(frames)} of {source}, so there is nothing to "
            "predict: take one face, frontal and well lit, and so large that the outer corners "
            "of the eyes are at least 6 % of the picture's longer side apart."
        )
    points = to_pixels(landmarks, table["height"], table["width"])
    numbers = measures(table[found], landmarks[found], points[found], scores[found])
    frames = frames.join(table[["found", "note"]]).join(numbers)
    marked = int(numbers["asymmetry_mm"].idxmax())
    pictures = [folder / file for file in load_frames(cohort)["file"]]

    def crop(row: int, size: int) -> np.ndarray:
        return crop_rgb(read_image(pictures[row])[0], points[row], size)

    hashes, thumbnails = file_hashes(cohort), {}
    if kind == "image":  # a cohort may hold the same photographs as one folder
        hashes.append(sha256(*pictures)[:16])
        thumbnails = {row: crop(row, THUMBNAIL) for row in numbers.index}
    ours = points[marked].astype(np.float32)
    ours = cv2.transform(ours[None], window(points[marked], FACE))[0]
    build_modalities(cohort, profile.image_size, profile.mouth_and_nose)
    face = crop(marked, FACE)
    return Measured(source, cohort, frames, marked, face, ours, thumbnails, hashes)


def _borrow_faces(clip: Cohort, cohort: Cohort) -> tuple[str, ...]:
    """Copy what a cohort has measured of the same file; return a note, or none if it has not."""
    (ours,) = clip.videos.itertuples()
    source, measured = frames_of(clip, ours).made_from, faces_of(clip, ours)
    for video in cohort.videos[cohort.videos["kind"] == "clip"].itertuples():
        theirs, faces = frames_of(cohort, video).made_from or {}, faces_of(cohort, video)
        if theirs.get("content") == source["content"] and faces.state().kind == DONE:
            write_faces(pd.read_parquet(faces.path).assign(video=ours.video), measured.path)
            write_stamp(measured.path, measured.made_from)
            where = f"this clip is {video.video} of the cohort {cohort.name}, so its measurements"
            return (f"The landmark model is not at hand, but {where} there are taken.",)
    return ()


def _copy(clip: Path, folder: Path) -> tuple[str, dict[str, str]]:
    """Copy a clip or photographs under harmless names; return their kind, and copy -> name."""
    if not clip.exists():
        raise PalsyError(f"{clip} does not exist: give a video, a photograph or a folder of them.")
    files = _list_files(clip, IMAGE_SUFFIXES) if clip.is_dir() else [clip]
    if not files or files[0].suffix.lower() not in CLIP_SUFFIXES | IMAGE_SUFFIXES:
        raise PalsyError(f"{clip} is neither video nor image, nor a folder of images: {KNOWN}.")
    kind, copies = "clip" if files[0].suffix.lower() in CLIP_SUFFIXES else "image", {}
    try:
        for number, file in enumerate(files):
            copy = folder / f"{ANYBODY if kind == 'clip' else f'{number:06d}'}{file.suffix.lower()}"
            shutil.copyfile(file, copy)
            copies[copy.name] = shown(file)
    except OSError as error:
        raise PalsyError(f"{file} cannot be read: {error.strerror or error}.") from error
    if files == [clip] and not (
        open_video(copy).read()[0] if kind == "clip" else read_image(copy)[0] is not None
    ):
        raise PalsyError(
            f"{clip} is no {'video' if kind == 'clip' else 'image'} that can be read: it may be "
            f"damaged, empty, or have more than {LARGEST_IMAGE:,} pixels."
        )
    return kind, copies


def _list_files(folder: Path, suffixes: set[str]) -> list[Path]:
    try:
        files = [p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.is_file()]
    except OSError as error:
        raise PalsyError(f"{folder} cannot be read: {error.strerror or error}.") from error
    files = [p for p in files if not p.name.startswith(".")]
    return sorted(files, key=lambda p: (natural_key(p.name), p.name))


def predict_clip(fitted: Fitted, measured: Measured, device: str = "auto") -> pd.DataFrame:
    """Run a fitted model on every frame of a clip, or on every photograph.

    Returns:
        One row a frame: `frame` and `time_s`, or the photograph's `file`; `found`, `probability`
        (of palsy, 0 to 1), `calibrated_probability` (empty if the model has no temperature),
        `eyes_<grade>`, `mouth_<grade>`, `side_<side>` as far as the model has learnt them, then
        what was measured (`Measured.frames`). Without a face there are no numbers.

    Raises:
        PalsyError: a modality that the model needs was not built.
    """
    fold = lay_out(measured.cohort, fitted.profile, fitted.model, device=device)
    logits = compute(fitted.net, load_seen(fold), fold.train, fold.device)
    heads = pd.DataFrame(index=fold.train)
    if known := tuple(f"{head}_" for head in fitted.questions):
        heads = heads_table(logits)
        heads = heads[[column for column in heads if column.startswith(known)]]
    probability = probabilities(logits).numpy()
    calibrated = np.nan if fitted.temperature is None else temper(probability, fitted.temperature)
    said = pd.DataFrame({"probability": probability, "calibrated_probability": calibrated})
    frames = measured.frames
    said = said.join(heads).set_index(frames.index[frames["found"]])
    first = frames.columns.get_loc("found") + 1
    return frames.iloc[:, :first].join(said).join(frames.iloc[:, first:])


def predict(clip: str, model: str, output: str, device: str = "auto") -> Iterator[Path]:
    """Predict clips or photographs, and write a table and a report of each (`output_files`).

    Args:
        clip: a video, a photograph, or a folder of videos (each gets a report of its own), of
            photographs (which share one), or of both; only read.
        model: a file of `palsy fit`.
        output: folder for what is written.
        device: see `training.pick_device`.

    Yields:
        Each table and each report, as soon as it is written.

    Raises:
        PalsyError: something is missing, cannot be read or written, or shows no face. Of several
            clips the others are done first; then there is one sentence for each that failed.
    """
    sources = [Path(clip)]
    if sources[0].is_dir():
        album = sources * bool(_list_files(sources[0], IMAGE_SUFFIXES))
        sources = _list_files(sources[0], CLIP_SUFFIXES) + album
    if not sources:
        raise PalsyError(f"{clip} holds neither a video nor a photograph: {KNOWN}.")
    for source in sources:
        output_files(source, output)  # what cannot be written is told before any work is done
    fitted = read_model(Path(model))
    failed = []
    for source in sources:
        try:
            files = output_files(source, output)
            with tempfile.TemporaryDirectory(prefix="palsy-") as work:
                measured = measure_clip(source, Path(work), fitted.profile)
                table = predict_clip(fitted, measured, device)
                write_csv(table.round(6), files[0])
                write_text(report(table, measured, fitted), files[1])
        except PalsyError as error:
            failed.append(str(error))
        else:
            yield from files
    if failed:
        raise PalsyError("\n".join(failed))


def output_files(clip: Path | str, output: Path | str) -> tuple[Path, Path]:
    """Name the table and the report of a clip, `<its name>.csv` and `.html`; make their folder.

    The name keeps its suffix, so that `a.png` and `a.bmp` do not overwrite each other's report. A
    report that is there already is only replaced by one on the same file or folder.

    Raises:
        PalsyError: the folder cannot be written, is where the clip lies, or holds a report of this
            name on another clip.
    """
    source, folder = Path(os.path.abspath(clip)), Path(output)
    where = folder.resolve()
    if where == source.parent.resolve() or where.is_relative_to(source.resolve()):
        raise PalsyError(f"{folder} is where the clip lies: choose another folder as output.")
    check_writable(folder)
    name = shown(source).encode()[:200].decode(errors="ignore")  # the disk allows some 250 bytes
    table, page = folder / f"{name}.csv", folder / f"{name}.html"
    try:
        is_other = page.exists() and made_from(source).encode() not in page.read_bytes()
    except OSError:  # a folder, or somebody else's
        is_other = True
    if is_other:
        raise PalsyError(
            f"{page} is the report on another file called {shown(source)}: choose another folder "
            "as output, or take that report away first."
        )
    return table, page
