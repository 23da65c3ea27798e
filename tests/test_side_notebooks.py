"""Notebook 13 where little is at hand; test_exercises.py runs it, and notebook 12, with all."""

import json

import nbformat
import papermill
from conftest import PROJECT

from palsy_utils.exercises import without_exercises

SLIDERS = PROJECT / "notebooks" / "13_a_face_on_sliders.ipynb"


def test_without_the_landmark_model_the_drawing_is_shown_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", str(tmp_path / "absent.task"))
    (tmp_path / "source.ipynb").write_text(nbformat.writes(without_exercises(SLIDERS)))
    done = papermill.execute_notebook(
        str(tmp_path / "source.ipynb"),
        str(tmp_path / "done.ipynb"),
        cwd=str(SLIDERS.parent),
        progress_bar=False,
    )
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 3
    assert "you see the drawing alone" in json.dumps(outputs)
