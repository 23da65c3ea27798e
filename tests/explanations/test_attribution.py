"""Explanations: they add up, count everything once, and find what a hand-made net looks at."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from palsy_utils.cohort.load import load_cohort
from palsy_utils.explanations.attribution import (
    by_region_and_side,
    for_palsy,
    grad_cam,
    heat_by_region_and_side,
    integrated_gradients,
    random_twin,
    symmetric,
    to_asymmetry,
    weak_side_signs,
)
from palsy_utils.explanations.scoring import named, score
from palsy_utils.faces.features import ASYMMETRY, ASYMMETRY_REGIONS
from palsy_utils.faces.features import MODALITIES as TABLE
from palsy_utils.faces.landmarks import (
    EXPRESSIONS,
    LEFT_OF_PAIR,
    MIDLINE,
    POINTS_125,
    REGIONS,
    region_of_expression,
    region_of_point,
)
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.modalities import load_modality
from palsy_utils.faces.upright import to_pixels, window
from palsy_utils.learning.nets import ImageNetScale, build_fnn

MODALITIES = ("asymmetry", "coordinates", "expressions")


@pytest.fixture(params=MODALITIES)
def explained(request, small_template):
    """A net with random weights, real numbers of drawn faces, and their attributions."""
    faces = np.array(load_modality(small_template, request.param, 0))
    torch.manual_seed(0)
    net = build_fnn(request.param)
    net[0].fit(faces)
    return request.param, net, faces, integrated_gradients(net, request.param, faces)


def margin(net, faces):
    with torch.no_grad():
        return for_palsy(net.eval())(torch.from_numpy(np.array(faces, np.float32))).numpy()


def test_attributions_add_up_to_what_the_net_says_beyond_the_symmetric_face(explained):
    modality, net, faces, attributions = explained
    difference = margin(net, faces) - margin(net, symmetric(modality, faces))
    assert difference.std() > 0.01
    assert np.abs(attributions.sum(1) - difference).mean() < 0.05 * np.abs(difference).mean()


def test_nothing_is_lost_on_the_way_to_regions_and_sides(explained):
    modality, _, faces, attributions = explained
    folded = to_asymmetry(modality, attributions)
    assert folded.shape == (len(faces), 145)
    rng = np.random.default_rng(0)
    strengths = by_region_and_side(folded, rng.normal(size=folded.shape), rng.uniform(-1, 1, 145))
    assert strengths.shape == (len(faces), 4, 2)
    assert np.allclose(strengths.sum((1, 2)), attributions.sum(1), atol=1e-4)


def test_the_symmetric_face_is_symmetric(explained):
    modality, _, faces, _ = explained
    one = symmetric(modality, faces)
    assert np.allclose(one, TABLE[modality].mirror(one), atol=1e-6)


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_number_goes_once_to_its_own_region(modality):
    size = {"asymmetry": 145, "coordinates": 250, "expressions": 52}[modality]
    folded = to_asymmetry(modality, np.eye(size))
    times = folded.sum(1)
    if modality == "coordinates":  # upwards, a midline point is its own mirror image
        alone = np.zeros((125, 2))
        alone[MIDLINE, 1] = 1
        own = [region_of_point(point) for point in POINTS_125 for _ in "xy"]
        assert (times == 1 - alone.ravel()).all()
    elif modality == "expressions":
        own = [region_of_expression(name) for name in EXPRESSIONS]
        assert (times == [name.endswith(("Left", "Right")) for name in EXPRESSIONS]).all()
    else:
        own = ASYMMETRY_REGIONS
        assert (times == 1).all()
    for i in np.flatnonzero(times):
        assert ASYMMETRY_REGIONS[folded[i].argmax()] == own[i]


def faces_with_a_weak_side(n=60, seed=0):
    """Asymmetry of made-up faces: weak eye, brow or mouth on either side, in balance."""
    rng = np.random.default_rng(seed)
    where, pattern = np.array(ASYMMETRY_REGIONS), rng.choice([-1, 1], 145)
    sides = np.array(["left", "right"])[np.arange(n) % 2]
    places = np.array(["eye", "brow", "mouth"])[np.arange(n) // 2 % 3]
    weak = pattern * (where == places[:, None]) * np.where(sides == "left", 1, -1)[:, None]
    asymmetry = (0.05 * rng.normal(size=(n, 145)) + 0.2 * weak).astype(np.float32)
    return asymmetry, pd.Series(sides), pd.Series(places)


@pytest.mark.parametrize("name", ["eyeBlink", "mouthSmile", "browDown", "noseSneer"])
def test_a_net_that_looks_at_one_number_gets_its_region_and_the_weak_side(name):
    asymmetry, sides, _ = faces_with_a_weak_side()
    feature = ASYMMETRY.index(name)
    net = build_fnn("asymmetry")
    for layer in net[1:]:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
            layer.weight.data[:, 0] = torch.tensor([0.0, 1.0]) if layer is net[-1] else 1.0
    net[1].weight.data.zero_()
    net[1].weight.data[:, feature] = 1.0
    asymmetry[:, feature] = np.where(sides == "left", -0.3, 0.3)  # left moves less: left is weak
    attributions = integrated_gradients(net, "asymmetry", asymmetry)
    answer = named(by_region_and_side(attributions, asymmetry, weak_side_signs(asymmetry, sides)))
    assert (answer["region"] == region_of_expression(name)).all()
    assert (answer["side"] == sides).all()


def test_random_weights_score_at_chance_and_only_because_attributions_keep_their_sign():
    asymmetry, sides, places = faces_with_a_weak_side()
    signs = weak_side_signs(asymmetry, sides)
    net = build_fnn("asymmetry")
    net[0].fit(asymmetry)
    signed, sizes = [], []
    for seed in range(60):
        found = integrated_gradients(random_twin(net, "asymmetry", seed), "asymmetry", asymmetry)
        for values, scores in ((found, signed), (np.abs(found), sizes)):
            answer = named(by_region_and_side(values, asymmetry, signs))
            scores.append((score(sides, answer["side"]), score(places, answer["region"])))
    side, region = np.mean(signed, 0)
    assert abs(side - 1 / 2) < 0.1 and abs(region - 1 / 3) < 0.1
    assert np.mean(sizes, 0)[0] > 0.9  # the learnt signs alone, no matter what the net has learnt


def test_signs_of_weakness_are_unknown_without_both_sides():
    asymmetry, sides, _ = faces_with_a_weak_side()
    assert not weak_side_signs(asymmetry[sides == "left"], sides[sides == "left"]).any()
    nobody = by_region_and_side(np.ones((60, 145)), asymmetry, np.zeros(145))
    assert named(nobody)["side"].isna().all()


def test_twins_share_the_scaling_and_nothing_else():
    net = build_fnn("expressions")
    net[0].fit(np.random.default_rng(0).random((30, 52)))
    state = torch.get_rng_state()
    first, second = (random_twin(net, "expressions", seed) for seed in (1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first[0].scale, net[0].scale)
    assert not torch.equal(first[1].weight, net[1].weight)
    assert not torch.equal(first[1].weight, second[1].weight)


def test_grad_cam_is_warm_where_the_net_looks_and_mirrors_with_the_image():
    body = nn.Sequential(nn.AvgPool2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = nn.Sequential(ImageNetScale(), body, nn.Linear(3, 2))
    nn.init.zeros_(net[2].weight)
    net[2].weight.data[1] = 1.0  # bright means palsy
    image = np.zeros((1, 32, 32), np.uint8)
    image[0, 8:16, 24:] = 255
    heat = grad_cam(net, image)
    assert heat.shape == (1, 4, 4)
    assert np.unravel_index(heat[0].argmax(), (4, 4)) == (1, 3)
    assert np.allclose(grad_cam(net, image[:, :, ::-1]), heat[:, :, ::-1], atol=1e-6)


@pytest.fixture
def points(small_template):
    table, landmarks, _ = load_faces(load_cohort(small_template))
    return to_pixels(landmarks, table["height"], table["width"])[:6]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("region", REGIONS)
def test_heat_at_one_region_of_one_side_is_read_there(points, side, region):
    """A map that is hot at the landmarks of one region and side, and cold elsewhere."""
    own = (
        LEFT_OF_PAIR if side == "left" else np.setdiff1d(np.arange(125), [*LEFT_OF_PAIR, *MIDLINE])
    )
    ours = [POINTS_125[i] for i in own if region_of_point(POINTS_125[i]) == region]
    maps = np.zeros((len(points), 64, 64), np.float32)
    for heat, face in zip(maps, points, strict=True):
        affine = window(face, 64)
        x, y = (face[ours] @ affine[:, :2].T + affine[:, 2]).astype(int).T
        heat[y, x] = 1
    answer = named(heat_by_region_and_side(maps, points))
    assert (answer["side"] == side).all() and (answer["region"] == region).all()
