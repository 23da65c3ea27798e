"""What teaching needs in a notebook: source code that is shown, and exercises.

An exercise is a task, a cell tagged `solution` and a cell tagged `check`.
"""

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # notebooks, which import this, should not wait for them
    from IPython.display import Code
    from nbformat import NotebookNode

SOLUTION, CHECK, TOLD = "solution", "check", "told"  # what a command prints
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
