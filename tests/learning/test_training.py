"""Training, from one seed, on the training people alone; and what is chosen inside a fold."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.calibration import choose_threshold, fit_calibration
from palsy_utils.faces.features import MODALITIES
from palsy_utils.faces.landmarks import to_pixels
from palsy_utils.faces.modalities import build_modalities
from palsy_utils.files import PalsyError
from palsy_utils.learning.folds import how_to_train, load_inputs
from palsy_utils.learning.nets import (
    auxiliary_loss,
    build_model,
    fit_scaling,
    known_targets,
    probabilities,
)
from palsy_utils.learning.profiles import PROFILES, QUARTER, Training
from palsy_utils.learning.training import (
    compute,
    half_state,
    mirror_some,
    pick_device,
    predict_out_of_fold,
    round_weights,
    seed_everything,
    train,
)
from palsy_utils.runs.one_fold import open_fold, save_fold
from palsy_utils.runs.results import open_run

CPU, ROWS, OTHERS = torch.device("cpu"), np.arange(60), np.arange(60, 90)
CONFIG = Training(epochs=3, learning_rate=0.01, batch_size=8)
choose_pair = functions_of(PROJECT / "notebooks" / "08_weighted_late_fusion.ipynb").choose_pair


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 90)
    x = rng.normal(size=(90, 52)).astype(np.float32)
    x[:, 3] += 6 * labels
    return x, labels


def fit_and_predict(x, labels, rows=ROWS, others=OTHERS, seed=0, config=CONFIG, what="expressions"):
    seed_everything(seed)
    net = build_model((what,))
    fit_scaling(net, [x], rows)
    history = train(net, [x], labels, rows, config, CPU, seed)
    return probabilities(compute(net, [x], others, CPU)).numpy(), history


def test_same_seed_same_predictions_other_seed_others(data):
    first, again, other = (fit_and_predict(*data, seed=seed)[0] for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_a_simple_signal_is_learnt_and_the_loss_falls(data):
    config = CONFIG.model_copy(update={"epochs": 20})
    probability, history = fit_and_predict(*data, config=config)
    assert list(history) == ["epoch", "loss"] and len(history) == 20
    assert history["loss"].iloc[-1] < 0.6 * history["loss"].iloc[0]
    assert ((probability > 0.5) == data[1][60:]).mean() > 0.8


def test_nothing_that_is_fitted_sees_the_people_held_out(data):
    (x, labels), (honest, _) = data, fit_and_predict(*data)
    turned = np.where(np.arange(90) < 60, labels, 1 - labels)
    assert (fit_and_predict(x, turned)[0] == honest).all()
    poisoned = x.copy()
    poisoned[75:] = 1e6  # other held-out samples: scaling must not come from them
    assert (fit_and_predict(poisoned, labels)[0][:15] == honest[:15]).all()


def test_image_nets_learn_from_uint8_arrays():
    rng, labels = np.random.default_rng(0), np.tile([0, 1], 16)
    images = rng.integers(0, 60, (32, 32, 32)).astype(np.uint8)
    images[labels == 1, 8:24, 8:24] += 150
    config = Training(epochs=4, learning_rate=0.01, batch_size=8, schedule="one-cycle")
    seed_everything(0)
    net = build_model(("lines",), None, QUARTER)
    history = train(net, [images], labels, np.arange(32), config, CPU)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert compute(net[:-1], [images], np.arange(5), CPU).shape == (5, 512)


@pytest.mark.parametrize("modalities", [("lines",), ("lines", "rgb")])
def test_of_a_frozen_image_net_only_the_head_is_trained(modalities):
    rng, labels = np.random.default_rng(0), np.tile([0, 1], 16)
    shapes = {"lines": (32, 32, 32), "rgb": (32, 32, 32, 3)}
    images = [rng.integers(0, 255, shapes[name]).astype(np.uint8) for name in modalities]
    seed_everything(0)
    net = build_model(modalities, None, QUARTER)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    config = Training(epochs=2, learning_rate=0.01, batch_size=8, frozen=True)
    train(net, images, labels, np.arange(32), config, CPU)
    moved = {name for name, value in net.state_dict().items() if (value != before[name]).any()}
    inside = {name for name in before if re.match(r"(nets\.\d\.)?1\.", name)}  # batch norm's, too
    assert len(inside) > 300 * len(modalities) and not moved & inside
    assert {name for name in before if name.endswith("weight")} <= moved | inside


def test_a_loss_that_is_no_number_stops_the_fold(data):
    config = CONFIG.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(PalsyError, match=r"epoch 1 at learning rate 1e\+30"):
        fit_and_predict(*data, config=config)


def test_devices():
    assert pick_device("cpu") == CPU and pick_device("auto").type in ("cuda", "mps", "cpu")
    for name in ("cuda:99", "abacus", "xla"):
        with pytest.raises(PalsyError, match=f"There is no device '{name}' on this machine"):
            pick_device(name)


def test_what_is_stored_is_what_predicts():
    net = build_model(("expressions",))
    bias = net[1].bias.clone()
    round_weights(net)
    stored = half_state(net)
    assert all(torch.equal(stored[name].float(), p) for name, p in net.named_parameters())
    assert stored["1.weight"].dtype == torch.float16 and torch.equal(stored["1.bias"], bias)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modality", "bar"), [("expressions", 0.84), ("coordinates", 0.80), ("asymmetry", 0.90)]
)
def test_fnns_reach_the_bar_on_real_faces(shared, modality, bar):
    """Five grouped folds (one face a person), mean AUROC of five seeds, profile `paper`."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    real = np.load(shared / "real_faces" / "landmarks.npz")
    points = to_pixels(real["landmarks"], *real["image_height_width"].T)
    x = MODALITIES[modality].compute(points, real["expressions"].astype(np.float32))
    labels, config, reached = real["label"].astype(int), PROFILES["paper"].fnn, []
    if modality == "asymmetry":
        config = PROFILES["paper"].sided_fnn
    for seed in range(5):
        probability = np.empty(len(labels))
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        for sides in folds.split(x, labels):
            probability[sides[1]], _ = fit_and_predict(x, labels, *sides, seed, config, modality)
        reached.append(roc_auc_score(labels, probability))
    assert np.mean(reached) >= bar, f"AUROC by seed: {np.round(reached, 3)}"


