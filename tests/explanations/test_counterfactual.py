"""Swapped regions: what carries the answer is named, and a mirrored face has the other side."""

import numpy as np
import pytest
import torch
from torch import nn

from palsy_utils.cohort.load import load_cohort
from palsy_utils.explanations.attribution import random_twin
from palsy_utils.explanations.counterfactual import region_of_pixels, swap_regions, swapped_answers
from palsy_utils.explanations.scoring import named
from palsy_utils.faces.landmarks import (
    LEFT_OF_PAIR,
    MIRROR,
    POINTS_125,
    REGIONS,
    RIGHT_OF_PAIR,
    region_of_point,
)
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.upright import draw_lines, to_pixels, window
from palsy_utils.learning.nets import N_OUTPUTS, OUTPUTS, ImageNetScale, build_model

SIZE, CPU = 96, torch.device("cpu")


def areas_of(points):
    return np.stack([region_of_pixels(face, SIZE) for face in points])


@pytest.fixture(scope="module")
def points(small_template):
    """Landmarks of a few drawn faces, (6, 478, 2), in pixels."""
    table, landmarks, _ = load_faces(load_cohort(small_template))
    return to_pixels(landmarks, table["height"], table["width"])[::12]


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return build_model(("lines",), multitask=True).eval()


def bright_half_is_weak():
    """A net that says `left` the louder, the brighter the subject's left half of the image."""
    net = nn.Sequential(ImageNetScale(), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten())
    net.append(nn.Linear(6, N_OUTPUTS))
    nn.init.zeros_(net[-1].weight)
    left, _, right = range(N_OUTPUTS)[OUTPUTS["side"]]
    net[-1].weight.data[left, 1::2] = 1.0  # the subject's left is at the right of the picture
    net[-1].weight.data[right, ::2] = 1.0
    return net


def test_areas_are_their_own_mirror_images_and_hold_their_landmarks(points):
    for face in points:
        areas = region_of_pixels(face, SIZE)
        assert areas.shape == (SIZE, SIZE) and (areas == areas[:, ::-1]).all()
        affine = window(face, SIZE)
        x, y = (face[list(POINTS_125)] @ affine[:, :2].T + affine[:, 2]).astype(int).T
        own = [REGIONS.index(region_of_point(point)) for point in POINTS_125]
        assert (areas[y, x] == own).mean() > 0.95  # a turned face covers some of its own mirror


@pytest.mark.parametrize("half", [LEFT_OF_PAIR, RIGHT_OF_PAIR], ids=["left", "right"])
@pytest.mark.parametrize("region", REGIONS)
def test_the_region_and_side_that_carry_the_answer_are_named(points, region, half):
    ours = [POINTS_125[i] for i in half if region_of_point(POINTS_125[i]) == region]
    images = np.zeros((len(points), SIZE, SIZE), np.uint8)
    for image, face in zip(images, points, strict=True):
        affine = window(face, SIZE)
        x, y = (face[ours] @ affine[:, :2].T + affine[:, 2]).astype(int).T
        image[y, x] = 255
        image[region_of_pixels(face, SIZE) != REGIONS.index(region)] = 0
    net, areas = bright_half_is_weak(), areas_of(points)
    strengths = swap_regions(net, images, areas, CPU)
    answer = named(strengths)
    assert (answer["region"] == region).all()
    assert (answer["side"] == ("left" if half is LEFT_OF_PAIR else "right")).all()
    # This region alone is unlike, so it carries all of the answer.
    whole = np.abs(swapped_answers(net, images, areas, CPU)[:, 0])
    assert np.allclose(strengths.sum((1, 2)), whole, rtol=1e-4) and (whole > 0).all()


def test_a_mirrored_face_has_the_other_side_and_a_symmetric_one_none(points, net):
    images = np.stack([draw_lines(face, SIZE) for face in points])
    areas = areas_of(points)
    strengths = swap_regions(net, images, areas, CPU)
    flipped = points[:, MIRROR] * [-1, 1] + [1000, 0]
    other = swap_regions(net, images[:, :, ::-1], areas_of(flipped), CPU)
    assert np.allclose(other, strengths[:, :, ::-1], atol=1e-4) and strengths.max() > 1e-3
    alone = swap_regions(net, images[:1], areas[:1], CPU)
    assert np.allclose(alone, strengths[:1], atol=1e-4)
    symmetric = np.maximum(images, images[:, :, ::-1])
    assert np.allclose(swap_regions(net, symmetric, areas, CPU), 0, atol=1e-5)


def test_a_random_twin_answers_the_same_questions(net):
    twin = random_twin(net, "lines", 1)
    assert twin[-1].out_features == N_OUTPUTS
    assert not torch.equal(twin[-1].weight, net[-1].weight)
