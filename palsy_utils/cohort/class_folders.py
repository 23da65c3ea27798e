"""Read a cohort that is one folder per class: `palsy/` and `healthy/`."""

import re
import unicodedata
from pathlib import Path

import pandas as pd

from palsy_utils.cohort.paths import File, Files, check_files, check_id, note_on_others
from palsy_utils.files import PalsyError

LABELS = {"palsy": 1.0, "healthy": 0.0}
COLUMNS = ["class", "patient", "origin", "video", "file", "kind", "suffix"]


def find_classes(files: Files) -> list[File]:
    """Return the class folders, capital or small letters alike."""
    return [f for f in files["."].values() if f.kind == "folder" and f.stem.lower() in LABELS]


def read_class_folders(root: Path, files: Files) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read `palsy/` and `healthy/`: a person is a file or a subfolder in one of them.

    Ids are made from the class and the names on disk. In a person's subfolder every clip is a
    video, and all loose images together are one. Names that differ in their suffix alone are one
    person's, and there the ids of videos keep the suffix. Returns are those of `read_labels`; a
    PalsyError names a class that is missing or empty, and two names that make the same id.
    """
    rows, others, classes = [], [], find_classes(files)
    check_files(classes, root)
    for name in LABELS:
        folders = [folder.file for folder in classes if folder.stem.lower() == name]
        if len(folders) > 1:
            raise PalsyError(f"{root} has both {'/ and '.join(folders)}/: keep one.")
        before = len(rows)
        for entry in files.get("".join(folders), {}).values():
            inside = list(files.get(entry.file, {}).values())
            check_files([entry, *inside], root / folders[0])
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
    videos = pd.DataFrame(rows, columns=COLUMNS)
    videos.loc[videos["video"].duplicated(keep=False), "video"] += videos["suffix"]
    for column, origin in (("patient", "origin"), ("video", "file")):
        _check_ids(root, videos[column], videos[origin])
    labels = videos[["patient", "video"]].assign(start_s=0.0, end_s=float("inf"))
    labels["label"] = videos["class"].map(LABELS)
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
    notes = [note for note, is_so in notes.items() if is_so] + note_on_others(others)
    return videos[["patient", "video", "file", "kind"]], labels, notes


def _safe(name: str) -> str:
    """Turn a name on disk into one that is safe as id: accents dropped, the rest made dashes."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", plain).strip("-")


def _check_ids(root: Path, ids: pd.Series, origins: pd.Series) -> None:
    """Raise a PalsyError for an id that is none, or that two names on disk have made."""
    firsts = origins.groupby(ids.str.lower()).transform("first")
    for name, origin, first in zip(ids, origins, firsts, strict=True):
        try:
            if name.endswith("-"):
                raise ValueError("no id can be made from this name: use letters a to z or digits")
            if first != origin:
                raise ValueError(f"it would get the same id {name!r} as {root / first}: rename one")
            check_id(name)
        except ValueError as error:
            raise PalsyError(f"{root / origin}: {error}.") from None
