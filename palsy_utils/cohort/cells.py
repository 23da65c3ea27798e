"""Tables that people type: read row by row, and each wrong cell told in one sentence."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ValidationError

from palsy_utils.cohort.paths import find_problem
from palsy_utils.files import PalsyError


def read_table(path: Path) -> pd.DataFrame:
    """Read a table in a cohort's folder that a person may have typed, as text without blanks.

    Cells are parted by commas, semicolons or tabs, whichever the header has most of. The index is
    the row's number that a spreadsheet shows, the header being row 1. Names of columns are in small
    letters. Rows of empty cells, empty cells at a row's end and a line `sep=,` are passed over.
    """
    if problem := find_problem(path.parent, path.name):
        raise PalsyError(f"{path}: {problem}.")
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
    parted = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=parted, strict=True)
    try:
        rows = [[cell.strip() for cell in cells] for cells in reader]
    except csv.Error as error:
        raise PalsyError(
            f"{path}, row {reader.line_num}: the row cannot be read ({error}): look for a "
            "quotation mark without its partner."
        ) from None
    rows = {number: cells for number, cells in enumerate(rows, start=1) if any(cells)}
    if len(rows) < 2:
        raise PalsyError(f"{path} is empty: it needs a header and at least one row below it.")
    header = [name.lower() for name in rows.pop(min(rows))]
    while not header[-1]:
        header.pop()
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise PalsyError(f"{path}, row 1: the column {twice[0]!r} is there twice: keep one.")
    for number, cells in rows.items():
        if len(cells) < len(header) or any(cells[len(header) :]):
            raise PalsyError(
                f"{path}, row {number}: the row has {len(cells)} cells and the header has "
                f"{len(header)}: add what is missing, or put text that holds a comma in quotes."
            )
    cells = [cells[: len(header)] for cells in rows.values()]
    return pd.DataFrame(cells, index=list(rows), columns=header)


def check_cells(
    path: Path, table: pd.DataFrame, model: type[BaseModel], needed: Iterable[str]
) -> pd.DataFrame:
    """Check the cells of `read_table` by a model of its rows; keep the model's columns alone.

    A field's description says what is wrong with a cell; `{words}` are those that it may hold.
    """
    for column in needed:
        if column not in table:
            told = f"the column {column!r} is missing among {', '.join(table)}"
            raise PalsyError(f"{path}, row 1: {told}: add it, or rename the one that is meant.")
    rows = table.to_dict("index")
    for number, cells in rows.items():
        try:
            rows[number] = model(**cells).model_dump(include={*table})
        except ValidationError as error:
            wrong = error.errors()[0]
            column, words = wrong["loc"][0], wrong.get("ctx", {}).get("expected", "")
            told = model.model_fields[column].description.format(words=words.replace("'", ""))
            told = f"column {column}: {cells[column]!r} {told}"
            raise PalsyError(f"{path}, row {number}, {told}.") from None
    return pd.DataFrame(list(rows.values()), index=list(rows))


def refuse(path: Path, rows: pd.DataFrame, column: str, told: str) -> None:
    """Raise a PalsyError about a column of the first of some rows; `{row}` in `told` is that."""
    for row in rows.itertuples():
        raise PalsyError(f"{path}, row {row.Index}, column {column}: {told.format(row=row)}.")


def check_same(path: Path, rows: pd.DataFrame, key: pd.Series, column: str, told: str) -> None:
    """Refuse a row that is like an earlier one in `key` and differs from it in `column`.

    `told` may speak of `row.new`, `row.old` and `row.at`, the earlier one's number.
    """
    rows = rows.assign(new=rows[column], at=rows.index)
    first = rows.groupby(key, sort=False)[["at", "new"]].transform("first")
    rows = rows.assign(old=first["new"], at=first["at"])
    refuse(path, rows[rows["new"] != rows["old"]], column, told)
