"""The whole series at smoke size, through the command, and what it leaves behind."""

import io
import os
import random
import shutil
import subprocess
import sys
from itertools import product

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PHANTOM, PROJECT
from helpers import cut_off, flip, palsy, run_small
from sklearn.metrics import roc_auc_score

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.table import BASELINES, TABLE_COLUMNS, UNTRAINED
from palsy_utils.faces.modalities import load_samples
from palsy_utils.learning.experiments import PAPER_MODELS as MODELS
from palsy_utils.runs.results import load_run, open_run, read_predictions
from palsy_utils.stamps import read_stamp, write_stamp

PEOPLE = ["p01", "p02", "p04"]
RUN = "runs/smoke"


def test_every_fold_predicts_exactly_the_person_held_out(smoke):
    assert "21/21" in smoke.output  # seven models, three people
    samples, found = load_samples(load_cohort(smoke.root)), {}
    for model, person in product(MODELS, PEOPLE):
        table = found[model, person] = read_predictions(smoke.root / RUN / model / person)
        held_out = samples[samples["patient"] == person].reset_index(drop=True)
        same = ["patient", "video", "frame", "label"]
        pd.testing.assert_frame_equal(table[same], held_out[same], check_dtype=False)
        assert (table["model"] == model).all() and table["probability"].between(0, 1).all()
    names = ("late-fusion", "expressions-fnn", "lines-resnet50")
    late, *nets = (found[model, "p01"]["probability"] for model in names)
    assert np.allclose(late, sum(nets) / 2, atol=1e-6)


def test_every_notebook_is_kept_with_what_it_ran_with(smoke):
    stages = {(name, 0) for name in ("01_frames", "02_faces_and_modalities", "06_results_table")}
    for name, pictures in stages | {(f"{model}/p02", 2) for model in MODELS}:
        notebook = nbformat.read(smoke.root / RUN / name / "notebook.ipynb", 4)
        cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert all(cell.execution_count for cell in cells if cell.source)  # to its end
        outputs = [output for cell in cells for output in cell.outputs]
        assert not [output for output in outputs if output.output_type == "error"]
        assert sum("image/png" in o.get("data", {}) for o in outputs) >= pictures
    for model in MODELS:
        folder = smoke.root / RUN / model / "p02"
        made_from = read_stamp(folder / "predictions.csv")["made_from"]
        assert made_from["held_out"] == ["p02"] and made_from["model"] == model
        assert (folder / "weights.pt").exists() == (model != "late-fusion")
    for path in (smoke.root / RUN).rglob("*"):
        assert path.suffix != ".attempt" and not path.stat().st_mode & 0o077, path


