"""What a multi-task net predicts besides palsy or not: the grades of eyes and mouth, the side.

Its outputs are the paper's two (healthy, palsy) and then one for each class of `HEADS`, in their
order.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.cohort.labels_csv import GRADES, SIDES

HEADS = {
    "eyes": GRADES,
    "mouth": GRADES,
    "side": SIDES,  # mirrored by reading it backwards
}
N_OUTPUTS = 2 + sum(len(classes) for classes in HEADS.values())
UNKNOWN = -100  # cross-entropy passes over it


def outputs_of(question: str) -> slice:
    """Return where the classes of a question stand among the outputs of a net."""
    before = list(HEADS)[: list(HEADS).index(question)]
    start = 2 + sum(len(HEADS[name]) for name in before)
    return slice(start, start + len(HEADS[question]))


def known_targets(samples: pd.DataFrame, sides: Mapping[str, str]) -> np.ndarray:
    """Return the class of each of `HEADS` for every sample, `UNKNOWN` where nobody knows.

    Args:
        samples: `modalities.SAMPLES`: grades of eyes and mouth where regions are labelled.
        sides: side of the palsy of people for whom it is known. A frame labelled healthy shows
            no side.

    Returns:
        (n, 3), in the order of `HEADS`.
    """
    answers = np.full((len(samples), len(HEADS)), UNKNOWN)
    for i, region in enumerate(("eyes", "mouth")):
        for grade, name in enumerate(HEADS[region]):
            answers[(samples[region] == name).to_numpy(), i] = grade
    side = samples["patient"].map(dict(sides)).to_numpy()
    palsy = samples["label"].to_numpy() == 1
    for number, name in enumerate(HEADS["side"]):
        answers[palsy & (side == name), 2] = number
    answers[~palsy & pd.notna(side), 2] = HEADS["side"].index("none")
    return answers


def known_heads(answers: np.ndarray) -> tuple[str, ...]:
    """Return those of `HEADS` that somebody's answer is known to, from `known_targets`."""
    return tuple(q for i, q in enumerate(HEADS) if (answers[:, i] != UNKNOWN).any())


def auxiliary_loss(answers: np.ndarray, device: torch.device) -> Callable[..., torch.Tensor]:
    """Return the loss of `HEADS`, as `training.train` takes it.

    Args:
        answers: from `known_targets`.
        device: where the net is.
    """
    known = torch.as_tensor(answers, device=device)

    def loss(logits: torch.Tensor, batch: np.ndarray, mirrored: np.ndarray) -> torch.Tensor:
        total, swapped = logits.new_zeros(()), torch.as_tensor(mirrored, device=device)
        for i, head in enumerate(HEADS):
            target = known[batch, i]
            if head == "side":
                target = torch.where(swapped & (target != UNKNOWN), 2 - target, target)
            if (target != UNKNOWN).any():
                part = logits[:, outputs_of(head)]
                total = total + nn.functional.cross_entropy(part, target)
        return total

    return loss


def heads_table(logits: torch.Tensor) -> pd.DataFrame:
    """Return the probability of every class of every question: `eyes_normal`, ..."""
    columns = {}
    for question, classes in HEADS.items():
        shares = torch.softmax(logits[:, outputs_of(question)].float(), 1).numpy()
        columns |= {f"{question}_{name}": shares[:, i] for i, name in enumerate(classes)}
    return pd.DataFrame(columns)
