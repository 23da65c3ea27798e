"""Read and check `labels.csv`, who is in which file and what was seen when, and `patients.csv`."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, BeforeValidator, Field

from palsy_utils.cohort.cells import check_cells, check_same, read_table, refuse
from palsy_utils.cohort.paths import KINDS, Files, find_classes, find_file, note_on_others
from palsy_utils.files import PalsyError

GRADES = ("normal", "slight", "strong")
SIDES = ("left", "none", "right")
MISSING = {"na", "n-a", "nan", "none", "null"}  # would be read as empty cells
ID = Field(
    pattern=r"^[A-Za-z0-9_+][A-Za-z0-9_.+-]{0,79}$",
    description="is no id: use 1 to 80 of the letters a to z, digits and _ . - +, starting with "
    "neither a dot nor a dash, and no word for an empty cell",
)
LABEL = Field(description="is no known label: write {words}, or leave the cell empty if unknown")
TIME = Field(description="is no time: write seconds, as a number with a decimal point, as in 12.5")
SIDE = Field(description="is no side: write {words}")
TONE = Field(description="is no number from 1 (light) to 10 (dark): mend it or leave it empty")

SPELLING = "{row.new!r} here and {row.old!r} in row {row.at} differ only in small and capital "
SPELLING += "letters: write one id in one way"

Word = BeforeValidator(lambda cell: cell.lower() or None)
# Programs that know no missing whole number write 1 as 1.0.
Digit = BeforeValidator(lambda cell: cell.removesuffix(".0") or None)
Id = Annotated[str, BeforeValidator(lambda cell: "" if cell.lower() in MISSING else cell), ID]
Grade = Annotated[Literal[GRADES] | None, Word, LABEL]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[Positive | None, Word, TIME]


class LabelRow(BaseModel):
    """A row of `labels.csv`: with eyes and mouth, or with label."""

    patient: Id
    video: Id
    file: str
    start_s: Seconds
    end_s: Seconds
    eyes: Grade = None
    mouth: Grade = None
    label: Annotated[Literal["0", "1"] | None, Digit, LABEL] = None


class PatientRow(BaseModel):
    """A row of `patients.csv`: what is known of a person, and in YFP of a video."""

    patient: Id
    video: str = ""
    side: Annotated[Literal[SIDES] | None, Word, SIDE] = None
    skin_tone: Annotated[Annotated[Positive, Field(ge=1, le=10)] | None, Word, TONE] = None


def read_labels(root: Path, files: Files) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Read `root/labels.csv` and check every cell of it.

    Returns videos (patient, video, file, kind), labelled intervals (patient, video, start_s, end_s
    and either eyes, mouth or label; from 0 to infinity where cells are empty), and notes. A
    PalsyError names the row, the column, and what to do.
    """
    path = root / "labels.csv"
    typed = read_table(path)
    graded = {"eyes", "mouth"}.intersection(typed)
    if graded and "label" in typed:
        raise PalsyError(f"{path}, row 1: keep either the columns eyes and mouth, or label.")
    needed = [*LabelRow.model_fields][:5] + (["eyes", "mouth"] if graded else ["label"])
    table = check_cells(path, typed, LabelRow, needed)
    numbers = table.columns.intersection(["start_s", "end_s", "label"])
    table[numbers] = table[numbers].astype(float)
    is_timed = table[["start_s", "end_s"]].notna().any(axis=1)
    table = table.fillna({"start_s": 0.0, "end_s": np.inf})
    _find_files(path, table, files)
    told = "a still image has no times: leave start_s and end_s empty"
    refuse(path, table[is_timed & (table["kind"] == "image")], "start_s", told)
    told = "the interval starts at {row.start_s:g} s and ends at {row.end_s:g} s: correct one"
    refuse(path, table[table["end_s"] <= table["start_s"]], "end_s", told)
    ordered = table.assign(row=table.index).sort_values(["video", "start_s"], kind="stable")
    before = ordered.groupby("video")[["row", "end_s"]].shift()
    clash = ordered["start_s"] < before["end_s"]
    first, second = np.sort([before.loc[clash, "row"], ordered.loc[clash, "row"]], axis=0)
    told = "this interval overlaps with the one in row {row.row:.0f}: let each moment have one row"
    refuse(path, ordered[clash].assign(row=first).set_index(second.astype(int)), "start_s", told)
    notes = []
    if others := [repr(name) for name in typed if name not in needed]:
        notes.append(f"Columns of labels.csv that were passed over: {', '.join(others)}.")
    if classes := [f"{folder.stem}/" for folder in find_classes(files)]:
        told = "labels.csv alone says who is in this cohort: what else lies in "
        notes.append(f"{told}{' and '.join(classes)} was not read.")
    videos = table.drop_duplicates("video", ignore_index=True)[["patient", "video", "file", "kind"]]
    folders = videos.loc[videos["kind"] == "folder", "file"]
    inside = [file for folder in folders for file in files[folder].values()]
    labels = table[["patient", "video", *needed[3:]]].reset_index(drop=True)
    return videos, labels, notes + note_on_others(inside)


