"""Notebooks where little is at hand; test_exercises.py runs them with all."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import run_notebook, small_parameters

NOTEBOOKS = PROJECT / "notebooks"


def outputs_of(name: str, parameters: dict, folder: Path) -> list[dict]:
    """Execute a notebook, exercises included, and return the outputs of its cells."""
    done = run_notebook(NOTEBOOKS / f"{name}.ipynb", parameters, folder)
    return [output for cell in done.cells for output in cell.get("outputs", [])]


def test_without_the_landmark_model_all_faces_are_shown_and_answered(
    tmp_path, monkeypatch, new_kernel
):
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", str(tmp_path / "absent.task"))
    again = tmp_path / "again.npz"
    outputs = outputs_of("13_a_face_on_sliders", {"write_to": str(again)}, tmp_path)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    assert sum(output.get("text", "").startswith("Right.") for output in outputs) == 3
    assert "measured beforehand" in json.dumps(outputs)
    with np.load(again) as now, np.load(NOTEBOOKS / "faces_on_sliders.npz") as before:
        assert all(np.abs(now[k].astype(float) - before[k]).max() <= 1 for k in before)


def test_a_notebook_that_cannot_go_on_says_what_to_run_and_stays_green(smoke, tmp_path):
    """Notebook 08 needs models that the default run does not train."""
    name = "08_weighted_late_fusion"
    parameters = small_parameters(NOTEBOOKS / f"{name}.ipynb", smoke.root, tmp_path)
    del parameters["output"]  # as a reader opens it: a batch would have to fail
    said = "".join(output.get("text", "") for output in outputs_of(name, parameters, tmp_path))
    cells = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    rest = len(code) - 1 - next(i for i, source in enumerate(code) if "skip_rest(" in source)
    assert f"palsy run --cohort {smoke.root} --profile smoke --models weighted-late" in said
    assert "To be trained first: asymmetry-fnn, handcrafted-fnn." in said
    assert said.count("Skipped, for the reason given above.\n") == rest > 10 and "Right" not in said
    assert not (smoke.root / "runs" / "smoke" / "weighted-late-fusion").exists()


@pytest.mark.slow
def test_notebook_10_explains_what_the_default_run_has_and_scores_nothing_unknown(smoke, tmp_path):
    name = "10_explanations"
    root = shutil.copytree(smoke.root, tmp_path / "small", copy_function=os.link)
    (root / "truth.csv").unlink()  # nobody's side is known either
    parameters = small_parameters(NOTEBOOKS / f"{name}.ipynb", root, tmp_path)
    outputs = outputs_of(name, parameters, tmp_path)
    assert sum(output.get("text", "").startswith("Right.") for output in outputs) == 5
    said = json.dumps(outputs)
    assert "this run has no lines-multitask-resnet50" in said and "no score is possible" in said
    folder = tmp_path / "drawn" / "small" / "smoke"
    table = pd.read_csv(folder / "explanations.csv").set_index("model")
    assert len(table) == 5 and table.drop(columns=["n_frames", "n_people"]).isna().all(axis=None)
    assert [path.name for path in folder.glob("*.png")] == ["explained_face.png"]
