"""Where in a face a net sees palsy: what notebook 10 runs, which teaches and scores it.

Every explanation ends as *strengths*, (n, 4, 2): evidence for palsy (negative: against it) in each
of `landmarks.REGIONS`, on the subject's left and right. Evidence keeps its sign: take sizes
instead, and a net with random weights seems to know something, because where a face is asymmetric
is seen without any net.
"""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import LayerGradCam
from scipy.spatial import KDTree
from torch import nn

from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.faces.features import ASYMMETRY_REGIONS
from palsy_utils.faces.landmarks import (
    LEFT_OF_PAIR,
    LEFT_SCORES,
    MIDLINE,
    MIRROR_125,
    POINTS_125,
    REGIONS,
    RIGHT_OF_PAIR,
    RIGHT_SCORES,
    in_window,
    region_of_point,
)
from palsy_utils.files import PalsyError
from palsy_utils.learning.folds import Fold
from palsy_utils.learning.nets import HEADS, OUTPUTS
from palsy_utils.runs.one_fold import fold_of
from palsy_utils.runs.results import done_folds, open_run

STRUCTURED_NETS = ("asymmetry-fnn", "coordinates-fnn", "expressions-fnn")
EXPLAINED = (*STRUCTURED_NETS, "lines-resnet50", "rgb-resnet50")
SWAPPED = "lines-multitask-resnet50"  # explained by what it names itself, region by region
ASKED = (SWAPPED, "attention-fusion-structured")  # they were asked for the side, and name it
SMALLEST_MAP = 4  # Grad-CAM's map has at least so many cells a side: fewer tell no left from right
REGION_OF_125 = np.array([region_of_point(point) for point in POINTS_125])


def nets_to_explain(
    cohort: str, profile: str, folds: int = 0, seed: int = 0, device: str = "auto"
) -> dict[str, list[Fold]]:
    """Open, for each of `EXPLAINED` and `ASKED`, the folds that are done and have a palsy frame.

    Where nobody's side is known, nets of `ASKED` are left out: they were never asked for it.
    Raises a PalsyError if the run has no structured net that is up to date.
    """
    run = open_run(cohort, profile, folds, seed)
    ill = set(run.samples.loc[run.samples["label"] == 1, "patient"])
    asked = ASKED if {"left", "right"}.intersection(known_sides(run.cohort.root).values()) else ()
    nets = {}
    for model, done in done_folds(run, (*EXPLAINED, *asked)).items():
        if chosen := [name for name in done if ill.intersection(run.folds[name])]:
            nets[model] = [fold_of(run, model, name, device) for name in chosen]
    if not set(nets).intersection(STRUCTURED_NETS):
        raise PalsyError(
            f"{run.folder} has no net to begin with: train one of {', '.join(STRUCTURED_NETS)} "
            "first, with `palsy run`."
        )
    return nets


