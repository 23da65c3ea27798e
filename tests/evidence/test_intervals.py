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

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.intervals import (
    best_row,
    call_intervals,
    load_seeds,
    mean_over_seeds,
    model_table,
    parse_seeds,
    seed_counts,
)
from palsy_utils.evidence.scores import auroc_interval, draw_people, interval, scores
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import NEW_MODELS, PAPER_MODELS

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
    tenfold = call_intervals(pd.concat([frames] * 10))
    for name, ours in call_intervals(frames).items():
        assert tenfold[name] == pytest.approx(ours)


def test_more_people_do_narrow_them():
    def width(n):
        value, low, high = call_intervals(people(n))["f1"]
        assert low < value < high
        return high - low

    assert width(80) < 0.6 * width(8)


def test_interval_of_calls_is_the_slow_one():
    frames, wanted = people(6, signal=0.1), {"f1": [], "recall": [], "specificity": []}
    groups = [group for _, group in frames.groupby("patient")]
    for draw in draw_people(6):
        some = pd.concat([p for p, n in zip(groups, draw, strict=True) for _ in range(n)])
        slow = scores(some["label"], some["probability"])
        for name, values in wanted.items():
            values.append(slow[name])
    ours = call_intervals(frames)
    for name, values in zip(("f1", "sensitivity", "specificity"), wanted.values(), strict=True):
        assert ours[name][1:] == pytest.approx(np.nanpercentile(values, [2.5, 97.5]))


def test_without_palsy_there_is_no_sensitivity():
    healthy = people(5).assign(label=0)
    ours = call_intervals(healthy)
    assert np.isnan(ours["f1"]).all() and np.isnan(ours["sensitivity"]).all()
    assert np.isfinite(ours["specificity"]).all()
    assert np.isnan(interval(np.array([np.nan, np.nan]))).all()


def test_seeds_are_averaged_frame_by_frame_and_counted():
    one = people(5)
    both = pd.concat([one, one.assign(seed=1, probability=1 - one["probability"])])
    mean = mean_over_seeds(both)
    assert len(mean) == len(one) and np.allclose(mean["probability"], 0.5)
    images = people(5, seed=3, model="rgb-resnet50")
    table = model_table(pd.concat([both, images]))
    assert table["n_seeds"].tolist() == [2, 1]
    assert table["auroc_sd"].notna().tolist() == [True, False]
    assert table.loc[1, ["auroc_low", "auroc_high"]].tolist() == list(auroc_interval(images))
    assert seed_counts(pd.concat([both, images]))["wanted"].tolist() == [5, 3]
    assert best_row(table, PAPER_MODELS) == "rgb-resnet50" and best_row(table, NEW_MODELS) is None


def test_seeds_in_words():
    assert parse_seeds("0, 1,2,1") == (0, 1, 2)
    for text in ("", "one", "0,,1", "-1", "1.5"):
        with pytest.raises(PalsyError, match="whole numbers"):
            parse_seeds(text)


def test_half_a_model_and_folds_of_other_data_are_left_out(smoke, tmp_path):
    root = shutil.copytree(smoke.root, tmp_path / "small")
    run = root / "runs" / "smoke"
    shutil.rmtree(run / "late-fusion" / "p02")
    flip(run / "rgb-resnet50" / "p01" / "weights.pt")
    table = load_seeds(load_cohort(root), "smoke", (0, 7))
    wanted = [m for m in PAPER_MODELS if m not in ("late-fusion", "rgb-resnet50")]
    assert list(dict.fromkeys(table["model"])) == wanted and len(table) == 72 * len(wanted)
    with pytest.raises(PalsyError, match="no model with all of its folds, up to date"):
        load_seeds(load_cohort(root), "smoke", (7,))
    shutil.copytree(run, root / "runs" / "smoke-seed-1")  # of another seed than its name says
    with pytest.raises(PalsyError, match="no model with all of its folds, up to date"):
        load_seeds(load_cohort(root), "smoke", (1,))


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
