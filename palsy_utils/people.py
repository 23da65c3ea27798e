"""What is known of people besides their labels: the side of a palsy, the tone of their skin.

A cohort may bring a `patients.csv` with one row a person: `patient`, and any of `side` (left,
right, none) and `skin_tone` (1 light to 10 dark, as on the Monk scale).
"""

from pathlib import Path

import pandas as pd

from palsy_utils.files import PalsyError
from palsy_utils.layout import check_inside

SIDES = ("left", "none", "right")


def load_people(root: Path) -> pd.DataFrame:
    """Read `patients.csv`, one row a person, by patient; no rows where there is no such file.

    Raises:
        PalsyError: it names a person twice with different facts, or a side that is no side.
    """
    path = root / "patients.csv"
    if not path.exists():
        return pd.DataFrame(index=pd.Index([], name="patient"))
    check_inside(root, path.name, str(path))
    try:
        table = pd.read_csv(path, dtype={"patient": str, "side": str})
    except (OSError, ValueError) as error:  # pandas' and Unicode's errors are ValueErrors
        raise PalsyError(f"{path} cannot be read: save the table as 'CSV UTF-8'.") from error
    if "patient" not in table:
        raise PalsyError(f"{path} has no column patient: add it.")
    table = table.drop(columns="video", errors="ignore").drop_duplicates()
    if (twice := table["patient"].duplicated()).any():
        raise PalsyError(f"{path} says two things of {table['patient'][twice].iloc[0]}: keep one.")
    if "side" in table and (wrong := ~table["side"].dropna().isin(SIDES)).any():
        side = table["side"].dropna()[wrong].iloc[0]
        raise PalsyError(f"{path} has the side {side!r}: write one of {', '.join(SIDES)}.")
    return table.set_index("patient")


def known_sides(root: Path) -> dict[str, str]:
    """Return the side of the palsy of every person for whom it is known."""
    people = load_people(root)
    return people["side"].dropna().to_dict() if "side" in people else {}
