"""Explanations find what a net looks at, and are scored so that a blind one gets chance."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import PHANTOM, PROJECT
from helpers import functions_of
from torch import nn

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.features import ASYMMETRY, ASYMMETRY_REGIONS
from palsy_utils.faces.landmarks import (
    EXPRESSIONS,
    LEFT_OF_PAIR,
    MIDLINE,
    MIRROR,
    POINTS_125,
    REGION_OF_125,
    REGION_OF_EXPRESSION,
    REGIONS,
    RIGHT_OF_PAIR,
    draw_lines,
    in_window,
)
from palsy_utils.faces.modalities import load_modality, load_samples
from palsy_utils.files import PalsyError
from palsy_utils.learning.nets import (
    N_OUTPUTS,
    OUTPUTS,
    ImageNetScale,
    build_fnn,
    build_model,
)
from palsy_utils.learning.profiles import QUARTER

mpl.use("Agg")
PATH = PROJECT / "notebooks" / "10_explanations.ipynb"
NOTEBOOK = functions_of(PATH)
MODALITIES = {"asymmetry": 145, "coordinates": 250, "expressions": 52}
SIZE, CPU = 96, torch.device("cpu")
HALVES = pytest.mark.parametrize("half", [LEFT_OF_PAIR, RIGHT_OF_PAIR], ids=["left", "right"])


@pytest.fixture(scope="module")
def points(measured_faces):
    return measured_faces.few[::2]


@pytest.mark.parametrize("modality", MODALITIES)
def test_attributions_add_up_and_nothing_is_lost_on_the_way(small_template, modality):
    faces = np.array(load_modality(small_template, modality, 0))
    torch.manual_seed(0)
    net = build_fnn(modality)
    net[0].fit(faces)
    found = NOTEBOOK.integrated_gradients(net, modality, faces)
    assert np.allclose(NOTEBOOK.gradients_by_hand(net, modality, faces), found, atol=1e-5)
    with torch.no_grad():
        ends = NOTEBOOK.ends_of_path(net, modality, faces)
        start, end = (NOTEBOOK.for_palsy(net[1:])(x).numpy() for x in ends)
    assert np.abs(found.sum(1) - (end - start)).mean() < 0.05 * np.abs(end - start).mean()
    folded, rng = NOTEBOOK.to_asymmetry(modality, found), np.random.default_rng(0)
    signs = rng.normal(size=folded.shape), rng.uniform(-1, 1, 145)
    strengths = NOTEBOOK.by_region_and_side(folded, *signs)
    assert strengths.shape == (len(faces), 4, 2)
    assert np.allclose(strengths.sum((1, 2)), found.sum(1), atol=1e-4)


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_number_goes_once_to_its_own_region(modality):
    folded = NOTEBOOK.to_asymmetry(modality, np.eye(MODALITIES[modality]))
    own, once = ASYMMETRY_REGIONS, np.ones(145)
    if modality == "coordinates":  # upwards, a midline point is its own mirror image
        alone = np.zeros((125, 2))
        alone[MIDLINE, 1] = 1
        own, once = np.repeat(REGION_OF_125, 2), 1 - alone.ravel()
    elif modality == "expressions":
        own = REGION_OF_EXPRESSION
        once = [name.endswith(("Left", "Right")) for name in EXPRESSIONS]
    assert (folded.sum(1) == once).all()
    for i in np.flatnonzero(once):
        assert ASYMMETRY_REGIONS[folded[i].argmax()] == own[i]


@pytest.fixture
def made_up():
    """Asymmetry of 60 faces with a weak eye, brow or mouth on either side, in balance."""
    rng = np.random.default_rng(0)
    pattern, sides = rng.choice([-1, 1], 145), np.array(["left", "right"])[np.arange(60) % 2]
    places = np.array(["eye", "brow", "mouth"])[np.arange(60) // 2 % 3]
    weak = pattern * (np.array(ASYMMETRY_REGIONS) == places[:, None])
    weak = weak * np.where(sides == "left", 1, -1)[:, None]
    asymmetry = (0.05 * rng.normal(size=(60, 145)) + 0.2 * weak).astype(np.float32)
    return asymmetry, pd.Series(sides), pd.Series(places)


@pytest.mark.parametrize("name", ["eyeBlink", "mouthSmile", "browDown", "noseSneer"])
def test_a_net_that_looks_at_one_number_gets_its_region_and_the_weak_side(name, made_up):
    asymmetry, sides, _ = made_up
    feature, net = ASYMMETRY.index(name), build_fnn("asymmetry")
    for layer in net[1:]:
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
            layer.weight.data[:, 0] = torch.tensor([0.0, 1.0]) if layer is net[-1] else 1.0
    net[1].weight.data.zero_()
    net[1].weight.data[:, feature] = 1.0
    asymmetry[:, feature] = np.where(sides == "left", -0.3, 0.3)  # left moves less: left is weak
    found = NOTEBOOK.integrated_gradients(net, "asymmetry", asymmetry)
    signs = NOTEBOOK.affected_side_signs(asymmetry, sides)
    answer = NOTEBOOK.named(NOTEBOOK.by_region_and_side(found, asymmetry, signs))
    assert (answer["region"] == REGION_OF_EXPRESSION[EXPRESSIONS.index(f"{name}Left")]).all()
    assert (answer["side"] == sides).all()


def test_random_weights_score_at_chance_and_only_because_attributions_keep_their_sign(made_up):
    asymmetry, sides, places = made_up
    signs, net = NOTEBOOK.affected_side_signs(asymmetry, sides), build_fnn("asymmetry")
    net[0].fit(asymmetry)
    signed, sizes = [], []
    for seed in range(20):
        other = NOTEBOOK.randomised(net, "asymmetry", seed)
        found = NOTEBOOK.integrated_gradients(other, "asymmetry", asymmetry)
        for values, scores in ((found, signed), (np.abs(found), sizes)):
            answer = NOTEBOOK.named(NOTEBOOK.by_region_and_side(values, asymmetry, signs))
            pairs = (sides, answer["side"]), (places, answer["region"])
            scores.append([NOTEBOOK.score(*pair) for pair in pairs])
    assert np.abs(np.mean(signed, 0) - (1 / 2, 1 / 3)).max() < 0.1
    assert np.mean(sizes, 0)[0] > 0.9  # the learned signs alone, no matter what the net has learned


def test_signs_of_weakness_are_unknown_without_both_sides(made_up):
    asymmetry, sides, _ = made_up
    nothing = NOTEBOOK.affected_side_signs(asymmetry, sides.where(sides == "left"))
    assert not nothing.any()
    nobody = NOTEBOOK.by_region_and_side(np.ones((60, 145)), asymmetry, nothing)
    assert NOTEBOOK.named(nobody)["side"].isna().all()


def test_randomised_networks_share_the_scaling_and_nothing_else():
    net = build_fnn("expressions")
    net[0].fit(np.random.default_rng(0).random((30, 52)))
    state = torch.get_rng_state()
    first, second = (NOTEBOOK.randomised(net, "expressions", seed) for seed in (1, 2))
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
    heat = NOTEBOOK.grad_cam(net, image)
    assert heat.shape == (1, 4, 4)
    assert np.unravel_index(heat[0].argmax(), (4, 4)) == (1, 3)
    mirrored = NOTEBOOK.grad_cam(net, image[:, :, ::-1])
    assert np.allclose(mirrored, heat[:, :, ::-1], atol=1e-6)


def marked(points, region, half):
    """Images (n, SIZE, SIZE) that are bright at the landmarks of one region and side."""
    ours = [POINTS_125[i] for i in half if REGION_OF_125[i] == region]
    images = np.zeros((len(points), SIZE, SIZE), np.uint8)
    for image, face in zip(images, points, strict=True):
        x, y = (in_window(face, ours, SIZE) + 0.5).astype(int).T
        image[y, x] = 255
    return images


@HALVES
def test_heat_at_one_region_of_one_side_is_read_there(points, half, region="eye"):
    maps = marked(points, region, half).astype(np.float32)
    answer = NOTEBOOK.named(NOTEBOOK.heat_by_region_and_side(maps, points))
    assert (answer["side"] == ("left" if half is LEFT_OF_PAIR else "right")).all()
    assert (answer["region"] == region).all()


def areas_of(points):
    return np.stack([NOTEBOOK.region_of_pixels(face, SIZE) for face in points])


@HALVES
@pytest.mark.parametrize("region", REGIONS)
def test_the_region_and_side_that_carry_the_answer_are_named(points, region, half):
    """By a net that says `left` the louder, the brighter the subject's left half of the image."""
    net = nn.Sequential(ImageNetScale(), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten())
    net.append(nn.Linear(6, N_OUTPUTS))
    nn.init.zeros_(net[-1].weight)
    left, _, right = range(N_OUTPUTS)[OUTPUTS["side"]]
    net[-1].weight.data[left, 1::2] = 1.0  # the subject's left is at the right of the picture
    net[-1].weight.data[right, ::2] = 1.0
    images, areas = marked(points, region, half), areas_of(points)
    images[areas != REGIONS.index(region)] = 0
    strengths = NOTEBOOK.swap_regions(net, images, areas, CPU)
    answer = NOTEBOOK.named(strengths)
    assert (answer["region"] == region).all()
    assert (answer["side"] == ("left" if half is LEFT_OF_PAIR else "right")).all()


