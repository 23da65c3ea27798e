"""Work in processes side by side, none of which outlives the process that started it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from palsy_utils.files import PalsyError

PR_SET_PDEATHSIG = 1  # of Linux's prctl


def end_with_parent(parent: int) -> None:
    """End this process at once when its parent ends, even by SIGKILL (on Linux).

    The kernel does it, so that a computation which never comes back to Python ends too. `parent`
    is the parent's number; it may have ended already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def side_by_side(function: Callable, arguments: Sequence[tuple], workers: int | None) -> Iterator:
    """Call a function with each of some arguments, and yield its results in the order they come.

    Args:
        function: of a module, so that other processes find it.
        arguments: of each call.
        workers: processes at most, as many as there are cores if None; 1 is this process.

    Raises:
        PalsyError: a process died.
    """
    import joblib

    workers = max(1, min(workers or joblib.cpu_count(), len(arguments)))
    how = {"initializer": end_with_parent, "initargs": (os.getpid(),)}
    parallel = joblib.Parallel(workers, return_as="generator_unordered", **how)
    try:
        yield from parallel(joblib.delayed(function)(*each) for each in arguments)
    except joblib.externals.loky.process_executor.TerminatedWorkerError:
        raise PalsyError(
            "A process that read clips or frames died, perhaps for want of memory: run the same "
            "again with workers=1; what is finished is kept."
        ) from None
