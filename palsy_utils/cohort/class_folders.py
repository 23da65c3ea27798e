"""Read a cohort that is one folder per class: `palsy/` and `healthy/`."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pandas as pd

from palsy_utils.cohort.paths import (
    CLIP_SUFFIXES,
    IMAGE_SUFFIXES,
    check_id,
    check_inside,
    list_images,
    natural_key,
    note_on_others,
)
from palsy_utils.files import PalsyError

LABELS = {"palsy": 1.0, "healthy": 0.0}


def find_classes(root: Path) -> list[Path]:
    """Return the class folders in `root`, capital or small letters alike."""
    return sorted(p for p in root.iterdir() if p.name.lower() in LABELS and p.is_dir())


def read_class_folders(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read `root/palsy` and `root/healthy`: a person is a file or a subfolder in one of them.

    Ids are made from the class and the names on disk. In a person's subfolder every clip is a
    video, and all loose images together are one. Names that differ in their suffix alone are one
    person's, and there the ids of videos keep the suffix.

    Returns:
        videos (patient, video, file, kind), labels (patient, video, start_s, end_s, label), notes.

    Raises:
        PalsyError: a class is missing or empty, or two names make the same id.
    """
    rows, others = [], []
    for name in LABELS:
        folders = [path for path in find_classes(root) if path.name.lower() == name]
        if not folders:
            raise PalsyError(f"{root} has no folder {name}/: add one with the {name} people in it.")
        if len(folders) > 1:
            raise PalsyError(
                f"{root} has both {' and '.join(f'{f.name}/' for f in folders)}: keep one."
            )
        of_class = _read_class(root, name, folders[0].name, others)
        if not of_class:
            raise PalsyError(f"{folders[0]} holds no clips and no images: add the {name} people.")
        rows += of_class
    ids = Counter(row["video"] for row in rows)
    for row in rows:
        if ids[row["video"]] > 1 and row["kind"] != "folder":
            row["video"] += Path(row["file"]).suffix.lower()
    _check_collisions(root, rows)
    videos = pd.DataFrame(rows)
    labels = videos[["patient", "video"]].assign(
        start_s=0.0, end_s=float("inf"), label=videos["class"].map(LABELS)
    )
    columns = ["patient", "video", "file", "kind"]
    return videos[columns], labels, _notes(videos) + note_on_others(others)


def _read_class(root: Path, name: str, folder: str, others: list[Path]) -> list[dict]:
    """Return a class's videos; what is neither a video nor a person is added to `others`."""
    rows = []
    for entry in sorted((root / folder).iterdir(), key=lambda path: natural_key(path.name)):
        file, stem = f"{folder}/{entry.name}", entry.stem if entry.is_file() else entry.name
        check_inside(root, file, str(root / folder))
        person = f"{name}-{_safe(stem)}"
        about = {"class": name, "patient": person, "person_from": f"{folder}/{stem}"}
        if entry.is_dir() and not entry.name.startswith("."):
            of_person = _read_person(root, file, person, others)
            rows += [{**about, **video} for video in of_person]
        elif kind := _kind(entry):
            rows.append({**about, "video": person, "file": file, "kind": kind})
        else:
            others.append(entry)
    return rows


def _read_person(root: Path, folder: str, person: str, others: list[Path]) -> list[dict]:
    rows = []
    for entry in sorted((root / folder).iterdir(), key=lambda path: natural_key(path.name)):
        file, kind = f"{folder}/{entry.name}", _kind(entry)
        if kind == "clip":
            check_inside(root, file, str(root / folder))
            rows.append({"video": f"{person}-{_safe(entry.stem)}", "file": file, "kind": kind})
        elif kind is None:
            others.append(entry)
    if list_images(root, folder):
        rows.append({"video": person, "file": folder, "kind": "folder"})
    return rows


def _kind(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if path.name.startswith(".") or not path.is_file():
        return None
    return "clip" if suffix in CLIP_SUFFIXES else "image" if suffix in IMAGE_SUFFIXES else None


def _safe(name: str) -> str:
    """Turn a name on disk into one that is safe as id: accents dropped, the rest made dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", plain).strip("-")


def _check_collisions(root: Path, rows: list[dict]) -> None:
    people, videos = {}, {}
    for row in rows:
        for ids, name, origin in (
            (people, row["patient"], row["person_from"]),
            (videos, row["video"], row["file"]),
        ):
            advice = "rename it so that it differs in the letters a to z or in digits"
            if name.endswith("-"):
                raise PalsyError(f"{root / origin}: no id can be made from this name: {advice}.")
            check_id(name, str(root / origin))
            if ids.setdefault(name.lower(), origin) != origin:
                raise PalsyError(
                    f"{root / origin}: it would get the same id {name!r} as "
                    f"{root / ids[name.lower()]}: {advice}."
                )


def _notes(videos: pd.DataFrame) -> list[str]:
    notes = [
        "Healthy and ill people come from different folders, perhaps from different sources: a "
        "model may learn the source (camera, light, size) in place of the palsy."
    ]
    stems = [
        set(people.map(lambda name: name.split("-", 1)[1].lower()))
        for _, people in videos.groupby("class")["patient"]
    ]
    if shared := len(set.intersection(*stems)):
        notes.append(
            f"{shared} name(s) occur in both palsy/ and healthy/ and are taken as different "
            "people: if they are the same, use a labels.csv."
        )
    directly = (videos["file"].str.count("/") == 1) & (videos["kind"] != "folder")
    if alone := int(directly.sum()):
        notes.append(
            f"{alone} file(s) lie directly in palsy/ or healthy/ and each name counts as a person "
            "of its own: put files that show the same person into one subfolder."
        )
    return notes