def test_chosen_images_are_mirrored_both_modalities_alike():
    lines = np.zeros((200, 32, 32), np.uint8)
    lines[:, 8:24, 4:12] = 255  # on the left
    chosen = np.arange(200) % 3 == 0
    batch = [torch.from_numpy(lines), torch.from_numpy(np.repeat(lines[..., None], 3, -1))]
    mirrored, rgb = (
        images.numpy()
        for images in mirror_some(batch, [images.flip(2) for images in batch], chosen)
    )
    assert (rgb == mirrored[..., None]).all()
    assert (mirrored[~chosen] == lines[~chosen]).all()
    assert (mirrored[chosen] == lines[chosen, :, ::-1]).all()
    assert (lines[:, 8:24, 4:12] == 255).all()  # the stored images stay as they are


def test_images_are_mirrored_unless_the_numbers_say_no():
    """A net that only counts what is on the left sees one kind of image, or two."""
    images, seen = np.zeros((64, 8, 8), np.uint8), []
    images[:, :, :2] = 255

    class LeftHalf(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 2)

        def forward(self, x):
            left = x[:, :, :4].float().mean((1, 2))
            seen.append(left.unique())
            return self.layer(left[:, None] / 255)

    for mirror, kinds in ((True, 2), (False, 1)):
        seen.clear()
        config = CONFIG.model_copy(update={"mirror": mirror})
        train(LeftHalf(), [images], np.arange(64) % 2, np.arange(64), config, CPU)
        assert len(torch.cat(seen).unique()) == kinds


def test_what_paper_literal_changes():
    """Each deviation is one switch, and nothing else differs from `paper`."""
    ours, literal = PROFILES["paper"].model_dump(), PROFILES["paper-literal"].model_dump()
    paper = ("fnn", "lines_resnet50", "rgb_resnet50", "two_resnet50", "fusion")
    assert {name for name in ours if ours[name] != literal[name]} == {"name", "inputs", *paper}
    for name in paper:
        changed = {k: v for k, v in literal[name].items() if v != ours[name][k]}
        wanted = {"momentum": 0.0, "batch_size": 32, "scale": False, "mirror": False}
        assert changed == {k: v for k, v in wanted.items() if v != ours[name][k]}
    assert literal["inputs"] == {n: f"raw-{n}" for n in ("coordinates", "lines", "rgb")}


def test_numbers_are_as_they_were_unless_their_scaling_is_fitted(data):
    net = build_model(("expressions",))
    x = torch.from_numpy(data[0])
    assert torch.equal(net[0](x), x)
    fit_scaling(net, [data[0]], ROWS)
    assert not torch.allclose(net[0](x), x)


