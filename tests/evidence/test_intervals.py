"""Intervals by people and loading of seeds, and the notebook that puts the evidence together."""

import json
import re
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import papermill
import pytest
from conftest import PROJECT
from helpers import flip, functions_of
from sklearn.metrics import roc_auc_score

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence import intervals
from palsy_utils.evidence.intervals import (
    auroc_interval,
    bootstrap_patients,
    call_intervals,
    interval,
)
from palsy_utils.evidence.scores import scores
from palsy_utils.evidence.seeds import load_seeds, mean_over_seeds
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import PAPER_MODELS

NOTEBOOK = PROJECT / "notebooks" / "09_evidence.ipynb"


def people(n, frames=12, signal=0.3, seed=0, model="expressions-fnn"):
    """Made-up predictions of n people; each has a leaning of their own."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"p{i:03d}" for i in range(n)], frames)
    label = np.tile(np.arange(frames) % 2, n)
    leaning = np.repeat(rng.normal(0, 0.3, n), frames)
    logit = 6 * signal * (label - 0.5) + leaning + rng.normal(0, 1, len(who))
    table = pd.DataFrame({"patient": who, "video": who, "frame": np.tile(range(frames), n)})
    table = table.assign(label=label, probability=1 / (1 + np.exp(-logit)))
    return table.assign(model=model, fold=who, seed=0)


def test_copies_of_frames_do_not_narrow_the_intervals():
    frames = people(8)
    tenfold = pd.concat([frames] * 10)
    assert auroc_interval(tenfold) == pytest.approx(auroc_interval(frames))
    for name, ours in call_intervals(frames).items():
        assert call_intervals(tenfold)[name] == pytest.approx(ours)


def test_more_people_do_narrow_them():
    def width(n):
        value, low, high = call_intervals(people(n))["f1"]
        assert low < value < high
        return high - low

    assert width(80) < 0.6 * width(8)


def test_intervals_are_the_slow_ones(monkeypatch):
    monkeypatch.setattr(intervals, "N_RESAMPLES", 300)
    frames, other = people(6, signal=0.1), people(6, signal=0.2, seed=1)
    frames["probability"] = frames["probability"].round(1)  # with ties
    frames.loc[frames["patient"] == "p003", "label"] = 0
    other["label"] = frames["label"]
    slow = []
    for sample in bootstrap_patients(6):
        rows = np.repeat(frames.index, np.repeat(sample, 12))
        label, p, q = frames["label"][rows], frames["probability"][rows], other["probability"][rows]
        areas = roc_auc_score(label, p), roc_auc_score(label, q)
        slow.append({"auroc": areas[0], "minus": areas[0] - areas[1], **scores(label, p)})
    assert len(slow) == 300
    wanted = pd.DataFrame(slow).quantile([0.025, 0.975])
    assert auroc_interval(frames) == pytest.approx(tuple(wanted["auroc"]))
    assert auroc_interval(frames, minus=other) == pytest.approx(tuple(wanted["minus"]))
    ours = call_intervals(frames)
    for name, told in (("f1", "f1"), ("recall", "sensitivity"), ("specificity", "specificity")):
        assert ours[told][1:] == pytest.approx(tuple(wanted[name]))


def test_without_palsy_there_is_no_sensitivity():
    healthy = people(5).assign(label=0)
    ours = call_intervals(healthy)
    assert np.isnan(ours["f1"]).all() and np.isnan(ours["sensitivity"]).all()
    assert np.isfinite(ours["specificity"]).all()
    assert np.isnan(auroc_interval(healthy)).all()
    assert np.isnan(interval(np.array([np.nan, np.nan]))).all()


def test_seeds_are_averaged_frame_by_frame_and_counted():
    one = people(5)
    both = pd.concat([one, one.assign(seed=1, probability=1 - one["probability"])])
    mean = mean_over_seeds(both)
    assert len(mean) == len(one) and np.allclose(mean["probability"], 0.5)
    images = people(5, seed=3, model="rgb-resnet50")
    table = functions_of(NOTEBOOK).model_table(pd.concat([both, images]))
    assert table["n_seeds"].tolist() == [2, 1]
    assert table["auroc_sd"].notna().tolist() == [True, False]
    assert table.loc[1, ["auroc_low", "auroc_high"]].tolist() == list(auroc_interval(images))


def test_half_a_model_and_folds_of_other_data_are_left_out(smoke, tmp_path):
    root = shutil.copytree(smoke.root, tmp_path / "small")
    run = root / "runs" / "smoke"
    shutil.rmtree(run / "late-fusion" / "p02")
    flip(run / "rgb-resnet50" / "p01" / "weights.pt")
    table = load_seeds(load_cohort(root), "smoke", "0, 7,0")
    wanted = [m for m in PAPER_MODELS if m not in ("late-fusion", "rgb-resnet50")]
    assert list(dict.fromkeys(table["model"])) == wanted and len(table) == 72 * len(wanted)
    with pytest.raises(PalsyError, match="no model with all of its folds, up to date"):
        load_seeds(load_cohort(root), "smoke", "7")
    shutil.copytree(run, root / "runs" / "smoke-seed-1")  # of another seed than its name says
    with pytest.raises(PalsyError, match="no model with all of its folds, up to date"):
        load_seeds(load_cohort(root), "smoke", "1")
    for text in ("", "one", "0,,1", "-1", "1.5"):
        with pytest.raises(PalsyError, match="whole numbers"):
            load_seeds(load_cohort(root), "smoke", text)


@pytest.fixture(scope="module")
def executed(smoke, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence")
    notebook = papermill.execute_notebook(
        str(NOTEBOOK),
        str(folder / "09.ipynb"),
        {"cohort": str(smoke.root), "profile": "smoke", "figures": str(folder)},
        cwd=str(PROJECT / "notebooks"),
        progress_bar=False,
    )
    return notebook, folder / smoke.root.name / "smoke"


def test_notebook_writes_the_evidence_of_the_papers_rows(executed):
    notebook, folder = executed
    table = pd.read_csv(folder / "evidence.csv").set_index("model")
    assert list(table.index) == list(PAPER_MODELS)
    assert list(table) == [
        *("n_seeds", "auroc", "auroc_low", "auroc_high", "auroc_sd"),
        *("pooled_f1", "f1_low", "f1_high", "difference_to_best_paper_row"),
        *("difference_low", "difference_high", "p_holm", "brier", "ece", "ece_after"),
        "f1_inner_threshold",
    ]
    assert (table["n_seeds"] == 1).all() and table["auroc_sd"].isna().all()
    assert table[["auroc", "brier", "ece", "pooled_f1"]].stack().between(0, 1).all()
    assert table["p_holm"].isna().all()
    calibrated = table.index[table["ece_after"].notna()]
    assert list(calibrated) == ["coordinates-fnn", "expressions-fnn"]
    text = json.dumps(notebook.cells)
    for words in ("nothing to compare", "patients.csv does not tell: side", "drawn", "Spearman"):
        assert words in text, words
    pictures = {path.stem.removeprefix("evidence_") for path in folder.glob("*.png")}
    assert pictures == {
        "seeds", "intervals", "calibration", "abstention", "subgroups", "severity"
    }  # fmt: skip


def test_every_test_that_the_notebook_names_is_there():
    source = NOTEBOOK.read_text()
    tests = "".join(path.read_text() for path in (PROJECT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"test_\w+", source))
    assert len(named) >= 4
    assert not {name for name in named if f"def {name}(" not in tests}


def test_checklist_is_whole():
    table = pd.read_csv(PROJECT / "data" / "reporting_checklist.csv", dtype=str)
    assert list(table) == ["standard", "item", "topic", "met", "where"]
    assert table.notna().all(axis=None) and set(table["met"]) == {"yes", "partly", "no"}
    tripod = table[table["standard"] == "TRIPOD+AI"]
    assert tripod["item"].tolist() == [str(i) for i in range(1, 28)]
    files = re.findall(r"[\w/]+\.(?:py|md)", " ".join(table["where"]))
    for name in files:
        assert (PROJECT / name).exists() or list((PROJECT / "palsy_utils").rglob(name)), name


def test_a_mark_without_an_interval_is_hollow_and_rows_keep_their_names():
    table = pd.DataFrame(
        {
            "model": ["coordinates-fnn", "clip-fusion"],
            "auroc": [0.7, 0.8],
            "auroc_low": [0.6, np.nan],
            "auroc_high": [0.9, np.nan],
        }
    )
    _, ax = plt.subplots()
    functions_of(NOTEBOOK).draw_intervals(ax, table, "auroc", table["model"])
    assert [line.get_markerfacecolor() == "white" for line in ax.lines] == [False, True]
    assert [line.get_xdata()[0] for line in ax.lines] == [0.7, 0.8]
    assert [text.get_text() for text in ax.get_yticklabels()] == table["model"].tolist()
