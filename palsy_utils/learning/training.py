"""Training a net and running it: where, how, and from one seed."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.files import PalsyError, progress
from palsy_utils.learning.profiles import Training


def pick_device(name: str = "auto") -> torch.device:
    """Choose where to train: `auto` takes CUDA, else Apple MPS, else the processor.

    Raises:
        PalsyError: the device that was asked for is not there.
    """
    if name == "auto":
        kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        name = next((kind for kind in kinds if kinds[kind]), "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
        assert device.type in ("cuda", "mps", "cpu")
    except (RuntimeError, AssertionError):
        raise PalsyError(
            f"There is no device {name!r} on this machine: choose auto, cpu, cuda, cuda:1 or mps."
        ) from None
    return device


def has_bf16(device: torch.device) -> bool:
    """Say whether a device has hardware for bfloat16; without it, bfloat16 only costs precision."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return device.type == "cpu" and bool(features.get("avx512_bf16") or features.get("amx_bf16"))


def seed_everything(seed: int) -> None:
    """Make the first weights and dropout follow from one seed. Call it before building a net."""
    torch.manual_seed(seed)  # of all devices
    torch.backends.cudnn.deterministic = True


def place(arrays: Sequence[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    """Put whole arrays into a GPU's memory if they fit in a quarter of it.

    17,000 images of 224 px are 2.6 GB. Others stay where they are, perhaps mapped from disk, and
    `gather` sends their batches one by one.
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
    batch: Sequence[torch.Tensor], chosen: np.ndarray, mirrored: Sequence[torch.Tensor] | None
) -> list[torch.Tensor]:
    """Return a batch, one tensor a modality, with the chosen faces, (n,) bool, mirrored.

    Training mirrors a random half. The paper is silent about augmentation; this is our one
    choice: palsy has no preferred side, but a handful of people may. `mirrored` are the same
    faces mirrored; images (n, height, width[, 3]) need none.
    """
    others = mirrored or [images.flip(2) for images in batch]
    pick = torch.from_numpy(chosen).to(batch[0].device)
    return [
        torch.where(pick.view(-1, *[1] * (a.ndim - 1)), b, a)
        for a, b in zip(batch, others, strict=True)
    ]


def forward(net: nn.Module, batch: Sequence[torch.Tensor]) -> torch.Tensor:
    """Run a net on a batch, images in bfloat16 where the device has it; return float32."""
    device = batch[0].device
    bf16 = batch[0].dtype == torch.uint8 and has_bf16(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        return net(*batch).float()


def train(
    net: nn.Module,
    inputs: Sequence[np.ndarray],
    labels: np.ndarray,
    rows: np.ndarray,
    config: Training,
    device: torch.device,
    seed: int = 0,
    mirrored: Sequence[np.ndarray] | None = None,
    auxiliary: Callable | None = None,
) -> pd.DataFrame:
    """Train a net in place on binary cross-entropy, the paper's by stochastic gradient descent.

    Nothing is chosen along the way: the epochs are fixed, and the net after the last one counts.
    Half of the images, or of the faces for which `mirrored` is given, are mirrored each time.

    Args:
        net: takes a batch of each of `inputs`, returns logits (n, 2 or more).
        inputs: one array a modality, (n_samples, ...); may be mapped into memory.
        labels: (n_samples,) 0 healthy, 1 palsy.
        rows: which samples to train on.
        config: epochs, learning rate, batch size, momentum, schedule.
        device: see `pick_device`.
        seed: of the order of samples and of dropout.
        mirrored: `inputs` of the mirrored faces, for structured modalities.
        auxiliary: (logits of a batch, its samples, which of them are mirrored) -> loss to add.

    Returns:
        One row an epoch: `epoch`, `loss`, `accuracy` (over the training samples, as they were
        trained on), `seconds`.

    Raises:
        PalsyError: the training samples have a single class, or the loss is no number any more.
    """
    check_classes(labels, rows)
    seed_everything(seed)
    order = np.random.default_rng(seed)
    net.to(device).train()
    faces, flipped = place(inputs, device), mirrored and place(mirrored, device)
    mirrors = bool(mirrored) or faces[0].dtype == torch.uint8
    targets = torch.eye(2)[np.array(labels, int)].to(device)  # one output for each class
    n_batches = max(1, len(rows) // config.batch_size)  # equal parts: batch norm wants no 1
    optimiser, schedule = build_optimiser(net, config, n_batches)
    history, bar = [], progress(title="training", total=n_batches * config.epochs, unit="batch")
    for epoch in range(1, config.epochs + 1):
        start, losses, hits = time.perf_counter(), [], []
        shuffled = order.permutation(rows)
        chosen = order.random(len(rows)) < 0.5 if mirrors else np.zeros(len(rows), bool)
        for part in np.array_split(np.arange(len(rows)), n_batches):
            batch = gather(faces, shuffled[part], device)
            if mirrors:
                others = flipped and gather(flipped, shuffled[part], device)
                batch = mirror_some(batch, chosen[part], others)
            target = targets[shuffled[part]]
            logits = forward(net, batch)
            loss = nn.functional.binary_cross_entropy_with_logits(logits[:, :2], target)
            if auxiliary:
                loss = loss + auxiliary(logits, shuffled[part], chosen[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            losses.append(loss.detach() * len(target))
            hits.append((logits[:, :2].argmax(1) == target.argmax(1)).sum())
            bar.update()
        loss, hit = (float(torch.stack(values).sum()) / len(rows) for values in (losses, hits))
        check_loss(loss, epoch, config)
        history.append((epoch, loss, hit, time.perf_counter() - start))
    bar.close()
    return pd.DataFrame(history, columns=["epoch", "loss", "accuracy", "seconds"])


def check_classes(labels: np.ndarray, rows: np.ndarray) -> None:
    """Raise a PalsyError if the training samples have a single class."""
    if len(set(np.asarray(labels)[rows])) < 2:
        raise PalsyError(
            "The training people of this fold have a single class, so there is nothing to learn: "
            "use fewer, larger folds (--folds) or a cohort with palsy and without."
        )


def check_loss(loss: float, epoch: int, config: Training) -> None:
    """Raise a PalsyError if the loss of an epoch is no number any more."""
    if not np.isfinite(loss):
        raise PalsyError(
            f"The loss is not a number any more in epoch {epoch} at learning rate "
            f"{config.learning_rate}: lower the learning rate in profiles.py."
        )


def build_optimiser(
    net: nn.Module, config: Training, n_batches: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None]:
    """Return the optimiser of a net and the schedule of its learning rate, if there is one."""
    options = {"lr": config.learning_rate, "weight_decay": config.weight_decay, "fused": True}
    if config.optimiser == "adamw":
        optimiser = torch.optim.AdamW(net.parameters(), **options)
    else:
        optimiser = torch.optim.SGD(net.parameters(), momentum=config.momentum, **options)
    if config.schedule == "constant":
        return optimiser, None
    steps = n_batches * config.epochs
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=steps
    )


@torch.no_grad()
def compute(
    net: nn.Module,
    inputs: Sequence[np.ndarray],
    rows: np.ndarray,
    device: torch.device,
    mirrored: bool = False,
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


@torch.no_grad()
def round_weights(net: nn.Module) -> None:
    """Round a net's matrices to half precision, as `save_fold` stores them.

    A ResNet50 then takes 47 MB instead of 94. Round before predicting: what is stored is then
    exactly what predicted.
    """
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.half())


def half_state(net: nn.Module) -> dict[str, torch.Tensor]:
    """Return a net's weights as they are stored: matrices in half precision."""
    return {
        name: value.half() if value.ndim > 1 and value.is_floating_point() else value
        for name, value in net.state_dict().items()
    }