@pytest.mark.slow
def test_an_epoch_of_the_literal_paper_at_224_pixels(small):
    """From random weights: whether it runs, not what it learns."""
    literal = PROFILES["paper-literal"]
    build_modalities(load_cohort(small), literal.image_size, literal.inputs)
    fold = open_fold(open_run(small, "paper-literal"), "rgb-resnet50", "p02", device="cpu")
    inputs, config = load_inputs(fold), how_to_train(fold).model_copy(update={"epochs": 1})
    assert inputs[0].shape[1:] == (224, 224, 3) and fold.profile.weights == "imagenet"
    net = build_model(("rgb",), None, fold.profile.backbone)
    history = train(net, inputs, fold.samples["label"], fold.train, config, fold.device)
    probability = probabilities(compute(net, inputs, fold.test, fold.device)).numpy()
    assert len(history) == 1 and set(save_fold(fold, probability, net, history)["fold"]) == {"p02"}


@pytest.fixture
def one(small_template):
    return open_fold(open_run(small_template, "smoke"), "expressions-fnn", "p02", device="cpu")


def fit_net(one, rows):
    """As in notebook 03."""
    inputs = load_inputs(one)
    seed_everything(one.seed)
    net = build_model(("expressions",))
    fit_scaling(net, inputs, rows)
    train(net, inputs, one.samples["label"], rows, how_to_train(one), one.device)
    return net


def inside(one, inner_folds=2):
    return predict_out_of_fold(one, partial(fit_net, one), load_inputs(one), inner_folds)


def test_every_training_sample_is_predicted_without_its_person(one):
    probability = inside(one)
    assert probability.shape == one.train.shape and np.isfinite(probability).all()
    patient, labels = one.samples["patient"], one.samples["label"]
    first = patient == patient.iloc[one.train[0]]
    changed = inside(replace(one, samples=one.samples.assign(label=labels.mask(first, 1 - labels))))
    theirs = first.to_numpy()[one.train]
    assert (changed[theirs] == probability[theirs]).all()
    assert (changed[~theirs] != probability[~theirs]).any()


def test_poisoning_the_person_held_out_changes_nothing_fitted_or_chosen(one):
    """Weights, out-of-fold predictions, temperature, threshold, pair and the auxiliary loss."""

    def fitted(one):
        inner, labels = inside(one), one.samples["label"].to_numpy()[one.train]
        weights = torch.cat([p.detach().flatten() for p in fit_net(one, one.train).parameters()])
        frames = pd.DataFrame({"label": labels, "probability": inner})
        pair = choose_pair({"a": frames, "b": frames.assign(probability=1 - inner)}).iloc[0]
        targets = known_targets(one.samples, {"p01": "left", "p02": "right"})
        loss = auxiliary_loss(targets, one.device)
        asked = loss(torch.ones(4, 11), one.train[:4], np.zeros(4, bool))
        chosen = fit_calibration(labels, inner), choose_threshold(labels, inner)
        return weights.tolist(), inner.tolist(), pair.tolist(), chosen, float(asked)

    poisoned = one.samples.copy()
    held_out = poisoned["patient"].isin(one.held_out)
    poisoned.loc[held_out, "label"] = 1 - poisoned.loc[held_out, "label"]
    poisoned.loc[held_out, ["eyes", "mouth"]] = "strong"
    assert fitted(replace(one, samples=poisoned)) == fitted(one)


def test_too_few_people_leave_no_out_of_fold_predictions(one):
    labels = one.samples["label"].where(one.samples["patient"] != "p01", 0)
    assert inside(replace(one, samples=one.samples.assign(label=labels))) is None
    assert inside(one, inner_folds=0) is None


def test_the_better_model_gets_the_weight():
    rng, labels = np.random.default_rng(0), np.tile([0, 1], 100)
    good = np.where(labels == 1, 0.8, 0.2) + rng.normal(0, 0.05, 200)
    some = {"noise": rng.random(200), "good": good, "other": rng.random(200)}
    pairs = choose_pair({k: pd.DataFrame({"label": labels, "probability": some[k]}) for k in some})
    weight = pairs["weight"].where(pairs["first"] == "good", 1 - pairs["weight"])[0]
    assert "good" in pairs.loc[0, ["first", "second"]].tolist() and weight >= 0.9
    assert len(pairs) == 3 * 11
