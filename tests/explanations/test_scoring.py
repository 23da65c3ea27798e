"""Scores of explanations: a blind answer gets chance, and without truth there is none."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import PHANTOM

from palsy_utils.cohort.load import load_cohort
from palsy_utils.explanations.explained_folds import nets_to_explain, palsy_rows
from palsy_utils.explanations.scoring import (
    COLUMNS,
    NO_NET,
    drawn_truth,
    examples,
    named,
    score,
    score_called,
    score_interval,
    score_models,
)
from palsy_utils.faces.modalities import load_samples
from palsy_utils.files import PalsyError
from palsy_utils.runs.results import read_predictions

PICTURES = ("coordinates-fnn", "expressions-fnn", "lines-resnet50", "rgb-resnet50")
MULTITASK = "lines-multitask-resnet50"


@pytest.fixture(scope="module")
def known(smoke, beyond, tmp_path_factory) -> Path:
    """The smoke run, a net that is asked for the side, and what is known of its people."""
    root = Path(shutil.copytree(smoke.root, tmp_path_factory.mktemp("known") / "small"))
    run = Path("runs") / "smoke" / MULTITASK
    shutil.copytree(beyond / "small" / run, root / run)
    shutil.copy(PHANTOM / "patients.csv", root)
    return root


def test_an_answer_that_does_not_look_gets_chance_however_common_the_truth():
    truth = pd.Series(["eye"] * 70 + ["mouth"] * 20 + ["brow"] * 10)
    for blind in ("eye", "mouth", "brow"):
        assert score(truth, pd.Series([blind] * 100)) == pytest.approx(1 / 3)
    assert score(truth, pd.Series(["nose"] * 100)) == 0
    assert score(truth, truth) == 1


def test_the_interval_resamples_people_and_holds_the_score():
    rng = np.random.default_rng(0)
    patients = pd.Series(np.repeat(np.arange(12), 10))
    truth = pd.Series(np.where(patients % 2, "left", "right"))
    wrong = (patients < 4) | (rng.random(120) < 0.1)
    answer = truth.where(~wrong, truth.map({"left": "right", "right": "left"}))
    low, high = score_interval(truth, answer, patients)
    assert low < score(truth, answer) < high and high - low > 0.3
    frames = score_interval(truth, answer, pd.Series(np.arange(120)))
    assert frames[1] - frames[0] < high - low


def test_nobody_knows_is_no_score():
    nothing = pd.Series([None] * 4, dtype=object)
    answer = pd.Series(["left"] * 4)
    assert np.isnan(score(nothing, answer))
    assert np.isnan(score_interval(nothing, answer, answer)).all()


def test_the_strongest_is_named():
    strengths = np.zeros((2, 4, 2))
    strengths[0, 3, 1] = 1.0  # mouth, right
    strengths[1] = -1.0
    strengths[1, 0, 0] = -0.5  # the least against palsy
    answer = named(strengths)
    assert answer["side"].tolist() == ["right", "left"]
    assert answer["region"].tolist() == ["mouth", "brow"]


def test_truth_is_of_palsy_frames_and_agrees_with_the_labels(known):
    truth, samples = drawn_truth(known), load_samples(load_cohort(known))
    palsy = samples["label"] == 1
    assert truth["side"][~palsy].isna().all() and truth["region"][~palsy].isna().all()
    p02 = palsy & (samples["patient"] == "p02")  # strong mouth, eyes untouched, right
    assert (truth.loc[p02, "region"] == "mouth").all()
    assert (truth.loc[p02, "side"] == "right").all()
    p01 = palsy & (samples["patient"] == "p01")
    assert truth.loc[p01, "region"].isin(["eye", "brow"]).all()
    rows = np.flatnonzero(palsy)
    for i, region in zip(examples(truth, rows), ("eye", "brow", "mouth"), strict=False):
        assert truth["region"][i] == region


def test_only_people_held_out_are_explained(known):
    samples = load_samples(load_cohort(known))
    for folds in nets_to_explain(str(known), "smoke").values():
        for fold in folds:
            chosen = samples.iloc[palsy_rows(fold)]
            assert set(chosen["patient"]) <= set(fold.held_out) and (chosen["label"] == 1).all()


def test_without_truth_faces_are_explained_and_not_scored(known, tmp_path, monkeypatch):
    root = Path(shutil.copytree(known, tmp_path / "small"))
    (root / "truth.csv").unlink()
    (root / "patients.csv").unlink()
    shutil.rmtree(root / "runs/smoke/rgb-resnet50")
    table, explained = score_models(root, nets_to_explain(str(root), "smoke"), 1)
    assert table["model"].tolist() == [PICTURES[0], NO_NET, *PICTURES[1:3]]
    assert table[[name for name in COLUMNS[3:] if "n_" not in name]].isna().all(axis=None)
    rows, strengths = explained["lines-resnet50"]
    assert strengths.shape == (len(rows), 4, 2) and np.isfinite(strengths).all()
    assert len(examples(drawn_truth(root), rows)) == 1


def test_called_frames_are_those_with_a_probability_of_one_half(known, monkeypatch):
    nets = {
        name: folds
        for name, folds in nets_to_explain(str(known), "smoke").items()
        if name.endswith("-fnn")
    }
    scores, explained = score_models(known, nets, 1)
    table = score_called(known, nets, explained).set_index("model")
    for name, folds in nets.items():
        predictions = pd.concat([read_predictions(fold.folder) for fold in folds])
        called = (predictions["label"] == 1) & (predictions["probability"] >= 0.5)
        assert table["n_frames"].get(name, 0) == called.sum() <= scores["n_frames"].max()


def test_a_run_without_nets_is_told_what_to_do(small):
    with pytest.raises(PalsyError, match="no net to begin with"):
        nets_to_explain(str(small), "smoke")


def test_every_net_of_the_run_is_scored(known, monkeypatch):
    table, _ = score_models(known, nets_to_explain(str(known), "smoke", device="cpu"), 2)
    asked = table["model"] == f"{MULTITASK} (asked)"
    assert table.loc[asked, "side_score"].between(0, 1).all() and asked.sum() == 1
    table = table[~asked & (table["model"] != NO_NET)]
    assert list(table) == COLUMNS and table["model"].tolist() == [*PICTURES, MULTITASK]
    n = int((load_samples(load_cohort(known))["label"] == 1).sum())
    assert (table["n_frames"] == n).all() and (table["n_people"] == 3).all()
    for what in ("side", "region"):
        assert table[f"{what}_score"].between(0, 1).all()
        assert (table[f"{what}_low"] <= table[f"{what}_score"]).all()
        assert (table[f"{what}_score"] <= table[f"{what}_high"]).all()
        assert table[f"random_{what}"].between(0, 1).all()
    assert (table["chance_side"] == 0.5).all()
