import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import PROJECT
from helpers import palsy, play

from palsy_utils.clip.model_file import load_seen, open_everybody, read_model
from palsy_utils.evidence.calibration import fit_calibration
from palsy_utils.evidence.people import MEAN, SCORES, choose_rule
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import FITTABLE, MODELS, find_model
from palsy_utils.learning.nets import HEADS, build_model, probabilities
from palsy_utils.learning.training import compute, predict_out_of_fold
from palsy_utils.runs.one_fold import open_fold, save_fold
from palsy_utils.runs.results import open_run

NOTEBOOK = PROJECT / "notebooks" / "11_a_model_to_keep.ipynb"
KINDS = "handcrafted-fnn", "lines-multitask-resnet50", "attention-fusion-structured", "clip-fusion"


def play_small(root, model="expressions-fnn", **changes):
    given = {"cohort": root, "profile": "smoke", "model": model, "device": "cpu", "write_to": ""}
    return play(NOTEBOOK, **given | changes)


def fit_small(root, model="expressions-fnn", **changes):
    return play_small(root, model, **changes).fitted


def write_small(folder, root):
    play_small(root, write_to=folder / "net.pt")
    return folder / "net.pt"


@pytest.fixture(scope="module")
def model_file(small_template, tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("models"), small_template)


def leave_out_by_chance(root):
    """Leave a run of untrained nets, whose predictions are chance."""
    run = open_run(root, "smoke")
    for person in run.folds:
        fold = open_fold(run, "expressions-fnn", person, device="cpu")
        inputs, net = load_seen(fold), build_model(MODELS[fold.model].modalities)
        inner = predict_out_of_fold(fold, lambda _, net=net: net, inputs, inner_folds=2)
        save_fold(fold, np.random.default_rng(0).random(len(fold.test)), inner=inner)


@pytest.mark.parametrize("model", KINDS)
def test_a_model_comes_back_as_it_was_fitted_and_predicts_the_same(small_template, tmp_path, model):
    one = play_small(small_template, model, write_to=tmp_path / "net.pt")
    fitted, fold, again = one.fitted, one.everybody, read_model(tmp_path / "net.pt")
    assert (again.model, again.profile, again.facts) == (model, fitted.profile, fitted.facts)
    assert again.questions == (() if "fnn" in model else ("eyes", "mouth"))
    given = (load_seen(fold), fold.train[:9], fold.device)
    assert torch.equal(*(probabilities(compute(one.net, *given)) for one in (fitted, again)))


def test_questions_are_those_that_somebody_has_answered(small):
    (small / "patients.csv").write_text("patient,side\np01,left\np02,right\n")
    one = play_small(small, "attention-fusion-structured")
    assert one.questions == tuple(HEADS)
    untaught = replace(one.everybody, samples=one.everybody.samples.assign(eyes=None))
    assert one.fit_everybody(untaught)[1] == ("mouth", "side")


