"""A cohort: a folder with people's clips or images, and what is known about each of them.

Three shapes are recognised: `labels.csv`, one folder per class, and the YFP database's own tree.
"""

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from palsy_utils.cohort import paths
from palsy_utils.cohort.labels_csv import load_people, read_labels
from palsy_utils.cohort.paths import Files
from palsy_utils.cohort.yfp import TREES, read_yfp
from palsy_utils.files import PalsyError
from palsy_utils.stamps import content

REGIONS = ("eyes", "mouth")
TOLERANCE = 0.001  # s; some containers round time stamps to milliseconds


@dataclass(frozen=True)
class Cohort:
    """Who is in a folder, in which videos, and what was labelled.

    A row of `videos` is patient, video, file (relative to root, POSIX), kind: "clip", "image",
    "folder" (of images), or "measured" (file not at hand, but faces/<video>.parquet is). `labels`
    are eyes, mouth (normal, slight, strong, missing) and label (1 palsy, 0 not, NaN) by patient,
    video and either the interval [start_s, end_s) or, in YFP, the frame.
    """

    root: Path
    name: str
    kind: str
    videos: pd.DataFrame
    labels: pd.DataFrame
    sources: dict[str, list[tuple[int, float, str]]]  # of each video (frame, time in s, file)
    group: str  # that a fold leaves out: "patient", or "video" where nobody knows who is who
    notes: tuple[str, ...]  # what was repaired, left out, or deserves a warning, a sentence each


def load_cohort(root: Path | str) -> Cohort:
    """Read and check a cohort's folder, whichever of the three shapes it has."""
    root, group, sources = Path(root), "patient", None
    if not root.is_dir():
        raise PalsyError(f"{root} is not there or no folder: give a cohort's, as data/phantom.")
    try:
        files = paths.list_files(root)
        if (root / "labels.csv").is_file():
            kind, (videos, labels, notes) = "labels.csv", read_labels(root, files)
        elif any(f.kind == "folder" and name in TREES for name, f in files["."].items()):
            kind, (videos, labels, sources, group, notes) = "YFP tree", read_yfp(root, files)
        elif paths.find_classes(files):
            kind, (videos, labels, notes) = "class folders", _read_class_folders(root, files)
        else:
            raise PalsyError(
                f"{root} is no cohort: it needs a labels.csv, or the two folders palsy/ and "
                "healthy/, or the YFP folders Image/ to Image4/ and Image_large_XML/."
            )
        people = load_people(root)
    except OSError as error:
        told = f"{error.filename or root} cannot be read ({error.strerror})"
        raise PalsyError(f"{told}: check that it is whole and that you may read it.") from error
    for region in REGIONS:
        labels[region] = _none_for_missing(labels.get(region, pd.Series(index=labels.index)))
    if "label" not in labels:
        labels["label"] = binary_label(labels["eyes"], labels["mouth"])
    if unlabelled := int((labels[[*REGIONS, "label"]].isna().all(axis=1)).sum()):
        notes.append(f"{unlabelled} row(s) of {kind} carry no label.")
    if len(strangers := people.index.difference(videos["patient"], sort=False)):
        notes.append(
            f"patients.csv tells of {len(strangers)} people who are in no video, the first "
            f"{strangers[0]!r}: compare how they are written."
        )
    about = root, root.resolve().name, kind, videos, labels
    return Cohort(*about, sources or _list_sources(videos, files), group, tuple(notes))


def _read_class_folders(root: Path, files: Files) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read `palsy/` and `healthy/`: a person is a file or a subfolder in one of them.

    Ids are made from the class and the names on disk. In a person's subfolder every clip is a
    video, and all loose images together are one. Names that differ in their suffix alone are one
    person's, and there the ids of videos keep the suffix. Returns are those of `read_labels`; a
    PalsyError names a class that is missing or empty, and two names that make the same id.
    """
    rows, others, classes = [], [], paths.find_classes(files)
    columns = ["class", "patient", "origin", "video", "file", "kind", "suffix"]
    paths.check_files(classes, root)
    for name in paths.CLASSES:
        folders = [folder.file for folder in classes if folder.stem.lower() == name]
        if len(folders) > 1:
            raise PalsyError(f"{root} has both {'/ and '.join(folders)}/: keep one.")
        before = len(rows)
        for entry in files.get("".join(folders), {}).values():
            inside = list(files.get(entry.file, {}).values())
            paths.check_files([entry, *inside], root / folders[0])
            person = f"{name}-{_safe(entry.stem)}"
            about = (name, person, f"{folders[0]}/{entry.stem}")
            clips = [file for file in inside if file.kind == "clip"]
            rows += [(*about, f"{person}-{_safe(c.stem)}", c.file, c.kind, c.suffix) for c in clips]
            if entry.kind in ("clip", "image"):
                rows.append((*about, person, entry.file, entry.kind, entry.suffix))
            elif any(file.kind == "image" for file in inside):
                rows.append((*about, person, entry.file, "folder", ""))
            others += inside if entry.kind == "folder" else [entry]
        if len(rows) == before:
            raise PalsyError(
                f"{root} has no folder {name}/ with clips or images: add the {name} people there."
            )
    videos = pd.DataFrame(rows, columns=columns)
    videos.loc[videos["video"].duplicated(keep=False), "video"] += videos["suffix"]
    for ids, origins in ((videos["patient"], videos["origin"]), (videos["video"], videos["file"])):
        firsts = origins.groupby(ids.str.lower()).transform("first")
        for name, origin, first in zip(ids, origins, firsts, strict=True):
            told = "no id can be made from this name: use 1 to 80 letters a to z and digits"
            if first != origin:
                told = f"it would get the same id {name!r} as {root / first}: rename one"
            if first != origin or name.endswith("-") or len(name) > 80:
                raise PalsyError(f"{root / origin}: {told}.")
    labels = videos[["patient", "video"]].assign(start_s=0.0, end_s=float("inf"))
    labels["label"] = videos["class"].map(paths.CLASSES)
    stems = videos["patient"].str.lower().str.split("-", n=1).str[1].groupby(videos["class"])
    shared = len(set.intersection(*stems.agg(set)))
    alone = int(((videos["file"].str.count("/") == 1) & (videos["suffix"] != "")).sum())
    notes = {
        "Healthy and ill people come from different folders, perhaps from different sources: a "
        "model may learn the source (camera, light, size) in place of the palsy.": True,
        f"{shared} name(s) occur in both palsy/ and healthy/ and are taken as different people: if "
        "they are the same, use a labels.csv.": shared,
        f"{alone} file(s) lie directly in palsy/ or healthy/ and each name counts as a person of "
        "its own: put files that show the same person into one subfolder.": alone,
    }
    notes = [note for note, is_so in notes.items() if is_so] + paths.note_on_others(others)
    return videos[["patient", "video", "file", "kind"]], labels, notes


def _safe(name: str) -> str:
    """Turn a name on disk into one that is safe as id: accents dropped, the rest made dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", plain).strip("-")


