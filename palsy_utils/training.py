"""Training a net and running it: where, how, and from one seed."""

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.files import PalsyError
from palsy_utils.profiles import Training


def pick_device(name: str = "auto") -> torch.device:
    """Choose where to train: `auto` takes CUDA, else Apple MPS, else the processor.

    Raises:
        PalsyError: the device that was asked for is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["cpu"] = True
    if name == "auto":
        return torch.device(next(kind for kind in there if there[kind]))
    try:
        device = torch.device(name)
        count = torch.cuda.device_count() if device.type == "cuda" else 1
        if not there.get(device.type) or (device.index or 0) >= count:
            raise RuntimeError
    except RuntimeError:
        raise PalsyError(
            f"There is no device {name!r} on this machine: choose auto or one of "
            f"{', '.join(kind for kind in there if there[kind])}."
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


def _sees_images(inputs: Sequence[np.ndarray]) -> bool:
    return inputs[0].dtype == np.uint8


def _forward(net: nn.Module, arrays: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
    bf16 = _sees_images(arrays) and has_bf16(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        return net(*(torch.from_numpy(array).to(device) for array in arrays))


def mirror_half(batches: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Return a batch of images with a random half of them mirrored.

    The paper is silent about augmentation; this is our one choice: palsy has no preferred side,
    but a handful of people may.

    Args:
        batches: one array an image modality, (n, height, width[, 3]); image i of each is treated
            alike, so that they stay on top of each other.
        rng: draws which.
    """
    chosen = rng.random(len(batches[0])) < 0.5
    mirrored = [images.copy() for images in batches]
    for images in mirrored:
        images[chosen] = images[chosen, :, ::-1]
    return mirrored


def train(
    net: nn.Module,
    inputs: Sequence[np.ndarray],
    labels: np.ndarray,
    rows: np.ndarray,
    how: Training,
    device: torch.device,
    seed: int = 0,
) -> pd.DataFrame:
    """Train a net in place by stochastic gradient descent on binary cross-entropy (paper).

    Nothing is chosen along the way: the epochs are fixed, and the net after the last one counts.
    Half of the images are mirrored each time they are shown (`mirror_half`).

    Args:
        net: takes one batch of each of `inputs`, returns logits (n, 2).
        inputs: one array a modality, (n_samples, ...); may be mapped into memory.
        labels: (n_samples,) 0 healthy, 1 palsy.
        rows: which samples to train on.
        how: epochs, learning rate, batch size, momentum, schedule.
        device: see `pick_device`.
        seed: of the order of samples and of dropout.

    Returns:
        One row an epoch: `epoch`, `loss`, `accuracy` (over the training samples, as they were
        trained on), `seconds`.

    Raises:
        PalsyError: the training samples have a single class, or the loss is no number any more.
    """
    labels = np.asarray(labels).astype(np.int64)
    if len(set(labels[rows])) < 2:
        raise PalsyError(
            "The training people of this fold have a single class, so there is nothing to learn: "
            "use fewer, larger folds (--folds) or a cohort with palsy and without."
        )
    seed_everything(seed)
    order = np.random.default_rng(seed)
    if not _sees_images(inputs):
        net[0].fit(inputs[0][rows])
    net.to(device).train()
    targets = torch.eye(2, device=device)[torch.from_numpy(labels)]  # one output for each class
    cross_entropy = nn.BCEWithLogitsLoss()
    optimiser = torch.optim.SGD(net.parameters(), how.learning_rate, how.momentum, fused=True)
    n_batches = max(1, len(rows) // how.batch_size)  # equal parts: batch norm wants no batch of 1
    schedule = None
    if how.schedule == "one-cycle":
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, how.learning_rate, total_steps=n_batches * how.epochs
        )
    history = []
    for epoch in range(1, how.epochs + 1):
        start, loss_sum, right = time.perf_counter(), 0.0, 0
        for batch in np.array_split(order.permutation(rows), n_batches):
            arrays = [array[batch] for array in inputs]
            if _sees_images(inputs):
                arrays = mirror_half(arrays, order)
            logits = _forward(net, arrays, device).float()
            loss = cross_entropy(logits, targets[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            loss_sum += loss.item() * len(batch)
            right += (logits.argmax(1) == targets[batch].argmax(1)).sum().item()
        if not np.isfinite(loss_sum):
            raise PalsyError(
                f"The loss is not a number any more in epoch {epoch} at learning rate "
                f"{how.learning_rate}: lower the learning rate in profiles.py."
            )
        seconds = time.perf_counter() - start
        history.append((epoch, loss_sum / len(rows), right / len(rows), seconds))
    return pd.DataFrame(history, columns=["epoch", "loss", "accuracy", "seconds"])


@torch.no_grad()
def compute(
    net: nn.Module, inputs: Sequence[np.ndarray], rows: np.ndarray, device: torch.device
) -> torch.Tensor:
    """Run a net without training it (dropout off, batch norm frozen): (len(rows), ...) float32.

    Give the whole net for its logits, or `net[:-1]` for the features of its last hidden layer.
    """
    net.to(device).eval()
    parts = np.array_split(rows, max(1, len(rows) // 64))
    batches = ([array[part] for array in inputs] for part in parts)
    return torch.cat([_forward(net, batch, device).float().cpu() for batch in batches])


@torch.no_grad()
def round_weights(net: nn.Module) -> None:
    """Round a net's matrices to half precision, as `save_fold` stores them.

    A ResNet50 then takes 47 MB instead of 94. Round before predicting: what is stored is then
    exactly what predicted.
    """
    for parameter in net.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.half())
