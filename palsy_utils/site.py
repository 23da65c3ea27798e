"""The series as a web site: every notebook executed once, then written as pages and slides.

Nothing is fetched, neither while the site is built nor while it is read.
"""

import ast
import hashlib
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode

from palsy_utils import pages, slides
from palsy_utils.cluster import Task, execute_all, open_client, remove_attempts
from palsy_utils.exercises import has_tag
from palsy_utils.files import (
    NOTEBOOKS,
    PROJECT,
    PalsyError,
    check_checkout,
    make_folder,
    publish,
)

PHANTOM = PROJECT / "data" / "phantom"
FIRST = ("01_frames", "02_faces_and_modalities")  # they write what all others read
WRITERS = {"cli.py", "markup.py", "pages.py", "site.py", "slides.py"}  # no notebook calls them
ELSEWHERE = "(temporary)"  # what a page shows in place of the folder that outputs went to


def write_site(
    folder: str | Path,
    cohort: Path = PHANTOM,
    profile: str = "phantom",
    names: Sequence[str] = (),
) -> dict[str, str]:
    """Write the site: README, every notebook with its results, what they link to, slides.

    Args:
        folder: where the site goes.
        cohort: a measured cohort of drawn faces, with its runs.
        profile: of these runs.
        names: of the notebooks to execute; empty for all. The others have no results.

    Returns:
        Why a notebook has no results, of each that has none.

    Raises:
        PalsyError: the cohort is missing, or the site cannot be written.
    """
    folder, every = Path(folder), [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    wanted = list(names) or every
    results, reasons = execute_notebooks(wanted, cohort, profile)
    reasons |= {name: "It was not asked for." for name in every if name not in wanted}
    sources = {name: _source(name) for name in every}
    pages.write_pages(folder, sources | results, reasons)
    slides.write_slides(folder, sources | results)
    return reasons


def write_lecture(folder: str | Path, cohort: Path = PHANTOM, profile: str = "phantom") -> None:
    """Write the slides alone: only the notebooks of the lecture are executed. See `write_site`."""
    sources = {path.stem: _source(path.stem) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    lecture = {name: notebook for name, notebook in sources.items() if slides.has_slides(notebook)}
    results, _ = execute_notebooks(list(lecture), cohort, profile)
    slides.write_slides(Path(folder), lecture | results)


def execute_notebooks(
    names: Sequence[str], cohort: Path, profile: str
) -> tuple[dict[str, NotebookNode], dict[str, str]]:
    """Execute notebooks on what `palsy run` has left, with default parameters.

    What they write goes to a temporary folder. Executed notebooks are kept in the cohort's
    `runs/pages/`, and used again until the notebook, the module or the runs change.

    Returns:
        The executed notebooks, and why the others could not be executed, by name.
    """
    check_checkout()
    if not (cohort / "labels.csv").exists():
        raise PalsyError(
            f"{cohort} is no cohort of drawn faces: `palsy phantom {cohort}` draws it."
        )
    kept, stamp = cohort / "runs" / "pages", _stamp(cohort, profile)
    make_folder(kept)
    remove_attempts(kept)
    stale = [name for name in names if _read_kept(kept, name, stamp) is None]
    reasons = {}
    if stale:
        with (
            tempfile.TemporaryDirectory(prefix="palsy-") as work,
            open_client(None, None, "auto") as client,
        ):
            tasks = [_task(name, kept, cohort, profile, work) for name in stale]
            for failure in execute_all(client, tasks, "notebooks"):
                reasons[failure["notebook"]] = _without_paths(failure["error"], kept, work)
            for name in stale:
                if name not in reasons:
                    _keep(kept, name, stamp, work)
                shutil.rmtree(kept / name, ignore_errors=True)
    results = {name: _read_kept(kept, name, stamp) for name in names}
    return {name: notebook for name, notebook in results.items() if notebook}, reasons


def _task(name: str, kept: Path, cohort: Path, profile: str, work: str) -> Task:
    """Return a notebook's task with its default parameters, writing to temporary folders."""
    known = papermill.inspect_notebook(str(NOTEBOOKS / f"{name}.ipynb"))
    values = {"figures": work, "output": work}
    if "fold" in known:  # then the task's folder takes the place of `output`
        values["fold"] = ast.literal_eval(known["fold"]["default"])
    if cohort != PHANTOM:
        values |= {"cohort": str(cohort), "profile": profile}
    given = {key: value for key, value in values.items() if key in known}
    needs = FIRST[: FIRST.index(name)] if name in FIRST else FIRST
    return Task(name, given, kept / name, tuple(kept / need for need in needs))


def _keep(kept: Path, name: str, stamp: str, work: str) -> None:
    """Keep an executed notebook without paths of this machine, and what it was made from."""
    text = (kept / name / "notebook.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(_without_paths(text, kept, work), as_version=4)
    notebook.cells = [cell for cell in _code(notebook) if not has_tag(cell, "injected-parameters")]
    notebook.metadata["made_from"] = _made_from(name, stamp)
    with publish(kept / f"{name}.ipynb") as part:
        nbformat.write(notebook, part)


def _read_kept(kept: Path, name: str, stamp: str) -> NotebookNode | None:
    """Return a notebook as it is now with its kept outputs, or None if they are out of date."""
    path = kept / f"{name}.ipynb"
    if not path.exists():
        return None
    done, notebook = nbformat.read(path, as_version=4), _source(name)
    if done.metadata.get("made_from") != _made_from(name, stamp):
        return None
    rest = list(done.cells)
    for cell in _code(notebook):  # a batch may have left cells out: those stay without outputs
        if rest and rest[0].source == cell.source:
            cell.outputs = rest.pop(0).outputs
    return notebook


def _source(name: str) -> NotebookNode:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _made_from(name: str, stamp: str) -> str:
    """Return a hash of a notebook's code; its prose may change without another execution."""
    code = [cell.source for cell in _code(_source(name))]
    return hashlib.sha256("\0".join([stamp, *code]).encode()).hexdigest()


def _stamp(cohort: Path, profile: str) -> str:
    """Say in one hash what every notebook depends on: the module, the labels, the runs."""
    code = [path for path in (PROJECT / "palsy_utils").glob("*.py") if path.name not in WRITERS]
    found = hashlib.sha256(profile.encode())
    for path in [*sorted(code), cohort / "labels.csv"]:
        found.update(path.read_bytes())
    for path in sorted((cohort / "runs").glob("*/*/*/predictions.csv")):
        found.update(f"{path.relative_to(cohort)} {path.stat().st_mtime_ns}".encode())
    return found.hexdigest()


def _without_paths(text: str, kept: Path, work: str) -> str:
    """Replace paths of this machine: those of temporary folders, and of the checkout."""
    attempts = re.escape(str(kept)) + r"/\.[^\s/]+\.attempt"
    text = re.sub(attempts, ELSEWHERE, text).replace(work, ELSEWHERE)
    return text.replace(f"{PROJECT}/", "")
