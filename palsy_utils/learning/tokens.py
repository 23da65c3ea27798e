"""What an attention fusion sees of every sample."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch import nn

from palsy_utils.faces.features import MODALITIES
from palsy_utils.faces.modalities import load_modality
from palsy_utils.learning.attention import STEPS
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold
from palsy_utils.learning.training import compute

SECONDS = 1.0  # of context on either side


def context(samples: pd.DataFrame) -> np.ndarray:
    """Find the neighbours of every sample in time, within its own clip.

    Args:
        samples: `modalities.SAMPLES`; a frame's neighbours are `STEPS` samples before and after
            it, as far as they belong to the same video and lie within `SECONDS`.

    Returns:
        (n, 2 * STEPS + 1) rows of `samples`; -1 where there is no frame.
    """
    n, steps = len(samples), np.arange(-STEPS, STEPS + 1)
    rows = np.arange(n)[:, None] + steps
    inside = (rows >= 0) & (rows < n)
    at = np.clip(rows, 0, n - 1)
    video, time = samples["video"].to_numpy(), samples["time_s"].to_numpy()
    near = np.abs(time[at] - time[:, None]) <= SECONDS + 0.05  # time stamps are rounded
    itself = steps == 0  # also where a still image has no time
    same = inside & (video[at] == video[:, None]) & (near | itself)
    return np.where(same, rows, -1)


def with_context(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Gather a modality (n, ...) with its neighbours: (n, frames, numbers), NaN where none is."""
    flat = np.asarray(array, np.float32).reshape(len(array), -1)
    return np.where(rows[..., None] >= 0, flat[rows], np.float32(np.nan))


def load_tokens(
    fold: Fold, image_nets: Mapping[str, nn.Module] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Load what an attention fusion sees: of each modality (n, [frames,] numbers), all samples.

    An image is seen through the last hidden layer of the image net of the same fold. Those nets
    have seen the training people, so their tokens look better there than on anybody new.

    Args:
        fold: whose model says which modalities there are.
        image_nets: the trained image net of each modality that is an image.

    Returns:
        Modality -> array, and the same of the mirrored faces.
    """
    arrays, mirrored = {}, {}
    everyone = np.arange(len(fold.samples))
    for name in find_model(fold.model).modalities:
        array = load_modality(fold.root, name, fold.profile.image_size)
        if MODALITIES[name].numbers:
            arrays[name], mirrored[name] = array, MODALITIES[name].mirror(array)
        else:
            net = image_nets[name][:-1]
            for flip, tokens in ((False, arrays), (True, mirrored)):
                tokens[name] = compute(net, [array], everyone, fold.device, flip).numpy()
    if fold.model == "clip-fusion":
        rows = context(fold.samples)
        arrays = {name: with_context(array, rows) for name, array in arrays.items()}
        mirrored = {name: with_context(array, rows) for name, array in mirrored.items()}
    return arrays, mirrored
