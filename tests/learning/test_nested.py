"""What is chosen inside a fold, and that the person held out has no say in it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.evidence.scores import scores
from palsy_utils.learning.folds import how_to_train, load_inputs
from palsy_utils.learning.heads import auxiliary_loss, known_targets
from palsy_utils.learning.nested import (
    choose_threshold,
    fit_temperature,
    log_loss,
    predict_out_of_fold,
    temper,
)
from palsy_utils.learning.nets import build_model, fit_scaling
from palsy_utils.learning.training import seed_everything, train
from palsy_utils.runs.one_fold import open_fold

choose_pair = functions_of(PROJECT / "notebooks" / "08_weighted_late_fusion.ipynb").choose_pair


@pytest.fixture
def one(small_template):
    return open_fold(str(small_template), "smoke", "expressions-fnn", "p02", device="cpu")


def inside(one):
    return predict_out_of_fold(one, partial(fit_net, one), load_inputs(one), inner_folds=2)


def fit_net(one, rows):
    """As in notebook 03."""
    inputs = load_inputs(one)
    seed_everything(one.seed)
    net = build_model(("expressions",))
    fit_scaling(net, inputs, rows)
    train(net, inputs, one.samples["label"], rows, how_to_train(one), one.device)
    return net


def test_every_training_sample_is_predicted_without_its_person(one):
    probability = inside(one)
    assert probability.shape == one.train.shape and np.isfinite(probability).all()
    patient = one.samples["patient"].to_numpy()[one.train]
    changed = one.samples.copy()
    first = changed["patient"] == patient[0]
    changed.loc[first, "label"] = 1 - changed.loc[first, "label"]
    poisoned = inside(replace(one, samples=changed))
    assert (poisoned[patient == patient[0]] == probability[patient == patient[0]]).all()
    assert (poisoned[patient != patient[0]] != probability[patient != patient[0]]).any()


def test_poisoning_the_person_held_out_changes_nothing_that_is_fitted_or_chosen(one):
    """Weights, inner predictions, temperature, threshold, pair and further answers."""

    def fitted(one):
        inner, labels = inside(one), one.samples["label"].to_numpy()
        net = fit_net(one, one.train)
        shown = labels[one.train]
        frames = pd.DataFrame({"label": shown, "probability": inner})
        pairs = {"a": frames, "b": frames.assign(probability=1 - inner)}
        answers = known_targets(one.samples, {"p01": "left", "p02": "right"})
        loss = auxiliary_loss(answers, one.device)(
            torch.ones(4, 11), one.train[:4], np.zeros(4, bool)
        )
        weights = torch.cat([p.detach().flatten() for p in net.parameters()]).tolist()
        chosen = choose_pair(pairs).iloc[0].tolist()
        how = (fit_temperature(shown, inner), choose_threshold(shown, inner))
        return weights, inner.tolist(), chosen, how, float(loss)

    poisoned = one.samples.copy()
    held_out = poisoned["patient"].isin(one.held_out)
    poisoned.loc[held_out, "label"] = 1 - poisoned.loc[held_out, "label"]
    poisoned.loc[held_out, ["eyes", "mouth"]] = "strong"
    assert fitted(replace(one, samples=poisoned)) == fitted(one)


def test_too_few_people_leave_no_inner_predictions(one):
    labels = one.samples["label"].where(one.samples["patient"] != "p01", 0)
    assert inside(replace(one, samples=one.samples.assign(label=labels))) is None
    assert predict_out_of_fold(one, fit_net, load_inputs(one), inner_folds=0) is None


def test_temperature_undoes_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.05, 0.95, 4000)
    labels = (rng.random(4000) < honest).astype(int)
    loud = temper(honest, 1 / 3)
    found = fit_temperature(labels, loud)
    assert 2.5 < found < 3.5
    assert log_loss(labels, temper(loud, found)) < log_loss(labels, loud)
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


def test_the_better_model_gets_the_weight():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 100)
    good = np.where(labels == 1, 0.8, 0.2) + rng.normal(0, 0.05, 200)
    frames = {
        name: pd.DataFrame({"label": labels, "probability": p})
        for name, p in (("noise", rng.random(200)), ("good", good), ("other", rng.random(200)))
    }
    best = choose_pair(frames).iloc[0]
    assert "good" in (best["first"], best["second"])
    weight = best["weight"] if best["first"] == "good" else 1 - best["weight"]
    assert weight >= 0.9
    assert len(choose_pair(frames)) == 3 * 11
