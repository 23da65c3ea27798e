"""What a multi-task net predicts besides palsy or not: the grades of eyes and mouth, the side.

Its outputs are the paper's two (healthy, palsy) and then one for each class of `HEADS`, in order.
"""

from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.cohort.labels_csv import GRADES, SIDES

HEADS = {"eyes": GRADES, "mouth": GRADES, "side": SIDES}  # a mirror reads the sides backwards
_ENDS = list(accumulate(map(len, HEADS.values()), initial=2))
OUTPUTS = {head: slice(*ends) for head, ends in zip(HEADS, pairwise(_ENDS), strict=True)}
N_OUTPUTS = _ENDS[-1]
UNKNOWN = -1


def known_targets(samples: pd.DataFrame, sides: Mapping[str, str]) -> np.ndarray:
    """Return the class of each of `HEADS` for every sample, (n, 3); `UNKNOWN` where nobody knows.

    `samples` are `modalities.SAMPLES`, `sides` those of the people for whom they are known. A frame
    labelled healthy shows no side.
    """
    side = samples["patient"].map(dict(sides))
    side = side.mask(side.notna() & (samples["label"] != 1), "none")
    known = samples[["eyes", "mouth"]].assign(side=side)
    return np.stack([pd.Index(HEADS[head]).get_indexer(known[head]) for head in HEADS], 1)


def auxiliary_loss(targets: np.ndarray, device: torch.device) -> Callable[..., torch.Tensor]:
    """Return the loss of `HEADS` as `training.train` takes it; `targets` from `known_targets`."""
    known = torch.as_tensor(targets, device=device)

    def loss(logits: torch.Tensor, batch: np.ndarray, mirrored: np.ndarray) -> torch.Tensor:
        total, swapped = logits.new_zeros(()), torch.as_tensor(mirrored, device=device)
        for i, head in enumerate(HEADS):
            target = known[batch, i]
            if head == "side":
                target = torch.where(swapped & (target != UNKNOWN), 2 - target, target)
            if (target != UNKNOWN).any():
                part = logits[:, OUTPUTS[head]]
                total = total + nn.functional.cross_entropy(part, target, ignore_index=UNKNOWN)
        return total

    return loss


def heads_table(logits: torch.Tensor) -> pd.DataFrame:
    """Return the probability of every class of `HEADS`: `eyes_normal`, ..."""
    names = [f"{head}_{name}" for head, classes in HEADS.items() for name in classes]
    shares = [torch.softmax(logits[:, part].float(), 1) for part in OUTPUTS.values()]
    return pd.DataFrame(torch.cat(shares, 1).numpy(), columns=names)
