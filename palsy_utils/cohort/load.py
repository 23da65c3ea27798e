"""A cohort: a folder with people's clips or images, and what is known about each of them.

Three shapes are recognised: `labels.csv`, one folder per class, and the YFP database's own tree.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.cohort.class_folders import find_classes, read_class_folders
from palsy_utils.cohort.labels_csv import read_labels
from palsy_utils.cohort.paths import list_images, natural_key
from palsy_utils.cohort.people import load_people
from palsy_utils.cohort.yfp import is_yfp, read_yfp
from palsy_utils.files import PalsyError
from palsy_utils.stamps import content

REGIONS = ("eyes", "mouth")
GRADES = ("normal", "slight", "strong")
TOLERANCE = 0.001  # s; time stamps are no more exact than that


@dataclass(frozen=True)
class Cohort:
    """Who is in a folder, in which videos, and what was labelled.

    videos: one row a video: patient, video, file (relative to root, POSIX), kind: "clip", "image",
        "folder" (of images), or "measured" (file not at hand, but faces/<video>.parquet is).
    labels: eyes, mouth (normal, slight, strong, missing) and label (1 palsy, 0 not, NaN) by
        patient, video and either the interval [start_s, end_s) or, in YFP, the frame.
    group: what a fold leaves out: "patient", or "video" where nobody knows who is who.
    notes: what was repaired, left out, or deserves a warning; one sentence each.
    """

    root: Path
    name: str
    kind: str
    videos: pd.DataFrame
    labels: pd.DataFrame
    group: str
    notes: tuple[str, ...]


def load_cohort(root: Path | str) -> Cohort:
    """Read and check a cohort's folder, whichever of the three shapes it has.

    Raises:
        PalsyError: no such folder, an unknown shape, or anything wrong in it; says where.
    """
    root, group = Path(root), "patient"
    if not root.is_dir():
        problem = "is a file" if root.exists() else "is not there"
        raise PalsyError(f"{root} {problem}: give the folder of a cohort, such as data/phantom.")
    try:
        if (root / "labels.csv").is_file():
            kind, (videos, labels, notes) = "labels.csv", read_labels(root)
        elif is_yfp(root):
            kind, (videos, labels, group, notes) = "YFP tree", read_yfp(root)
        elif find_classes(root):
            kind, (videos, labels, notes) = "class folders", read_class_folders(root)
        else:
            raise PalsyError(
                f"{root} is no cohort: it needs a labels.csv, or the two folders palsy/ and "
                "healthy/, or the YFP folders Image/ to Image4/ and Image_large_XML/."
            )
    except OSError as error:
        raise PalsyError(
            f"{error.filename or root} cannot be read ({error.strerror}): check that it is whole "
            "and that you may read it."
        ) from error
    for region in REGIONS:
        labels[region] = _none_for_missing(labels.get(region, pd.Series(index=labels.index)))
    if "label" not in labels:
        labels["label"] = binary_label(labels["eyes"], labels["mouth"])
    if unlabelled := int((labels[[*REGIONS, "label"]].isna().all(axis=1)).sum()):
        notes.append(f"{unlabelled} row(s) of {kind} carry no label.")
    known = set(videos["patient"])
    if strangers := [who for who in load_people(root).index if who not in known]:
        notes.append(
            f"patients.csv tells of {len(strangers)} people who are in no video, the first "
            f"{strangers[0]!r}: compare how they are written."
        )
    return Cohort(root, root.resolve().name, kind, videos, labels, group, tuple(notes))


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
    rows = cohort.labels.reset_index(drop=True).reindex(_label_rows(cohort, frames))
    rows.index = frames.index
    regions = {region: _none_for_missing(rows[region]) for region in REGIONS}
    return frames.assign(**regions, label=rows["label"])


def per_patient_counts(labelled_frames: pd.DataFrame) -> pd.DataFrame:
    """Count videos, frames and labels of each patient.

    Returns:
        one row a patient: patient, videos, frames, unlabelled (no usable 0/1 label), eyes_normal,
        eyes_slight, eyes_strong, mouth_normal, mouth_slight, mouth_strong, palsy, healthy;
        frames = unlabelled + palsy + healthy.
    """
    table, patient = labelled_frames, labelled_frames["patient"]
    counts = pd.DataFrame({"videos": table.groupby("patient")["video"].nunique()})
    flags = {"frames": table["video"].notna(), "unlabelled": table["label"].isna()}
    for region in REGIONS:
        flags |= {f"{region}_{grade}": table[region] == grade for grade in GRADES}
    flags |= {"palsy": table["label"] == 1, "healthy": table["label"] == 0}
    counts = counts.join(pd.DataFrame(flags).groupby(patient).sum())
    return counts.loc[sorted(counts.index, key=natural_key)].rename_axis("patient").reset_index()


def summary(cohort: Cohort, frames: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    """Return tables for one look at a cohort: overview, people and notes.

    overview: quantity, number. people: as `per_patient_counts`, of the frames, or, as long as
    there are no frames, of the rows of labels (column `label_rows` in place of `frames`).
    notes: one sentence a row, those about frames included.
    """
    kinds = cohort.videos["kind"].value_counts()
    overview = {
        "people" if cohort.group == "patient" else "videos taken as people": (
            cohort.videos["patient"].nunique()
        ),
        "videos": len(cohort.videos),
        **{f"of these: {kind}": number for kind, number in kinds.items()},
        "rows of labels": len(cohort.labels),
    }
    notes = [*cohort.notes, *_notes_on_copies(cohort)]
    if frames is None:
        people = per_patient_counts(cohort.labels).rename(columns={"frames": "label_rows"})
    else:
        labelled = frame_labels(cohort, frames)
        people = per_patient_counts(labelled)
        sums = people[["frames", "unlabelled", "palsy", "healthy"]].sum()
        overview |= sums.to_dict()
        notes += _notes_on_frames(cohort, labelled)
    return {
        "overview": pd.DataFrame(list(overview.items()), columns=["quantity", "number"]),
        "people": people,
        "notes": pd.DataFrame({"note": notes}),
    }


def _notes_on_copies(cohort: Cohort) -> list[str]:
    """Tell of files with the same content that are said to show different people."""
    label, rows = cohort.labels.groupby("video")["label"].mean(), []
    for video in cohort.videos[cohort.videos["kind"] != "measured"].itertuples():
        listed = [(0, video.file)]
        if video.kind == "folder":
            listed = list_images(cohort.root, video.file)
        about = (video.patient, label.get(video.video))
        for _, file in listed:
            with suppress(OSError):  # extract_frames names what cannot be read
                rows.append((content(cohort.root / file, cohort.root), file, *about))
    files = pd.DataFrame(rows, columns=["content", "file", "patient", "label"])
    same = files.groupby("content", sort=False)
    copies = files[same["patient"].transform("nunique") > 1]
    if not len(copies):
        return []
    unlike = copies.groupby("content")["label"].nunique() > 1
    first = copies.loc[copies["content"] == copies["content"].iloc[0], "file"].head(2)
    return [
        f"{len(unlike)} picture(s) or clip(s) are there of two people, {unlike.sum()} of them with "
        f"different labels, the first as {' and '.join(first)}: keep one of each."
    ]


def _notes_on_frames(cohort: Cohort, frames: pd.DataFrame) -> list[str]:
    notes = []
    used = np.isin(np.arange(len(cohort.labels)), _label_rows(cohort, frames))
    unused = cohort.labels[~used & cohort.labels["video"].isin(frames["video"])]
    if len(unused):
        row = unused.iloc[0]
        start = f"frame {row['frame']}" if "frame" in row else f"{row['start_s']:g} s"
        notes.append(
            f"{len(unused)} row(s) of labels have no frame, the first in video {row['video']!r} "
            f"from {start}: look for times beyond the end of the clip."
        )
    if "note" in frames:
        for note, number in frames.loc[frames["note"] != "", "note"].value_counts().items():
            notes.append(f"{number} frame(s) are marked: {note}.")
    return notes


def _label_rows(cohort: Cohort, frames: pd.DataFrame) -> np.ndarray:
    """Return for each frame the position of its row in `cohort.labels`, -1 where there is none."""
    labels = cohort.labels
    if "frame" in labels:  # a label of one frame is an interval of one frame
        place, start, end = frames["frame"], labels["frame"], labels["frame"] + 1
    else:
        place, start, end = frames["time_s"] + TOLERANCE, labels["start_s"], labels["end_s"]
    place, start, end = place.to_numpy(), start.to_numpy(), end.to_numpy()
    found = np.full(len(frames), -1)
    frames_of = frames.reset_index(drop=True).groupby("video").indices
    for video, of_video in labels.reset_index(drop=True).groupby("video").indices.items():
        here = frames_of.get(video, np.array([], dtype=int))
        rows = of_video[np.argsort(start[of_video])]
        # Intervals of a video never overlap: only the last that starts no later can hold a frame.
        last = np.searchsorted(start[rows], place[here], side="right") - 1
        inside = (last >= 0) & (place[here] < end[rows[last]])
        found[here[inside]] = rows[last[inside]]
    return found


def _none_for_missing(column: pd.Series) -> pd.Series:
    return column.astype(object).where(column.notna(), None)
