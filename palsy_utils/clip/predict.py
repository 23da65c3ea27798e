"""`palsy predict`: notebook 15 on clips and photographs, and where its tables and reports go."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from palsy_utils.cohort.paths import KINDS, natural_key
from palsy_utils.files import PalsyError, check_writable
from palsy_utils.runs.kernels import run_notebook


def predict(clip: str, model: str, output: str, device: str = "auto") -> Iterator[Path]:
    """Predict clips or photographs; yield a table and a report of each, as soon as written.

    Every video of a folder gets a report of its own; its photographs share one. What fails is told
    in a PalsyError, a sentence each, after all others are done.
    """
    sources, failed = [Path(clip)], []
    if sources[0].is_dir():
        inside = list_kinds(sources[0])
        sources = inside["clip"] + sources * bool(inside["image"] or not inside["clip"])
    for source in sources:
        output_files(source, output)  # what cannot be written is told before any work is done
    for source in sources:
        given = {"clip": str(source), "model_file": model, "output": output, "device": device}
        try:
            run_notebook("15_your_own_video", given)
        except PalsyError as error:
            failed.append(str(error))
        else:
            yield from output_files(source, output)
    if failed:
        raise PalsyError("\n".join(dict.fromkeys(failed)))


def list_kinds(folder: Path) -> dict[str, list[Path]]:
    """List the files `clip` and `image` in a folder, not below it, as people number them."""
    kinds = {"clip": [], "image": []}
    try:
        for file in sorted(folder.iterdir(), key=lambda file: (natural_key(file.name), file)):
            kind = KINDS.get(file.suffix.lower())
            if kind and file.is_file() and not file.name.startswith("."):
                kinds[kind].append(file)
    except OSError as error:
        raise PalsyError(f"{folder} cannot be read: {error.strerror or error}.") from error
    return kinds


def source_tag(source: Path) -> str:
    """Return the tag that tells the report on one file from that on another of the same name."""
    key = hashlib.sha256(bytes(source)).hexdigest()[:16]
    return f"<meta name='palsy-source' content='{key}'>"


def output_files(clip: Path | str, output: Path | str) -> tuple[Path, Path]:
    """Name the table and the report of a clip, `<its name>.csv` and `.html`; make their folder.

    A PalsyError says if it is where the clip lies, or holds a report of this name on another clip.
    """
    source, folder = Path(os.path.abspath(clip)), Path(output)
    where = folder.resolve()
    try:
        name = source.name.encode()[:200].decode(errors="ignore")  # the disk allows some 250 bytes
    except UnicodeEncodeError:
        raise PalsyError(f"{bytes(source)!r} is no UTF-8 text: rename the file.") from None
    if where == source.parent.resolve() or where.is_relative_to(source.resolve()):
        raise PalsyError(f"{folder} is where the clip lies: choose another folder as output.")
    check_writable(folder)
    table, page = folder / f"{name}.csv", folder / f"{name}.html"
    try:
        is_other = page.exists() and source_tag(source).encode() not in page.read_bytes()
    except OSError:  # a folder, or somebody else's
        is_other = True
    if is_other:
        raise PalsyError(
            f"{page} is the report on another file called {source.name}: choose another folder "
            "as output, or take that report away first."
        )
    return table, page
