"""Pictures of leakage: near copies, scores by split, and people behind a mean."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from palsy_utils.plots import BLACK, BLUE, GREY, HEALTHY, ORANGE, PALSY, RED
from palsy_utils.plots_attention import MODALITY_COLOURS

MARKERS = {"rgb": "o", "lines": "s", "coordinates": "^", "expressions": "v", "handcrafted": "D"}


def near_copies(images: np.ndarray, samples: pd.DataFrame, rows: dict[str, np.ndarray]) -> Figure:
    """Show frames and the frames that answered for them, framed by label.

    Args:
        images: (n, side, side) or (n, side, side, 3), uint8, one a sample.
        samples: `modalities.SAMPLES`.
        rows: what a row of pictures is called, and which samples stand in it.
    """
    across = max(len(r) for r in rows.values())
    figure, axes = plt.subplots(
        len(rows), across, figsize=(1.9 * across, 2.3 * len(rows)), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for line, (name, chosen) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name)
        for ax, i in zip(line, chosen, strict=False):
            sample = samples.iloc[i]
            palsy = sample["label"] == 1
            ax.imshow(images[i], cmap="gray", vmin=0, vmax=255)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            word = "palsy" if palsy else "healthy"
            ax.set_title(f"{sample['video']}, {sample['time_s']:.2f} s\n{word}", fontsize="small")
            ax.spines[:].set(visible=True, lw=4, color=PALSY if palsy else HEALTHY)
            ax.spines[:].set_linestyle("-" if palsy else ":")
    figure.suptitle("Red and solid: palsy; blue and dotted: healthy")
    return figure


def split_bars(aurocs: pd.Series, title: str) -> Figure:
    """Draw an AUROC for every way to split (down); dashed is chance."""
    figure, ax = plt.subplots(figsize=(8, 1.1 + 0.42 * len(aurocs)), layout="constrained")
    bars = ax.barh(aurocs.index, aurocs, color=BLUE)
    ax.bar_label(bars, fmt="%.2f", padding=4)
    ax.axvline(0.5, color=BLACK, ls="--", lw=1)
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.1), xlabel="AUROC (dashed: chance)", title=title)
    return figure


def leak_lines(ours: pd.DataFrame, elsewhere: dict[str, Sequence[float]]) -> Figure:
    """Draw how scores fall from split to split, a line a modality; beside them, others' numbers.

    Args:
        ours: AUROC, modalities down and splits across.
        elsewhere: of each question, AUROC of a random split and with one video left out.
    """
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 4.2), sharey=True, width_ratios=(3, 2), layout="constrained"
    )
    for name, values in ours.iterrows():
        modality, _, how = name.partition(", ")
        style = {"color": MODALITY_COLOURS[modality], "marker": MARKERS[modality]}
        left.plot(ours.columns, values, label=name, ls="--" if how else "-", **style)
    for (name, values), colour in zip(elsewhere.items(), (BLUE, ORANGE, RED), strict=False):
        right.plot(["random frames", "one video"], values, "o-", color=colour, label=name)
        for x, value in enumerate(values):
            highest = value == max(v[x] for v in elsewhere.values())
            where, side = (-8 if x == 0 else 8, 5 if highest else -5), "right" if x == 0 else "left"
            look = {"textcoords": "offset points", "ha": side, "va": "center"}
            right.annotate(f"{value:.2f}", (x, value), where, **look)
    for ax, title in ((left, "drawn faces, measured here"), (right, "YFP, measured elsewhere")):
        ax.axhline(0.5, color=GREY, ls="--")
        ax.set(title=title, xlabel="what leaves together")
        ax.margins(x=0.18)
        ax.legend(loc="lower left", fontsize="small", frameon=True)
    left.set(ylabel="AUROC", ylim=(0.3, 1.03))
    return figure


def people_f1(people: pd.DataFrame) -> Figure:
    """Draw F1 (above) and specificity (below) of each person, a colour a model; x: undefined.

    Args:
        people: from `evaluation.patient_scores`, of two or three models.
    """
    models, names = list(dict.fromkeys(people["model"])), list(dict.fromkeys(people["patient"]))
    figure, axes = plt.subplots(
        2, 1, figsize=(max(7, 0.9 * len(names)), 5), sharex=True, layout="constrained"
    )
    width = 0.8 / len(models)
    for ax, score in zip(axes, ("f1", "specificity"), strict=True):
        for k, model in enumerate(models):
            values = people[people["model"] == model].set_index("patient")[score].loc[names]
            x = np.arange(len(names)) + (k - (len(models) - 1) / 2) * width
            look = {"color": (BLUE, ORANGE, RED)[k], "hatch": ("", "//", "..")[k]}
            ax.bar(x, values.fillna(0), width, label=model, edgecolor="white", **look)
            gone = values.isna().to_numpy()
            ax.scatter(x[gone], np.full(gone.sum(), 0.03), marker="x", color=BLACK, zorder=3)
            ax.axhline(values.mean(), color=look["color"], ls="--", lw=1.2)
        ax.set(ylim=(0, 1.05), ylabel=score)
    axes[0].set_title("Each person (dashed: the mean over people; x: undefined)")
    axes[0].legend(loc="lower left", bbox_to_anchor=(0, 1.1), ncols=3, frameon=False)
    axes[1].set_xticks(range(len(names)), names)
    return figure
