"""Pictures of explanations and of their scores; each function returns its figure."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy.spatial import ConvexHull

from palsy_utils.cohort.load import Cohort
from palsy_utils.faces.landmarks import (
    LEFT_OF_PAIR,
    MIDLINE,
    POINTS_125,
    REGIONS,
    RIGHT_OF_PAIR,
    region_of_point,
)
from palsy_utils.faces.modalities import face_in_modalities
from palsy_utils.faces.upright import draw_lines, in_window
from palsy_utils.plots import BLACK, BLUE, GREY, HEALTHY, ORANGE, PALSY, SKY


def attribution_bars(values: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Draw the twelve largest attributions of one face.

    Args:
        values: (numbers,) attributions, positive for palsy.
        names: of the numbers.
        title: model and face.
    """
    figure, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    largest = np.argsort(-np.abs(values))[:12]
    colours = [PALSY if value > 0 else HEALTHY for value in values[largest]]
    hatches = ["" if value > 0 else "//" for value in values[largest]]
    ax.barh([names[i] for i in largest], values[largest], color=colours, hatch=hatches, ec="white")
    ax.axvline(0, color=BLACK, lw=1)
    ax.invert_yaxis()
    ax.set(title=title, xlabel="attribution, in logits: against palsy (hatched) | for palsy")
    ax.grid(axis="y", visible=False)
    return figure


def heat_on_lines(image: np.ndarray, heat: np.ndarray, title: str) -> Figure:
    """Show a picture that an image net saw, its Grad-CAM map, and one over the other.

    Args:
        image: (size, size[, 3]) uint8.
        heat: (h, w), signed; the colours are white where it is zero.
        title: model and face.
    """
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 3.2), layout="constrained")
    extent = (-0.5, len(image) - 0.5, len(image) - 0.5, -0.5)
    limit = np.abs(heat).max() or 1
    look = {"cmap": "PuOr_r", "vmin": -limit, "vmax": limit, "extent": extent}
    axes[0].imshow(image, cmap="gray")
    shown = axes[1].imshow(heat, **look)
    axes[2].imshow(255 - image, cmap="gray")
    axes[2].imshow(heat, **look, alpha=0.55, interpolation="bilinear")
    what = ("what the net saw", f"the map: {heat.shape[0]} x {heat.shape[1]} cells", "both")
    for ax, name in zip(axes, what, strict=True):
        ax.set(title=name, xticks=[], yticks=[])
        ax.grid(False)
    figure.colorbar(shown, ax=axes, shrink=0.7, label="against | for palsy")
    figure.suptitle(title)
    return figure


def swapped_regions(
    image: np.ndarray, areas: np.ndarray, answers: Mapping[str, float], title: str
) -> Figure:
    """Show an image as it is, and with one region after the other swapped for its mirror image.

    Args:
        image: (size, size) uint8.
        areas: (size, size) numbers of `landmarks.REGIONS`, from `counterfactual.region_of_pixels`.
        answers: what the net says of the image (`as it is`) and with each region swapped.
        title: model and face.
    """
    figure, axes = plt.subplots(
        1, len(answers), figsize=(2.3 * len(answers), 3.2), layout="constrained"
    )
    for ax, (name, answer) in zip(axes, answers.items(), strict=True):
        inside = areas == (REGIONS.index(name) if name in REGIONS else -1)
        ax.imshow(np.where(inside, image[:, ::-1], image), cmap="gray", vmin=0, vmax=255)
        shade = np.zeros((*image.shape, 4))
        shade[inside] = (*plt.matplotlib.colors.to_rgb(ORANGE), 0.35)
        ax.imshow(shade)
        ax.set(title=f"{name}\n{answer:+.1f}", xticks=[], yticks=[])
        ax.set_xlabel("subject's right | left", fontsize="small")
        ax.grid(False)
    figure.suptitle(f"{title}: a weak left (+) or right (-)?")
    return figure


