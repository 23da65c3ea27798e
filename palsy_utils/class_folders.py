"""Read a cohort that is one folder per class: `palsy/` and `healthy/`."""

import re
import unicodedata
from pathlib import Path

import pandas as pd

from palsy_utils.files import PalsyError
from palsy_utils.layout import (
    CLIP_SUFFIXES,
    IMAGE_SUFFIXES,
    check_id,
    check_inside,
    list_images,
    natural_key,
)

LABELS = {"palsy": 1.0, "healthy": 0.0}


def find_classes(root: Path) -> dict[str, Path]:
    """Return the class folders in `root` by class, capital or small letters alike."""
    found = {}
    for path in sorted(root.iterdir()):
        name = path.name.lower()
        if name in LABELS and path.is_dir():
            if name in found:
                raise PalsyError(f"{root} has both {found[name].name}/ and {path.name}/: keep one.")
            found[name] = path
    return found


def read_class_folders(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read `root/palsy` and `root/healthy`: a person is a file or a subfolder in one of them.

    Ids are made from the class and the names on disk. In a person's subfolder every clip is a
    video, and all loose images together are one.

    Returns:
        videos (patient, video, file, kind), labels (patient, video, start_s, end_s, label), notes.

    Raises:
        PalsyError: a class is missing or empty, or two names make the same id.
    """
    classes = find_classes(root)
    rows, passed_over = [], 0
    for name in LABELS:
        if name not in classes:
            raise PalsyError(f"{root} has no folder {name}/: add one with the {name} people in it.")
        of_class, others = _read_class(root, name, classes[name].name)
        if not of_class:
            raise PalsyError(
                f"{root / classes[name].name} holds no clips and no images: add the {name} people."
            )
        rows, passed_over = rows + of_class, passed_over + others
    _check_collisions(root, rows)
    videos = pd.DataFrame(rows)
    labels = videos[["patient", "video"]].assign(
        start_s=0.0, end_s=float("inf"), label=videos["class"].map(LABELS)
    )
    columns = ["patient", "video", "file", "kind"]
    return videos[columns], labels, _notes(videos, passed_over)


def _read_class(root: Path, name: str, folder: str) -> tuple[list[dict], int]:
    rows, passed_over = [], 0
    for entry in sorted((root / folder).iterdir(), key=lambda path: natural_key(path.name)):
        file = f"{folder}/{entry.name}"
        check_inside(root, file, str(root / folder))
        person = f"{name}-{_safe(entry.stem if entry.is_file() else entry.name)}"
        about = {"class": name, "patient": person, "person_from": file}
        if entry.is_dir() and not entry.name.startswith("."):
            of_person, others = _read_person(root, file, person)
            rows += [{**about, **video} for video in of_person]
            passed_over += others
        elif kind := _kind(entry):
            rows.append({**about, "video": person, "file": file, "kind": kind})
        else:
            passed_over += 1
    return rows, passed_over


def _read_person(root: Path, folder: str, person: str) -> tuple[list[dict], int]:
    rows, passed_over = [], 0
    for entry in sorted((root / folder).iterdir(), key=lambda path: natural_key(path.name)):
        file = f"{folder}/{entry.name}"
        kind = _kind(entry)
        if kind == "clip":
            check_inside(root, file, str(root / folder))
            rows.append({"video": f"{person}-{_safe(entry.stem)}", "file": file, "kind": kind})
        passed_over += kind is None
    if list_images(root, folder):
        rows.append({"video": person, "file": folder, "kind": "folder"})
    return rows, passed_over


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


def _notes(videos: pd.DataFrame, passed_over: int) -> list[str]:
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
    directly = (videos["file"] == videos["person_from"]) & (videos["kind"] != "folder")
    if alone := int(directly.sum()):
        notes.append(
            f"{alone} file(s) lie directly in palsy/ or healthy/ and each counts as a person of "
            "its own: put files that show the same person into one subfolder."
        )
    if passed_over:
        notes.append(f"{passed_over} file(s) or folder(s) were passed over: no clip, no image.")
    return notes
