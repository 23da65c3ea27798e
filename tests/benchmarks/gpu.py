"""Fine-tuning image nets on a GPU: how fast, how long it waits for data, where images live.

`make bench` writes `figures/benchmarks_gpu.csv` and `.md` where there is a CUDA device, in some
three minutes. Images are random; ResNet50 starts from random weights, which takes the same time.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning import training
from palsy_utils.learning.nets import build_image_net, build_model, fit_scaling
from palsy_utils.learning.profiles import PROFILES, Training

GPU, CPU = torch.device("cuda"), torch.device("cpu")
FRAMES, SIZE = 17_000, 224  # of YFP's size
HOW = PROFILES["paper"].rgb_resnet50.model_copy(update={"epochs": 1})


def seconds(work: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def best(work: Callable[[], object]) -> float:
    return min(seconds(work) for _ in range(2))


def write_images(path: Path) -> np.ndarray:
    """Write random images to disk, and return them mapped into memory."""
    store = np.lib.format.open_memmap(path, "w+", np.uint8, (FRAMES, SIZE, SIZE, 3))
    rng = np.random.default_rng(0)
    for start in range(0, FRAMES, 1000):
        store[start : start + 1000] = rng.integers(0, 256, store[start : start + 1000].shape)
    store.flush()
    return np.load(path, mmap_mode="c")


def plain_loop(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> None:
    """The same training as one would write it first: float32, every batch from disk, `item()`."""
    net = build_image_net().to(GPU).train()
    optimiser = torch.optim.SGD(net.parameters(), lr=HOW.learning_rate, momentum=HOW.momentum)
    loss_of, order, total = nn.BCEWithLogitsLoss(), np.random.default_rng(0), 0.0
    shuffled = order.permutation(rows)
    for batch in np.array_split(shuffled, len(rows) // HOW.batch_size):
        faces = torch.from_numpy(images[batch]).to(GPU)
        target = torch.eye(2)[labels[batch]].to(GPU)
        loss = loss_of(net(faces), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += loss.item()


def ours(images: np.ndarray, labels: np.ndarray, rows: np.ndarray, config: Training = HOW) -> None:
    training.train(build_image_net(), [images], labels, rows, config, GPU)


def steps_alone(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> None:
    """Our training without any waiting: every step gets the same batch, which is there already."""
    batch = training.gather([torch.from_numpy(images)], rows[: 2 * HOW.batch_size], GPU)
    with (
        patch.object(training, "place", lambda arrays, device: batch),
        patch.object(training, "gather", lambda faces, rows, device: [batch[0][: len(rows)]]),
    ):
        training.train(build_image_net(), [images], labels, rows, HOW, GPU)


def in_main_memory(arrays: list[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


def measure(folder: Path) -> list[tuple[str, str]]:
    """Return what was measured: name and result."""
    images = write_images(folder / "rgb-224.npy")
    labels, rows = np.arange(FRAMES) % 2, np.arange(FRAMES)
    seconds(lambda: ours(images, labels, rows[:640]))  # cuDNN's own start, disk to page cache
    some = rows[: FRAMES // 4]
    plain = best(lambda: plain_loop(images, labels, some)) * FRAMES / len(some)
    torch.cuda.reset_peak_memory_stats()
    whole = best(lambda: ours(images, labels, rows))
    peak = torch.cuda.max_memory_allocated() / 1e9
    loading = best(lambda: training.place([images], GPU))
    alone = best(lambda: steps_alone(images, labels, rows))
    with patch.object(training, "place", in_main_memory):
        torch.cuda.reset_peak_memory_stats()
        mapped = best(lambda: ours(images, labels, rows))
        mapped_peak = torch.cuda.max_memory_allocated() / 1e9
    large = best(lambda: ours(images, labels, rows, HOW.model_copy(update={"batch_size": 256})))
    bits = "bfloat16" if training.has_bf16(GPU) else "float32"
    return [
        ("images and size", f"{FRAMES:,} RGB images, {SIZE} px, {images.nbytes / 1e9:.1f} GB"),
        (
            f"ResNet50, batches of {HOW.batch_size}, {bits}",
            f"{FRAMES / whole:,.0f} images a second",
        ),
        (f"the same in batches of 256, {bits}", f"{FRAMES / large:,.0f} images a second"),
        ("plain loop, float32, images mapped from disk", f"{FRAMES / plain:,.0f} images a second"),
        ("ratio", f"{plain / whole:.2f}"),
        ("one epoch", f"{whole:.1f} s, of which {loading:.1f} s bring the images to the GPU"),
        ("share of an epoch's steps spent waiting for data", f"{waiting(whole - loading, alone)}"),
        ("share of 15 epochs spent waiting, loading included", f"{waiting(whole, alone, loading)}"),
        ("peak memory of the GPU", f"{peak:.1f} GB"),
        ("the same with images mapped from disk", f"{FRAMES / mapped:,.0f} images a second"),
        ("its share spent waiting", f"{waiting(mapped, alone)}"),
        ("its peak memory", f"{mapped_peak:.1f} GB"),
    ]


def waiting(whole: float, alone: float, loading: float = 0.0) -> str:
    """Say what share of the time no step was running; with `loading`, over the paper's epochs."""
    if loading:
        epochs = PROFILES["paper"].rgb_resnet50.epochs
        whole, alone = loading + epochs * (whole - loading), epochs * alone
    return f"{max(0.0, 1 - alone / whole):.1%}"


