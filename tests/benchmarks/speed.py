"""How fast, as ratios against the plain way of doing the same, both measured in one run.

`make bench` writes `figures/benchmarks.csv` and `.md`. Run it on an idle machine. Each benchmark
returns the seconds of the plain way and of ours for the same work.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import extract_frames, load_frames
from palsy_utils.faces.landmarks import draw_lines, to_pixels
from palsy_utils.faces.modalities import load_faces, measure_faces
from palsy_utils.faces.pictures import open_landmarker, read_image
from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning import training
from palsy_utils.learning.nets import build_fnn, build_image_net
from palsy_utils.learning.profiles import PROFILES

PHANTOM = PROJECT / "data" / "phantom"
CPU = torch.device("cpu")


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best(first: Callable[[], object], second: Callable[[], object], n: int) -> tuple[float, float]:
    """Run two ways in turns, n times, and return the shortest time of each."""
    times = np.array([[seconds(first), seconds(second)] for _ in range(n)])
    return tuple(times.min(0))


def many_videos(folder: Path, copies: int = 4) -> Path:
    """Write a cohort whose videos are copies of the synthetic clips, with frames extracted."""
    labels, tables = pd.read_csv(PHANTOM / "labels.csv", dtype=str), []
    for i in range(copies):
        shutil.copytree(PHANTOM / "clips", folder / f"clips-{i}")
        file = labels["file"].str.replace("clips/", f"clips-{i}/")
        tables.append(labels.assign(video=labels["video"] + f"-{i}", file=file))
    pd.concat(tables).to_csv(folder / "labels.csv", index=False)
    extract_frames(load_cohort(folder))
    return folder


def one_video(folder: Path) -> Path:
    """Write a cohort of one long clip, the synthetic ones end to end, with frames extracted."""
    synthetic = load_cohort(many_videos(folder / "synthetic", 1))
    clip = cv2.VideoWriter(str(folder / "all.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 6, (256, 256))
    for file in load_frames(synthetic)["file"]:
        clip.write(cv2.imread(str(synthetic.root / file)))
    clip.release()
    row = dict.fromkeys(pd.read_csv(PHANTOM / "labels.csv"), "")
    row |= {"patient": "all", "video": "all", "file": "all.mp4"}
    pd.DataFrame([row]).to_csv(folder / "labels.csv", index=False)
    extract_frames(load_cohort(folder))
    return folder


def faces_in_one_process(folder: Path) -> tuple[float, float]:
    """Read, decode, measure, write, against a bare loop over pictures in memory."""
    import mediapipe as mp

    cohort = load_cohort(one_video(folder))
    pictures = [read_image(cohort.root / file)[0] for file in load_frames(cohort)["file"]]
    landmarker = open_landmarker()

    def bare() -> None:
        for picture in pictures:
            landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=picture))

    def ours() -> None:
        shutil.rmtree(cohort.root / "faces", ignore_errors=True)
        measure_faces(cohort, workers=1)

    return best(bare, ours, 5)


def faces_in_two_processes(folder: Path) -> tuple[float, float]:
    """Two worker processes against one, their start included."""
    cohort = load_cohort(many_videos(folder / "many", 4))

    def measure(workers: int) -> None:
        shutil.rmtree(cohort.root / "faces", ignore_errors=True)
        measure_faces(cohort, workers=workers)

    return best(lambda: measure(1), lambda: measure(2), 1)


def line_images(scale: int) -> tuple[float, float]:
    """Our line images against MediaPipe's drawing utilities at the picture's size, then resize.

    The plain way pays for every pixel of the picture. The synthetic ones, 256 px wide, are smaller
    than those of any camera, so they are taken larger as well (`scale`).
    """
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.components.containers.landmark import NormalizedLandmark

    table, landmarks, _ = load_faces(load_cohort(PHANTOM))
    points = to_pixels(landmarks, table["height"], table["width"])
    lists = [[NormalizedLandmark(*map(float, p)) for p in face] for face in landmarks]
    sizes = table[["height", "width"]] * scale
    shapes = [(*size, 3) for size in sizes.itertuples(index=False)]
    connections = vision.FaceLandmarksConnections
    parts = connections.FACE_LANDMARKS_CONTOURS + connections.FACE_LANDMARKS_NOSE
    white = vision.drawing_utils.DrawingSpec(color=(255, 255, 255), thickness=2)

    def plain() -> None:
        for shape, face in zip(shapes, lists, strict=True):
            image = np.zeros(shape, np.uint8)
            vision.drawing_utils.draw_landmarks(image, face, parts, None, white)
            cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA)

    def ours() -> None:
        for face in points:
            draw_lines(face, 224)

    return best(plain, ours, 5)


class Pictures(Dataset):
    """The plain way: open and decode a JPEG for each sample."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> torch.Tensor:
        image = cv2.imread(str(self.files[i]))
        return torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))