def test_a_mirrored_face_has_the_other_side_and_a_symmetric_one_none(points):
    torch.manual_seed(0)
    net, areas = build_model(("lines",), None, QUARTER, True).eval(), areas_of(points)
    images = np.stack([draw_lines(face, SIZE) for face in points])
    strengths = NOTEBOOK.swap_regions(net, images, areas, CPU)
    flipped = points[:, MIRROR] * [-1, 1] + [1000, 0]
    other = NOTEBOOK.swap_regions(net, images[:, :, ::-1], areas_of(flipped), CPU)
    assert np.allclose(other, strengths[:, :, ::-1], atol=1e-4) and strengths.max() > 1e-3
    symmetric = np.maximum(images, images[:, :, ::-1])
    assert np.allclose(NOTEBOOK.swap_regions(net, symmetric, areas, CPU), 0, atol=1e-5)


def test_an_answer_that_does_not_look_gets_chance_however_common_the_truth():
    truth = pd.Series(["eye"] * 70 + ["mouth"] * 20 + ["brow"] * 10)
    for blind in ("eye", "mouth", "brow"):
        assert NOTEBOOK.score(truth, pd.Series([blind] * 100)) == pytest.approx(1 / 3)
    assert NOTEBOOK.score(truth, truth) == 1


def test_the_interval_is_over_people_and_holds_the_score():
    patients = pd.Series(np.repeat(np.arange(12), 10))
    truth = pd.Series(np.where(patients % 2, "left", "right"))
    answer = truth.where(patients >= 4, truth.map({"left": "right", "right": "left"}))
    low, high = NOTEBOOK.score_interval(truth, answer, patients)
    assert low < NOTEBOOK.score(truth, answer) < high and high - low > 0.3
    frames = NOTEBOOK.score_interval(truth, answer, pd.Series(np.arange(120)))
    assert frames[1] - frames[0] < high - low


