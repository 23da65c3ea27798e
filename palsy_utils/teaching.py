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
RESET = "get_ipython().input_transformers_post.clear(); get_ipython().reset()"  # a kernel, to reuse


def show(*things: Any) -> "Code":
    """Show the source of functions or classes of the module: what is shown is what runs."""
    from IPython.display import Code

    return Code("\n\n".join(map(inspect.getsource, things)), language="python")


def check(right: bool, hint: str, unless: str = "") -> None:
    """Say that an answer is right, or raise an AssertionError with a hint.

    `unless` says why this cohort cannot answer the exercise; it is empty if it can.
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
    skipped = ["print('Skipped, for the reason given above.')"]
    get_ipython().input_transformers_post.append(
        lambda lines: lines if lines[0].startswith(RESET) else skipped
    )


def has_tag(cell: "NotebookNode", *tags: str) -> bool:
    """Say whether a cell of a notebook has one of these tags."""
    return not set(tags).isdisjoint(cell.metadata.get("tags", ()))


def write_handout(folder: Path | str) -> list[Path]:
    """Write `students/*.ipynb`, without solutions, and `instructor/*.ipynb`, with them.

    Both work where they are written: paths to their cohort and pictures lead to the project. In
    JupyterLab, pictures show if it was started in a folder that holds both. If one there is another
    one, perhaps with somebody's answers in it, a PalsyError says so, and nothing is written.
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
                    answer = re.findall(r"answer_\d+", cell.source)[-1]
                    cell.source = f"{answer} = ...  # your answer"
                    cell.metadata.pop("jupyter", None)  # in plain sight
                if cell.cell_type == "markdown" or has_tag(cell, "parameters"):
                    cell.source = re.sub(r'(\]\(|")\.\./', rf"\g<1>{project}/", cell.source)
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
