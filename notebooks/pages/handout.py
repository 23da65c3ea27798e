"""The notebooks for a class: `palsy handout`."""

import os
import re
import tomllib
from pathlib import Path

import nbformat

from palsy_utils.files import NOTEBOOKS, PROJECT, PalsyError, write_text
from palsy_utils.teaching import CHECK, SOLUTION, has_tag

EXERCISES = tomllib.loads((PROJECT / "palsy_utils" / "exercises.toml").read_text("utf-8"))
FOLDERS = {"students": "students", "instructor": "instructor", "nbgrader": "nbgrader/source/palsy"}
HIDDEN = """
### BEGIN HIDDEN TESTS
from palsy_utils.teaching import judge

assert judge("{name}", globals()).startswith(("Right.", "Not answerable here"))
### END HIDDEN TESTS"""


def without_solution(source: str) -> str:
    """Return a solution's cell as students get it: `...` where the answer belongs."""
    lines = r"(?ms)^( *)### BEGIN SOLUTION$.*?### END SOLUTION$"
    return re.sub(lines, r"\1...  # your answer", source)


def mark_for_nbgrader(cells: list[nbformat.NotebookNode]) -> None:
    """Give solutions and checks the metadata of nbgrader; each check gets its points, if right."""
    for i, cell in enumerate(cells):
        if name := re.fullmatch(r'check\("(.+)"\)', cell.source) if has_tag(cell, CHECK) else None:
            key = name[1].replace(".", "-")  # it takes no dots
            mark = {"schema_version": 3, "task": False}
            grade = {"grade": True, "solution": False, "locked": True, "grade_id": f"check-{key}"}
            grade["points"] = EXERCISES[name[1]]["points"]
            cell.metadata.nbgrader = mark | grade
            cell.source += HIDDEN.format(name=name[1])
            answer = {"grade": False, "solution": True, "locked": False}
            cells[i - 1].metadata.nbgrader = mark | answer | {"grade_id": f"answer-{key}"}


def write_handout(folder: Path | str) -> list[Path]:
    """Write `students/*.ipynb`, without solutions, and `instructor/*.ipynb`, with them.

    And the folder `nbgrader/`, a course with one assignment, whose checks give points. All work
    where they are written: paths to their cohort and pictures lead to the project. In JupyterLab,
    pictures show if it was started in a folder that holds both. If one there is another one,
    perhaps with somebody's answers in it, a PalsyError says so, and nothing is written.
    """
    texts = {}
    for audience, below in FOLDERS.items():
        there = Path(folder).resolve() / below
        project = Path(os.path.relpath(PROJECT, there)).as_posix()
        if audience == "nbgrader":  # which copies them elsewhere
            project = PROJECT.as_posix()
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            notebook = nbformat.read(path, 4)
            for cell in notebook.cells:
                if has_tag(cell, SOLUTION) and audience == "students":
                    cell.source = without_solution(cell.source)
                    cell.metadata.pop("jupyter", None)  # in plain sight
                if cell.cell_type == "markdown" or has_tag(cell, "parameters"):
                    cell.source = re.sub(r'(\]\(|")\.\./', rf"\g<1>{project}/", cell.source)
            if audience == "nbgrader":
                mark_for_nbgrader(notebook.cells)
            texts[there / path.name] = nbformat.writes(notebook) + "\n"
    for path, text in texts.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise PalsyError(
                f"{path} is not what would be handed out now (somebody has worked in it, or the "
                "series has changed): move it away or give another folder; nothing was written."
            )
    for path, text in texts.items():
        write_text(text, path, public=True)
    return list(texts)
