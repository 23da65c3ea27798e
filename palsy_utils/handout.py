"""Handouts for a class: the notebooks without solutions for students, with them for teachers.

nbconvert takes seconds to import, so this stands apart from `exercises.py`, which notebooks import.
"""

import os
import re
from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, Preprocessor
from traitlets import Unicode

from palsy_utils.exercises import SOLUTION, has_tag
from palsy_utils.files import NOTEBOOKS, PROJECT, PalsyError, check_checkout, write_text


class AskForAnswers(Preprocessor):
    """Put `answer_N = ...` in the place of every solution, in plain sight."""

    def preprocess_cell(self, cell, resources, index):
        if has_tag(cell, SOLUTION):
            answer = re.findall(r"answer_\d+", cell.source)[-1]
            cell.source = f"{answer} = ...  # your answer"
            cell.metadata.pop("jupyter", None)
        return cell, resources


class LeadBack(Preprocessor):
    """Let pictures and parameters that start with `../`, the project's folder, still lead there."""

    project = Unicode(help="the project's folder as seen from where the notebook will lie")

    def preprocess_cell(self, cell, resources, index):
        start = "](" if cell.cell_type == "markdown" else '"' if has_tag(cell, "parameters") else ""
        if start:
            cell.source = cell.source.replace(f"{start}../", f"{start}{self.project}/")
        return cell, resources


def write_handout(folder: Path | str) -> list[Path]:
    """Write `students/*.ipynb`, without solutions, and `instructor/*.ipynb`, with them.

    Both work where they are written: their cohort and pictures are the project's own, by relative
    paths. JupyterLab shows the pictures if it was started in a folder that holds both, so the
    simplest place is inside the project.

    Args:
        folder: where; the two folders are made in it.

    Returns:
        The notebooks' paths.

    Raises:
        PalsyError: there are no notebooks to hand out, or one there is another one, perhaps with
            somebody's answers in it; then nothing is written.
    """
    check_checkout()
    texts = {}
    for audience, preparing in {"students": [AskForAnswers()], "instructor": []}.items():
        there = Path(folder).resolve() / audience
        project = Path(os.path.relpath(PROJECT, there)).as_posix()
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            notebook = nbformat.read(path, 4)
            for step in [*preparing, LeadBack(project=project), ClearOutputPreprocessor()]:
                notebook, _ = step.preprocess(notebook, {})
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