def tinted_faces(
    picture: np.ndarray, points: np.ndarray, strengths: Mapping[str, np.ndarray], title: str
) -> Figure:
    """Show a face several times, its regions tinted by what each explanation says.

    Args:
        picture: (size, size[, 3]) uint8, the upright window.
        points: (478, 2) landmarks in pixels of the whole picture.
        strengths: explanation -> (4, 2) by region and side; only evidence for palsy is tinted,
            the strongest darkest.
        title: whose face.
    """
    n = len(strengths)
    size_of = (max(6, 2.1 * n), 3.1)
    figure, axes = plt.subplots(1, n, figsize=size_of, layout="constrained", squeeze=False)
    size = len(picture)
    at = in_window(points, POINTS_125, size)
    for ax, (name, strength) in zip(axes[0], strengths.items(), strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        _tint(ax, at, strength)
        ax.set(title=name, xticks=[], yticks=[], xlim=(0, size - 1), ylim=(size - 1, 0))
        ax.set_xlabel("subject's right | left", fontsize="small")
        ax.grid(False)
    figure.suptitle(title)
    return figure


def _tint(ax: Axes, at: np.ndarray, strength: np.ndarray) -> None:
    positive = np.clip(strength, 0, None)
    share = positive / positive.max() if positive.max() > 0 else positive
    where = np.array([region_of_point(point) for point in POINTS_125])
    strongest = np.unravel_index(share.argmax(), share.shape)
    for i, region in enumerate(REGIONS):
        for k, half in enumerate((LEFT_OF_PAIR, RIGHT_OF_PAIR)):
            own = np.concatenate([half, MIDLINE]) if region in ("nose", "mouth") else half
            corners = at[own[where[own] == region]]
            outline = corners[ConvexHull(corners).vertices]
            is_strongest = share.max() > 0 and (i, k) == strongest
            ax.add_patch(
                Polygon(
                    outline,
                    facecolor=(*plt.matplotlib.colors.to_rgb(ORANGE), 0.85 * share[i, k]),
                    edgecolor=BLACK if is_strongest else GREY,
                    lw=2 if is_strongest else 0.7,
                )
            )


def truth_as_strengths(side: str | None, region: str | None) -> np.ndarray:
    """Return the drawn truth as an explanation: 1 where the palsy was drawn, else 0: (4, 2)."""
    strength = np.zeros((len(REGIONS), 2))
    if region in REGIONS:
        sides = [side == "left", side == "right"] if side in ("left", "right") else [True, True]
        strength[REGIONS.index(region)] = sides
    return strength


def score_bars(table: pd.DataFrame) -> Figure:
    """Draw how often side and region are named rightly, model by model, beside random weights.

    Args:
        table: `scoring.COLUMNS`; scores that do not exist (NaN) get no bar.
    """
    figure, axes = plt.subplots(
        1, 2, figsize=(11, 1.6 + 0.5 * len(table)), sharey=True, layout="constrained"
    )
    y = np.arange(len(table))
    for ax, what, colour in zip(axes, ("side", "region"), (BLUE, SKY), strict=True):
        value = table[f"{what}_score"].to_numpy(float)
        reach = np.clip([value - table[f"{what}_low"], table[f"{what}_high"] - value], 0, None)
        ax.barh(y, value, 0.6, color=colour, xerr=reach, ecolor=BLACK, capsize=3, label="explained")
        random = table[f"random_{what}"]
        ax.plot(random, y, "D", mfc="white", mec=BLACK, ls="none", label="random weights (mean)")
        chance = table[f"chance_{what}"].iloc[0]
        ax.axvline(chance, color=BLACK, ls="--", lw=1, label="chance")
        for i in np.flatnonzero(np.isnan(value)):
            ax.text(0.02, i, "not scored", va="center", fontsize="small")
        ax.set(xlim=(0, 1.02), xlabel="mean share of frames")
        ax.set_title(f"drawn {what} named (chance {chance:.2f})")
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(y, table["model"])
    axes[0].invert_yaxis()
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def picture_of(cohort: Cohort, sample: pd.Series, points: np.ndarray) -> np.ndarray:
    """Return the upright picture of a sample, or its line image where there are no pictures."""
    if (cohort.videos["kind"] != "measured").all():
        return face_in_modalities(cohort, sample)[0]
    return draw_lines(points, 224)
