"""The series' style, and pictures that more than one notebook shows; each returns its figure.

Colours are Okabe and Ito's, told apart by colour-blind readers too.
"""

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageColor, ImageOps

from palsy_utils.files import publish

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PINK, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#BBBBBB"
PALSY, HEALTHY = RED, BLUE
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


def follow(draw: Callable[..., object], **controls: ipywidgets.Widget) -> ipywidgets.VBox:
    """Show the figure that `draw` makes of the controls' values, anew whenever one of them moves.

    As a picture, not by `ipywidgets.interact`: its output widget now and then makes nbclient, and
    so papermill, wait for ever.
    """
    screen = ipywidgets.Image(format="png", layout={"align_self": "flex-start"})

    def show(_: object = None) -> None:
        draw(**{name: control.value for name, control in controls.items()})
        file = io.BytesIO()
        plt.gcf().savefig(file, format="png")
        plt.close()
        screen.value = file.getvalue()

    for control in controls.values():
        control.observe(show, "value")
    show()
    return ipywidgets.VBox([*controls.values(), screen])


def image_row(images: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Show pictures side by side, grey ones as they are."""
    size = np.array([len(images), 1.15]) * min(2.4, 10 / len(images))
    figure, axes = plt.subplots(1, len(images), figsize=size, layout="constrained")
    for ax, image, title in zip(np.atleast_1d(axes), images, titles, strict=True):
        ax.imshow(image, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize="small")
        ax.axis("off")
    return figure


def moving_picture(frames: Iterable[np.ndarray], rate: int, alt: str) -> HTML:
    """Return frames (height, width, 3) of one size, `rate` a second, as a picture that moves."""
    file, (start, *others) = io.BytesIO(), map(Image.fromarray, frames)
    start.save(file, "webp", save_all=True, append_images=others, duration=1000 // rate, loop=0)
    data = base64.b64encode(file.getvalue()).decode()
    return HTML(f'<img alt="{alt}" src="data:image/webp;base64,{data}">')


def with_cursor(figure: Figure, places: Iterable[float], images: Iterable) -> Iterator[np.ndarray]:
    """Yield each image beside the figure, whose cursor is at its place on the x axis; close it."""
    figure.canvas.draw()
    for place, image in zip(places, images, strict=True):
        plot = np.array(figure.canvas.buffer_rgba())[..., :3]
        x = int(figure.axes[0].transData.transform((place, 0))[0])
        plot[:, x - 1 : x + 2] = ImageColor.getrgb(GREEN)
        yield np.hstack([np.array(ImageOps.pad(Image.fromarray(image), plot.shape[:1] * 2)), plot])
    plt.close(figure)


def training_curves(histories: dict[str, Sequence[pd.DataFrame]]) -> Figure:
    """Draw the loss over the epochs, a panel a model: each fold (`training.train`) and the mean."""
    folds = [(model, i, h) for model, some in histories.items() for i, h in enumerate(some)]
    table = pd.concat([h.assign(model=model, fold=i) for model, i, h in folds], ignore_index=True)
    panels = {"col": "model", "col_wrap": min(len(histories), 3), "height": 3.2}
    free = {"sharex": False, "sharey": False}  # some losses are sums of several
    thin = {"units": "fold", "estimator": None, "color": BLUE, "lw": 1, "alpha": 0.35}
    grid = sns.relplot(table, x="epoch", y="loss", kind="line", facet_kws=free, **panels, **thin)
    grid.map(sns.lineplot, "epoch", "loss", errorbar=None, color=BLUE, lw=2.5, marker="o")
    grid.set_titles("{col_name}").set_axis_labels("epoch", "training loss (cross-entropy)")
    for ax in grid.axes.flat:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return grid.set(ylim=(0, None)).figure


def probability_timeline(predictions: pd.DataFrame, title: str) -> Figure:
    """Draw the probabilities of a fold (`results.PREDICTIONS`) in order, over the true labels."""
    figure, ax = plt.subplots(figsize=(11, 3), layout="constrained")
    x, video = np.arange(len(predictions)), predictions["video"].reset_index(drop=True)
    ax.bar(x, predictions["label"], 1, color=PALSY, alpha=0.2, label="labelled palsy", lw=0)
    ax.plot(x, predictions["probability"], color=BLACK, marker="o", ms=3, lw=1, label="predicted")
    ax.axhline(0.5, color=GREY, ls="--")
    for start, name in video[video != video.shift()].items():
        ax.axvline(start - 0.5, color=GREY, lw=1)
        ax.text(start, 1.03, name, fontsize="small")
    ax.set(xlabel="labelled frames in order", ylabel="probability of palsy")
    ax.set(xlim=(-0.5, len(x) - 0.5), ylim=(0, 1))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_title(title, pad=18)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
