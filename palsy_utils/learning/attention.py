"""Attention fusion: every modality is a token, and a learned query attends to the tokens.

What a face lacks is NaN and leaves no token, so the net answers from any subset of its
modalities; in training, tokens are dropped at random so that it has learnt to. With context, every
modality of every frame from a second before to a second after is a token, labelled or not.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.features import MODALITIES
from palsy_utils.faces.modalities import structured_of_all
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold, load_inputs
from palsy_utils.learning.nets import N_OUTPUTS, NOISE, Standardise
from palsy_utils.learning.training import compute, train

WIDTH, N_HEADS = 64, 4
DROPOUT = 0.3  # of numbers in a token and of whole tokens
STEPS, SECONDS = 6, 1.0  # of context on either side: frames, and how far away they may lie


class Token(Standardise):
    """Turn one modality (n, frames, numbers) into tokens (n, frames, 64).

    A signed modality enters twice, as roots without sign and with it: the first say whether a
    face is asymmetric, the second on which side.
    """

    def __init__(self, modality: str, n: int) -> None:
        signed = MODALITIES[modality].signed
        n = 2 * n if signed else n
        super().__init__(n, signed)
        self.encode = nn.Sequential(nn.Linear(n, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT))
        self.norm = nn.LayerNorm(WIDTH)

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        roots = super().prepare(x)
        return torch.cat([roots, roots * x.sign()], -1) if self.signed else roots

    def fit(self, values: np.ndarray) -> None:
        super().fit(values)
        if self.signed:  # the sign has its zero where the face is symmetric
            self.mean[len(self.mean) // 2 :] = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (self.prepare(x) - self.mean) / self.scale
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        return self.norm(self.encode(x))


class AttentionFusion(nn.Module):
    """Tokens of several modalities, each (n, frames, numbers), and one query that attends to them.

    `sizes` are the numbers of each modality, in the order of the inputs; `frames` is 1, or with
    context 2 * STEPS + 1.
    """

    def __init__(self, sizes: Mapping[str, int], frames: int = 1) -> None:
        super().__init__()
        self.frames = frames
        self.tokens = nn.ModuleList(Token(name, n) for name, n in sizes.items())
        self.modality = nn.Parameter(0.1 * torch.randn(len(sizes), 1, WIDTH))
        self.moment = nn.Parameter(0.1 * torch.randn(1, frames, WIDTH))
        self.query = nn.Parameter(0.1 * torch.randn(1, 1, WIDTH))
        self.attention = nn.MultiheadAttention(WIDTH, N_HEADS, batch_first=True)
        self.head = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, N_OUTPUTS)
        )

    def fit(self, inputs: Sequence[np.ndarray]) -> None:
        """Fit the scaling of every modality on training samples."""
        for token, values in zip(self.tokens, inputs, strict=True):
            middle = values[:, self.frames // 2]
            token.fit(middle[~np.isnan(middle).any(1)])

    def attend(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, 2 + 9) and attention (n, modalities, frames), which sums to 1."""
        gone = torch.stack([x.isnan().any(-1) for x in inputs], 1)
        if self.training:
            gone = drop_some(gone)
        tokens = [token(x.nan_to_num()) for token, x in zip(self.tokens, inputs, strict=True)]
        tokens = torch.stack(tokens, 1) + self.modality + self.moment
        answer, attention = self.attention(
            self.query.expand(len(tokens), 1, -1),
            tokens.flatten(1, 2),  # keys
            tokens.flatten(1, 2),  # values
            key_padding_mask=gone.flatten(1),
        )
        return self.head(answer[:, 0]), attention.view(gone.shape)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.attend(*inputs)[0]


def drop_some(gone: torch.Tensor) -> torch.Tensor:
    """Drop modalities at random from what is there (n, modalities, frames), but never all."""
    n, modalities, _ = gone.shape
    dropped = torch.rand(n, modalities, device=gone.device) < DROPOUT
    there = ~gone.all(2)
    dropped[~(there & ~dropped).any(1)] = False
    return gone | dropped[:, :, None]


class Ensemble(nn.Module):
    """Nets of one shape, each trained from other random weights; their outputs are averaged."""

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return torch.stack([member(*inputs) for member in self.members]).mean(0)


def train_members(net: Ensemble, *given: Any, seed: int, **options: Any) -> pd.DataFrame:
    """Train every member as `train` does, with a seed of its own; return their mean history."""
    histories = [
        train(member, *given, seed=seed + 1000 * i, **options)
        for i, member in enumerate(net.members)
    ]
    return pd.concat(histories).groupby("epoch", as_index=False).mean()


def context(frames: pd.DataFrame) -> np.ndarray:
    """Find the neighbours of every frame in time: (n, 2 * STEPS + 1) rows, -1 where none is.

    They are the `STEPS` frames before and after it that belong to the same video and lie within
    `SECONDS`.
    """
    n, steps = len(frames), np.arange(-STEPS, STEPS + 1)
    rows = np.arange(n)[:, None] + steps
    at = np.clip(rows, 0, n - 1)
    video, time = frames["video"].to_numpy(), frames["time_s"].to_numpy()
    near = np.abs(time[at] - time[:, None]) <= SECONDS + 0.05  # time stamps are rounded
    itself = steps == 0  # also where a still image has no time
    return np.where((rows == at) & (video[at] == video[:, None]) & (near | itself), rows, -1)


def with_context(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Gather a modality (n, ...) with its neighbours: (n, frames, numbers), NaN where none is."""
    flat = np.asarray(array, np.float32).reshape(len(array), -1)
    return np.where(rows[..., None] >= 0, flat[rows], np.float32(np.nan))


def load_tokens(
    fold: Fold, image_nets: Mapping[str, nn.Module] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Load what an attention fusion sees: of each modality (n, frames, numbers), and mirrored.

    An image is seen through the last hidden layer of the image net of the same fold. Those nets
    have seen the training people, so their tokens look better there than on anybody new.
    """
    tokens, mirrored, everyone = {}, {}, np.arange(len(fold.samples))
    names, rows, identity = find_model(fold.model).modalities, everyone[:, None], ["video", "frame"]
    arrays, inputs = dict(zip(names, load_inputs(fold), strict=True)), fold.profile.inputs
    if fold.model == "clip-fusion":
        frames, arrays = structured_of_all(load_cohort(fold.root), inputs)
        of_samples = fold.samples[identity].merge(frames[identity].reset_index(), validate="1:1")
        rows = context(frames)[of_samples["index"]]
    for name in names:
        array, modality = arrays[name], MODALITIES[inputs.get(name, name)]
        if modality.numbers:
            both = array, modality.mirror(array)
        else:
            net = image_nets[name][:-1]
            both = (compute(net, [array], everyone, fold.device, flip) for flip in (False, True))
        tokens[name], mirrored[name] = (with_context(faces, rows) for faces in both)
    return tokens, mirrored