def test_table_has_seven_complete_rows_and_the_baselines(smoke):
    table = pd.read_csv(smoke.figures / "table_1.csv")
    assert list(table) == TABLE_COLUMNS
    assert list(table["model"]) == [*MODELS, *BASELINES, UNTRAINED]
    assert table["auroc"].between(0, 1).all() and (table["n_frames"] == 72).all()
    assert (table["n_patients"] == 3).all()
    text = (smoke.figures / "table_1.md").read_text()
    for words in ("synthetic", "leave-one-patient-out", "seed 0", "pretrained on", "profile smoke"):
        assert words.lower() in text.lower(), words
    assert text.count("\n| ") == 1 + 10 + 1 + 2 * 7  # frames; clips and people
    for name in ("patients_by_models", "roc_curves", "training_curves"):
        picture = (smoke.figures / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and len(picture) > 10_000


def test_a_failing_fold_stops_no_other_and_is_kept_with_its_traceback(smoke, tmp_path):
    root = shutil.copytree(smoke.root, tmp_path / "small")
    for lost in ("early-fusion/p02", "early-fusion/p04", "late-fusion"):
        shutil.rmtree(root / RUN / lost)
    weights = root / RUN / "lines-resnet50" / "p04" / "weights.pt"
    torch.save({"of": "another net"}, weights)  # stamped as whole, so that it is not made again
    needed = weights.with_name("predictions.csv")
    others = [needed.with_name(name) for name in read_stamp(needed)["files"]]
    kept = read_stamp(needed)
    write_stamp(needed, kept["made_from"], others, ran_with=kept["ran_with"])
    (root / RUN / "rgb-resnet50" / ".p01.1234.attempt").mkdir()  # of a killed run
    before = {p: p.stat().st_mtime_ns for p in (root / RUN).rglob("predictions.csv")}
    done = run_small(root, "--models", "early-fusion")
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "1 notebook(s) failed" in done.output and "not of this net" in done.output
    states = [(root / RUN / "early-fusion" / p / "predictions.csv").exists() for p in PEOPLE]
    assert states == [True, True, False]
    assert "PalsyError" in (root / RUN / "early-fusion" / "p04" / "failed.ipynb").read_text()
    assert not (root / RUN / "late-fusion").exists()
    assert {p: p.stat().st_mtime_ns for p in before} == before  # what is done is not done again
    assert "2/2" in done.output and not list((root / RUN).rglob(".*.attempt"))
    again = (root / RUN / "early-fusion" / "p02" / "predictions.csv").read_bytes()
    assert again == (smoke.root / RUN / "early-fusion" / "p02" / "predictions.csv").read_bytes()


def status(root, *more):
    done = palsy("status", "--cohort", root, "--profile", "smoke", *more)
    assert done.exit_code == 0, done.output
    return done.output


def made(root):
    """Say when each file of the run was made."""
    return {p: p.stat().st_mtime_ns for p in root.rglob("*.*") if p.is_file()}


def test_nothing_is_made_twice_and_what_changed_is_told_and_made_again(smoke, tmp_path):
    """Touched, cut, flipped, relabelled: `status` tells, and `run` mends just that."""
    root, figures = tmp_path / "small", tmp_path / "figures" / "small" / "smoke"
    shutil.copytree(smoke.root, root)
    row, rows = (["--models", m] for m in ("coordinates-fnn", "coordinates-fnn,expressions-fnn"))
    for path in root.rglob("*"):
        os.utime(path, (random.choice([1, 4e9]),) * 2)
    before = made(root / RUN)
    assert "is" not in status(root).split("\n", 1)[1]

    damaged = {
        f"{RUN}/coordinates-fnn/p01": "notebook.ipynb",
        f"{RUN}/coordinates-fnn/p02": "history.csv",
        f"{RUN}/coordinates-fnn/p04": "weights.pt",
        f"{RUN}/expressions-fnn/p01": "inner.csv",
        f"{RUN}/expressions-fnn/p02": "predictions.csv",
        "frames/p02-1.csv": "p02-1/0.jpg",
        "frames/p04-1.csv": "p04-1.csv",
        "modalities/samples.csv": "coordinates.npy",
        "images/lines-32.npy": "lines-32.npy",
    }
    for name, file in damaged.items():
        folder = root / name
        path = (folder if folder.is_dir() else folder.parent) / file
        (flip if file == "weights.pt" else cut_off)(path)
    said, done = status(root, *rows), run_small(root, *rows)
    for name, file in damaged.items():
        assert f"{root / name} is damaged ({file})" in said
        assert f"{root / name} is damaged ({file}): made again" in done.output
    assert done.exit_code == 0 and done.output.count("made again") == len(damaged)
    for file in ("table_1.csv", "table_1.md"):
        assert (figures / file).read_bytes() == (smoke.figures / file).read_bytes()
    for path in (root / RUN).rglob("predictions.csv"):
        assert path.read_bytes() == (smoke.root / path.relative_to(root)).read_bytes()
    for whole in ("expressions-fnn/p04", "lines-resnet50", "late-fusion"):
        assert made(root / RUN / whole).items() <= before.items()

    labels = (root / "labels.csv").read_text()
    (root / "labels.csv").write_text(labels.replace("normal,normal", "strong,normal", 1))
    said = status(root, *row)
    assert "samples.csv is out of date (changed: labels)" in said
    assert said.count("is out of date (changed: samples)") == 3 + 2  # folds, lines, RGB
    done = run_small(root, *row)
    assert done.exit_code == 0 and "3/3" in done.output
    assert "expressions-fnn is out of date or damaged and left out" in done.output
    assert "Feed-forward neural network (0 of 3 folds)" in (figures / "table_1.md").read_text()
    assert "out of date" not in status(root, *row) and "out of date" in status(root)


@pytest.mark.slow
def test_the_default_table_comes_out_again(tmp_path):
    """As committed, but for what another processor rounds otherwise."""
    command = [sys.executable, "-m", "palsy_utils", "run", "--figures", tmp_path, "--cohort"]
    made_by_others = shutil.ignore_patterns("runs", "frames", "modalities", "images")
    root = shutil.copytree(PHANTOM, tmp_path / "cohort" / "phantom", ignore=made_by_others)
    subprocess.run([*command, root, "--device", "cpu"], capture_output=True, check=True)
    file = "figures/phantom/table_1.csv"
    committed = subprocess.check_output(["git", "show", f"HEAD:{file}"], cwd=PROJECT)
    made = (tmp_path / "phantom" / "table_1.csv", io.BytesIO(committed))
    ours, theirs = (pd.read_csv(table, index_col="model")["auroc"] for table in made)
    assert list(ours.index) == list(theirs.index) and (ours - theirs).abs().max() <= 0.02


@pytest.mark.slow
def test_image_rows_are_the_same_on_an_older_processor(small, tmp_path):
    """As far as a new processor can be told to compute like an older one."""
    older = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    models, tables = ("lines-resnet50", "rgb-resnet50", "lines+rgb-resnet50"), []
    for name, told in (("own", {}), ("older", older)):
        root = shutil.copytree(small, tmp_path / name / "small")
        command = [sys.executable, "-m", "palsy_utils", "run", "--cohort", root, "--device", "cpu"]
        command += ["--models", ",".join(models), "--figures", tmp_path / name]
        subprocess.run(command, capture_output=True, check=True, env=os.environ | told)
        tables.append(load_run(open_run(root, "phantom"), models))
    own, other = tables
    assert (own["probability"] - other["probability"]).abs().max() < 0.05
    for model, part in own.groupby("model"):
        again = other.loc[part.index, "probability"]
        areas = [roc_auc_score(part["label"], p) for p in (part["probability"], again)]
        assert abs(areas[0] - areas[1]) <= 0.02, model
