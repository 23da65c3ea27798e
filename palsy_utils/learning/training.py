"""Training a net and running it: where, how, and from one seed."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR

from palsy_utils.files import PalsyError, progress
from palsy_utils.learning.folds import Fold, fold_names, split
from palsy_utils.learning.nets import bodies, probabilities
from palsy_utils.learning.profiles import Training

Arrays = Sequence[np.ndarray]  # one a modality, (n_samples, ...); may be mapped into memory


def pick_device(name: str = "auto") -> torch.device:
    """Choose where to train: `auto` takes CUDA, else Apple MPS, else the processor."""
    has_mps = torch.backends.mps.is_available()
    there = {"cuda": torch.cuda.is_available(), "mps": has_mps, "cpu": True}
    if name == "auto":
        name = next(kind for kind in there if there[kind])
    try:
        assert there.get(name.split(":")[0])
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError):
        raise PalsyError(
            f"There is no device {name!r} on this machine: choose auto, cpu, cuda, cuda:1 or mps."
        ) from None
    return torch.device(name)


def has_bf16(device: torch.device) -> bool:
    """Say whether a device is a GPU with hardware for bfloat16.

    A processor computes in float32 even where it has it, so that all of them say the same.
    """
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def seed_everything(seed: int) -> None:
    """Make the first weights and dropout follow from one seed. Call it before building a net."""
    torch.manual_seed(seed)  # of all devices
    torch.backends.cudnn.deterministic = True


def place(arrays: Arrays, device: torch.device) -> list[torch.Tensor]:
    """Put whole arrays into a GPU's memory if they fit in a quarter of it, as 2.6 GB of images do.

    Others stay where they are, perhaps mapped from disk; `gather` sends their batches one by one.
    """
    tensors = [torch.from_numpy(array) for array in arrays]
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
        if sum(tensor.nbytes for tensor in tensors) <= memory / 4:
            return [tensor.to(device) for tensor in tensors]
    return tensors


def gather(
    faces: Sequence[torch.Tensor], rows: np.ndarray, device: torch.device
) -> list[torch.Tensor]:
    """Return rows of every modality, (len(rows), ...), on a device."""
    index = torch.from_numpy(rows)
    return [modality[index.to(modality.device)].to(device) for modality in faces]


def mirror_some(
    batch: Sequence[torch.Tensor], mirrored: Sequence[torch.Tensor], chosen: np.ndarray
) -> list[torch.Tensor]:
    """Replace the chosen faces, (n,) bool, of a batch by their mirror images in every modality."""
    pick = torch.from_numpy(chosen).to(batch[0].device)
    return [
        torch.where(pick.view(-1, *[1] * (a.ndim - 1)), b, a)
        for a, b in zip(batch, mirrored, strict=True)
    ]


def forward(net: nn.Module, batch: Sequence[torch.Tensor]) -> torch.Tensor:
    """Run a net on a batch, images in bfloat16 where the device has it; return float32."""
    device = batch[0].device
    bf16 = batch[0].dtype == torch.uint8 and has_bf16(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        return net(*batch).float()


def train(
    net: nn.Module,
    inputs: Arrays,
    labels: np.ndarray,
    rows: np.ndarray,
    config: Training,
    device: torch.device,
    seed: int = 0,
    mirrored: Arrays | None = None,
    auxiliary: Callable | None = None,
) -> pd.DataFrame:
    """Train a net in place on binary cross-entropy, the paper's by stochastic gradient descent.

    Nothing is chosen along the way: the epochs are fixed, and the net after the last one counts.
    Half of the images, or of the faces whose mirror images are given as `mirrored`, are mirrored
    each time, unless `config` says no. The paper does not specify any augmentation. Ours is this
    one, because palsy can affect either side, but a few training people may be unbalanced.

    Args:
        net: takes a batch of `inputs`, one array a modality, and returns logits (n, 2 or more).
        labels: (n_samples,) 0 healthy, 1 palsy; `rows` of them are trained on.
        auxiliary: (logits of a batch, its samples, which of them are mirrored) -> loss to add.

    Returns:
        One row an epoch: `epoch`, `loss`. One that is no number any more raises a PalsyError.
    """
    seed_everything(seed)
    order = np.random.default_rng(seed)
    net.to(device).train()
    for body in bodies(net) if config.frozen else []:
        body.requires_grad_(False).eval()
    faces, flipped = place(inputs, device), mirrored and place(mirrored, device)
    mirrors = config.mirror and (bool(mirrored) or faces[0].dtype == torch.uint8)
    targets = torch.eye(2)[np.array(labels, int)].to(device)  # one output for each class
    n_batches = max(1, len(rows) // config.batch_size)  # equal parts: batch norm wants no 1
    options = {"lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True}
    if config.optimiser == "sgd":
        optimiser = torch.optim.SGD(net.parameters(), momentum=config.momentum, **options)
    else:
        optimiser = torch.optim.AdamW(net.parameters(), **options)
    schedule, steps = None, n_batches * config.epochs
    if config.schedule == "one-cycle":
        schedule = OneCycleLR(optimiser, config.learning_rate, total_steps=steps)
    history, bar = [], progress(title="training", total=steps, unit="batch")
    for epoch in range(1, config.epochs + 1):
        losses, shuffled = [], order.permutation(rows)
        chosen = order.random(len(rows)) < 0.5 if mirrors else np.zeros(len(rows), bool)
        for part in np.array_split(np.arange(len(rows)), n_batches):
            seen = shuffled[part]
            batch, target = gather(faces, seen, device), targets[seen]
            if mirrors:
                others = gather(flipped, seen, device) if flipped else [x.flip(2) for x in batch]
                batch = mirror_some(batch, others, chosen[part])
            logits = forward(net, batch)
            loss = nn.functional.binary_cross_entropy_with_logits(logits[:, :2], target)
            if auxiliary:
                loss = loss + auxiliary(logits, seen, chosen[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            losses.append(loss.detach() * len(target))
            bar.update()
        loss = float(torch.stack(losses).sum()) / len(rows)
        if not np.isfinite(loss):
            raise PalsyError(
                f"The loss is not a number any more in epoch {epoch} at learning rate "
                f"{config.learning_rate}: lower the learning rate in profiles.toml."
            )
        history.append((epoch, loss))
    bar.close()
    return pd.DataFrame(history, columns=["epoch", "loss"])


@torch.no_grad()
def compute(
    net: nn.Module, inputs: Arrays, rows: np.ndarray, device: torch.device, mirrored: bool = False
) -> torch.Tensor:
    """Run a net without training it (dropout off, batch norm frozen): (len(rows), ...) float32.

    Give the whole net for its logits, or `net[:-1]` for the features of its last hidden layer.
    `mirrored` shows it the mirror images of images.
    """
    net.to(device).eval()
    faces, results = [torch.from_numpy(array) for array in inputs], []
    for part in np.array_split(rows, max(1, len(rows) // 64)):
        batch = gather(faces, part, device)
        if mirrored:
            batch = [images.flip(2) for images in batch]
        results.append(forward(net, batch).cpu())
    return torch.cat(results)


def predict_out_of_fold(
    fold: Fold, fit_net: Callable[[np.ndarray], nn.Module], inputs: Arrays, inner_folds: int
) -> np.ndarray | None:
    """Predict every training sample of a fold by a net that did not see its person.

    Whatever is chosen or calibrated (a temperature, a threshold, the weights of a late fusion)
    comes from these *out-of-fold predictions*, so the person held out has no say in it. `fit_net`
    builds a net and trains it on the given rows of the samples. Returns the probability of palsy of
    each of `fold.train`, or None if no inner folds are wanted, or people are too few for two
    classes in each.
    """
    training = fold.samples.iloc[fold.train]
    people = training["patient"].nunique()
    if not inner_folds or people < 2:
        return None
    groups = fold_names(training, min(inner_folds, people)).values()
    sides = [[side.to_numpy() for side in split(training, group)] for group in groups]
    if any(training["label"][inside].nunique() < 2 for inside, _ in sides):
        return None
    probability = np.full(len(training), np.nan)
    for inside, outside in sides:
        logits = compute(fit_net(fold.train[inside]), inputs, fold.train[outside], fold.device)
        probability[outside] = probabilities(logits).numpy()
    return probability


def half_state(net: nn.Module) -> dict[str, torch.Tensor]:
    """Return a net's weights as they are stored: matrices in half precision, 47 MB a ResNet50."""
    return {
        name: value.half() if value.ndim > 1 and value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }


def round_weights(net: nn.Module) -> None:
    """Round a net's weights as they will be stored. What is stored is then what predicts."""
    net.load_state_dict(half_state(net))
