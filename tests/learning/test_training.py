import numpy as np
import pytest
import torch

from palsy_utils.faces.upright import coordinates, to_pixels
from palsy_utils.files import PalsyError
from palsy_utils.learning.nets import build_model, fit_scaling, probabilities
from palsy_utils.learning.profiles import PROFILES, Training
from palsy_utils.learning.training import (
    compute,
    mirror_some,
    pick_device,
    round_weights,
    seed_everything,
    train,
)

CPU = torch.device("cpu")
HOW = Training(epochs=3, learning_rate=0.01, batch_size=8)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 90)
    x = rng.normal(size=(90, 52)).astype(np.float32)
    x[:, 3] += 6 * labels
    return x, labels


def fit_and_predict(x, labels, rows, others, seed=0, how=HOW, modality="expressions"):
    seed_everything(seed)
    net = build_model((modality,))
    fit_scaling(net, [x], rows)
    history = train(net, [x], labels, rows, how, CPU, seed)
    return probabilities(compute(net, [x], others, CPU)).numpy(), history


def test_same_seed_same_predictions_other_seed_others(data):
    rows, others = np.arange(60), np.arange(60, 90)
    first, _ = fit_and_predict(*data, rows, others, seed=1)
    again, _ = fit_and_predict(*data, rows, others, seed=1)
    other, _ = fit_and_predict(*data, rows, others, seed=2)
    assert (first == again).all() and (first != other).any()


def test_a_simple_signal_is_learnt_and_the_loss_falls(data):
    how = HOW.model_copy(update={"epochs": 20})
    probability, history = fit_and_predict(*data, np.arange(60), np.arange(60, 90), how=how)
    assert list(history) == ["epoch", "loss", "accuracy", "seconds"] and len(history) == 20
    assert history["loss"].iloc[-1] < 0.6 * history["loss"].iloc[0]
    assert ((probability > 0.5) == data[1][60:]).mean() > 0.8


def test_nothing_that_is_fitted_sees_the_people_held_out(data):
    x, labels = data
    rows, others = np.arange(60), np.arange(60, 90)
    honest, _ = fit_and_predict(x, labels, rows, others)
    poisoned_labels = labels.copy()
    poisoned_labels[60:] = 1 - poisoned_labels[60:]
    assert (fit_and_predict(x, poisoned_labels, rows, others)[0] == honest).all()
    poisoned = x.copy()
    poisoned[75:] = 1e6  # other held-out samples: scaling must not come from them
    assert (fit_and_predict(poisoned, labels, rows, others)[0][:15] == honest[:15]).all()


def test_image_nets_learn_from_uint8_arrays():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 16)
    images = rng.integers(0, 60, (32, 32, 32)).astype(np.uint8)
    images[labels == 1, 8:24, 8:24] += 150
    how = Training(epochs=4, learning_rate=0.01, batch_size=8, schedule="one-cycle")
    seed_everything(0)
    net = build_model(("lines",))
    history = train(net, [images], labels, np.arange(32), how, CPU)
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert compute(net[:-1], [images], np.arange(5), CPU).shape == (5, 512)


def test_a_single_class_is_refused(data):
    x, labels = data
    with pytest.raises(PalsyError, match="single class"):
        train(build_model(("expressions",)), [x], labels, np.flatnonzero(labels), HOW, CPU)


def test_a_loss_that_is_no_number_stops_the_fold(data):
    how = HOW.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(PalsyError, match=r"epoch 1 at learning rate 1e\+30"):
        fit_and_predict(*data, np.arange(60), np.arange(60, 90), how=how)


def test_devices():
    assert pick_device("cpu") == CPU
    assert pick_device("auto").type in ("cuda", "mps", "cpu")
    for name in ("cuda:99", "abacus", "xla"):
        with pytest.raises(PalsyError, match=f"There is no device '{name}' on this machine"):
            pick_device(name)


def test_what_is_stored_is_what_predicts():
    net = build_model(("expressions",))
    round_weights(net)
    matrices = [p for p in net.parameters() if p.ndim > 1]
    assert all((p == p.half().float()).all() for p in matrices)


@pytest.mark.slow
@pytest.mark.parametrize(("modality", "bar"), [("expressions", 0.84), ("coordinates", 0.80)])
def test_papers_fnns_reach_the_bar_on_real_faces(shared, modality, bar):
    """Five grouped folds (one face a person), mean AUROC of five seeds, profile `paper`."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    real = np.load(shared / "real_faces" / "landmarks.npz")
    height, width = real["image_height_width"].T
    points = to_pixels(real["landmarks"], height, width)
    x = {"expressions": real["expressions"], "coordinates": coordinates(points)}[modality]
    labels, reached = real["label"].astype(int), []
    for seed in range(5):
        probability = np.empty(len(labels))
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(x, labels)
        for rows, others in folds:
            how = PROFILES["paper"].fnn
            probability[others], _ = fit_and_predict(x, labels, rows, others, seed, how, modality)
        reached.append(roc_auc_score(labels, probability))
    assert np.mean(reached) >= bar, f"AUROC by seed: {np.round(reached, 3)}"


def test_chosen_images_are_mirrored_both_modalities_alike():
    lines = np.zeros((200, 32, 32), np.uint8)
    lines[:, 8:24, 4:12] = 255  # on the left
    rgb = np.repeat(lines[..., None], 3, -1)
    chosen = np.arange(200) % 3 == 0
    both = mirror_some([torch.from_numpy(lines), torch.from_numpy(rgb)], chosen, None)
    mirrored, mirrored_rgb = (images.numpy() for images in both)
    assert (mirrored_rgb == mirrored[..., None]).all()
    assert ((mirrored[:, 8, 4] == 0) == chosen).all()
    assert (mirrored[~chosen] == lines[~chosen]).all()
    assert (mirrored[chosen] == lines[chosen, :, ::-1]).all()
    assert (lines[:, 8:24, 4:12] == 255).all()  # the stored images stay as they are