def for_palsy(net: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what is explained, as a function: the net's output for palsy minus for healthy."""

    def margin(x: torch.Tensor) -> torch.Tensor:
        logits = net(x)
        return logits[:, 1] - logits[:, 0]

    return margin


def to_asymmetry(modality: str, attributions: np.ndarray) -> np.ndarray:
    """Bring attributions of a structured modality to the 145 numbers of `features.asymmetry`.

    Against the symmetric face, a pair of landmarks or scores differs by half its asymmetry, up on
    one side and down on the other: the pair's two attributions explain one number, and are added.
    What has no partner and no sideways way to go does not differ, and has none.

    Args:
        modality: `asymmetry`, `coordinates` or `expressions`.
        attributions: (n, 145), (n, 250) or (n, 52).
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


def by_region_and_side(
    attributions: np.ndarray, asymmetry: np.ndarray, weak_left: np.ndarray
) -> np.ndarray:
    """Roll attributions to the asymmetry (n, 145) of faces up into strengths (n, 4, 2).

    The region is that of the number. Its attribution goes to the side that the number's sign
    shows to be weak, and equally to both as far as the sign does not tell: `weak_left` (145,) is
    1 where a number is always positive if the left is weak, -1 where it is always negative.
    """
    towards_left = np.sign(asymmetry) * weak_left
    parts = attributions * (1 + towards_left) / 2, attributions * (1 - towards_left) / 2
    where = np.array(ASYMMETRY_REGIONS)
    return np.stack(
        [[part[:, where == region].sum(1) for part in parts] for region in REGIONS]
    ).transpose(2, 0, 1)


def grad_cam(net: nn.Sequential, images: np.ndarray) -> np.ndarray:
    """Return signed Grad-CAM maps (n, h, w) of images (n, size, size[, 3]) uint8.

    Positive where palsy is seen; taken at the last layer whose map is at least `SMALLEST_MAP` cells
    a side. The map of the mirrored image, mirrored back, is averaged in, so that no side of the
    *picture* is preferred. Source: Selvaraju et al. 2017, without its last step, which drops the
    negative part.
    """
    net = net.cpu().eval()
    pictures = torch.from_numpy(np.array(images)).float()
    with torch.no_grad():
        x, last = net[0](pictures[:1]), None
        for layer in getattr(net[1], "features", net[1]).children():
            x = layer(x)
            if x.ndim != 4 or min(x.shape[2:]) < SMALLEST_MAP:
                break
            last = layer
    method, maps = LayerGradCam(for_palsy(net), last), []
    for batch in pictures.split(32):
        straight, flipped = (method.attribute(x)[:, 0].detach() for x in (batch, batch.flip(2)))
        maps.append((straight + flipped.flip(2)) / 2)
    return torch.cat(maps).numpy()


def heat_by_region_and_side(maps: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return strengths (n, 4, 2): the mean heat over the landmarks of each region on each side.

    Landmarks of the midline count to neither side.

    Args:
        maps: (n, h, w) of the upright window, from `grad_cam`.
        points: (n, 478, 2) landmarks of the same faces, pixels of the picture.
    """
    at = np.stack([in_window(face, POINTS_125, 2) for face in points])  # a window of two pixels
    heat = nn.functional.grid_sample(
        torch.from_numpy(maps).double()[:, None],
        torch.from_numpy(at - 0.5).double()[:, None],  # torch counts from -1 to 1
        align_corners=False,
        padding_mode="border",
    )[:, 0, 0].numpy()
    masks = [
        [pair[REGION_OF_125[pair] == region] for pair in (LEFT_OF_PAIR, RIGHT_OF_PAIR)]
        for region in REGIONS
    ]
    return np.stack([[heat[:, m].mean(1) for m in pair] for pair in masks]).transpose(2, 0, 1)


def region_of_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """Give each pixel of a face's upright window (size, size) to the region of a landmark near it.

    Landmarks (478, 2) and their mirror images count alike, so a region and its mirror image are
    one area. Returns numbers of `landmarks.REGIONS`.
    """
    at = in_window(points, POINTS_125, size)
    mirrored = at[MIRROR_125] * [-1, 1] + [size - 1, 0]
    region = np.array([REGIONS.index(name) for name in REGION_OF_125])
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1)
    (near, i), (near_mirrored, j) = (KDTree(where).query(pixels) for where in (at, mirrored))
    return np.where(near <= near_mirrored, region[i], region[j])


@torch.no_grad()
def swapped_answers(
    net: nn.Module, images: np.ndarray, areas: np.ndarray, device: torch.device
) -> np.ndarray:
    """Ask a multi-task net for the side, of images (n, size, size) and with each region swapped.

    Its answer is the output for a weak left minus that for a weak right, half of it from the image
    and half from the mirror image, so that a mirrored face has the opposite answer.

    Returns:
        (n, 1 + 4): of the images as they are, then with each of `landmarks.REGIONS` (`areas`, from
        `region_of_pixels`) swapped for its mirror image.
    """
    net, answers = net.to(device).eval(), []
    left, right = (HEADS["side"].index(side) for side in ("left", "right"))

    def answer(faces: torch.Tensor) -> torch.Tensor:
        sides = [net(x)[:, OUTPUTS["side"]] for x in (faces, faces.flip(2))]
        straight, flipped = (side[:, left] - side[:, right] for side in sides)
        return (straight - flipped) / 2

    for rows in np.array_split(np.arange(len(images)), max(1, len(images) // 64)):
        x, where = (torch.from_numpy(np.array(a[rows])).to(device) for a in (images, areas))
        swapped = [torch.where(where == i, x.flip(2), x) for i in range(len(REGIONS))]
        answers.append(torch.stack([answer(faces) for faces in (x, *swapped)], 1).cpu())
    return torch.cat(answers).float().numpy()
