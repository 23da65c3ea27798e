"""Calibration, thresholds and abstention, and that the person held out has no say in them."""

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of
from sklearn.metrics import brier_score_loss
from test_intervals import people

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.calibration import (
    calibrate,
    choose_threshold,
    fit_temperature,
    log_loss,
    temper,
)
from palsy_utils.evidence.scores import scores
from palsy_utils.evidence.seeds import load_inner, load_seeds, mean_over_seeds

NOTEBOOK = functions_of(PROJECT / "notebooks" / "09_evidence.ipynb")
abstention, calibration_of = NOTEBOOK.abstention, NOTEBOOK.calibration_of
calibration_error, reliability = NOTEBOOK.calibration_error, NOTEBOOK.reliability
risk_coverage = NOTEBOOK.risk_coverage


def inner_of(frames):
    """Of every fold, the predictions of everybody else."""
    folds = frames["fold"].unique()
    return pd.concat([frames[frames["patient"] != f].assign(fold=f) for f in folds])


@pytest.fixture
def loud():
    """Overconfident predictions of ten people."""
    frames = people(10, frames=60, signal=0.3)
    return mean_over_seeds(frames.assign(probability=temper(frames["probability"], 0.4)))


def test_temperature_undoes_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.05, 0.95, 4000)
    labels = (rng.random(4000) < honest).astype(int)
    overconfident = temper(honest, 1 / 3)
    found = fit_temperature(labels, overconfident)
    assert 2.5 < found < 3.5
    assert log_loss(labels, temper(overconfident, found)) < log_loss(labels, overconfident)
    assert np.allclose(temper(honest, 1), honest)
    assert (np.argsort(temper(honest, 7)) == np.argsort(honest)).all()


def test_threshold_has_the_best_f1_of_many_and_does_not_mind_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.beta(0.6, 0.9, 20_000)
    labels = (rng.random(20_000) < honest).astype(int)
    best = max(scores(labels, honest, at)["f1"] for at in np.linspace(0.05, 0.95, 91))
    for temperature in (1, 0.4, 2):
        shown = temper(honest, temperature)
        chosen = choose_threshold(labels, shown)
        assert scores(labels, shown, chosen)["f1"] > best - 0.003
    assert abs(choose_threshold(labels, honest) - best / 2) < 0.03


def test_threshold_of_few_is_steadier_than_the_one_with_the_most_hits():
    rng, grid = np.random.default_rng(0), np.linspace(0.05, 0.95, 91)
    chosen = []
    for _ in range(40):
        p = rng.beta(0.6, 0.9, 100)
        labels = (rng.random(100) < p).astype(int)
        counted = grid[np.argmax([scores(labels, p, at)["f1"] for at in grid])]
        chosen.append((choose_threshold(labels, p), counted))
    expected, counted = np.std(chosen, axis=0)
    assert expected < counted / 2


def test_calibration_error_by_hand():
    labels, p = np.array([0, 1, 1, 1, 0]), np.array([0.05, 0.62, 0.68, 0.95, 1.0])
    bins = reliability(labels, p)  # 0.05 | 0.62, 0.68 | 0.95, 1.0
    assert bins["frames"].tolist() == [1, 2, 2]
    assert bins["observed"].tolist() == [0, 1, 0.5]
    wanted = (0.05 + 2 * (1 - 0.65) + 2 * (0.975 - 0.5)) / 5
    assert calibration_error(labels, p) == pytest.approx(wanted)


def test_bins_are_scikit_learns():
    from sklearn.calibration import calibration_curve

    frames = people(20)
    observed, predicted = calibration_curve(frames["label"], frames["probability"], n_bins=10)
    bins = reliability(frames["label"], frames["probability"])
    assert np.allclose(bins["observed"], observed) and np.allclose(bins["predicted"], predicted)


def test_temperature_calms_the_overconfident(loud):
    row = calibration_of(calibrate(loud, inner_of(loud)))
    assert row["brier"] == pytest.approx(brier_score_loss(loud["label"], loud["probability"]))
    assert row["ece_after"] < 0.7 * row["ece"] and row["brier_after"] < row["brier"]
    assert 1 < row["temperature_low"] <= row["temperature_high"]