def test_everybody_is_trained_on_and_the_seed_decides(small_template):
    first, again, other = (fit_small(small_template, seed=seed) for seed in (0, 0, 1))
    assert first.facts["people"] == 3 and first.facts["frames"] == 72
    weights = [fitted.net[1].weight for fitted in (first, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_models_of_several_nets_are_refused():
    several = {"lines+rgb-resnet50", "early-fusion", "late-fusion", "attention-fusion"}
    several |= {"early-fusion-rgb+handcrafted", "weighted-late-fusion"}
    assert set(MODELS) - set(FITTABLE) == several
    for model in several:
        with pytest.raises(PalsyError, match=r"several nets .* choose one of coordinates-fnn"):
            find_model(model, FITTABLE)
    with pytest.raises(PalsyError, match="no model 'fnn'"):
        find_model("fnn", FITTABLE)


# What the card tells


def test_scores_and_calibration_come_from_the_run_with_the_same_samples(small, tmp_path):
    leave_out_by_chance(small)
    one = play_small(small, write_to=tmp_path / "net.pt")
    assert len(one.frames) == 72 and len(one.inner) == 2 * 72  # everybody trains two folds
    fitted = read_model(tmp_path / "net.pt")
    assert fitted.calibration == fit_calibration(one.inner["label"], one.inner["probability"])
    assert fitted.rule == choose_rule(one.frames)
    scores = fitted.facts["scores"]
    of_frames = ["auroc", "f1", "sensitivity", "specificity"]
    assert list(scores) == [*of_frames, *(f"{name} of clips" for name in SCORES)]
    value, low, high = scores["auroc"]
    told = f"AUROC {value:.2f} ({low:.2f} to {high:.2f})"
    assert told in (tmp_path / "net.pt.md").read_text()

    labels = (small / "labels.csv").read_text()
    (small / "labels.csv").write_text(labels.replace("strong", "slight", 1))
    with pytest.raises(PalsyError, match=r"samples\.csv is out of date \(changed: labels\)"):
        open_everybody(small, "smoke", "expressions-fnn")
    assert play_small(small).frames is None  # no run has these labels


def test_scores_of_groups_are_taken_where_people_were_not_left_out_one_by_one(small):
    run = open_run(small, "smoke", 2)
    for name in run.folds:
        fold = open_fold(run, "expressions-fnn", name, device="cpu")
        save_fold(fold, np.full(len(fold.test), 0.5))
    one = play_small(small)
    assert set(one.frames["fold"]) == {"fold-1-of-2", "fold-2-of-2"} and len(one.frames) == 72
    assert one.inner is None and one.fitted.rule == (MEAN, 0.5)


# The file


def test_what_holds_something_else_is_refused_and_no_code_runs(model_file, tmp_path):
    whole, path = torch.load(model_file, weights_only=True), tmp_path / "other.pt"
    changes = [{"kind": "something"}, {"net": {}}, {"profile": {"name": ""}}]
    changes += [{"model": "no-such"}, {"net": {"a": 1}}, {"version": 99}, {"rule": ("mean",)}]
    changes += [{"calibration": "2"}, {"questions": [1]}, {"facts": []}]
    for content in ({"evil": print}, torch.zeros(3), *(whole | change for change in changes)):
        torch.save(content, path)
        message = "is no model of `palsy fit`, or is damaged|no model 'no-such'|reads version 7"
        with pytest.raises(PalsyError, match=message):
            read_model(path)
    for content in (b"weights", *(model_file.read_bytes()[:-n] for n in (100, 10_000))):
        path.write_bytes(content)
        with pytest.raises(PalsyError, match=r"other\.pt is no model .*damaged.*palsy fit"):
            read_model(path)
    with pytest.raises(PalsyError, match="is no file"):
        read_model(tmp_path)


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
            assert (theirs.facts, theirs.calibration) == (ours.facts, ours.calibration)
            state = theirs.net.state_dict()
            assert all(torch.equal(v, state[name]) for name, v in ours.net.state_dict().items())
    assert refused > 30


def test_command_writes_model_and_card(small, tmp_path):
    path = tmp_path / "deep" / "net.pt"
    command = ["fit", "--cohort", small, "--profile", "smoke", "--output", path]
    command += ["--model", "handcrafted-fnn"]
    shutil.rmtree(small / "modalities")  # then they are built first
    done = palsy(*command)
    assert done.exit_code == 0, done.output
    assert done.output.split() == [str(path), f"{path}.md"]
    fitted, card = read_model(path), (path.with_name("net.pt.md")).read_text()
    assert (fitted.model, fitted.calibration) == ("handcrafted-fnn", None)
    assert fitted.facts["scores"] is None and "AUROC" not in card
    for words in ("not measured, for", "not a medical device", "3 synthetic people", "synthetic."):
        assert words in card, words
    labels = (small / "labels.csv").read_text().replace("strong", "normal")
    (small / "labels.csv").write_text(labels.replace("slight", "normal"))
    done = palsy(*command)
    assert done.exit_code == 1 and "0 person(s) with palsy and 3 without" in done.output
    assert read_model(path).facts["palsy"] > 0  # what was there stays
