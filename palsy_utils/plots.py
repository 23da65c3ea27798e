"""The series' style, and pictures that more than one notebook shows; each returns its figure.

Colours are Okabe and Ito's, told apart by colour-blind readers too; a modality keeps its colour
(`modalities.MODALITIES`) throughout the series.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from palsy_utils.faces.landmarks import EXPRESSIONS
from palsy_utils.files import publish

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PINK, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#BBBBBB"
DARK_GREY = "#777777"
PALSY, HEALTHY = RED, BLUE
MODEL_COLOURS = {
    "coordinates-fnn": GREEN,
    "expressions-fnn": ORANGE,
    "rgb-resnet50": RED,
    "lines-resnet50": BLACK,
    "lines+rgb-resnet50": PINK,
    "early-fusion": BLUE,
    "late-fusion": SKY,
    "asymmetry-fnn": BLUE,
    "handcrafted-fnn": GREEN,
    "lines-multitask-resnet50": DARK_GREY,
    "early-fusion-rgb+handcrafted": RED,
    "weighted-late-fusion": SKY,
    "attention-fusion-structured": ORANGE,
    "clip-fusion": PINK,
    "attention-fusion": BLACK,
}
# Dashes besides colours, so that curves differ in grey print too; dots: beyond the paper.
MODEL_DASHES = {
    name: "-." if i > 6 else "-" if i % 2 == 0 else "--" for i, name in enumerate(MODEL_COLOURS)
}
REGION_COLOURS = {"normal": SKY, "slight": YELLOW, "strong": RED}


def use_style() -> None:
    """Set the series' look for all figures that follow."""
    plt.style.use("seaborn-v0_8-whitegrid")
    plt.rcParams.update({"figure.dpi": 96, "savefig.dpi": 120, "axes.titlesize": "medium"})
    plt.rcParams["axes.prop_cycle"] = plt.cycler(color=[BLUE, ORANGE, RED, GREEN, PINK, SKY, BLACK])


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure as PNG, whole or not at all."""
    with publish(path) as part:
        figure.savefig(part, format="png", bbox_inches="tight", metadata={"Software": None})


def image_row(images: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Show pictures side by side, grey ones as they are."""
    size = (2.4 * len(images), 2.76)
    figure, axes = plt.subplots(1, len(images), figsize=size, layout="constrained")
    for ax, image, title in zip(np.atleast_1d(axes), images, titles, strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize="small")
        ax.axis("off")
    return figure


def four_modalities(
    rgb: np.ndarray | None,
    coordinates: np.ndarray,
    expressions: np.ndarray,
    lines: np.ndarray,
    title: str,
) -> Figure:
    """Show one face in the paper's four modalities, row i of each modality array.

    Args:
        rgb: uint8 (size, size, 3), or None where only measurements are at hand.
        coordinates: (125, 2).
        expressions: (52,).
        lines: uint8 (size, size).
        title: above the pictures.
    """
    figure, axes = plt.subplots(1, 4, figsize=(15, 3.9), layout="constrained")
    if rgb is None:
        axes[0].text(0.5, 0.5, "not at hand", ha="center")
    else:
        axes[0].imshow(rgb)
    axes[1].scatter(*coordinates.T, s=8, color=GREEN)
    axes[1].invert_yaxis()
    axes[1].set_aspect("equal")
    top = np.argsort(expressions)[::-1][:12]
    axes[2].barh([EXPRESSIONS[i] for i in top], expressions[top], color=ORANGE)
    axes[2].invert_yaxis()
    axes[2].tick_params(axis="y", labelsize="x-small")
    axes[2].set(xlim=(0, 1), title="52 expression scores (12 highest)")
    axes[3].imshow(lines, cmap="gray", vmin=0, vmax=255)
    for ax in (axes[0], axes[3]):
        ax.axis("off")
    for ax, name in zip(axes, ("RGB image", "125 coordinates", None, "line image"), strict=True):
        if name:
            ax.set_title(name)
    figure.suptitle(title)
    return figure


def training_curves(histories: dict[str, Sequence[pd.DataFrame]]) -> Figure:
    """Draw the training loss over the epochs: each fold thin, their mean thick.

    Args:
        histories: of each model, what `training.train` returned for its folds.
    """
    n = len(histories)
    figure, axes = plt.subplots(
        1, n, figsize=(max(5, 2.6 * n), 3.2), sharey=n > 1, layout="constrained", squeeze=False
    )
    for ax, (model, folds) in zip(axes[0], histories.items(), strict=True):
        colour = MODEL_COLOURS.get(model, BLACK)
        for history in folds:
            ax.plot(history["epoch"], history["loss"], color=colour, alpha=0.35, lw=1)
        mean = pd.concat(folds).groupby("epoch")["loss"].mean()
        ax.plot(mean.index, mean, color=colour, lw=2.5, marker="o", ms=4)
        ax.set(title=model, xlabel="epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    highest = max(history["loss"].max() for folds in histories.values() for history in folds)
    axes[0, 0].set(ylabel="training loss (cross-entropy)", ylim=(0, 1.05 * highest))
    return figure


def probability_timeline(predictions: pd.DataFrame, title: str) -> Figure:
    """Draw the predicted probability of held-out frames in order, over their true label.

    Args:
        predictions: `results.PREDICTIONS` of one fold.
        title: model and person.
    """
    figure, ax = plt.subplots(figsize=(11, 3), layout="constrained")
    x = np.arange(len(predictions))
    palsy = predictions["label"].to_numpy() == 1
    if palsy.any():
        ax.bar(x[palsy], 1, 1, color=PALSY, alpha=0.2, label="labelled palsy", lw=0)
    ax.plot(x, predictions["probability"], color=BLACK, marker="o", ms=3, lw=1, label="predicted")
    ax.axhline(0.5, color=GREY, ls="--")
    starts = np.flatnonzero(predictions["video"].ne(predictions["video"].shift()).to_numpy())
    for start in starts:
        ax.axvline(start - 0.5, color=GREY, lw=1)
        ax.text(start, 1.03, predictions["video"].iloc[start], fontsize="small")
    ax.set(xlabel="labelled frames in order", ylabel="probability of palsy", ylim=(0, 1))
    ax.set_xlim(-0.5, len(x) - 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_title(title, pad=18)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
