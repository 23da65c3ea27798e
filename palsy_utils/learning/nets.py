"""The nets of the paper's section 2.2, in its own order of layers, and their nearest kin.

Every net returns two *logits* (healthy, palsy), a multi-task net after them one for each
class of `HEADS`, in their order. The paper's sigmoid is applied by `probabilities` and, inside the
loss, by `BCEWithLogitsLoss`, which is the same binary cross-entropy without its rounding near 0 and
1. A net takes its modality as stored; scaling is its first layer, whose numbers are fitted on the
training people only and travel with the weights.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.cohort.labels_csv import GRADES, SIDES
from palsy_utils.downloads import find, starting_weights
from palsy_utils.faces.features import MODALITIES
from palsy_utils.files import PalsyError
from palsy_utils.learning.profiles import QUARTER, Profile

NOISE = 0.5  # spread of the noise that signed modalities are trained with, where theirs is 1
HEAD_UNITS = 512  # paper
# Beyond the paper, what a multi-task net predicts besides palsy or not; a mirror swaps the sides.
HEADS = {"eyes": GRADES, "mouth": GRADES, "side": SIDES}
ENDS = list(accumulate(map(len, HEADS.values()), initial=2))
OUTPUTS = {head: slice(*ends) for head, ends in zip(HEADS, pairwise(ENDS), strict=True)}
N_OUTPUTS = ENDS[-1]
UNKNOWN = -1


class Standardise(nn.Module):
    """Flatten a structured modality and bring its numbers to mean 0 and a similar spread.

    Each number is divided by the geometric mean of its own spread and the spread of all of them.
    Its own alone would enlarge scores that hardly leave zero until their noise hides the rest; the
    common one alone would leave numbers that vary little without any influence.

    Signed modalities lose the side (palsy of the left and of the right are one class) and become
    square roots, because a few faces are very asymmetric; each has its own spread, and noise in
    training, because a network may memorise 145 numbers of a few hundred faces.
    """

    def __init__(self, n: int, signed: bool = False) -> None:
        super().__init__()
        self.signed = signed
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("scale", torch.ones(n))

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        return x.float().abs().sqrt() if self.signed else x.float()

    def fit(self, values: np.ndarray) -> None:
        """Take means and spreads from training samples, (n_samples, ...)."""
        x = self.prepare(torch.as_tensor(np.asarray(values)).flatten(1))
        spread = x.std(0, correction=0)
        if not self.signed:
            spread = (spread * spread.square().mean().sqrt()).sqrt()
        self.mean.copy_(x.mean(0))
        self.scale.copy_(spread.clamp(min=1e-6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (self.prepare(x.flatten(1)) - self.mean) / self.scale
        return x + NOISE * torch.randn_like(x) if self.signed and self.training else x


class ImageNetScale(nn.Module):
    """Turn stored images (n, h, w[, 3]), uint8, into what ResNet50 expects: (n, 3, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        means, stds = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        self.register_buffer("mean", means.view(3, 1, 1), persistent=False)
        self.register_buffer("std", stds.view(3, 1, 1), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.unsqueeze(1).expand(-1, 3, -1, -1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
        x = (x.float() / 255 - self.mean) / self.std
        return x.contiguous(memory_format=torch.channels_last)


def build_fnn(modality: str) -> nn.Sequential:
    """Build the feed-forward net of a structured modality, as wide as `MODALITIES` says.

    Four fully connected layers; ReLU after the first three, dropout 0.5 in the first, batch norm
    in the second. `[:-1]` is the net up to its last hidden layer.
    """
    numbers, (first, second, third) = MODALITIES[modality].numbers, MODALITIES[modality].units
    return nn.Sequential(
        Standardise(numbers, MODALITIES[modality].signed),
        nn.Linear(numbers, first),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(first, second),
        nn.BatchNorm1d(second),
        nn.ReLU(),
        nn.Linear(second, third),
        nn.ReLU(),
        nn.Linear(third, 2),
    )


def build_image_net(weights: dict | None = None, backbone: str = "resnet50") -> nn.Sequential:
    """Build an image net: ResNet50 with the paper's head in place of its last layer.

    The head: 512 units, ReLU, dropout, batch norm, 2 outputs. `[:-1]` is the net up to the 512.
    Weights, of all but the head, are those of `load_weights`, or random if there are none.
    """
    from torchvision import models  # takes as long to import as torch itself

    if backbone == QUARTER:
        block = type("Block", (models.resnet.Bottleneck,), {"expansion": 1})  # of its width, not 4
        body = models.ResNet(block, [3, 4, 6, 3], width_per_group=16)  # 64 is ResNet50's
    else:
        body = models.get_model(backbone, weights=None)
    linear = [name for name, layer in body.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise PalsyError(f"{backbone} does not end in a linear layer: choose another image net.")
    name, width = linear[-1], body.get_submodule(linear[-1]).in_features
    parent, _, last = name.rpartition(".")
    setattr(body.get_submodule(parent), last, nn.Identity())
    if weights is not None:
        body.load_state_dict({n: w for n, w in weights.items() if not n.startswith(f"{name}.")})
    return nn.Sequential(
        ImageNetScale(),
        body,
        nn.Linear(width, HEAD_UNITS),
        nn.ReLU(),
        nn.Dropout(0.5),  # the paper leaves it open: as in its FNN
        nn.BatchNorm1d(HEAD_UNITS),
        nn.Linear(HEAD_UNITS, 2),
    ).to(memory_format=torch.channels_last)


def bodies(net: nn.Module) -> list[nn.Module]:
    """Return what lies between scaling and head of every image net in a net."""
    parts = [part for part in net.modules() if isinstance(part, nn.Sequential)]
    return [part[1] for part in parts if len(part) > 1 and isinstance(part[0], ImageNetScale)]


class TwoImages(nn.Module):
    """Two image nets, one an image modality, trained together: 512 + 512 features to 2 outputs."""

    def __init__(self, weights: dict | None = None, backbone: str = "resnet50") -> None:
        super().__init__()
        self.nets = nn.ModuleList(build_image_net(weights, backbone)[:-1] for _ in range(2))
        self.output = nn.Linear(2 * HEAD_UNITS, 2)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        features = [net(x) for net, x in zip(self.nets, (first, second), strict=True)]
        return self.output(torch.cat(features, 1))


def fit_scaling(net: nn.Module, inputs: Sequence[np.ndarray], rows: np.ndarray) -> None:
    """Fit the scaling of a net on training rows of its inputs; that of images is ImageNet's."""
    for member in getattr(net, "members", [net]):
        if hasattr(member, "fit"):
            member.fit([array[rows] for array in inputs])
        elif inputs[0].dtype != np.uint8:
            member[0].fit(inputs[0][rows])


def build_model(
    modalities: Sequence[str],
    weights: dict | None = None,
    backbone: str = "resnet50",
    multitask: bool = False,
) -> nn.Module:
    """Build the net of a structured modality, of an image, or of two images.

    A multi-task net, of a single modality, has the outputs of `HEADS` after the paper's two.
    """
    if len(modalities) == 2:
        return TwoImages(weights, backbone)
    numbers = MODALITIES[modalities[0]].numbers
    net = build_fnn(modalities[0]) if numbers else build_image_net(weights, backbone)
    if multitask:
        net[-1] = nn.Linear(net[-1].in_features, N_OUTPUTS)
    return net


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Turn logits (n, 2 or more) into the probability of palsy (n,), from 0 to 1.

    The net has one sigmoid for healthy and one for palsy, and the higher one wins. Their mean vote
    for palsy, (p_palsy + 1 - p_healthy) / 2, says both in one number: above one half exactly when
    palsy is the higher, and averaging it over nets is averaging their class probabilities.
    """
    healthy, palsy = torch.sigmoid(logits[:, :2].float()).unbind(1)
    return (palsy + 1 - healthy) / 2


def load_weights(profile: Profile) -> dict | None:
    """Load the weights that a profile's image nets start from, or return None for random ones."""
    what = starting_weights(profile.weights, profile.backbone)
    return what and torch.load(find(what), map_location="cpu", weights_only=True)


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
