"""Attention fusion: every modality is a token, and a learned query attends to the tokens.

What a face lacks is NaN and leaves no token, so the net answers from any subset of its
modalities; in training, tokens are dropped at random so that it has learnt to. With frames of a
second before and after, every modality of every frame is a token (`tokens.py`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.faces.features import MODALITIES
from palsy_utils.learning.heads import N_OUTPUTS
from palsy_utils.learning.nets import NOISE
from palsy_utils.learning.profiles import Training
from palsy_utils.learning.training import compute, train

WIDTH, N_HEADS = 64, 4
DROPOUT = 0.3  # of numbers in a token and of whole tokens
STEPS = 6  # frames of context on either side: a second


class Token(nn.Module):
    """One modality of one frame to one token.

    Signed modalities enter twice, as roots without sign and with it: the first say
    whether, the second say where.
    """

    def __init__(self, modality: str, n: int) -> None:
        super().__init__()
        self.sided = MODALITIES[modality].signed
        n = 2 * n if self.sided else n
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("scale", torch.ones(n))
        self.encode = nn.Sequential(nn.Linear(n, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT))
        self.norm = nn.LayerNorm(WIDTH)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        if not self.sided:
            return x
        root = x.abs().sqrt()
        return torch.cat([root, root * x.sign()], -1)

    def fit(self, values: np.ndarray) -> None:
        """Take means and spreads from training samples, (n_samples, numbers)."""
        x = self._split(torch.as_tensor(values).float())
        own = x.std(0, correction=0)
        self.mean.copy_(x.mean(0))
        if self.sided:  # the sign has its zero where the face is symmetric
            self.mean[len(self.mean) // 2 :] = 0
            self.scale.copy_(own.clamp(min=1e-6))
        else:  # as `nets.Standardise`
            self.scale.copy_((own * own.square().mean().sqrt()).sqrt().clamp(min=1e-6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (self._split(x.float()) - self.mean) / self.scale
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        return self.norm(self.encode(x))


class AttentionFusion(nn.Module):
    """Tokens of several modalities, and one query that attends to them.

    Args:
        sizes: how many numbers each modality has, flattened, in the order of the inputs.
        frames: 1, or 2 * STEPS + 1 with context; then every input is (n, frames, numbers).
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
            middle = by_frame(torch.from_numpy(np.array(values)), self.frames)[:, self.frames // 2]
            token.fit(middle[~middle.isnan().any(1)])

    def attend(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, 2 + 9) and attention (n, modalities, frames), which sums to 1."""
        values = [by_frame(x, self.frames) for x in inputs]
        gone = torch.stack([x.isnan().any(-1) for x in values], 1)
        if self.training:
            gone = drop_some(gone)
        tokens = [token(x.nan_to_num()) for token, x in zip(self.tokens, values, strict=True)]
        tokens = torch.stack(tokens, 1) + self.modality + self.moment
        n = len(tokens)
        answer, attention = self.attention(
            self.query.expand(n, 1, -1),
            tokens.flatten(1, 2),
            tokens.flatten(1, 2),
            key_padding_mask=gone.flatten(1),
        )
        return self.head(answer[:, 0]), attention.view(n, len(values), self.frames)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.attend(*inputs)[0]


class AveragedAttention(nn.Module):
    """Several such nets, each trained for itself from other random weights; outputs are averaged.

    Args:
        members: nets of one shape.
    """

    def __init__(self, members: Iterable[AttentionFusion]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def fit(self, inputs: Sequence[np.ndarray]) -> None:
        """Fit the scaling of every member on training samples."""
        for member in self.members:
            member.fit(inputs)

    def attend(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean logits and the mean attention, as `AttentionFusion.attend`."""
        answers = [member.attend(*inputs) for member in self.members]
        logits, attention = (torch.stack(part).mean(0) for part in zip(*answers, strict=True))
        return logits, attention

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.attend(*inputs)[0]


def drop_some(gone: torch.Tensor) -> torch.Tensor:
    """Drop modalities at random from what is there (n, modalities, frames), but never all."""
    n, modalities, _ = gone.shape
    there = ~gone.all(2)
    dropped = torch.rand(n, modalities, device=gone.device) < DROPOUT
    nothing_left = ~(there & ~dropped).any(1)
    dropped[nothing_left] = False
    return gone | dropped[:, :, None]


def by_frame(x: torch.Tensor, frames: int) -> torch.Tensor:
    """Flatten a modality to (n, frames, numbers)."""
    return x.flatten(1)[:, None] if frames == 1 else x.flatten(2)


def build_attention(tokens: Mapping[str, np.ndarray], nets: int) -> AveragedAttention:
    """Build the net for what `tokens.load_tokens` gave, as a mean of `nets` (`Training.nets`)."""
    n_frames = 2 * STEPS + 1
    has_context = all(array.shape[1:-1] == (n_frames,) for array in tokens.values())
    frames = n_frames if has_context else 1
    sizes = {name: int(np.prod(array.shape[1:])) // frames for name, array in tokens.items()}
    return AveragedAttention(AttentionFusion(sizes, frames) for _ in range(nets))


def train_members(
    net: AveragedAttention,
    inputs: Sequence[np.ndarray],
    labels: np.ndarray,
    rows: np.ndarray,
    config: Training,
    device: torch.device,
    seed: int,
    mirrored: Sequence[np.ndarray] | None,
    auxiliary: Callable | None,
) -> pd.DataFrame:
    """Train every member with a seed of its own; arguments and (mean) history as `train`."""
    histories = [
        train(member, inputs, labels, rows, config, device, seed + 1000 * i, mirrored, auxiliary)
        for i, member in enumerate(net.members)
    ]
    summary = {"loss": "mean", "accuracy": "mean", "seconds": "sum"}
    return pd.concat(histories).groupby("epoch", as_index=False).agg(summary)


class _Both(nn.Module):
    """What `attend` returns as one tensor, for `training.compute`."""

    def __init__(self, net: AveragedAttention) -> None:
        super().__init__()
        self.net = net

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        logits, attention = self.net.attend(*inputs)
        return torch.cat([logits, attention.flatten(1)], 1)


def predict_with_attention(
    net: AveragedAttention, inputs: Sequence[np.ndarray], rows: np.ndarray, device: torch.device
) -> tuple[torch.Tensor, np.ndarray]:
    """Return logits (len(rows), 11) and attention (len(rows), modalities, frames) of samples."""
    both = compute(_Both(net), inputs, rows, device)
    attention = both[:, N_OUTPUTS:].reshape(len(rows), len(inputs), -1)
    return both[:, :N_OUTPUTS], attention.numpy()
