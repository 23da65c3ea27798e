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


def mirror_some(
    batches: Sequence[np.ndarray],
    chosen: np.ndarray,
    mirrored: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Return a batch with the chosen faces mirrored.

    Training mirrors a random half. The paper is silent about augmentation; this is our one
    choice: palsy has no preferred side, but a handful of people may.

    Args:
        batches: one array a modality, (n, ...); face i of each is treated alike.
        chosen: (n,) bool.
        mirrored: the same faces mirrored; images (n, height, width[, 3]) need none.
    """
    result = [faces.copy() for faces in batches]
    for i, faces in enumerate(result):
        faces[chosen] = mirrored[i][chosen] if mirrored else faces[chosen, :, ::-1]
    return result


def train(
    net: nn.Module,
    inputs: Sequence[np.ndarray],
    labels: np.ndarray,
    rows: np.ndarray,
    how: Training,
    device: torch.device,
    seed: int = 0,
    mirrored: Sequence[np.ndarray] | None = None,
    auxiliary: Callable | None = None,
) -> pd.DataFrame:
    """Train a net in place on binary cross-entropy, the paper's by stochastic gradient descent.

    Nothing is chosen along the way: the epochs are fixed, and the net after the last one counts.
    Half of the images, or of the faces for which `mirrored` is given, are mirrored each time they
    are shown (`mirror_some`).

    Args:
        net: takes one batch of each of `inputs`, returns logits (n, 2). If it has `members`, these
            are trained one by one, and the history is their mean.
        inputs: one array a modality, (n_samples, ...); may be mapped into memory.
        labels: (n_samples,) 0 healthy, 1 palsy.
        rows: which samples to train on.
        how: epochs, learning rate, batch size, momentum, schedule.
        device: see `pick_device`.
        seed: of the order of samples and of dropout.
        mirrored: `inputs` of the mirrored faces, for structured modalities.
        auxiliary: for nets that answer more than palsy or not: (logits of a batch, its samples,
            which of them are mirrored) -> loss to add.

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
    if hasattr(net, "members"):  # each learns for itself; only their answers are averaged
        histories = [
            train(member, inputs, labels, rows, how, device, seed + 1000 * i, mirrored, auxiliary)
            for i, member in enumerate(net.members)
        ]
        summary = {"loss": "mean", "accuracy": "mean", "seconds": "sum"}
        return pd.concat(histories).groupby("epoch", as_index=False).agg(summary)
    seed_everything(seed)
    order = np.random.default_rng(seed)
    if hasattr(net, "fit"):
        net.fit([array[rows] for array in inputs])
    elif not _sees_images(inputs):
        net[0].fit(inputs[0][rows])
    net.to(device).train()
    targets = torch.eye(2, device=device)[torch.from_numpy(labels)]  # one output for each class
    cross_entropy = nn.BCEWithLogitsLoss()
    optimiser = _optimiser(net, how)
    n_batches = max(1, len(rows) // how.batch_size)  # equal parts: batch norm wants no batch of 1
    schedule = None
    if how.schedule == "one-cycle":
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, how.learning_rate, total_steps=n_batches * how.epochs
        )
    history, bar = [], progress(title="training", total=n_batches * how.epochs, unit="batch")
    for epoch in range(1, how.epochs + 1):
        start, loss_sum, right = time.perf_counter(), 0.0, 0
        for batch in np.array_split(order.permutation(rows), n_batches):
            arrays = [array[batch] for array in inputs]
            chosen = np.zeros(len(batch), bool)
            if mirrored or _sees_images(inputs):
                chosen = order.random(len(batch)) < 0.5
                flipped = mirrored and [array[batch] for array in mirrored]
                arrays = mirror_some(arrays, chosen, flipped)
            logits = _forward(net, arrays, device).float()
            loss = cross_entropy(logits[:, :2], targets[batch])
            if auxiliary:
                loss = loss + auxiliary(logits, batch, chosen)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule:
                schedule.step()
            bar.update()
            loss_sum += loss.item() * len(batch)
            right += (logits[:, :2].argmax(1) == targets[batch].argmax(1)).sum().item()
        if not np.isfinite(loss_sum):
            raise PalsyError(
                f"The loss is not a number any more in epoch {epoch} at learning rate "
                f"{how.learning_rate}: lower the learning rate in profiles.py."
            )
        seconds = time.perf_counter() - start
        history.append((epoch, loss_sum / len(rows), right / len(rows), seconds))
    bar.close()
    return pd.DataFrame(history, columns=["epoch", "loss", "accuracy", "seconds"])


def _optimiser(net: nn.Module, how: Training) -> torch.optim.Optimizer:
    options = {"lr": how.learning_rate, "weight_decay": how.weight_decay, "fused": True}
    if how.optimiser == "adamw":
        return torch.optim.AdamW(net.parameters(), **options)
    return torch.optim.SGD(net.parameters(), momentum=how.momentum, **options)


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
    parts = np.array_split(rows, max(1, len(rows) // 64))
    batches = ([array[part] for array in inputs] for part in parts)
    if mirrored:
        batches = (mirror_some(batch, np.ones(len(batch[0]), bool)) for batch in batches)
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
