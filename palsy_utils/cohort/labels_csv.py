"""Read and check `labels.csv`: who is in which file, and what was seen in it when."""

import math
from pathlib import Path

import pandas as pd

from palsy_utils.cohort.class_folders import find_classes
from palsy_utils.cohort.paths import (
    CLIP_SUFFIXES,
    IMAGE_SUFFIXES,
    check_columns,
    check_id,
    check_inside,
    nearest,
    note_on_others,
    read_rows,
)
from palsy_utils.files import PalsyError

COLUMNS = ["patient", "video", "file", "start_s", "end_s"]
WORDS = {
    "eyes": {"normal": "normal", "slight": "slight", "strong": "strong", "": None},
    "mouth": {"normal": "normal", "slight": "slight", "strong": "strong", "": None},
    # Programs that know no missing whole number write 1 as 1.0.
    "label": {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0, "": math.nan},
}


def read_labels(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read `root/labels.csv` and check every cell of it.

    An empty start_s means the beginning of the file, an empty end_s its end.

    Returns:
        videos (patient, video, file, kind), labelled intervals (patient, video, start_s, end_s
        and either eyes, mouth or label; end_s is infinite at the end of a file), and notes.

    Raises:
        PalsyError: names the file, the row, the column, and what to do.
    """
    path = check_inside(root, "labels.csv", str(root))
    header, rows = read_rows(path)
    regions = _label_columns(path, header)
    check_columns(path, header, COLUMNS + regions)
    videos, intervals = {}, []
    for number, row in rows:
        where = f"{path}, row {number}"
        for column in ("patient", "video"):
            check_id(row[column], f"{where}, column {column}")
        labels = {column: _word(row[column], column, where) for column in regions}
        start, end = _times(row, where)
        if row["video"] not in videos:
            kind = _kind(root, row, f"{where}, column file")
            videos[row["video"]] = {**{c: row[c] for c in COLUMNS[:3]}, "kind": kind, "row": number}
        video = videos[row["video"]]
        _check_same(video, row, where)
        if video["kind"] == "image" and (row["start_s"] or row["end_s"]):
            raise PalsyError(
                f"{where}, column start_s: a still image has no times: leave start_s and end_s "
                "empty."
            )
        times = {"start_s": start, "end_s": end}
        intervals.append({"row": number, **{c: row[c] for c in COLUMNS[:2]}, **times, **labels})
    videos, intervals = pd.DataFrame(list(videos.values())), pd.DataFrame(intervals)
    _check_different(path, root, videos)
    _check_overlap(path, intervals)
    notes = []
    if others := [name for name in header if name not in COLUMNS + regions]:
        notes.append(
            f"Columns of labels.csv that were passed over: {', '.join(map(repr, others))}."
        )
    if classes := find_classes(root):
        notes.append(
            "labels.csv alone says who is in this cohort: what else lies in "
            f"{' and '.join(f'{folder.name}/' for folder in classes)} was not read."
        )
    inside = (
        path
        for folder in videos.loc[videos["kind"] == "folder", "file"]
        for path in (root / folder).iterdir()
    )
    notes += note_on_others(path for path in inside if path.suffix.lower() not in IMAGE_SUFFIXES)
    return videos.drop(columns="row"), intervals.drop(columns="row"), notes


def _label_columns(path: Path, header: list[str]) -> list[str]:
    """Return the label columns that this header has, or seems meant to have."""
    regions = {"eyes", "mouth"} & set(header)
    if "label" in header and regions:
        raise PalsyError(
            f"{path}, row 1: there are columns for regions and a column 'label': keep either eyes "
            "and mouth, or label."
        )
    if "label" in header or (not regions and nearest("label", set(header) - set(COLUMNS))):
        return ["label"]
    return ["eyes", "mouth"]


def _word(text: str, column: str, where: str) -> str | float | None:
    if text.lower() in WORDS[column]:
        return WORDS[column][text.lower()]
    known = [word for word in WORDS[column] if word and "." not in word]
    likely = nearest(text, known)
    raise PalsyError(
        f"{where}, column {column}: {text!r} is no known label: write "
        f"{f'{likely!r}' if likely else ' or '.join(known)}, or leave the cell empty if unknown."
    )


def _times(row: dict[str, str], where: str) -> tuple[float, float]:
    times = []
    for column, default in (("start_s", 0.0), ("end_s", math.inf)):
        text = row[column]
        try:
            time = float(text) if text else default
        except ValueError:
            time = math.nan
        if math.isnan(time) or time < 0 or (text and math.isinf(time)):
            raise PalsyError(
                f"{where}, column {column}: {text!r} is no time: write seconds from the start of "
                "the clip as a number with a decimal point, such as 12.5."
            )
        times.append(time)
    if times[1] <= times[0]:
        raise PalsyError(
            f"{where}, column end_s: the interval ends at {times[1]:g} s, not after its start at "
            f"{times[0]:g} s: correct one of the two."
        )
    return times[0], times[1]


def _kind(root: Path, row: dict[str, str], where: str) -> str:
    """Tell what kind of video the row's file is, by looking at the disk."""
    file, measured = row["file"], root / "faces" / f"{row['video']}.parquet"
    path = check_inside(root, file, where)
    if file and Path(file).parts[:1] == ("frames",):
        raise PalsyError(
            f"{where}: {file!r} lies in frames/, where extracted frames are written: move it to "
            "another folder of the cohort."
        )
    try:
        is_folder, is_file = bool(file) and path.is_dir(), bool(file) and path.is_file()
    except OSError:  # for instance a name too long for the disk
        is_folder = is_file = False
    if is_folder:
        return "folder"
    if is_file and path.suffix.lower() in CLIP_SUFFIXES:
        return "clip"
    if is_file and path.suffix.lower() in IMAGE_SUFFIXES:
        return "image"
    if is_file:
        raise PalsyError(
            f"{where}: {file!r} is neither a clip nor an image: convert it to one of "
            f"{', '.join(sorted(CLIP_SUFFIXES | IMAGE_SUFFIXES))}."
        )
    if measured.is_file():
        return "measured"
    problem = f"the file {file!r} does not exist" if file else "no file is given"
    raise PalsyError(f"{where}: {problem} in {root}: put it there or correct the path.")


def _check_same(video: dict, row: dict[str, str], where: str) -> None:
    """A video is one file that shows one person, in all of its rows."""
    for column, advice in (
        ("patient", "give each person's clip a video id of its own"),
        ("file", "give each file a video id of its own"),
    ):
        if row[column] != video[column]:
            raise PalsyError(
                f"{where}, column {column}: the video {row['video']!r} has {column} "
                f"{row[column]!r} here and {video[column]!r} in row {video['row']}: {advice}."
            )


def _check_different(path: Path, root: Path, videos: pd.DataFrame) -> None:
    """Two videos are two files, and ids differ in more than small and capital letters."""
    files = videos[videos["kind"] != "measured"]
    real = files["file"].map(lambda file: (root / file).resolve())
    for column, keys, texts in (
        ("file", real, files["file"]),
        ("video", videos["video"].str.lower(), videos["video"]),
        ("patient", videos["patient"].str.lower(), videos["patient"]),
    ):
        for _, same in texts.groupby(keys, sort=False):
            first, rest = same.index[0], same.index[1:]
            clash = [i for i in rest if column == "file" or same[i] != same[first]]
            if not clash:
                continue
            one, two = videos.loc[first], videos.loc[clash[0]]
            told = (
                f"the file {two['file']!r} is the video {two['video']!r} here and "
                f"{one['video']!r} in row {one['row']}: keep one of the two ids"
                if column == "file"
                else f"{two[column]!r} here and {one[column]!r} in row {one['row']} differ only in "
                "small and capital letters: write one id in one way"
            )
            raise PalsyError(f"{path}, row {two['row']}, column {column}: {told}.")


def _check_overlap(path: Path, intervals: pd.DataFrame) -> None:
    ordered = intervals.sort_values(["video", "start_s"], kind="stable")
    before = ordered.shift()
    overlap = (ordered["video"] == before["video"]) & (ordered["start_s"] < before["end_s"])
    if overlap.any():
        one, two = before[overlap].iloc[0], ordered[overlap].iloc[0]
        first, second = sorted((int(one["row"]), int(two["row"])))
        raise PalsyError(
            f"{path}, row {second}, column start_s: this interval of the video {two['video']!r} "
            f"overlaps with the one in row {first}: let each moment have one row."
        )
