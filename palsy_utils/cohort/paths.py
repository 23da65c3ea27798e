"""The door of a cohort's folder: it is listed once, and every name and link is checked there."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from palsy_utils.files import PalsyError

CLIPS = ".mp4 .mov .m4v .avi .mkv .webm .mpg .mpeg .wmv .3gp .mts .ogv".split()
IMAGES = ".jpg .jpeg .png .bmp .tif .tiff .webp".split()
KINDS = dict.fromkeys(CLIPS, "clip") | dict.fromkeys(IMAGES, "image")
CLASSES = {"palsy": 1.0, "healthy": 0.0}  # folders of a cohort without labels.csv, and labels
RATE = 6  # frames a second, as in the paper
LARGEST_IMAGE = 1 << 26  # pixels, 67 million: 200 MB in memory, and four times that with a margin


class File(NamedTuple):
    """What the door says of one file or folder."""

    file: str  # its path in the cohort's folder, POSIX
    stem: str  # its name, without the suffix if it is a file
    suffix: str  # in small letters
    kind: str  # "clip", "image", "other", "folder", or "gone" if nothing is there
    real: str  # the path on this machine, links followed
    problem: str  # why nobody may read it; "" if all is well


Files = dict[str, dict[str, File]]  # by folder, "." for the cohort's own, and by name
GONE = File("", "", "", "gone", "", "")


def list_files(root: Path) -> Files:
    """List a cohort's folder and those below it, each in the order in which people number files.

    Hidden files are the system's: they are not listed, nor is what lies in `frames/`, our own. A
    link to a folder is followed unless it lies below another one, so that no circle is walked.
    Raises an OSError if the folder itself cannot be read; of one below it, that is a `problem`.
    """
    files, todo = {}, [(".", os.path.realpath(root), False)]
    for folder, real, is_linked in todo:  # which grows
        try:
            names = [name for name in os.listdir(root / folder) if not name.startswith(".")]
        except OSError as error:
            if folder == ".":
                raise
            problem = f"{folder!r} cannot be read ({error.strerror}): see that you may read it"
            above, name = os.path.split(folder)
            files[above or "."][name] = files[above or "."][name]._replace(problem=problem)
            continue
        files[folder] = {}
        for name in sorted(names, key=lambda name: (natural_key(name), name)):
            file = files[folder][name] = _look(root, folder, os.path.join(real, name))
            is_link = file.real != os.path.join(real, name)
            is_closed = file.problem or file.file == "frames" or (is_link and is_linked)
            if file.kind == "folder" and not is_closed:
                todo.append((file.file, file.real, is_link or is_linked))
    return files


def _look(root: Path, folder: str, path: str) -> File:
    name = os.path.basename(path)
    file = name if folder == "." else f"{folder}/{name}"
    (stem, suffix), kind = os.path.splitext(name), "gone"
    if os.path.isfile(path):
        kind = KINDS.get(suffix.lower(), "other")
    elif os.path.isdir(path):
        kind, stem = "folder", name
    real = os.path.realpath(path) if os.path.islink(path) else path
    return File(file, stem, suffix.lower(), kind, real, find_problem(root, file))


def find_classes(files: Files) -> list[File]:
    """Return the class folders, capital or small letters alike."""
    return [f for f in files["."].values() if f.kind == "folder" and f.stem.lower() in CLASSES]


def find_file(files: Files, typed: str) -> File:
    """Find a file by its path as somebody typed it, or a folder on the way that may not be read.

    Where nothing is spelt like that, capital letters and the ways to write an accent make no
    difference, as on some disks.
    """

    def loosely(name: str) -> str:
        return unicodedata.normalize("NFC", name).casefold()

    found = File(".", "", "", "folder", ".", "") if typed else GONE
    for part in PurePosixPath(typed).parts:
        listed = files.get(found.file, {})
        same = [part] if part in listed else [n for n in listed if loosely(n) == loosely(part)]
        found = listed[same[0]] if len(same) == 1 else GONE
        if found.problem:
            break
    return found


def find_problem(root: Path, file: str) -> str:
    """Say why nobody may read `root / file`; "" if all is well.

    Links stay inside the cohort's folder, or lead into the one that the environment variable
    PALSY_LINKS names, for data tools that keep files elsewhere.
    """
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", file):
        return f"the name {file!r} holds a control character or is no UTF-8 text: rename it"
    allowed = filter(None, [root, os.environ.get("PALSY_LINKS")])
    if not os.path.islink(root / file) or any(
        Path(os.path.realpath(root / file)).is_relative_to(os.path.realpath(a)) for a in allowed
    ):
        return ""
    return (
        f"{file!r} is or passes a link that leads out of the cohort's folder {root}: copy the file "
        "there, or set PALSY_LINKS to the folder that links may lead into"
    )


def check_files(files: Iterable[File], where: object) -> None:
    """Raise a PalsyError that begins with `where` if one of the files may not be read."""
    for file in files:
        if file.problem:
            raise PalsyError(f"{where}: {file.problem}.")


def note_on_others(files: Iterable[File]) -> list[str]:
    """Say how many of the files are neither clip nor image, by suffix; nothing of none."""
    others = [file for file in files if file.kind not in ("clip", "image")]
    kinds = Counter("folder" if f.kind == "folder" else f.suffix or "no suffix" for f in others)
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    told = f"{len(others)} file(s) or folder(s) were passed over, as neither clip nor image"
    return [f"{told}: {listed}."] if others else []


def list_kind(folder: Path, kind: str) -> list[Path]:
    """List the files `clip` or `image` in a folder, not below it, as people number them."""
    files = sorted(folder.iterdir(), key=lambda file: (natural_key(file.name), file))
    kinds = [KINDS.get(f.suffix.lower()) if f.is_file() and f.name[0] != "." else "" for f in files]
    return [file for file, found in zip(files, kinds, strict=True) if found == kind]


def natural_key(text: str) -> list[str | int]:
    """Sort key that puts `2.bmp` before `10.bmp`."""
    parts = re.split(r"([0-9]+)", text)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]
