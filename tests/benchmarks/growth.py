"""How the cost of each stage grows with frames and with people: times, memory, exponents.

`make bench` writes `figures/growth.csv`, `.md` and `.png`. The exponent is the slope of log time
over log size: 1 is linear. Every measurement runs in a process of its own, for its memory.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.files import PROJECT, write_csv, write_text
from palsy_utils.learning.profiles import PROFILES

PHANTOM = PROJECT / "data" / "phantom"


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def front_end(size: int) -> dict[str, float]:
    """Clips to modalities of four synthetic clips, `size` copies of each, in one process."""
    from palsy_utils.cohort.load import load_cohort
    from palsy_utils.faces.frames import extract_frames
    from palsy_utils.faces.modalities import build_modalities, measure_faces

    labels = pd.read_csv(PHANTOM / "labels.csv", dtype=str)
    some = labels[labels["video"].isin(labels["video"].unique()[:4])]
    with tempfile.TemporaryDirectory() as folder:
        root, tables = Path(folder), []
        for i in range(size):
            shutil.copytree(PHANTOM / "clips", root / f"clips-{i}")
            file = some["file"].str.replace("clips/", f"clips-{i}/")
            tables.append(some.assign(video=some["video"] + f"-{i}", file=file))
        pd.concat(tables).to_csv(root / "labels.csv", index=False)
        cohort = load_cohort(root)
        return {
            "frames from clips": timed(lambda: extract_frames(cohort, 1)),
            "faces from frames": timed(lambda: measure_faces(cohort, 1)),
            "modalities, 64 px": timed(lambda: build_modalities(cohort, 64)),
        }


def row(people: int) -> dict[str, float]:
    """All folds of the expressions' FNN, 40 frames a person, 2 epochs."""
    import torch

    from palsy_utils.learning.nets import build_fnn
    from palsy_utils.learning.training import train

    rng, n = np.random.default_rng(0), 40 * people
    x, y, who = rng.random((n, 52), np.float32), rng.integers(0, 2, n), np.arange(n) % people
    how = PROFILES["paper"].fnn.model_copy(update={"epochs": 2})

    def one(fold: int) -> None:
        train(
            build_fnn("expressions"), [x], y, np.flatnonzero(who != fold), how, torch.device("cpu")
        )

    one(0)  # torch's own start
    all_folds = timed(lambda: [one(fold) for fold in range(people)])
    return {"one fold of an FNN": all_folds / people, "all folds of an FNN": all_folds}


def table(predictions: int) -> dict[str, float]:
    """The results table with intervals, 7 rows, 2,500 predictions a person."""
    from palsy_utils.evidence.intervals import auroc_interval
    from palsy_utils.evidence.table import table_1
    from palsy_utils.learning.experiments import PAPER_MODELS

    rng, n = np.random.default_rng(0), predictions // 7
    who = rng.integers(0, predictions // 2500, n)
    samples = pd.DataFrame({"patient": who.astype(str), "video": who.astype(str)})
    samples = samples.assign(frame=np.arange(n), label=rng.integers(0, 2, n))
    models = [samples.assign(model=m, probability=rng.random(n)) for m in PAPER_MODELS]
    together = pd.concat(models)

    def work() -> None:
        table_1(together, samples)
        for model in models:
            auroc_interval(model)

    return {"table with intervals": timed(work)}


STAGES = {
    "frames, times 96": (front_end, (1, 4, 16)),
    "people": (row, (4, 8, 16, 32)),
    "predictions": (table, (20_000, 125_000, 500_000)),
}


def measure(of: str, size: int) -> pd.DataFrame:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, of, str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    table = pd.DataFrame(lines, columns=["stage", "seconds", "peak_mb"])
    return table.astype({"seconds": float, "peak_mb": float}).assign(of=of, size=size)


def main() -> None:
    parts = []
    for of, (_, sizes) in STAGES.items():
        for size in sizes:
            parts.append(measure(of, size))
            print(parts[-1].to_string(index=False, header=False), flush=True)
    table = pd.concat(parts, ignore_index=True)[["stage", "of", "size", "seconds", "peak_mb"]]
    logs = table.assign(x=np.log(table["size"]), y=np.log(table["seconds"]))
    slopes = {stage: np.polyfit(p["x"], p["y"], 1)[0] for stage, p in logs.groupby("stage")}
    table["exponent"] = table["stage"].map(slopes)
    write_csv(table.round(3), PROJECT / "figures" / "growth.csv")
    report(table)
    draw(table)


def report(table: pd.DataFrame) -> None:
    """Write the table, and what a thousand people on 64 workers would take by it."""
    last = table.groupby("stage").last()
    faces = last.loc["faces from frames"]
    fold = last.loc["one fold of an FNN"]
    frames, workers, how = 1000 * 800, 64, PROFILES["paper"].fnn  # frames a person as in YFP
    measuring = faces["seconds"] / (faces["size"] * 96) * frames / workers / 60
    step = fold["seconds"] / (40 * fold["size"] * 2)  # a frame, an epoch
    # k inner folds see (k - 1) / k of the frames each: with the net itself, k times all of them.
    one = step * frames * how.epochs * how.inner_folds / 3600
    text = (
        f"# Cost as the work grows\n\n{table.round(2).to_markdown(index=False)}\n\n"
        f"From this, 1,000 people with 800 frames each on {workers} workers like this one: "
        f"measuring faces {measuring:.0f} minutes; one fold of an FNN with its inner "
        f"folds {one:.1f} hours, all 1,000 folds {one * 1000 / workers:.0f} hours, 10 grouped "
        f"folds (`--folds 10`) {one:.1f} hours. Leaving out one person at a time grows with the "
        "square of people, whoever computes it; extrapolated, not measured.\n"
    )
    write_text(text, PROJECT / "figures" / "growth.md")


def draw(table: pd.DataFrame) -> None:
    import matplotlib.pyplot as plt

    from palsy_utils.plots import save_figure, use_style

    use_style()
    figure, axes = plt.subplots(1, len(STAGES), figsize=(11, 3.4), layout="constrained")
    for ax, of in zip(axes, STAGES, strict=True):
        for stage, part in table[table["of"] == of].groupby("stage"):
            label = f"{stage}: exponent {part['exponent'].iloc[0]:.2f}"
            ax.loglog(part["size"], part["seconds"], "o-", label=label)
        ax.set(xlabel=of, ylabel="seconds")
        ax.minorticks_off()
        ax.set_xticks(part["size"], [f"{size:,}" for size in part["size"]])
        ax.legend(fontsize=7)
    save_figure(figure, PROJECT / "figures" / "growth.png")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        for stage, took in STAGES[sys.argv[1]][0](int(sys.argv[2])).items():
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(stage, took, peak, sep="\t")
