"""The nets against the paper's section 2.2: layers, units, parameters, loss."""

import numpy as np
import pytest
import torch
from conftest import PROJECT
from helpers import functions_of
from torch import nn

from palsy_utils.learning.nets import (
    TwoImages,
    build_fnn,
    build_image_net,
    build_model,
    probabilities,
)


def linear(net):
    return [(m.in_features, m.out_features) for m in net if isinstance(m, nn.Linear)]


def kinds(net):
    return [type(m).__name__ for m in net]


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
    assert kinds(net)[1:] == [
        *("Linear", "ReLU", "Dropout"),
        *("Linear", "BatchNorm1d", "ReLU"),
        *("Linear", "ReLU"),
        "Linear",
    ]
    assert net[3].p == 0.5
    batch_norm = 2 * units[1][1]
    assert n_parameters(net) == sum(i * o + o for i, o in units) + batch_norm


def test_resnet50_has_the_papers_head():
    net = build_image_net()
    head = net[2:]
    assert kinds(head) == ["Linear", "ReLU", "Dropout", "BatchNorm1d", "Linear"]
    assert linear(head) == [(2048, 512), (512, 2)]
    torchvisions, last_layer = 25_557_032, 2048 * 1000 + 1000
    ours = 2048 * 512 + 512 + 2 * 512 + 512 * 2 + 2
    assert n_parameters(net) == torchvisions - last_layer + ours


def test_imagenet_weights_are_loaded_into_the_backbone():
    from torchvision.models import resnet50

    weights = resnet50(weights=None).state_dict()
    weights["layer4.2.conv3.weight"].fill_(0.25)
    assert (build_image_net(weights)[1].layer4[2].conv3.weight == 0.25).all()


def test_two_image_net_is_two_resnets_trained_together():
    net = TwoImages()
    assert [kinds(part)[2:] for part in net.nets] == [
        ["Linear", "ReLU", "Dropout", "BatchNorm1d"]
    ] * 2
    assert net.output.in_features == 1024
    first, second = torch.randint(0, 255, (2, 3, 32, 32)), torch.randint(0, 255, (2, 3, 32, 32))
    net(first.byte()[:, 0], second.byte().permute(0, 2, 3, 1)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_fusion_has_four_layers_and_dropout_except_in_the_third():
    net = functions_of(PROJECT / "notebooks" / "04_early_fusion.ipynb").build_fusion(522)
    assert linear(net) == [(522, 128), (128, 64), (64, 32), (32, 2)]
    # By layer: dropout in the first, second and fourth, batch norm in the third.
    assert kinds(net)[1:] == [
        *("Linear", "ReLU", "Dropout"),
        *("Linear", "ReLU", "Dropout"),
        *("Linear", "BatchNorm1d", "ReLU"),
        *("Dropout", "Linear"),
    ]
    assert all(m.p == 0.5 for m in net if isinstance(m, nn.Dropout))


def test_loss_on_logits_is_the_papers_on_probabilities():
    torch.manual_seed(0)
    logits, target = torch.randn(7, 2), torch.eye(2)[torch.randint(0, 2, (7,))]
    p = torch.sigmoid(logits)
    paper = -(target * torch.log(p) + (1 - target) * torch.log(1 - p)).mean()
    assert torch.allclose(nn.BCEWithLogitsLoss()(logits, target), paper)


def test_palsy_wins_exactly_when_its_output_is_the_higher():
    torch.manual_seed(0)
    logits = torch.randn(1000, 2)
    assert ((probabilities(logits) > 0.5) == (logits[:, 1] > logits[:, 0])).all()


def test_averaging_probabilities_is_averaging_class_probabilities():
    torch.manual_seed(0)
    a, b = torch.randn(1000, 2), torch.randn(1000, 2)
    ours = (probabilities(a) + probabilities(b)) / 2 > 0.5
    mean = (torch.sigmoid(a) + torch.sigmoid(b)) / 2
    assert (ours == (mean[:, 1] > mean[:, 0])).all()


def test_scaling_centres_and_keeps_quiet_numbers_quiet():
    net = build_fnn("expressions")
    rng = np.random.default_rng(0)
    x = rng.normal(3, 1, (400, 52)).astype(np.float32) * np.linspace(0.01, 1, 52, dtype="f4")
    x[:, 7] = 2  # a constant stays one
    net[0].fit(x)
    scaled = net[0](torch.from_numpy(x))
    assert torch.allclose(scaled.mean(0), torch.zeros(52), atol=1e-3)
    spread = scaled.std(0, correction=0)
    assert spread[7] < 1e-3
    others = spread[torch.arange(52) != 7]
    assert others.min() < 0.3 and 1 < others.max() < 2
    assert (others.diff() > -0.1).all()  # what moves more is still heard more
    own, common = x.std(0), np.sqrt(np.square(x.std(0)).mean())
    assert torch.allclose(spread[20:], torch.from_numpy(np.sqrt(own / common))[20:], rtol=1e-3)


def test_random_weights_start_as_identities():
    """Zero-initialised residual branches; ImageNet weights keep their own."""
    assert (build_image_net()[1].layer4[2].bn3.weight == 0).all()


@pytest.mark.parametrize("modalities", [("coordinates",), ("rgb",), ("lines",), ("lines", "rgb")])
def test_every_model_takes_its_modality_as_stored(modalities):
    shapes = {"coordinates": (125, 2), "rgb": (32, 32, 3), "lines": (32, 32)}
    kind = {"coordinates": torch.float32, "rgb": torch.uint8, "lines": torch.uint8}
    net = build_model(modalities).eval()
    inputs = [torch.zeros(3, *shapes[m]).to(kind[m]) for m in modalities]
    assert net(*inputs).shape == (3, 2)
