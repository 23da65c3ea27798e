"""Execute the notebooks for the site and the slides, on what `make run` has left.

`data/phantom/runs/pages/<name>.ipynb` is then a notebook as it stands, with its results. It is
executed again when its code, the module, the labels or the runs have changed.
"""

import shutil
import sys
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output

from palsy_utils.files import NOTEBOOKS, PROJECT, sha256, write_text
from palsy_utils.runs.cluster import Task, execute_all, open_client, remove_attempts
from palsy_utils.stamps import DONE, identity
from palsy_utils.teaching import CHECK, SOLUTION, has_tag

PHANTOM = PROJECT / "data" / "phantom"
EVERY = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
FIRST = ("01_frames", "02_faces_and_modalities")  # they write what all others read
NO_RESULTS = (
    "> **This page has no results:** {} What the notebooks read is made by `palsy run --cohort "
    "data/phantom --models all`; `make site` then fills the page."
)
BY_HAND = "*Here stands a control to move by hand: open the notebook in JupyterLab.*"


def write_pages(
    names: list[str] = EVERY, cohort: Path = PHANTOM, profile: str = "phantom"
) -> dict[str, str]:
    """Write notebooks with their results into `runs/pages/` of a cohort of synthetic faces.

    They are executed with their default parameters, but for the cohort and the profile of its runs;
    what they write is removed.

    Returns:
        Why a notebook has no results, of each that has none.
    """
    kept = cohort / "runs" / "pages"
    remove_attempts(kept)
    module = sorted((PROJECT / "palsy_utils").rglob("*.py"))
    runs = sorted(cohort.glob("runs/*/*/*/predictions.csv.stamp"))
    sources = sha256(*module, cohort / "labels.csv", *runs)
    tasks = []
    for name in sorted(names, key=lambda name: name not in FIRST):
        written = str(kept / "written" / name)
        values = {"cohort": str(cohort), "profile": profile, "figures": written, "output": written}
        code = [cell.source for cell in _read(NOTEBOOKS / f"{name}.ipynb").cells if is_code(cell)]
        known = papermill.inspect_notebook(str(NOTEBOOKS / f"{name}.ipynb"))
        given = {key: value for key, value in values.items() if key in known}
        needs = tuple(kept / need for need in FIRST[: FIRST.index(name) if name in FIRST else 2])
        made_from = {"code": identity(code), "sources": sources}
        tasks.append(Task(name, given, kept / name, needs, made_from))
    stale = [t for t in tasks if t.product.state().kind != DONE]
    failed = []
    if stale:
        with open_client(None, None, "auto") as client:
            failed = execute_all(client, stale, "notebooks")
        shutil.rmtree(kept / "written", ignore_errors=True)
    reasons = {one["notebook"]: one["error"].replace(f"{PROJECT}/", "") for one in failed}
    for task in tasks:
        text = nbformat.writes(_page(task, reasons.get(task.notebook, "")))
        write_text(text.replace(f"{PROJECT}/", ""), kept / f"{task.notebook}.ipynb")
    return reasons


def _page(task: Task, reason: str) -> NotebookNode:
    """Return a notebook with its results, or with the reason why it has none.

    What Sphinx and nbconvert have to know of a cell stands in its metadata.
    """
    page = _read(NOTEBOOKS / f"{task.notebook}.ipynb")
    done = [] if reason else _read(task.folder / "notebook.ipynb").cells
    outputs = {cell.id: cell.outputs for cell in done if is_code(cell)}
    for cell in filter(is_code, page.cells):
        cell.outputs = [
            _in_place_of_a_control(output)
            for output in outputs.get(cell.id, [])  # a solution has none: it is not executed
            if output.get("name") != "stderr"
        ]
        cell.metadata["mystnb"] = {"image": {"alt": cell.metadata.get("alt", "")}}
        for tag, prompt in {SOLUTION: "Solution", CHECK: "Check"}.items():
            if has_tag(cell, tag):
                cell.metadata.tags.append("hide-input")
                cell.metadata.mystnb |= {"code_prompt_show": prompt, "code_prompt_hide": prompt}
    if reason:
        told = {"slideshow": {"slide_type": "-"}}
        page.cells.insert(1, new_markdown_cell(NO_RESULTS.format(reason), metadata=told))
    return page


def is_code(cell: NotebookNode) -> bool:
    """Say whether a cell holds code."""
    return cell.cell_type == "code"


def _read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def _in_place_of_a_control(output: NotebookNode) -> NotebookNode:
    """Return an output; of sliders, which need a kernel, a sentence in their place."""
    if "application/vnd.jupyter.widget-view+json" in output.get("data", {}):
        return new_output("display_data", {"text/markdown": BY_HAND})
    return output


if __name__ == "__main__":
    for name, reason in write_pages().items():
        print(f"{name} has no results: {reason}", file=sys.stderr)
