import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from palsy_utils.cli import main
from palsy_utils.clip.card import leave_one_out, scores_with_intervals
from palsy_utils.clip.fit import (
    FITTABLE,
    card_path,
    fit,
    measure,
    open_everybody,
    read_model,
    write_model,
)
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS
from palsy_utils.learning.folds import load_inputs
from palsy_utils.learning.heads import HEADS
from palsy_utils.learning.nested import fit_temperature, predict_out_of_fold
from palsy_utils.learning.nets import build_model, probabilities
from palsy_utils.learning.training import compute
from palsy_utils.runs.one_fold import open_fold, save_fold


def fit_small(root, model="expressions-fnn", **changes):
    return fit(open_everybody(str(root), "smoke", model, device="cpu", **changes))[0]


def run_small(root, model="expressions-fnn"):
    """Predict every person of the small cohort by an untrained net, and the others inside."""
    for person in ("p01", "p02", "p04"):
        fold = open_fold(str(root), "smoke", model, person, device="cpu")

        def untrained(_):
            return build_model(MODELS[model].modalities)

        inner = predict_out_of_fold(fold, untrained, load_inputs(fold), inner_folds=2)
        rng = np.random.default_rng(0)
        save_fold(fold, rng.random(len(fold.test)), inner=inner)


@pytest.mark.parametrize(
    "model",
    ["expressions-fnn", "lines-multitask-resnet50", "attention-fusion-structured", "clip-fusion"],
)
def test_a_model_comes_back_as_it_was_fitted(small_template, tmp_path, model):
    fitted = fit_small(small_template, model)
    write_model(fitted, tmp_path / "net.pt")
    again = read_model(tmp_path / "net.pt")
    assert (again.model, again.profile, again.facts) == (model, fitted.profile, fitted.facts)
    ours, theirs = fitted.net.state_dict(), again.net.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert again.questions == (() if "fnn" in model else ("eyes", "mouth"))


def test_the_side_is_asked_where_somebodys_is_known(small):
    (small / "patients.csv").write_text("patient,side\np01,left\np02,right\n")
    fitted = fit_small(small, "attention-fusion-structured")
    assert fitted.questions == tuple(HEADS) and fitted.facts["questions"] == [*HEADS]


def test_everybody_is_trained_on_and_the_seed_decides(small_template):
    first, again, other = (fit_small(small_template, seed=seed) for seed in (0, 0, 1))
    assert first.facts["people"] == 3 and first.facts["frames"] == 72
    weights = [fitted.net[1].weight for fitted in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_models_of_several_nets_are_refused(small_template):
    assert set(MODELS) - set(FITTABLE) == {
        *("lines+rgb-resnet50", "early-fusion", "late-fusion", "attention-fusion"),
        *("early-fusion-rgb+handcrafted", "weighted-late-fusion"),
    }
    for model in set(MODELS) - set(FITTABLE):
        with pytest.raises(PalsyError, match=r"several nets .* choose one of coordinates-fnn"):
            fit_small(small_template, model)
    with pytest.raises(PalsyError, match="no model 'fnn'"):
        fit_small(small_template, "fnn")


def test_card_without_a_run_says_not_measured(small_template, tmp_path):
    fitted = fit_small(small_template)
    assert fitted.temperature is None and fitted.facts["scores"] is None
    write_model(fitted, tmp_path / "net.pt")
    text = card_path(tmp_path / "net.pt").read_text()
    for words in ("not measured: 3 of 3 folds", "not a medical device", "3 drawn people", "drawn."):
        assert words in text, words
    assert "AUROC" not in text


def test_card_takes_its_scores_from_the_run(small, tmp_path):
    run_small(small)
    fitted = fit_small(small)
    predictions, *_ = leave_one_out(open_everybody(str(small), "smoke", "expressions-fnn"))
    assert len(predictions) == 72
    scores = scores_with_intervals(predictions)
    assert fitted.facts["scores"] == scores
    assert all(low <= value <= high for value, low, high in scores.values())
    write_model(fitted, tmp_path / "net.pt")
    assert f"AUROC {scores['auroc'][0]:.2f}" in card_path(tmp_path / "net.pt").read_text()


def test_temperature_comes_from_inner_predictions_of_all_folds(small):
    run_small(small)
    _, inner, _ = leave_one_out(open_everybody(str(small), "smoke", "expressions-fnn"))
    assert len(inner) == 2 * 72  # everybody is a training person of two folds
    expected = fit_temperature(inner["label"], inner["probability"])
    assert fit_small(small).temperature == expected


def test_a_run_of_other_samples_is_not_taken_for_this_one(small):
    run_small(small)
    labels = (small / "labels.csv").read_text()
    (small / "labels.csv").write_text(labels.replace("strong", "slight", 1))
    with pytest.raises(PalsyError, match=r"samples\.csv is out of date \(changed: labels\)"):
        open_everybody(str(small), "smoke", "expressions-fnn")
    measure(str(small), "smoke")
    frames, inner, why = leave_one_out(open_everybody(str(small), "smoke", "expressions-fnn"))
    assert frames is inner is None and "changed: samples" in why


def test_scores_of_groups_are_taken_where_people_were_not_left_out_one_by_one(small):
    for folds, name in ((2, "fold-1-of-2"), (2, "fold-2-of-2")):
        fold = open_fold(str(small), "smoke", "expressions-fnn", name, folds, device="cpu")
        save_fold(fold, np.full(len(fold.test), 0.5))
    found, inner, _ = leave_one_out(open_everybody(str(small), "smoke", "expressions-fnn"))
    assert (
        set(found["fold"]) == {"fold-1-of-2", "fold-2-of-2"} and len(found) == 72 and inner is None
    )


def test_untaught_questions_are_left_out(small):
    fold = open_everybody(str(small), "smoke", "attention-fusion-structured", device="cpu")
    fold = replace(fold, samples=fold.samples.assign(eyes=None))
    assert fit(fold)[0].questions == ("mouth",)


@pytest.fixture(scope="module")
def model_file(small_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "net.pt"
    write_model(fit_small(small_template), path)
    return path


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_one_sentence(model_file, tmp_path, part):
    content = model_file.read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: int(part * len(content))])
    with pytest.raises(PalsyError, match=r"cut\.pt .*damaged.*palsy fit"):
        read_model(tmp_path / "cut.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "format version 99, and this program reads version 3"),
        ({"kind": "something"}, "is no model of `palsy fit`"),
        ({"weights": {}}, "damaged model file"),
        ({"model": "no-such"}, "no model 'no-such'|damaged model file"),
        ({"profile": {"name": "x"}}, "damaged model file"),
        ({"temperature": "2"}, "damaged model file"),
        ({"frames": 1.5}, "damaged model file"),
        ({"weights": {"a": 1}}, "damaged model file"),
        ({"more": 1}, "damaged model file"),
    ],
)
def test_other_files_are_named(model_file, tmp_path, change, message):
    content = torch.load(model_file, weights_only=True)
    torch.save(content | change, tmp_path / "other.pt")
    with pytest.raises(PalsyError, match=message):
        read_model(tmp_path / "other.pt")


