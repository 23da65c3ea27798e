"""Errors for people, and files that are written whole or not at all."""

import hashlib
import io
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `palsy --help` should not wait for pandas
    import pandas as pd

PROJECT = Path(__file__).resolve().parents[1]  # the checkout: notebooks, data, figures


class PalsyError(Exception):
    """Something the user can mend, told in one sentence: what, where, what to do."""


@contextmanager
def publish(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and rename it into place at the end.

    A reader therefore meets the old file, or the whole new one, never a half. If the block
    raises, the temporary file is removed and what was at `path` before stays.

    Raises:
        PalsyError: the disk is full, read-only, or otherwise cannot be written.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
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


def write_text(text: str, path: Path) -> None:
    """Write a text file, whole or not at all."""
    with publish(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(content: dict, path: Path) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(json.dumps(content, indent=2) + "\n", path)


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
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def read_json(path: Path) -> dict | None:
    """Read a JSON file; None if it is missing or cut off."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