def test_the_person_held_out_has_no_say_in_temperature_or_threshold(loud):
    inner = inner_of(loud)
    chosen = ["temperature", "threshold"]
    honest = calibrate(loud, inner)
    out = loud["patient"] == "p003"
    poisoned = loud.copy()
    poisoned.loc[out, "label"] = 1 - poisoned.loc[out, "label"]
    poisoned.loc[out, "probability"] = 0.999
    ours = calibrate(poisoned, inner_of(poisoned))
    fold = honest["fold"] == "p003"
    assert (ours.loc[fold, chosen] == honest.loc[fold, chosen]).all(axis=None)
    assert (ours.loc[~fold, chosen] != honest.loc[~fold, chosen]).any(axis=None)


def test_inner_predictions_on_disk_never_hold_the_person_held_out(smoke):
    predictions = load_seeds(load_cohort(smoke.root), "smoke", "0")
    inner = load_inner(smoke.root, "smoke", predictions)
    assert set(inner["model"]) == {"coordinates-fnn", "expressions-fnn"}
    assert (inner["fold"] != inner["patient"]).all() and len(inner) == 2 * 2 * 72


def test_a_model_without_inner_predictions_stays_as_it_is(loud):
    other = loud.assign(model="rgb-resnet50")
    frames = calibrate(pd.concat([loud, other]), inner_of(loud))
    columns = ["brier_after", "ece_after", "f1_inner_threshold"]
    plain = calibration_of(frames[frames["model"] == "rgb-resnet50"])
    assert plain[columns].isna().all() and plain[["ece", "brier"]].notna().all()
    assert calibration_of(frames[frames["model"] != "rgb-resnet50"])[columns].notna().all()
    nobody = calibration_of(calibrate(other, inner_of(loud).iloc[:0]))
    assert np.isnan(nobody["ece_after"]) and nobody["ece"] == plain["ece"]


def risk_area(kept, risk):
    return (risk * np.diff(kept, prepend=0)).sum()


def test_risk_rises_with_coverage_if_confidence_is_a_perfect_ranking():
    p = np.linspace(0.51, 0.99, 40)
    labels = (p > 0.63).astype(int)  # the least confident ten are wrong
    coverage, risk = risk_coverage(labels, p)
    assert (np.diff(risk) >= 0).all() and (np.diff(coverage) > 0).all() and coverage[-1] == 1
    assert risk[0] == 0 and risk[-1] == 0.25
    assert risk_area(coverage, risk) < 0.25 < risk_area(*risk_coverage(1 - labels, p))


def test_equal_confidence_is_left_out_together():
    labels, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.9, 0.1, 0.6])
    coverage, risk = risk_coverage(labels, p)
    assert coverage.tolist() == [0.75, 1] and risk.tolist() == pytest.approx([2 / 3, 3 / 4])
    assert risk_area(*risk_coverage(labels, np.full(4, 0.7))) == 0.5  # nothing to choose by


def test_weights_count_like_copies():
    frames = people(1, frames=30)
    labels, p = frames["label"].to_numpy(), frames["probability"].to_numpy()
    n = np.random.default_rng(0).integers(0, 3, 30)
    weighted, copies = risk_coverage(labels, p, n), np.repeat([labels, p], n, axis=1)
    assert risk_area(*weighted) == pytest.approx(risk_area(*risk_coverage(*copies)))
    assert weighted[1][-1] == pytest.approx(risk_coverage(*copies)[1][-1])


def test_abstention_gains_where_there_is_a_signal_and_not_by_chance(loud):
    noise = people(10, frames=60, signal=0.0, model="rgb-resnet50")
    ours, other = (
        abstention(frames.assign(final=frames["probability"]))
        for frames in (loud, mean_over_seeds(noise))
    )
    assert ours["gain_low"] > 0 and other["gain_low"] < 0 < other["gain_high"]
    assert np.isclose(ours["error_rate"] - ours["area"], ours["gain"])
