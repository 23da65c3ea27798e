"""Progress bars with the time left: on a screen, in a notebook, in a log file."""

import sys
from collections.abc import Iterable

from tqdm import tqdm

AFTER = 2.0  # s; whatever is done sooner shows no bar
IN_A_LOG = 10.0  # s between two lines


class _Log:
    """Where tqdm writes when nobody watches: a line for each state, not one over the other."""

    def write(self, text: str) -> None:
        if text.strip():
            sys.stderr.write(text.strip() + "\n")

    def flush(self) -> None:
        sys.stderr.flush()


def _in_a_notebook() -> bool:
    shell = "IPython" in sys.modules and sys.modules["IPython"].get_ipython()
    return hasattr(shell, "kernel")


def progress(
    items: Iterable | None = None,
    title: str = "",
    total: int | None = None,
    unit: str = "it",
    after: float = AFTER,
) -> tqdm:
    """Wrap what takes longer than two seconds: iterate over it, or call its `update`.

    In a terminal and in a notebook the bar moves; in a file or a pipe it is one line every ten
    seconds.

    Args:
        items: what to iterate over; None to call `update(n)` by hand, and `close()`.
        title: what is done.
        total: how many there are, where `items` does not know.
        unit: what one of them is called.
        after: seconds after which the bar appears.
    """
    if _in_a_notebook():  # which shows standard error on red
        where = {"file": sys.stdout, "mininterval": 0.5}
    elif sys.stderr.isatty():
        where = {"dynamic_ncols": True}
    else:
        where = {"file": _Log(), "mininterval": IN_A_LOG, "miniters": 1, "ncols": 100}
    return tqdm(items, title, total, unit=unit, delay=after, **where)
