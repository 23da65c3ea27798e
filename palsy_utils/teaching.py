"""What teaching needs: source code shown in a notebook, exercises, and handouts for a class.

An exercise is a task, a cell tagged `solution` and a cell tagged `check`.
"""

import inspect
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palsy_utils.files import NOTEBOOKS, PROJECT, PalsyError, check_checkout, write_text

if TYPE_CHECKING:  # notebooks, which import this, should not wait for them
    from IPython.display import Code
    from nbformat import NotebookNode

SOLUTION, CHECK = "solution", "check"


def show(*things: Any) -> "Code":
    """Show the source of functions or classes of the module: what is shown is what runs."""
    from IPython.display import Code

    return Code("\n\n".join(map(inspect.getsource, things)), language="python")


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


def write_handout(folder: Path | str) -> list[Path]:
    """Write `students/*.ipynb`, without solutions, and `instructor/*.ipynb`, with them.

    Both work where they are written: their cohort and pictures are the project's own, by relative
    paths. JupyterLab shows the pictures if it was started in a folder that holds both, so the
    simplest place is inside the project.

    Args:
        folder: where; the two folders are made in it.

    Returns:
        The notebooks' paths.

    Raises:
        PalsyError: there are no notebooks to hand out, or one there is another one, perhaps with
            somebody's answers in it; then nothing is written.
    """
    import nbformat

    check_checkout()
    texts = {}
    for audience in ("students", "instructor"):
        there = Path(folder).resolve() / audience
        project = Path(os.path.relpath(PROJECT, there)).as_posix()
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            notebook = nbformat.read(path, 4)
            for cell in notebook.cells:
                if has_tag(cell, SOLUTION) and audience == "students":
                    cell.source = (
                        re.findall(r"answer_\d+", cell.source)[-1] + " = ...  # your answer"
                    )
                    cell.metadata.pop("jupyter", None)  # in plain sight
                # Paths to pictures and to the cohort start at the project's folder.
                if cell.cell_type == "markdown":
                    cell.source = cell.source.replace("](../", f"]({project}/")
                elif has_tag(cell, "parameters"):
                    cell.source = cell.source.replace('"../', f'"{project}/')
            texts[there / path.name] = nbformat.writes(notebook) + "\n"
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise PalsyError(
                f"{path} is not what would be handed out now (somebody has worked in it, or the "
                "series has changed): move it away or give another folder; nothing was written."
            )
    for path, text in texts.items():
        write_text(text, path, public=True)
    return list(texts)
