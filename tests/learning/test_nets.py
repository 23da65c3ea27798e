"""The nets against the paper's section 2.2: layers, units, parameters; and further outputs."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PROJECT
from helpers import functions_of
from torch import nn

from palsy_utils.files import PalsyError
from palsy_utils.learning.nets import (
    HEADS,
    N_OUTPUTS,
    OUTPUTS,
    UNKNOWN,
    TwoImages,
    auxiliary_loss,
    build_fnn,
    build_image_net,
    build_model,
    heads_table,
    known_targets,
    load_weights,
    probabilities,
)
from palsy_utils.learning.profiles import PROFILES, QUARTER


def linear(net):
    return [(m.in_features, m.out_features) for m in net if isinstance(m, nn.Linear)]


def kinds(net):
    return " ".join(type(m).__name__ for m in net)


def n_parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("modality", "units"),
    [
        ("coordinates", [(250, 128), (128, 64), (64, 32), (32, 2)]),
        ("expressions", [(52, 64), (64, 32), (32, 10), (10, 2)]),
    ],
)
def test_fnn_is_the_papers(modality, units):
    net = build_fnn(modality)
    assert linear(net) == units
    layers = "Linear ReLU Dropout Linear BatchNorm1d ReLU Linear ReLU Linear"
    assert kinds(net[1:]) == layers and net[3].p == 0.5
    assert n_parameters(net) == sum(i * o + o for i, o in units) + 2 * units[1][1]


def test_image_net_is_resnet50_with_the_papers_head():
    from torchvision.models import resnet50

    net = build_image_net()
    assert kinds(net[2:]) == "Linear ReLU Dropout BatchNorm1d Linear"
    assert linear(net[2:]) == [(2048, 512), (512, 2)]
    theirs = resnet50(weights=None)
    head = 2048 * 512 + 512 + 2 * 512 + 512 * 2 + 2
    assert n_parameters(net) == n_parameters(theirs) - n_parameters(theirs.fc) + head
    theirs.layer4[2].conv3.weight.data.fill_(0.25)
    assert (build_image_net(theirs.state_dict())[1].layer4[2].conv3.weight == 0.25).all()


def test_quarter_width_is_resnet50_with_blocks_a_quarter_as_wide_and_the_projects_weights():
    from torchvision.models import resnet50

    profile = PROFILES["phantom"]
    net, whole = build_image_net(load_weights(profile), profile.backbone), resnet50(weights=None)
    assert linear(net[2:]) == [(512, 512), (512, 2)]
    for name, layer in whole.named_modules():
        if isinstance(layer, nn.Conv2d) and "layer" in name and "downsample" not in name:
            ours, first = net[1].get_submodule(name), name == "layer1.0.conv1"
            assert ours.out_channels == layer.out_channels // 4
            assert ours.in_channels == (64 if first else layer.in_channels // 4)
            assert (ours.kernel_size, ours.stride) == (layer.kernel_size, layer.stride)
    assert 1.4e6 < n_parameters(net[1]) < 1.5e6
    assert load_weights(profile).keys() <= net[1].state_dict().keys()
    with pytest.raises(RuntimeError, match="Missing key"):
        build_image_net({"conv1.weight": torch.zeros(64, 3, 7, 7)}, profile.backbone)


def test_two_image_net_is_two_image_nets_trained_together():
    net = TwoImages(None, QUARTER)
    assert [kinds(part[2:]) for part in net.nets] == ["Linear ReLU Dropout BatchNorm1d"] * 2
    assert net.output.in_features == 1024
    lines, rgb = torch.zeros(2, 32, 32).byte(), torch.zeros(2, 32, 32, 3).byte()
    net(lines, rgb).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_fusion_has_four_layers_and_dropout_except_in_the_third():
    net = functions_of(PROJECT / "notebooks" / "04_early_fusion.ipynb").build_fusion(522)
    assert linear(net) == [(522, 128), (128, 64), (64, 32), (32, 2)]
    first, third = "Linear ReLU Dropout", "Linear BatchNorm1d ReLU"
    assert kinds(net[1:]) == f"{first} {first} {third} Dropout Linear"
    assert all(m.p == 0.5 for m in net if isinstance(m, nn.Dropout))


def test_palsy_wins_where_its_output_is_the_higher_and_means_are_of_class_probabilities():
    torch.manual_seed(0)
    a, b = torch.randn(2, 1000, 2)
    assert ((probabilities(a) > 0.5) == (a[:, 1] > a[:, 0])).all()
    mean = (torch.sigmoid(a) + torch.sigmoid(b)) / 2
    ours = (probabilities(a) + probabilities(b)) / 2 > 0.5
    assert (ours == (mean[:, 1] > mean[:, 0])).all()


def test_scaling_centres_and_keeps_quiet_numbers_quiet():
    scale = build_fnn("expressions")[0]
    rng = np.random.default_rng(0)
    x = rng.normal(3, 1, (400, 52)).astype(np.float32) * np.linspace(0.01, 1, 52, dtype="f4")
    x[:, 7] = 2  # a constant stays one
    scale.fit(x)
    scaled = scale(torch.from_numpy(x))
    assert torch.allclose(scaled.mean(0), torch.zeros(52), atol=1e-3)
    spread = scaled.std(0, correction=0)
    wanted = np.sqrt(x.std(0) / np.sqrt(np.square(x.std(0)).mean()))
    assert np.allclose(spread[20:], wanted[20:], rtol=1e-3) and spread[7] < 1e-3


def test_scaling_of_signed_modalities_forgets_the_side_and_adds_noise_in_training():
    scale, x = build_fnn("asymmetry")[0], np.random.default_rng(0).normal(size=(99, 145))
    scale.fit(x)
    faces = torch.from_numpy(x)
    assert not torch.equal(scale(faces), scale(faces))
    scaled = scale.eval()(faces)
    assert torch.equal(scaled, scale(-faces))
    assert torch.allclose(scaled.std(0, correction=0), torch.ones(145), atol=1e-4)


def test_every_class_has_an_output_of_its_own_after_the_papers_two():
    places = [i for head in HEADS for i in range(N_OUTPUTS)[OUTPUTS[head]]]
    assert places == list(range(2, N_OUTPUTS))
    table = heads_table(torch.randn(20, N_OUTPUTS))
    for head, classes in HEADS.items():
        columns = [f"{head}_{name}" for name in classes]
        assert np.allclose(table[columns].sum(axis=1), 1, atol=1e-5)
    logits = torch.zeros(1, N_OUTPUTS)
    logits[0, OUTPUTS["side"]] = torch.tensor([0.0, 0.0, 9.0])
    assert heads_table(logits).iloc[0].idxmax() == "side_right"


def test_a_multitask_net_is_the_papers_with_more_outputs():
    plain, more = (build_model(("expressions",), multitask=asked) for asked in (False, True))
    assert (plain[-1].out_features, more[-1].out_features) == (2, N_OUTPUTS)
    shapes = [[tuple(p.shape) for p in net[:-1].parameters()] for net in (plain, more)]
    assert shapes[0] == shapes[1]


def test_only_what_is_known_is_asked_and_a_mirror_swaps_the_side():
    samples = pd.DataFrame({"patient": ["a", "a", "b", "c"], "label": [1, 0, 1, 1]})
    samples["eyes"] = ["strong", "normal", None, "slight"]
    samples["mouth"] = ["normal", None, None, "slight"]
    targets = known_targets(samples, {"a": "left", "c": "right"})
    assert targets.tolist() == [[2, 0, 0], [0, UNKNOWN, 1], [UNKNOWN] * 3, [1, 1, 2]]
    assert (known_targets(samples, {})[:, 2] == UNKNOWN).all()
    loss = auxiliary_loss(targets, torch.device("cpu"))
    logits = torch.zeros(1, N_OUTPUTS)
    logits[0, OUTPUTS["side"].start] = 9  # says "left"
    row, straight, mirrored = np.array([0]), np.array([False]), np.array([True])
    assert loss(logits, row, straight) < loss(logits, row, mirrored)
    assert loss(logits, np.array([2]), straight) == 0


def test_a_net_without_a_last_linear_layer_is_refused():
    with pytest.raises(PalsyError, match=r"squeezenet1_0 does not end in a linear layer"):
        build_image_net(backbone="squeezenet1_0")
