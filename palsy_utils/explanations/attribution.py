"""Where in a face does a net see palsy: integrated gradients and Grad-CAM, by region and side.

Every explanation ends as *strengths*, (n, 4, 2): evidence for palsy (negative: against it) in each
of `landmarks.REGIONS`, on the subject's left and right. Evidence keeps its sign: take sizes
instead, and a net with random weights seems to know something, because where a face is lopsided is
seen without any net.
"""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from torch import nn

from palsy_utils.faces.features import ASYMMETRY_REGIONS, MODALITIES
from palsy_utils.faces.landmarks import (
    LEFT_OF_PAIR,
    LEFT_SCORES,
    MIDLINE,
    POINTS_125,
    REGIONS,
    RIGHT_OF_PAIR,
    RIGHT_SCORES,
    region_of_point,
)
from palsy_utils.faces.upright import window
from palsy_utils.learning.nets import build_model

SIDES = ("left", "right")  # the subject's
STEPS = 64  # of the path from the symmetric face to the face: sums are right to some per cent
SMALLEST_MAP = 4  # Grad-CAM's map has at least so many cells a side: fewer tell no left from right


def for_palsy(net: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what is explained, as a function: the net's output for palsy minus for healthy."""

    def margin(x: torch.Tensor) -> torch.Tensor:
        logits = net(x)
        return logits[:, 1] - logits[:, 0]

    return margin


def symmetric(modality: str, faces: np.ndarray) -> np.ndarray:
    """Return the symmetric version of faces (n, ...): the mean of a face and its mirror image."""
    return (faces + MODALITIES[modality].mirror(faces)) / 2


def integrated_gradients(net: nn.Module, modality: str, faces: np.ndarray) -> np.ndarray:
    """Attribute what a net makes of faces, beyond their symmetric versions, to their numbers.

    The path runs through the scaled numbers (behind the net's first layer), where a root, which is
    infinitely steep at zero, is behind us.

    Args:
        net: of one structured modality, from `nets.build_fnn`.
        modality: its name.
        faces: (n, ...) as stored.

    Returns:
        (n, numbers); a row adds up, to some per cent, to the net's output for palsy (`for_palsy`)
        on the face minus that on its symmetric version. Source: Sundararajan, Taly, Yan 2017.
    """
    net = net.cpu().eval()
    with torch.no_grad():
        face, baseline = (
            net[0](torch.from_numpy(np.array(x, np.float32)))
            for x in (faces, symmetric(modality, faces))
        )
    method = IntegratedGradients(for_palsy(net[1:]))
    return method.attribute(face, baseline, n_steps=STEPS).detach().numpy()


def to_asymmetry(modality: str, attributions: np.ndarray) -> np.ndarray:
    """Bring attributions of a structured modality to the 145 numbers of `features.asymmetry`.

    Against the symmetric face, a pair of landmarks or scores differs by half its asymmetry, up on
    one side and down on the other: the pair's two attributions explain one number, and are added.
    What has no partner and no sideways way to go does not differ, and has none.

    Args:
        modality: `asymmetry`, `coordinates` or `expressions`.
        attributions: (n, 145), (n, 250) or (n, 52).

    Returns:
        (n, 145), with the same sums.
    """
    n = len(attributions)
    if modality == "asymmetry":
        return attributions
    if modality == "expressions":
        pairs = attributions[:, LEFT_SCORES] + attributions[:, RIGHT_SCORES]
        return np.concatenate([np.zeros((n, 125), pairs.dtype), pairs], 1)
    points = attributions.reshape(n, 125, 2)
    pairs = (points[:, LEFT_OF_PAIR] + points[:, RIGHT_OF_PAIR]).reshape(n, -1)
    return np.concatenate([pairs, points[:, MIDLINE, 0], np.zeros((n, 20), pairs.dtype)], 1)


def weak_side_signs(asymmetry: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Learn from people of known side what a weak left side looks like, number by number.

    A sign of *left minus right* does not say by itself which side is the weak one: a weak eye
    closes less, a weak brow lies lower. Give frames of training people only.

    Args:
        asymmetry: (n, 145) of frames labelled palsy.
        sides: (n,) `left` or `right`, the side of the palsy.

    Returns:
        (145,) from -1 to 1: sign and constancy of a number where the left is weak. The mean of
        both sides is taken out, for everybody is a little lopsided.
    """
    signs = np.sign(asymmetry)
    left, right = (signs[np.asarray(sides) == side] for side in SIDES)
    if not len(left) or not len(right):  # nothing to learn from: no side is named
        return np.zeros(asymmetry.shape[1])
    return (left.mean(0) - right.mean(0)) / 2


def by_region_and_side(
    attributions: np.ndarray, asymmetry: np.ndarray, weak_left: np.ndarray
) -> np.ndarray:
    """Roll attributions up into strengths (n, 4, 2).

    The region is that of the number. Its attribution goes to the side that the number's sign
    shows to be weak, and equally to both as far as the sign does not tell.

    Args:
        attributions: (n, 145), from `to_asymmetry`.
        asymmetry: (n, 145) of the same faces.
        weak_left: from `weak_side_signs`.
    """
    towards_left = np.sign(asymmetry) * weak_left
    parts = attributions * (1 + towards_left) / 2, attributions * (1 - towards_left) / 2
    where = np.array(ASYMMETRY_REGIONS)
    return np.stack(
        [[part[:, where == region].sum(1) for part in parts] for region in REGIONS]
    ).transpose(2, 0, 1)


def grad_cam(net: nn.Sequential, images: np.ndarray) -> np.ndarray:
    """Return signed Grad-CAM maps of an image net: (n, h, w), positive where palsy is seen.

    Taken at the last layer whose map is at least `SMALLEST_MAP` cells a side: of a ResNet50
    the fourth at 224 pixels, the second at 32, whose fourth has a single cell. The map of the
    mirrored image, mirrored back, is averaged in, so that no side of the *picture* is preferred.

    Args:
        net: from `nets.build_image_net`.
        images: (n, size, size[, 3]), uint8.

    Source: Selvaraju et al. 2017, without its last step, which drops the negative part.
    """
    net = net.cpu().eval()
    pictures = torch.from_numpy(np.array(images)).float()
    method = LayerGradCam(for_palsy(net), _last_map(net, pictures[:1]))
    maps = []
    for batch in pictures.split(32):
        straight, flipped = (method.attribute(x)[:, 0].detach() for x in (batch, batch.flip(2)))
        maps.append((straight + flipped.flip(2)) / 2)
    return torch.cat(maps).numpy()


@torch.no_grad()
def _last_map(net: nn.Sequential, picture: torch.Tensor) -> nn.Module:
    """Find the last layer with a map that is large enough."""
    x, found = net[0](picture), None
    for layer in getattr(net[1], "features", net[1]).children():
        x = layer(x)
        if x.ndim != 4 or min(x.shape[2:]) < SMALLEST_MAP:
            break
        found = layer
    return found


def heat_by_region_and_side(maps: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Read maps at the landmarks, where the lines are drawn, and return strengths (n, 4, 2).

    Args:
        maps: (n, h, w) of the upright window, from `grad_cam`.
        points: (n, 478, 2) landmarks of the same faces, pixels of the picture.

    Returns:
        Mean heat over the landmarks of each region on each side; midline points count to neither.
    """
    affine = np.stack([window(face, 2) for face in points])  # a window from 0 to 2
    at = np.einsum("nij,npj->npi", affine[:, :, :2], points[:, POINTS_125]) + affine[:, None, :, 2]
    heat = nn.functional.grid_sample(
        torch.from_numpy(maps).double()[:, None],
        torch.from_numpy(at - 1).double()[:, None],  # torch counts a picture from -1 to 1
        align_corners=False,
        padding_mode="border",
    )[:, 0, 0].numpy()
    where = np.array([region_of_point(point) for point in POINTS_125])
    masks = [
        [pair[where[pair] == region] for pair in (LEFT_OF_PAIR, RIGHT_OF_PAIR)]
        for region in REGIONS
    ]
    return np.stack([[heat[:, m].mean(1) for m in pair] for pair in masks]).transpose(2, 0, 1)


def random_twin(net: nn.Module, modality: str, seed: int, backbone: str = "resnet50") -> nn.Module:
    """Return a net with the same layers and scaling and random weights: it has learnt nothing."""
    multitask = net[-1].out_features > 2
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        twin = build_model((modality,), None, backbone, multitask)
    twin[0].load_state_dict(net[0].state_dict())
    return twin
