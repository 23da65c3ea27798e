"""What may lie in a cohort's folder: safe names, kinds of files, tables typed in by people."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path, PurePosixPath, PureWindowsPath

from palsy_utils.files import PalsyError

CLIP_SUFFIXES = {
    *(".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm"),
    *(".mpg", ".mpeg", ".wmv", ".3gp", ".mts", ".ogv"),
}
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}

LARGEST_IMAGE = 1 << 26  # pixels, 67 million: 200 MB in memory, and four times that with a margin

# Words that table readers take for an empty cell: as an id they would vanish later on.
_READ_AS_MISSING = {"na", "n-a", "nan", "none", "null", "-nan"}


def natural_key(text: str) -> list[str | int]:
    """Sort key that puts `2.bmp` before `10.bmp`."""
    parts = re.split(r"([0-9]+)", text)
    return [int(part) if index % 2 else part for index, part in enumerate(parts)]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` was most likely meant to be, or None."""
    by_lower = {name.lower(): name for name in known}
    match = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[match[0]] if match else None


def check_id(text: str, where: str) -> str:
    """Return `text` if it can name a file and a folder; `where` is file, row and column.

    Raises:
        PalsyError: it is empty, longer than 80 characters, holds anything but letters a to z,
            digits and `_ . - +`, starts with a dot or dash, or means "missing" to table readers.
    """
    if not re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9_.+-]{0,79}", text):
        problem = "is longer than 80 characters" if len(text) > 80 else "cannot name a folder"
        problem = problem if text else "is empty"
    elif text.lower() in _READ_AS_MISSING:
        problem = "would be read as an empty cell"
    else:
        return text
    raise PalsyError(
        f"{where}: the id {text!r} {problem}: use 1 to 80 of the letters a to z, digits and "
        "_ . - +, starting with neither a dot nor a dash."
    )


def check_name(name: str, where: str) -> None:
    """Raise a PalsyError for a name that no table can hold: with a line break, or no UTF-8."""
    if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", name):
        raise PalsyError(
            f"{where}: the name {name!r} holds a line break, another control character, or bytes "
            "that are no UTF-8 text: rename it."
        )


def check_inside(root: Path, file: str, where: str) -> Path:
    """Return `root / file` if it stays inside `root`, symbolic links followed.

    Links may also lead into the folder that the environment variable PALSY_LINKS names, for data
    tools that keep the files elsewhere.

    Raises:
        PalsyError: the path is absolute, has `..` or backslashes, a link in it leads out, or
            `check_name` refuses it.
    """
    check_name(file, where)
    if (
        "\\" in file
        or PurePosixPath(file).is_absolute()
        or PureWindowsPath(file).drive
        or ".." in PurePosixPath(file).parts
    ):
        raise PalsyError(
            f"{where}: {file!r} does not lie inside the cohort's folder {root}: move or copy the "
            "file there and give its path relative to that folder, with / and without .. in it."
        )
    allowed = [root, *map(Path, filter(None, [os.environ.get("PALSY_LINKS")]))]
    try:
        leads_out = not any((root / file).resolve().is_relative_to(f.resolve()) for f in allowed)
    except (OSError, RuntimeError):  # a circle of links
        leads_out = True
    if leads_out:
        raise PalsyError(
            f"{where}: {file!r} is or passes a link that leads out of the cohort's folder {root}: "
            "copy the file there, or set PALSY_LINKS to the folder that links may lead into."
        )
    return root / file


def note_on_others(paths: Iterable[Path]) -> list[str]:
    """Say how many of the paths, which nobody reads, are of which kind; no sentence for none.

    Hidden files are the system's, and are not counted.
    """
    kinds = Counter(
        "folder(s)" if path.is_dir() else path.suffix.lower() or "without a suffix"
        for path in paths
        if not path.name.startswith(".")
    )
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.most_common())
    told = f"{kinds.total()} file(s) or folder(s) were passed over, as neither clip nor image"
    return [f"{told}: {listed}."] if kinds else []


def list_images(root: Path, folder: str) -> list[tuple[int, str]]:
    """List the images directly in `root/folder` as (frame, file relative to `root`), in order.

    Names are sorted as numbers are. The frame is the number that the file is named with if all
    files are named with different whole numbers, otherwise the position from 0.

    Raises:
        PalsyError: an image is a link that leads out of `root`.
    """
    names = []
    with os.scandir(root / folder) as entries:
        for entry in entries:
            suffix = os.path.splitext(entry.name)[1].lower()
            if suffix not in IMAGE_SUFFIXES or entry.name.startswith("."):
                continue
            check_name(entry.name, str(root / folder))
            if entry.is_symlink():
                check_inside(root, f"{folder}/{entry.name}", str(root / folder))
            if entry.is_file():
                names.append(entry.name)
    names.sort(key=lambda name: (natural_key(name), name))
    stems = [os.path.splitext(name)[0] for name in names]
    numbers = list(range(len(names)))
    if all(re.fullmatch("[0-9]{1,15}", stem) for stem in stems):
        named = [int(stem) for stem in stems]
        numbers = named if len(set(named)) == len(named) else numbers
    return [(number, f"{folder}/{name}") for number, name in zip(numbers, names, strict=True)]


def read_rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Read a table that a person may have typed: its header, and (row number, cells by column).

    Cells are parted by commas, semicolons or tabs, whichever the header has most of. Row numbers
    are those that a spreadsheet shows, the header being row 1. Names of columns are in small
    letters. Cells are text without blanks around them, so that `01` stays `01`; rows of empty
    cells, empty cells at the end of a row and a first line `sep=,` are passed over.

    Raises:
        PalsyError: not UTF-8, no rows, a broken quote, or a row longer or shorter than the header.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        raise PalsyError(
            f"{path}, row {row}: this is not UTF-8 text: save the table as 'CSV UTF-8'."
        ) from None
    text = re.sub(r'\A"?sep=."?[\r\n]+', "", text)  # Excel's own line, which it does not show
    first = re.split(r"[\r\n]", text.strip(), maxsplit=1)[0]
    rows = []
    parted = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=parted, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            if any(cell.strip() for cell in cells):
                rows.append((number, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise PalsyError(
            f"{path}, row {reader.line_num}: the row cannot be read ({error}): look for a "
            "quotation mark without its partner."
        ) from None
    if len(rows) < 2:
        raise PalsyError(f"{path} is empty: it needs a header and at least one row below it.")
    header = [name.lower() for name in rows[0][1]]
    while not header[-1]:
        header.pop()
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise PalsyError(
            f"{path}, row 1: the column {twice[0]!r} is there more than once: keep one."
        )
    for number, cells in rows[1:]:
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise PalsyError(
                f"{path}, row {number}: the row has {len(cells)} cells and the header has "
                f"{len(header)}: add what is missing, or put text that holds a comma in quotes."
            )
    return header, [(number, dict(zip(header, cells, strict=False))) for number, cells in rows[1:]]


def check_columns(path: Path, header: list[str], needed: Iterable[str]) -> None:
    """Raise a PalsyError that names the first missing column and what it was perhaps called."""
    for column in needed:
        if column not in header:
            others = [name for name in header if name not in needed]
            found = nearest(column, others)
            advice = f"rename the column {found!r}" if found else f"add it to {', '.join(header)}"
            raise PalsyError(f"{path}, row 1: the column {column!r} is missing: {advice}.")
