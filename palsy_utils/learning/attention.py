"""Attention fusion: every modality is a token, and a learnt query attends to the tokens.

What a face lacks is NaN and leaves no token, so the net answers from any subset of its
modalities; in training, tokens are dropped at random so that it has learnt to. With frames of a
second before and after, every modality of every frame is a token (`tokens.py`).
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import nn

from palsy_utils.faces.modalities import MODALITIES
from palsy_utils.learning.heads import N_OUTPUTS
from palsy_utils.learning.nets import NOISE

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
        self.question = nn.Parameter(0.1 * torch.randn(1, 1, WIDTH))
        self.attention = nn.MultiheadAttention(WIDTH, N_HEADS, batch_first=True)
        self.answers = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, N_OUTPUTS)
        )

    def fit(self, inputs: Sequence[np.ndarray]) -> None:
        """Fit the scaling of every modality on training samples."""
        for token, values in zip(self.tokens, inputs, strict=True):
            middle = _by_frame(torch.from_numpy(np.array(values)), self.frames)[:, self.frames // 2]
            token.fit(middle[~middle.isnan().any(1)])

    def attend(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, 2 + 9) and attention (n, modalities, frames), which sums to 1."""
        values = [_by_frame(x, self.frames) for x in inputs]
        gone = torch.stack([x.isnan().any(-1) for x in values], 1)
        if self.training:
            gone = self._drop(gone)
        tokens = [token(x.nan_to_num()) for token, x in zip(self.tokens, values, strict=True)]
        tokens = torch.stack(tokens, 1) + self.modality + self.moment
        n = len(tokens)
        answer, attention = self.attention(
            self.question.expand(n, 1, -1),
            tokens.flatten(1, 2),
            tokens.flatten(1, 2),
            key_padding_mask=gone.flatten(1),
        )
        return self.answers(answer[:, 0]), attention.view(n, len(values), self.frames)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.attend(*inputs)[0]

    def _drop(self, gone: torch.Tensor) -> torch.Tensor:
        """Drop whole modalities at random, but never all that a face has."""
        n, modalities, _ = gone.shape
        there = ~gone.all(2)
        dropped = torch.rand(n, modalities, device=gone.device) < DROPOUT
        nothing_left = ~(there & ~dropped).any(1)
        dropped[nothing_left] = False
        return gone | dropped[:, :, None]


class AveragedAttention(nn.Module):
    """Several such nets, each trained for itself from other random weights; answers are averaged.

    Args:
        members: nets of one shape; `training.train` trains them one by one.
    """

    def __init__(self, members: Iterable[AttentionFusion]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def attend(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean logits and the mean attention, as `AttentionFusion.attend`."""
        answers = [member.attend(*inputs) for member in self.members]
        logits, attention = (torch.stack(part).mean(0) for part in zip(*answers, strict=True))
        return logits, attention

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        return self.attend(*inputs)[0]


def _by_frame(x: torch.Tensor, frames: int) -> torch.Tensor:
    return x.flatten(1)[:, None] if frames == 1 else x.flatten(2)


def build_attention(tokens: Mapping[str, np.ndarray], nets: int) -> AveragedAttention:
    """Build the net for what `tokens.load_tokens` gave, as a mean of `nets` (`Training.nets`)."""
    n_frames = 2 * STEPS + 1
    has_context = all(array.shape[1:-1] == (n_frames,) for array in tokens.values())
    frames = n_frames if has_context else 1
    sizes = {name: int(np.prod(array.shape[1:])) // frames for name, array in tokens.items()}
    return AveragedAttention(AttentionFusion(sizes, frames) for _ in range(nets))


@torch.no_grad()
def predict_with_attention(
    net: AveragedAttention, inputs: Sequence[np.ndarray], rows: np.ndarray, device: torch.device
) -> tuple[torch.Tensor, np.ndarray]:
    """Return logits (len(rows), 11) and attention (len(rows), modalities, frames) of samples."""
    net.to(device).eval()
    parts = np.array_split(rows, max(1, len(rows) // 64))
    answers = [
        net.attend(*(torch.from_numpy(np.array(array[part])).to(device) for array in inputs))
        for part in parts
    ]
    logits, attention = (torch.cat(list(part)).float().cpu() for part in zip(*answers, strict=True))
    return logits, attention.numpy()
