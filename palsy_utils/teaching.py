"""What teaching needs in a notebook: source code that is shown, and exercises.

An exercise is a task, a cell tagged `solution` and a cell tagged `check`.
"""

import inspect
import sys
import tomllib
import warnings
from pathlib import Path
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


def check(name: str) -> None:
    """Say whether the answer to an exercise (`exercises.toml`) is right; never raise anything."""
    print(judge(name, sys._getframe(1).f_globals))


def judge(name: str, variables: dict[str, Any]) -> str:
    """Return what `check` says of the answer among the variables of a notebook.

    "Right." and the answer, "Not answered yet.", what is nearly right, or wrong, or not answerable.
    """
    task = tomllib.loads(Path(__file__).with_name("exercises.toml").read_text("utf-8"))[name]
    with warnings.catch_warnings(action="ignore"):  # of a mean of nothing, say
        if why := eval(task.get("unless", "''"), variables):
            return f"Not answerable here: {why}"
        if (function := task["answer"].partition("(")[0]) not in variables:
            return f"Not answered yet. Nothing here is called {function}: run its cell first."
        try:
            answer = eval(task["answer"], variables)
        except Exception as error:
            return f"Not yet: your code stops with {type(error).__name__} ({error}). {task['hint']}"
        if answer is None or answer is ...:
            return "Not answered yet. Your function returns nothing so far."
        space = variables | {"answer": answer}
        try:
            exec(task["truth"], space)
            found = compare(space["answer"], space["right"], task.get("atol", 1e-8))
        except Exception:  # the answer is of another kind
            found = ""
        return found if found.startswith("Right.") else f"{found or 'Not yet.'} {task['hint']}"


def compare(answer: Any, right: Any, atol: float) -> str:
    """Say "Right." and the answer, or what makes an answer nearly right; "" of others."""
    import numpy as np
    import pandas as pd

    if isinstance(right, bool | np.bool_):
        return "Right." if right else ""
    both = [pd.Series(x) if isinstance(x, dict) else x for x in (answer, right)]
    try:
        both = [x.sort_index().astype(float) if isinstance(x, pd.Series) else x for x in both]
        theirs, ours = (np.asarray(x, float) for x in both)
    except (TypeError, ValueError):  # words
        return f"Right. Your answer:\n{answer}" if answer == right else ""
    if theirs.shape != ours.shape:
        return f"Not yet: your answer has the shape {theirs.shape}, and {ours.shape} is wanted."
    for told, mended in {
        f"Right. Your answer:\n{np.round(both[0], 4)}": theirs,
        "Nearly: that is in per cent, and a share from 0 to 1 is wanted.": theirs / 100,
        "Nearly: that is the share of all others.": 1 - theirs,
        "Nearly: the sign is the other way round.": -theirs,
    }.items():
        if np.allclose(mended, ours, atol=atol, equal_nan=True):
            return told
    is_near = np.allclose(theirs, ours, rtol=0.05, equal_nan=True)
    return "Nearly: that is a few per cent off." if is_near else ""


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