def _find_files(path: Path, table: pd.DataFrame, files: Files) -> None:
    """Add `kind` to a table of labels, and check that each video is one file and one person's."""
    found = [find_file(files, typed) for typed in table["file"]]
    table["kind"], table["problem"] = [f.kind for f in found], [f.problem for f in found]
    # As it is spelt on the disk.
    table["file"] = [f.file or typed for f, typed in zip(found, table["file"], strict=True)]
    is_measured = (table["video"] + ".parquet").isin(list(files.get("faces", ())))
    table.loc[(table["kind"] == "gone") & is_measured, "kind"] = "measured"
    refuse(path, table[table["problem"] != ""], "file", "{row.problem}")
    told = "{row.file!r} is neither a clip nor an image: convert it to one of "
    told += ", ".join(sorted(KINDS))
    refuse(path, table[table["kind"] == "other"], "file", told)
    told = "{row.file!r} does not exist in the cohort's folder: put it there, or correct its path"
    refuse(path, table[table["kind"] == "gone"], "file", told)
    for column, thing in (("patient", "person's clip"), ("file", "file")):
        told = f"the video {{row.video!r}} has {column} {{row.new!r}} here and {{row.old!r}} in "
        told += f"row {{row.at}}: give each {thing} a video id of its own"
        check_same(path, table, table["video"], column, told)
    real = [file.real or video for file, video in zip(found, table["video"], strict=True)]
    told = "{row.file!r} is the video {row.new!r} here and {row.old!r} in row {row.at}: keep one"
    check_same(path, table, pd.Series(real, table.index, dtype=object), "video", told)
    for column in ("video", "patient"):
        check_same(path, table, table[column].str.lower(), column, SPELLING)


def load_people(root: Path) -> pd.DataFrame:
    """Read `patients.csv`, one row a person, by patient; no rows where there is no such file.

    Returns `side` (one of `SIDES`) and `skin_tone` (1 light to 10 dark, as on the Monk scale), as
    far as there are such columns; missing where no row of the person tells it.
    """
    path = root / "patients.csv"
    if not path.exists():
        return pd.DataFrame(index=pd.Index([], name="patient"))
    table = check_cells(path, read_table(path), PatientRow, ["patient"])
    table = table.drop(columns="video", errors="ignore")
    told = "{row.new!r} here and {row.old!r} in row {row.at} are said of {row.patient!r}: keep one"
    for column in table.columns[1:]:
        known = table.dropna(subset=[column])
        check_same(path, known, known["patient"], column, told)
    return table.groupby("patient", sort=False).first()


def known_sides(root: Path) -> dict[str, str]:
    """Return the side of the palsy of every person for whom it is known."""
    people = load_people(root)
    return people["side"].dropna().to_dict() if "side" in people else {}