def check_rules() -> list[tuple[str, str]]:
    """Check where images live, and that a GPU trains what the processor trains."""
    arrays = [np.zeros((100, 32, 32), np.uint8)]
    rules, _ = [], torch.zeros(1, device=GPU)  # CUDA starts before it is deceived
    for memory, wanted in ((400 * 1024, "cuda"), (400 * 1024 - 4, "cpu")):
        properties = SimpleNamespace(total_memory=memory)
        with patch.object(torch.cuda, "get_device_properties", lambda _, p=properties: p):
            assert training.place(arrays, GPU)[0].device.type == wanted
    rules.append(("images on the GPU up to a quarter of its memory, else not", "yes"))
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 100)
    x = rng.normal(size=(200, 52)).astype(np.float32)
    x[:, 3] += 2 * labels
    how = Training(epochs=5, learning_rate=0.01, batch_size=8, inner_folds=0)
    found = [fnn(x, labels, how, device) for device in (GPU, GPU, CPU)]
    rules.append(
        ("same seed, same predictions on the GPU", "yes" if (found[0] == found[1]).all() else "no")
    )
    aucs = ", ".join(f"{area(labels, p):.3f}" for p in found[1:])
    rules.append(("AUROC of a small net, on the GPU and on the processor (other dropout)", aucs))
    faces = rng.integers(0, 60, (200, 32, 32)).astype(np.uint8)
    faces[labels == 1, 8:24, 8:24] += 100
    image = Training(epochs=4, learning_rate=0.01, batch_size=16, schedule="one-cycle")
    pair = []
    for _ in range(2):
        training.seed_everything(0)
        net = build_image_net()
        training.train(net, [faces], labels, np.arange(160), image, GPU)
        pair.append(training.compute(net, [faces], np.arange(160, 200), GPU))
    rules.append(
        (
            "the same for ResNet50",
            "yes"
            if torch.equal(*pair)
            else f"no, logits up to {(pair[0] - pair[1]).abs().max():.3f} apart",
        )
    )
    return rules


def fnn(x: np.ndarray, labels: np.ndarray, how: Training, device: torch.device) -> np.ndarray:
    training.seed_everything(0)
    net = build_model(("expressions",))
    fit_scaling(net, [x], np.arange(160))
    training.train(net, [x], labels, np.arange(160), how, device)
    return training.compute(net, [x], np.arange(200), device).numpy()[:, 1]


def area(labels: np.ndarray, logits: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return roc_auc_score(labels[160:], logits[160:])


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("No CUDA device here: figures/benchmarks_gpu.md stays as it is.")
    start = time.perf_counter()
    rows = check_rules()
    print(rows, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder)) + rows
    table = pd.DataFrame(rows, columns=["what", "result"])
    where = f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    write_csv(table, PROJECT / "figures" / "benchmarks_gpu.csv")
    text = (
        f"# On a GPU\n\n`make bench`, {where}; {(time.perf_counter() - start) / 60:.0f} minutes.\n"
    )
    text += f"\n{table.to_markdown(index=False)}\n"
    text += (
        "\nWith batches of 32 the processor, which starts the GPU's work, is the bound; batches of "
        "256 show what the GPU could do. Waiting is the time beyond that of the same steps on one "
        "batch that is there already.\n"
    )
    write_text(text, PROJECT / "figures" / "benchmarks_gpu.md")
    print(text)


if __name__ == "__main__":
    main()
