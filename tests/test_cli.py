import re
import subprocess
import sys
from functools import partial

import pytest
from helpers import palsy, write_labels, write_picture

from palsy_utils.cohort.load import load_cohort
from palsy_utils.phantom.cohort import write_cohort


def test_status_shows_the_grid(smoke):
    done = palsy("status", "--cohort", smoke.root, "--profile", "smoke")
    rows = [line.split() for line in done.output.strip().splitlines()]
    assert rows[0] == ["p01", "p02", "p04"]
    assert ["lines+rgb-resnet50", "done", "done", "done"] in rows and len(rows) == 8


def test_status_before_anything_has_run(small):
    done = palsy("status", "--cohort", small, "--profile", "paper", "--models", "late-fusion")
    models = ("expressions-fnn", "lines-resnet50", "late-fusion")
    rows = [line.split() for line in done.output.strip().splitlines()]
    assert done.exit_code == 0 and rows[1:] == [[m, *["open"] * 3] for m in models]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--cohort": "/no/such/cohort"}, "/no/such/cohort is not there"),
        ({"--profile": "huge"}, "There is no profile 'huge'"),
        ({"--figures": "/dev/null/figures"}, "/dev/null/figures/small/smoke cannot be written"),
        ({"--models": "lines-resnet18"}, "There is no model 'lines-resnet18'"),
        ({"--device": "cuda:9"}, "There is no device 'cuda:9'"),
        ({"--scheduler": "tls://127.0.0.1:9"}, "No Dask scheduler answers at tls://127.0.0.1:9"),
    ],
)
def test_wrong_parameters_end_in_one_sentence(small, changes, message, monkeypatch):
    monkeypatch.setattr("palsy_utils.runs.cluster.CONNECT_TIMEOUT", "1s")
    options = {"--cohort": small, "--profile": "smoke", "--figures": small.parent} | changes
    done = palsy("run", *[part for option in options.items() for part in option])
    assert done.exit_code == 1 and message in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_another_net_asks_for_its_own_weights(small, tmp_path, monkeypatch):
    monkeypatch.setattr("palsy_utils.downloads.MODELS", tmp_path / "models")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing answers there
    options = ("--profile", "paper+resnet18", "--figures", tmp_path)
    done = palsy("run", "--cohort", small, *options)
    assert done.exit_code == 1
    assert re.search(r"Error: resnet18-\w+\.pth .* could not be downloaded", done.output)


def test_what_cannot_work_is_refused_before_anything_is_measured(tmp_path):
    rows = ["a,a,a.png,,,1", "b,b,b.png,,,0", "c,c,c.png,,,1", "d,d,d.png,,,0"]
    for name in "abcd":
        write_picture(tmp_path / f"{name}.png")
    header = "patient,video,file,start_s,end_s,label"

    def refused(*options, people=rows, command="run"):
        write_labels(tmp_path, people, header)
        done = palsy(command, "--cohort", tmp_path, "--profile", "smoke", *options)
        assert done.exit_code in (1, 2) and "Traceback" not in done.output
        assert not (tmp_path / "frames").exists() and not (tmp_path / "runs").exists()
        return done.output

    assert "5 folds cannot be made of 4 people" in refused("--folds", 5)
    assert "'--folds': -1 is not in the range" in refused("--folds", -1)
    for seed in (-1, 2**32):
        assert f"'--seed': {seed} is not in the range" in refused("--seed", seed)
    told = "2 person(s) with palsy and 0 without are left to train on once b"
    assert told in refused(people=rows[:3])
    assert "of 1 person(s), and folds need two" in refused(people=rows[:1])
    assert "and both are needed" in refused("--folds", 2, people=rows[:3])
    fit = ("--model", "asymmetry-fnn")
    assert "0 without are left to train" in refused(*fit, people=rows[::2], command="fit")


def test_help_needs_no_heavy_library():
    command = [sys.executable, "-X", "importtime", "-m", "palsy_utils", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: palsy [OPTIONS] COMMAND")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded.intersection(("torch", "mediapipe", "cv2", "numpy", "pandas", "dask"))


def test_phantom_command_draws_a_cohort(tmp_path, monkeypatch):
    brief = partial(write_cohort, seconds=1)
    monkeypatch.setattr("palsy_utils.phantom.cohort.write_cohort", brief)
    done = palsy("phantom", tmp_path / "synthetic", "--patients", 2, "--clips", 2, "--seed", 4)
    assert done.exit_code == 0, done.output
    assert load_cohort(tmp_path / "synthetic").videos["patient"].nunique() == 2
