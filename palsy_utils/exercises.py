"""Exercises in the notebooks: each is a task, a cell tagged `solution`, a cell tagged `check`."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a notebook that only checks answers should not wait for it
    from nbformat import NotebookNode

SOLUTION, CHECK = "solution", "check"


def check(right: bool, hint: str, unless: str = "") -> None:
    """Say that an answer is right, or why there is none here.

    Args:
        right: whether it is.
        hint: what to say if it is not.
        unless: why this cohort cannot answer the exercise; empty if it can.

    Raises:
        AssertionError: the answer is not right; the message is the hint.
    """
    if unless:
        print(f"Not answerable here: {unless}")
    elif right:
        print("Right.")
    else:
        raise AssertionError(hint)


def skip_rest(why: str) -> None:
    """Say why a notebook cannot go on, and let every later cell of it say so instead of running.

    Nothing fails, so a class or a web site gets the notebook without a traceback. Once the reason
    is gone, the kernel has to be started again.
    """
    from IPython import get_ipython

    print(why)
    skipped = f"print({'Skipped, for the reason given above.'!r})"
    get_ipython().input_transformers_post.append(lambda lines: [skipped])


def has_tag(cell: "NotebookNode", *tags: str) -> bool:
    """Say whether a cell of a notebook has one of these tags."""
    return not set(tags).isdisjoint(cell.metadata.get("tags", ()))


def without_exercises(path: Path) -> "NotebookNode":
    """Read a notebook, leaving out its solutions and checks: a batch has no need of them."""
    import nbformat

    notebook = nbformat.read(path, 4)
    notebook.cells = [cell for cell in notebook.cells if not has_tag(cell, SOLUTION, CHECK)]
    return notebook