def test_truth_is_of_palsy_frames_and_agrees_with_the_labels(small):
    (small / "patients.csv").write_bytes((PHANTOM / "patients.csv").read_bytes())
    cohort = load_cohort(small)
    samples = load_samples(cohort)
    truth, palsy = NOTEBOOK.ground_truth(cohort, samples), samples["label"] == 1
    assert truth[~palsy].isna().all(axis=None)
    p02 = palsy & (samples["patient"] == "p02")  # strong mouth, eyes untouched, right
    assert (truth.loc[p02] == ["right", "mouth"]).all(axis=None)
    given = {"cohort": str(small), "profile": "smoke", "folds": 0, "seed": 0, "device": "cpu"}
    NOTEBOOK.nets_to_explain.__globals__.update(given)
    with pytest.raises(PalsyError, match="no net to begin with"):
        NOTEBOOK.nets_to_explain()


PROOF = """
for fold in sum(nets.values(), []):
    some = samples.iloc[palsy_rows(fold)]
    assert set(some["patient"]) <= set(fold.held_out) and (some["label"] == 1).all()
n_called = pd.DataFrame(table).set_index("model")["n_frames"]
for name in explained:
    frames = pd.concat([read_predictions(fold.folder) for fold in nets[name]])
    wanted = (frames["label"] == 1) & (frames["probability"] >= 0.5)
    assert n_called.get(name, 0) == wanted.sum()
"""


def test_every_net_of_the_run_is_scored_on_people_held_out(answered, small_template):
    table = answered(PATH, PROOF) / "drawn" / "small" / "smoke" / "explanations.csv"
    table = pd.read_csv(table)
    assert list(table) == NOTEBOOK.COLUMNS and (table["n_people"] == 3).all()
    assert table["model"].tolist() == [
        *("asymmetry-fnn", "asymmetry without a net", "coordinates-fnn", "expressions-fnn"),
        *("lines-resnet50", "rgb-resnet50", "lines-multitask-resnet50 (asked)"),
        *("lines-multitask-resnet50", "attention-fusion-structured (asked)"),
    ]
    samples = load_samples(load_cohort(small_template))
    assert (table["n_frames"] == (samples["label"] == 1).sum()).all()
    assert table["side_score"].notna().all() and (table["chance_side"] == 0.5).all()
    nets = table[~table["model"].str.contains(r"\(asked|without")]
    assert nets[["side_score", "region_score", "random_side"]].notna().all(axis=None)
    assert nets[["side_low", "side_high"]].isna().all(axis=None)  # p01 alone is weak on the left


@pytest.fixture
def face(small_template, points):
    cohort = load_cohort(small_template)
    return NOTEBOOK.picture_of(cohort, load_samples(cohort).iloc[0], points[0]), points[0]


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_weak_side_is_tinted_on_its_half_of_the_face_and_nothing_against_palsy(face, side):
    panels = {"truth": NOTEBOOK.truth_as_strengths(side, "eye"), "against": -np.ones((4, 2))}
    axes = NOTEBOOK.tinted_faces(*face, panels, "a face").axes
    (strong,) = [p for p in axes[0].patches if p.get_facecolor()[3] > 0]
    middle = strong.get_xy()[:, 0].mean()
    assert (middle > 112) == (side == "left")  # the subject's left is on the right of the picture
    assert all(p.get_facecolor()[3] == 0 for p in axes[1].patches)
