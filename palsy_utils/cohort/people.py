"""What is known of people besides their labels: the side of a palsy, the tone of their skin.

A cohort may bring a `patients.csv` with one row a person: `patient`, and any of `side` (left,
right, none) and `skin_tone` (1 light to 10 dark, as on the Monk scale).
"""

from pathlib import Path

import pandas as pd

from palsy_utils.cohort.paths import check_columns, check_id, check_inside, read_rows
from palsy_utils.files import PalsyError

SIDES = ("left", "none", "right")


def load_people(root: Path) -> pd.DataFrame:
    """Read `patients.csv`, one row a person, by patient; no rows where there is no such file.

    A person may have several rows, as in a table of videos; empty cells say nothing.

    Returns:
        `side` (one of `SIDES`) and `skin_tone` (1 to 10), as far as there are such columns;
        missing where it is not known.

    Raises:
        PalsyError: it names a person twice with different facts, or has a side that is no side
            or a skin tone that is no number from 1 to 10; says where.
    """
    path = root / "patients.csv"
    if not path.exists():
        return pd.DataFrame(index=pd.Index([], name="patient"))
    check_inside(root, path.name, str(path))
    header, rows = read_rows(path)
    check_columns(path, header, ["patient"])
    known = {name: read for name, read in READERS.items() if name in header}
    people = {}
    for number, row in rows:
        where = f"{path}, row {number}, column"
        facts = people.setdefault(check_id(row["patient"], f"{where} patient"), {})
        for column, read in known.items():
            fact = read(row[column], f"{where} {column}") if row[column] else None
            if fact is not None and facts.setdefault(column, fact) != fact:
                raise PalsyError(
                    f"{where} {column}: {row[column]!r} here and {facts[column]!r} further up are "
                    f"said of {row['patient']!r}: keep one."
                )
    index = pd.Index(list(people), name="patient")
    return pd.DataFrame(list(people.values()), index=index, columns=list(known))


def _side(text: str, where: str) -> str:
    if text.lower() not in SIDES:
        raise PalsyError(f"{where}: {text!r} is no side: write {' or '.join(SIDES)}.")
    return text.lower()


def _skin_tone(text: str, where: str) -> float:
    try:
        tone = float(text)
    except ValueError:
        tone = 0.0
    if not 1 <= tone <= 10:
        raise PalsyError(
            f"{where}: {text!r} is no number from 1 (light) to 10 (dark): mend it or leave it "
            "empty."
        )
    return tone


READERS = {"side": _side, "skin_tone": _skin_tone}


def known_sides(root: Path) -> dict[str, str]:
    """Return the side of the palsy of every person for whom it is known."""
    people = load_people(root)
    return people["side"].dropna().to_dict() if "side" in people else {}
