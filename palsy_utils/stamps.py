"""Is this up to date? One answer for every stage, by content.

Beside every product lies its *stamp*, `<product>.stamp`: a JSON file with `made_from` (a small
dictionary: name and content of a source, the stage's own settings, the identities of the products
that it reads), `files` (the SHA-256 of each file of the product) and, only recorded, what it was
made with, such as versions. A product is done when its stamp says what would be written now and its
files are whole. Paths and dates are in no stamp, so a cohort may be moved and copied.

A stage's code enters as a number of `CODE`: raise it when the stage's results change.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from palsy_utils.files import PalsyError, sha256, write_text

CODE = {"frames": 1, "faces": 1, "samples": 1, "images": 1, "fold": 1, "notebook": 1}
DONE, OUT_OF_DATE, DAMAGED, FAILED, OPEN = "done", "out of date", "damaged", "failed", "open"
SETTLED = 2_000_000_000  # ns; a file changed later than that may change again within one tick


class State(NamedTuple):
    """What is to be said of a product: `done`, `out of date`, `damaged`, `failed` or `open`."""

    kind: str
    why: str = ""  # of what is out of date or damaged

    def __str__(self) -> str:  # noqa: D105
        kind = "missing" if self.kind == OPEN else self.kind
        return f"{kind} ({self.why})" if self.why else kind


def stamp_of(product: Path) -> Path:
    """Return where the stamp of a product lies."""
    return product.with_name(f"{product.name}.stamp")


def identity(made_from: dict | list | str) -> str:
    """Return the identity of a product, a hash of what it is made from."""
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def write_stamp(product: Path, made_from: dict, files: Iterable[Path] = (), **made_with) -> None:
    """Write the stamp beside a product, its main file, once it and all its `files` are written.

    Further files lie in the same folder or below; `made_with` is recorded and never compared.
    """
    hashes = {p.relative_to(product.parent).as_posix(): sha256(p) for p in (product, *files)}
    stamp = {"made_from": made_from, "files": hashes, **made_with}
    write_text(json.dumps(stamp, indent=2) + "\n", stamp_of(product))


def read_stamp(product: Path) -> dict:
    """Read the stamp of a product; without one, or with a damaged one, it is made from nothing."""
    with suppress(OSError, ValueError):
        match json.loads(stamp_of(product).read_text(encoding="utf-8")):
            case {"made_from": dict(), "files": dict()} as kept:
                return kept
    return {"made_from": {}, "files": {}}


class Product(NamedTuple):
    """The main file of a stage's product, and what it would be made from now."""

    path: Path
    made_from: dict | None  # None if a source is gone
    root: Path = Path()  # the cohort's folder, if it lies in one
    files: tuple[str, ...] = ()  # some that have to be part of it
    is_source: bool = False  # not made here: needs no stamp, but is whole if it has one

    def state(self) -> State:
        """Say whether it is what would be made now, and whole."""
        kept, stamp = read_stamp(self.path), stamp_of(self.path)
        if self.made_from is None or not (stamp.exists() or self.is_source):
            return State(OPEN)
        if not self.is_source:
            if self.path.name not in kept["files"]:
                return State(DAMAGED, stamp.name)
            if kept["made_from"] != self.made_from:
                changed = _difference(kept["made_from"], self.made_from)
                return State(OUT_OF_DATE, f"changed: {changed}")
        if broken := find_damage(self.path):
            return State(DAMAGED, broken)
        lacks = sorted({*self.files} - {*kept["files"]})
        return State(OUT_OF_DATE, f"lacks {lacks[0]}") if lacks else State(DONE)

    def check(self, advice: str) -> None:
        """Raise a PalsyError with advice unless it is up to date, and whole."""
        if (found := self.state()).kind != DONE:
            raise PalsyError(f"{self.path} is {found}: {advice}.")


def find_damage(product: Path, files: Iterable[str] | None = None) -> str:
    """Name the first of some or all of a product's files that is not as its stamp says, or ""."""
    kept = read_stamp(product)["files"]
    for name in kept if files is None else files:
        try:
            if content(product.parent / name) != kept.get(name):
                return name
        except OSError:  # it is gone
            return name
    return ""


def content(path: Path) -> str:
    """Return the SHA-256 of a file, read once in a process unless its size or times are new."""
    seen, now = path.stat(), time.time_ns()
    unsettled = now if now - seen.st_ctime_ns < SETTLED else 0  # it may change within this tick
    return _hash(path, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, unsettled)


@cache
def _hash(path: Path, *_: int) -> str:
    return sha256(path)


def _difference(then: dict, now: dict) -> str:
    """Name up to three things that differ, and one level down: `labels`, `training epochs`."""
    names = []
    for key in {**then, **now}:
        old, new = then.get(key), now.get(key)
        nested = isinstance(old, dict) and isinstance(new, dict)
        names += [f"{key} {_difference(old, new)}" if nested else key] if old != new else []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]).replace("_", " ") + more
