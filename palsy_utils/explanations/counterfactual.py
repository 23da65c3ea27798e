"""What would an image net say if one region of the face were the other way round?

For nets that are asked for the side (`nets.HEADS`): a net that is only asked *palsy or not*, and
shown mirrored faces, has no reason to tell a weak side from a healthy one.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import nn

from palsy_utils.faces.landmarks import MIRROR_125, POINTS_125, REGIONS, region_of_point
from palsy_utils.faces.upright import in_window
from palsy_utils.learning.nets import HEADS, OUTPUTS


def for_left(net: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what is explained, as a function: the net's output for a weak left minus right.

    Half of what it says of an image minus half of what it says of the mirror image, so that a
    mirrored face has the opposite answer, and neither side of the *picture* is preferred.
    """
    left, right = (HEADS["side"].index(side) for side in ("left", "right"))

    def margin(images: torch.Tensor) -> torch.Tensor:
        says = [net(x)[:, OUTPUTS["side"]] for x in (images, images.flip(2))]
        straight, flipped = (answer[:, left] - answer[:, right] for answer in says)
        return (straight - flipped) / 2

    return margin


def region_of_pixels(points: np.ndarray, size: int) -> np.ndarray:
    """Give each pixel of the upright window to the region of the nearest of the 125 landmarks.

    Landmarks and their mirror images count alike, so a region and its mirror image are one area.

    Args:
        points: (478, 2) landmarks of a face in pixels of its picture.
        size: of the window, in pixels.

    Returns:
        (size, size) numbers of `landmarks.REGIONS`.
    """
    at = in_window(points, POINTS_125, size)
    mirrored = at[MIRROR_125] * [-1, 1] + [size - 1, 0]
    region = np.array([REGIONS.index(region_of_point(point)) for point in POINTS_125])
    pixels = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1)
    (near, i), (near_mirrored, j) = (KDTree(where).query(pixels) for where in (at, mirrored))
    return np.where(near <= near_mirrored, region[i], region[j])


@torch.no_grad()
def swapped_answers(
    net: nn.Module, images: np.ndarray, areas: np.ndarray, device: torch.device
) -> np.ndarray:
    """Ask a net of images as they are, and with each region swapped for its mirror image.

    Args:
        net: a multi-task image net, from `nets.build_model`.
        images: (n, size, size) uint8.
        areas: (n, size, size), from `region_of_pixels`.
        device: where to run it.

    Returns:
        (n, 1 + 4) outputs of `for_left`: as they are, then `landmarks.REGIONS` in their order.
    """
    answer, answers = for_left(net.to(device).eval()), []
    for rows in np.array_split(np.arange(len(images)), max(1, len(images) // 64)):
        x, where = (torch.from_numpy(np.array(a[rows])).to(device) for a in (images, areas))
        swapped = [torch.where(where == i, x.flip(2), x) for i in range(len(REGIONS))]
        answers.append(torch.stack([answer(face) for face in (x, *swapped)], 1).cpu())
    return torch.cat(answers).float().numpy()


def swap_regions(
    net: nn.Module, images: np.ndarray, areas: np.ndarray, device: torch.device
) -> np.ndarray:
    """Swap each region, both its sides, for its mirror image: how much of the answer goes with it?

    A region that is alike on both sides takes nothing along. One that alone makes the net say
    *left* takes all of it: the face is then its own mirror image, and the answer the opposite.
    So half the change is the part of the answer that the region carries.

    Args:
        net: see `swapped_answers`, also for the others.
        images: see there.
        areas: see there.
        device: see there.

    Returns:
        Strengths (n, 4, 2), see `attribution.py`: what speaks for a weak left, in the first
        column, or for a weak right, in the second.
    """
    answers = swapped_answers(net, images, areas, device)
    carried = (answers[:, :1] - answers[:, 1:]) / 2
    return np.stack([np.maximum(carried, 0), np.maximum(-carried, 0)], 2)
