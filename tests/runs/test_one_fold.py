from dataclasses import replace

import pytest
import torch

from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS
from palsy_utils.learning.folds import how_to_train, load_inputs
from palsy_utils.learning.nets import build_model, probabilities
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.learning.training import compute, round_weights, seed_everything
from palsy_utils.runs.one_fold import load_net, open_fold, save_fold
from palsy_utils.runs.results import PREDICTIONS, open_run, read_predictions
from palsy_utils.stamps import read_stamp


def open_small(root, **changes):
    run = open_run(root, "smoke", changes.pop("folds", 0))
    parameters = {"model": "expressions-fnn", "fold": "p02", "device": "cpu"}
    return open_fold(run, **(parameters | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fold": "p99"}, "There is no fold 'p99' in .*choose one of p01, p02, p04"),
        ({"folds": 9}, "9 folds cannot be made of 3 people"),
        ({"model": "late-fusion"}, "is missing: train expressions-fnn on fold p02 first"),
    ],
)
def test_unknown_parameters_are_named_with_what_there_is(small_template, changes, message):
    with pytest.raises(PalsyError, match=message):
        open_small(small_template, **changes)


def test_each_model_has_its_inputs_and_the_papers_numbers(small_template, capsys):
    paper = PROFILES["paper"]
    expected = {"coordinates-fnn": paper.fnn, "rgb-resnet50": paper.rgb_resnet50}
    expected |= {"lines-resnet50": paper.lines_resnet50, "lines+rgb-resnet50": paper.two_resnet50}
    for model, how in expected.items():
        one = open_small(small_template, model=model)
        assert how_to_train(replace(one, profile=paper)) == how
        assert len(load_inputs(one)) == len(MODELS[model].modalities)
        said = capsys.readouterr().out
        assert f"{model}: trains on 2 patients (48 frames), predicts p02 (24 frames)" in said
    assert (paper.fnn.learning_rate, paper.lines_resnet50.learning_rate) == (0.01, 0.001)
    images = (paper.lines_resnet50.epochs, paper.rgb_resnet50.epochs, paper.two_resnet50.epochs)
    assert paper.fnn.epochs == 15 and images == (15, 15, 8)
    assert paper.weights == "imagenet" and paper.backbone == "resnet50" and paper.image_size == 224


def test_a_net_comes_back_as_it_was_saved(small):
    one = open_small(small)
    seed_everything(3)
    net = build_model(("expressions",))
    inputs = load_inputs(one)
    net[0].fit(inputs[0][one.train])
    round_weights(net)
    probability = probabilities(compute(net, inputs, one.test, one.device)).numpy()
    written = save_fold(one, probability, net)
    again = load_net(one, "expressions-fnn")
    same = probabilities(compute(again, inputs, one.test, one.device)).numpy()
    assert (same == probability).all()
    assert list(written) == PREDICTIONS and read_predictions(one.folder).equals(written)
    stamp = read_stamp(one.folder / "predictions.csv")
    assert stamp["made_from"]["held_out"] == ["p02"] and stamp["made_from"]["seed"] == 0
    ran_with = stamp["ran_with"]
    assert ran_with["profile"]["name"] == "smoke" and ran_with["versions"]["torch"]


@pytest.mark.parametrize("weights", [None, b"cut off", {"evil": print}])
def test_missing_and_damaged_weights_are_named_and_never_run_code(small, weights):
    one = open_small(small)
    one.folder.mkdir(parents=True)
    if isinstance(weights, bytes):
        (one.folder / "weights.pt").write_bytes(weights)
    elif weights:
        torch.save(weights, one.folder / "weights.pt")
    with pytest.raises(PalsyError, match=r"weights\.pt is missing, damaged or not of this net"):
        load_net(one, "expressions-fnn")