def _list_sources(videos: pd.DataFrame, files: Files) -> dict[str, list[tuple[int, float, str]]]:
    """List clips and images; an image's frame is the number in its name, or else its position."""
    sources = {v.video: [(0, 0.0, v.file)] for v in videos.itertuples() if v.kind != "measured"}
    for video in videos[videos["kind"] == "folder"].itertuples():
        images = {f.file: f.stem for f in files[video.file].values() if f.kind == "image"}
        numbers = [int(stem) for stem in images.values() if re.fullmatch("[0-9]{1,15}", stem)]
        numbers = numbers if len({*numbers}) == len(images) else range(len(images))
        rows = enumerate(zip(numbers, images, strict=True))
        sources[video.video] = [(n, i / paths.RATE, file) for i, (n, file) in rows]
    return sources


def binary_label(eyes: pd.Series, mouth: pd.Series) -> pd.Series:
    """Return the paper's label: 1 if a region is strong or both are slight, otherwise 0.

    NaN where a missing region leaves it open: slight eyes say nothing without the mouth.
    Source: Oo, Lee, Lim 2024, after Hsu, Kang, Huang 2018.
    """
    strong = eyes.isin(["strong"]) | mouth.isin(["strong"])
    both_slight = eyes.isin(["slight"]) & mouth.isin(["slight"])
    known = strong | (eyes.notna() & mouth.notna())
    return (strong | both_slight).astype(float).where(known)


def frame_labels(cohort: Cohort, frames: pd.DataFrame) -> pd.DataFrame:
    """Return `frames` (patient, video, frame, time_s) with eyes, mouth and label; order kept.

    A frame takes the labels of the interval [start_s, end_s) that its time lies in, to the
    millisecond, or, in YFP, those of its own number. Frames without a label have None, None, NaN:
    they are unlabelled, not healthy.
    """
    labels = cohort.labels.reset_index(drop=True)
    if "frame" in labels:  # a label of one frame is an interval of one frame
        place, start, end = frames["frame"], labels["frame"], labels["frame"] + 1
    else:
        place, start, end = frames["time_s"] + TOLERANCE, labels["start_s"], labels["end_s"]
    left = frames[["video"]].assign(place=place.astype(float), at=range(len(frames)))
    right = labels[["video"]].assign(place=start.astype(float), end=end, row=labels.index)
    left, right = (side.astype({"video": object}).sort_values("place") for side in (left, right))
    # Intervals of a video never overlap: only the last that starts no later can hold a frame.
    last = pd.merge_asof(left, right, on="place", by="video").sort_values("at")
    rows = last["row"].where(last["place"] < last["end"].astype(float), -1).astype(int)
    found = labels.reindex(rows).set_axis(frames.index)
    regions = {region: _none_for_missing(found[region]) for region in REGIONS}
    return frames.assign(**regions, label=found["label"])


def find_notes(cohort: Cohort) -> list[str]:
    """Return the cohort's notes, and one on files that are said to show different people."""
    label, rows = cohort.labels.groupby("video")["label"].mean(), []
    for video in cohort.videos.itertuples():
        for *_, file in cohort.sources.get(video.video, []):
            with suppress(OSError):  # extract_frames names what cannot be read
                same = content(cohort.root / file)
                rows.append((same, file, video.patient, label.get(video.video)))
    files = pd.DataFrame(rows, columns=["content", "file", "patient", "label"])
    people = files.groupby("content", sort=False)["patient"].transform("nunique")
    if not (people > 1).any():
        return list(cohort.notes)
    copies = files[people > 1].groupby("content", sort=False)
    first, unlike = next(iter(copies))[1]["file"].head(2), copies["label"].nunique() > 1
    return [
        *cohort.notes,
        f"{len(unlike)} picture(s) or clip(s) are there of two people, {unlike.sum()} of them with "
        f"different labels, the first as {' and '.join(first)}: keep one of each.",
    ]


def _none_for_missing(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), None)