def test_no_code_runs_and_nothing_else_is_a_model(tmp_path):
    torch.save({"evil": print}, tmp_path / "evil.pt")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    (tmp_path / "text.pt").write_text("weights")
    for name in ("evil", "tensor", "text"):
        with pytest.raises(PalsyError, match=rf"{name}\.pt is no model"):
            read_model(tmp_path / f"{name}.pt")
    with pytest.raises(PalsyError, match="is no file"):
        read_model(tmp_path)


def test_what_is_stored_is_what_predicts(small_template, model_file):
    fold = open_everybody(str(small_template), "smoke", "expressions-fnn", device="cpu")
    nets = [fit_small(small_template).net, read_model(model_file).net]
    inputs = load_inputs(fold)
    ours, theirs = (probabilities(compute(n, inputs, fold.train, fold.device)) for n in nets)
    assert torch.equal(ours, theirs)


def test_command_writes_model_and_card(small, tmp_path):
    path = tmp_path / "deep" / "net.pt"
    options = ["--cohort", small, "--profile", "smoke", "--model", "handcrafted-fnn"]
    done = CliRunner().invoke(main, ["fit", *map(str, options), "--output", str(path)])
    assert done.exit_code == 0, done.output
    assert done.output.split() == [str(path), str(card_path(path))]
    assert read_model(path).model == "handcrafted-fnn"
    shutil.rmtree(small / "modalities")  # then they are built first
    labels = (small / "labels.csv").read_text().replace("strong", "normal")
    (small / "labels.csv").write_text(labels.replace("slight", "normal"))
    done = CliRunner().invoke(main, ["fit", *map(str, options), "--output", str(path)])
    assert done.exit_code == 1 and "0 person(s) with palsy and 3 without" in done.output
    assert read_model(path).facts["palsy"] > 0  # what was there stays
    gone = ["--cohort", str(small / "gone"), "--model", "handcrafted-fnn"]
    done = CliRunner().invoke(main, ["fit", *gone])
    assert done.exit_code == 1 and "gone is not there" in done.output


def test_of_sixty_files_with_a_flipped_bit_none_answers_differently(model_file, tmp_path):
    whole, rng = model_file.read_bytes(), np.random.default_rng(0)
    ours, refused = read_model(model_file), 0
    for at in rng.integers(0, len(whole), 60):
        content = bytearray(whole)
        content[at] ^= 1 << rng.integers(8)
        (tmp_path / "flipped.pt").write_bytes(content)
        try:
            theirs = read_model(tmp_path / "flipped.pt")
        except PalsyError:
            refused += 1
        else:  # the bit was in no number: it names a part of the archive, or pads it
            assert (theirs.facts, theirs.temperature) == (ours.facts, ours.temperature)
            state = theirs.net.state_dict()
            assert all(torch.equal(v, state[name]) for name, v in ours.net.state_dict().items())
    assert refused > 30
