"""Exercises in the notebooks: each is a task, a cell tagged `solution`, a cell tagged `check`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a notebook that only checks answers should not wait for it
    from nbformat import NotebookNode

SOLUTION, CHECK = "solution", "check"


def check(right: bool, hint: str) -> None:
    """Say that an answer is right.

    Raises:
        AssertionError: it is not; the message is the hint.
    """
    if not right:
        raise AssertionError(hint)
    print("Right.")


def has_tag(cell: "NotebookNode", *tags: str) -> bool:
    """Say whether a cell of a notebook has one of these tags."""
    return not set(tags).isdisjoint(cell.metadata.get("tags", ()))


def without_exercises(path: Path) -> "NotebookNode":
    """Read a notebook, leaving out its solutions and checks: a batch has no need of them."""
    import nbformat

    notebook = nbformat.read(path, 4)
    notebook.cells = [cell for cell in notebook.cells if not has_tag(cell, SOLUTION, CHECK)]
    return notebook
