"""Notebooks 12 and 13, headless: with their exercises, and with little at hand."""

import json

import nbformat
import papermill
import pytest
from conftest import PROJECT

LEAK, SLIDERS = "12_why_we_leave_a_patient_out", "13_a_face_on_sliders"


def run(name, folder, parameters, exercises=True):
    """Run a notebook and return its outputs; without exercises as a batch does."""
    notebook = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", 4)
    if not exercises:
        notebook.cells = [
            cell
            for cell in notebook.cells
            if not {"solution", "check"}.intersection(cell.metadata.get("tags", []))
        ]
    source = folder / f"{name}.ipynb"
    nbformat.write(notebook, source)
    done = papermill.execute_notebook(
        str(source),
        str(folder / "done.ipynb"),
        parameters,
        cwd=str(PROJECT / "notebooks"),
        progress_bar=False,
    )
    return [output for cell in done.cells for output in cell.get("outputs", [])]


def pictures(outputs):
    return sum("image/png" in output.get("data", {}) for output in outputs)


def test_the_leak_shows_on_three_people_and_its_solutions_hold(small, tmp_path):
    outputs = run(LEAK, tmp_path, {"cohort": str(small), "profile": "smoke"})
    assert pictures(outputs) == 7
    text = json.dumps(outputs)
    assert text.count("Right.") == 3
    assert "72 frames of 3 people" in text and "Nobody has two videos here" in text


def test_the_face_is_measured_without_a_live_page_and_its_solutions_hold(landmarker_file, tmp_path):
    outputs = run(SLIDERS, tmp_path, {"severity": 80})
    assert pictures(outputs) == 5
    text = json.dumps(outputs)
    assert text.count("Right.") == 3 and "every drawing is measured" in text
    assert "application/vnd.jupyter.widget-view+json" in text


def test_without_the_landmark_model_the_drawing_is_shown_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", str(tmp_path / "absent.task"))
    outputs = run(SLIDERS, tmp_path, {}, exercises=False)
    assert pictures(outputs) == 3 and "you see the drawing alone" in json.dumps(outputs)


@pytest.mark.parametrize("name", [LEAK, SLIDERS])
def test_an_exercise_is_a_task_a_hidden_solution_and_a_check(name):
    cells = nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", 4).cells
    starts = [i for i, c in enumerate(cells) if c.source.startswith("### Exercise")]
    assert len(starts) >= 3
    for number, i in enumerate(starts, start=1):
        task, solution, checked = cells[i : i + 3]
        assert f"`answer_{number}`" in task.source and f"answer_{number}" in solution.source
        assert "solution" in solution.metadata.tags and solution.metadata.jupyter.source_hidden
        assert checked.metadata.tags == ["check"] and checked.source.startswith("check(")