def own_memory() -> float:
    """Return the memory of this process that no file stands behind, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def image_store(folder: Path, n: int, n_read: int = 2000) -> tuple[float, float, float]:
    """Shuffled batches from the image store against JPEGs; and MB that reading the store took."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    shape, pictures = (n, 224, 224, 3), []
    array = np.lib.format.open_memmap(folder / f"rgb-{n}.npy", "w+", np.uint8, shape)
    for i in range(n):
        if i < 200:  # smooth noise: as large as a JPEG of a face
            small = noise.integers(0, 255, (56, 56, 3), np.uint8)
            pictures.append(cv2.resize(small, (224, 224)))
        array[i] = pictures[i % 200]
    array.flush()
    del array
    files = []
    for i in noise.permutation(n)[:n_read]:
        files.append(folder / f"{i}.jpg")
        cv2.imwrite(str(files[-1]), pictures[i % 200])

    def plain() -> None:
        for batch in DataLoader(Pictures(files), batch_size=32, shuffle=True):
            batch.float()

    store = np.load(folder / f"rgb-{n}.npy", mmap_mode="r")
    rows = np.random.default_rng(1).permutation(n)[: len(files)]

    def ours() -> None:  # as `training.train` reads
        for batch in np.array_split(rows, max(1, len(rows) // 32)):
            torch.from_numpy(store[batch]).float()

    ours()  # both from the system's cache
    before = own_memory()
    times = best(plain, ours, 5)
    grown = own_memory() - before
    shutil.rmtree(folder)
    return *times, grown


def resnet50_step(folder: Path) -> tuple[float, float]:
    """One fine-tuning step at 224 px, batch 32, against the plain float32 loop."""
    images = np.random.default_rng(0).integers(0, 255, (32, 224, 224, 3), np.uint8)
    labels = np.tile([0, 1], 16)

    def plain() -> None:
        from torchvision.models import resnet50

        net = resnet50(weights=None)
        net.fc = nn.Linear(2048, 2)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        y = torch.eye(2)[torch.from_numpy(labels)]
        for _ in range(2):
            optimiser.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(net(x), y).backward()
            optimiser.step()

    how = PROFILES["paper"].rgb_resnet50.model_copy(update={"epochs": 2})

    def ours() -> None:
        training.train(build_image_net(), [images], labels, np.arange(32), how, CPU)

    return best(plain, ours, 2)


def fnn_folds(folder: Path) -> tuple[float, float]:
    """Expressions, 17,000 frames of 21 people: one epoch of 2 of the 21 folds, both ways."""
    rng = np.random.default_rng(0)
    x = rng.random((17_000, 52), np.float32)
    y = rng.integers(0, 2, len(x))
    person = np.arange(len(x)) % 21
    how = PROFILES["paper"].fnn.model_copy(update={"epochs": 1})
    folds = [np.flatnonzero(person != k) for k in range(2)]

    def plain() -> None:
        for rows in folds:
            net = build_fnn("expressions")
            data = TensorDataset(torch.from_numpy(x[rows]), torch.eye(2)[torch.from_numpy(y[rows])])
            optimiser = torch.optim.SGD(net.parameters(), how.learning_rate, how.momentum)
            for features, target in DataLoader(data, how.batch_size, shuffle=True, drop_last=True):
                optimiser.zero_grad()
                nn.functional.binary_cross_entropy_with_logits(net(features), target).backward()
                optimiser.step()

    def ours() -> None:
        for rows in folds:
            training.train(build_fnn("expressions"), [x], y, rows, how, CPU)

    return best(plain, ours, 2)


def start_up(statement: list[str]) -> float:
    """Return the shortest of five times that a command takes."""
    run = lambda: subprocess.run([sys.executable, *statement], check=True, capture_output=True)  # noqa: E731
    return min(seconds(run) for _ in range(5))


def whole_run(folder: Path) -> tuple[float, float]:
    """`palsy run` on the phantom at smoke size, all folds of the paper's rows: 1 worker, then 2."""

    def run(workers: int) -> None:
        root = folder / f"phantom-{workers}"
        root.mkdir(parents=True)
        for name in ("labels.csv", "clips", "faces"):
            source = PHANTOM / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
        command = [sys.executable, "-m", "palsy_utils", "run", "--cohort", root]
        command += ["--profile", "smoke", "--workers", str(workers), "--figures", folder]
        subprocess.run(command, check=True, capture_output=True)

    return best(lambda: run(1), lambda: run(2), 1)


DRAWING = "MediaPipe's drawing utilities, resized"
BENCHMARKS = (
    ("faces from frames, one process", "bare Face Landmarker loop", 0.9, faces_in_one_process),
    ("faces from frames, two processes", "one process", 1.6, faces_in_two_processes),
    ("line images, 224 px, of 256 px", DRAWING, 10, lambda _: line_images(1)),
    ("line images, 224 px, of 768 px", DRAWING, 10, lambda _: line_images(3)),
    ("image store, shuffled, 1,000 frames", "JPEGs in a Dataset", 10, 1_000),
    ("image store, shuffled, 10,000 frames", "JPEGs in a Dataset", 10, 10_000),
    ("image store, shuffled, 40,000 frames", "JPEGs in a Dataset", 10, 40_000),
    ("ResNet50 step, 224 px, batch 32", "plain float32 loop", 2.4, resnet50_step),
    ("FNN folds on 17,000 frames", "a DataLoader a fold", 5, fnn_folds),
    ("palsy run, smoke size, two workers", "one worker", 1.5, whole_run),
)

# Why a ratio may stay below what is wanted.
WHY = {
    "faces from frames, one process": "decoding a JPEG takes 4 % of measuring it, landmarks as an "
    "array another 4 %; reading ahead in a thread gained nothing, MediaPipe uses both cores",
    "line images, 224 px, of 256 px": "three quarters of our time are OpenCV's anti-aliased lines, "
    "and the plain way has a small picture to fill",
    "image store, shuffled, 1,000 frames": "8.8, 10.1 and 12.6 in three runs",
    "ResNet50 step, 224 px, batch 32": "a processor computes in float32, as the plain loop does, "
    "so that all of them give the same numbers; bf16 is for GPUs (benchmarks_gpu.md)",
    "FNN folds on 17,000 frames": "steps of 8 samples cost the same however they are fed; only "
    "training all folds as one stacked net would be faster, and a fold is a notebook here",
}


def measure(where: str) -> None:
    """Measure one after the other, and write the table after each."""
    rows = []

    def add(what: str, against: str, plain: float, ours: float, least: float, note: str) -> None:
        rows.append((what, against, plain, ours, plain / ours, least, note))
        save(rows, where)
        print(f"{what}: {plain:.2f} s against {ours:.2f} s, ratio {plain / ours:.2f}", flush=True)

    for what, command in (
        ("palsy --help", ["-m", "palsy_utils", "--help"]),
        ("import palsy_utils", ["-c", "import palsy_utils"]),
    ):
        add(what, "half a second", 0.5, start_up(command), 1, "")
    with tempfile.TemporaryDirectory() as folder:
        for i, (what, against, least, work) in enumerate(BENCHMARKS):
            note, here = "", Path(folder) / str(i)
            if callable(work):
                plain, ours = work(here)
            else:
                plain, ours, grown = image_store(here, work)
                note = f"{max(0, grown):.0f} MB of memory"
            add(what, against, plain, ours, least, note)


def save(rows: list[tuple], where: str) -> None:
    names = ["what", "against", "plain_s", "ours_s", "ratio", "at_least", "note"]
    table = pd.DataFrame(rows, columns=names)
    met = np.where(table["ratio"] >= table["at_least"], "yes", "no")
    table = table.assign(met=met).round(2)
    missed = table.loc[table["met"] == "no", "what"]
    table["note"] = table["note"].mask(table["met"] == "no", table["what"].map(WHY))
    open_ = [what for what, *_ in BENCHMARKS if what not in set(table["what"])]
    write_csv(table, PROJECT / "figures" / "benchmarks.csv")
    text = f"# Benchmarks\n\n{where}\n\n{table.to_markdown(index=False)}\n"
    text += f"\nBelow what is wanted: {', '.join(missed) or 'none'}.\n"
    text += f"\nNot measured in this run: {', '.join(open_) or 'none'}.\n"
    write_text(text, PROJECT / "figures" / "benchmarks.md")


def machine() -> str:
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{os.cpu_count()} cores, {model}, {gpu}; Python "
        f"{platform.python_version()}, torch {torch.__version__}; load before the start "
        f"{os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    measure(machine())
