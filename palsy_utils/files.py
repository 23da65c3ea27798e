"""Errors for people, files that are written whole or not at all, and work that shows progress."""

import ctypes
import hashlib
import io
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `palsy --help` should not wait for them
    import pandas as pd
    from tqdm import tqdm

PROJECT = Path(__file__).resolve().parents[1]  # the checkout: notebooks, data, figures
NOTEBOOKS = PROJECT / "notebooks"


class PalsyError(Exception):
    """Something the user can mend, told in one sentence: what, where, what to do."""


def make_folder(path: Path, public: bool = False) -> None:
    """Make a folder, and those above it, for its owner only or `public`, as the umask says."""
    for folder in reversed((path, *path.parents)):
        if not folder.is_dir():
            folder.mkdir(0o777 if public else 0o700, exist_ok=True)


def check_checkout() -> None:
    """Raise a PalsyError if the module was installed without the notebooks."""
    if not NOTEBOOKS.is_dir():
        raise PalsyError(
            "The notebooks are not installed with the command `palsy`, and this needs them: "
            "get the project's whole folder, and run `pip install -e .` in it."
        )


def check_writable(folder: Path) -> None:
    """Make a folder, and raise a PalsyError if nothing can be written into it."""
    try:
        make_folder(folder)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise PalsyError(
            f"{folder} cannot be written ({error.strerror or error}): choose another folder."
        ) from error


@contextmanager
def publish(path: Path, public: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and rename it into place at the end.

    A reader therefore meets the old file, or the whole new one, never a half. Most of what we
    write tells of people, so only its owner may read it, unless it is `public`. Raises a PalsyError
    if the disk is full, read-only, or otherwise cannot be written.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        make_folder(path.parent, public)
        part.touch(0o666 if public else 0o600)
        yield part
        os.replace(part, path)
    except OSError as error:
        raise PalsyError(
            f"{path} could not be written ({error.strerror or error}): free some space or choose a "
            "folder that you may write to, then run the same command again; earlier results are "
            "untouched."
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()


def write_csv(table: "pd.DataFrame", path: Path) -> None:
    """Write a table as CSV, whole or not at all."""
    with publish(path) as part:
        table.to_csv(part, index=False)


def write_text(text: str, path: Path, public: bool = False) -> None:
    """Write a text file, whole or not at all."""
    with publish(path, public) as part:
        part.write_text(text, encoding="utf-8")


def write_torch(content: dict, path: Path) -> None:
    """Write with `torch.save`, whole or not at all."""
    import torch

    # By way of memory: of a full disk, torch's own writing says only "enforce fail".
    memory = io.BytesIO()
    torch.save(content, memory)
    with publish(path) as part:
        part.write_bytes(memory.getbuffer())


def sha256(*paths: Path) -> str:
    """Return the SHA-256 of the files' contents, one after the other, as hex digits."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def progress(
    items: Iterable | None = None,
    title: str = "",
    total: int | None = None,
    unit: str = "it",
    after: float = 2.0,
) -> "tqdm":
    """Show a bar, with the time left, for what takes longer than `after` seconds.

    In a terminal and in a notebook it moves; in a file or a pipe it is a line every ten seconds.
    """
    from tqdm import tqdm

    if type(sys.stdout).__module__ == "ipykernel.iostream":  # it shows standard error on red
        look = {"file": sys.stdout, "mininterval": 0.5}
    elif sys.stderr.isatty():
        look = {"dynamic_ncols": True}
    else:  # whole lines, not one over the other
        lines = SimpleNamespace(
            write=lambda text: text.strip() and sys.stderr.write(text.strip() + "\n"),
            flush=sys.stderr.flush,
        )
        look = {"file": lines, "mininterval": 10.0, "miniters": 1, "ncols": 100}
    return tqdm(items, title, total, unit=unit, delay=after, **look)


def end_with_parent(parent: int) -> None:
    """End this process at once when its parent, by number, ends, even by SIGKILL (on Linux).

    The kernel does it, so that a computation which never comes back to Python ends too.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it has ended already
            os._exit(1)


def side_by_side(function: Callable, arguments: Sequence[tuple], workers: int | None) -> Iterator:
    """Call a function of a module in processes, and yield its results in the order they come.

    There are as many workers as cores if None is given; 1 is this process. None outlives it. Raises
    a PalsyError if one died.
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
