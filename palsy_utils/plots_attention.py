"""Pictures of asymmetry, attention and weighted fusion; each function returns its figure."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from palsy_utils.asymmetry import names, regions
from palsy_utils.landmarks import REGIONS
from palsy_utils.plots import BLACK, GREY, HEALTHY, MODALITY_COLOURS, PALSY


def asymmetry_by_label(sizes: np.ndarray, labels: pd.Series) -> Figure:
    """Draw how lopsided palsied and healthy frames are, by region and by expression score.

    Args:
        sizes: (n, 145) absolute asymmetry.
        labels: (n,) 0 healthy, 1 palsy.
    """
    palsy, where, scores = np.asarray(labels) == 1, np.array(regions()), names()[-20:]
    points = np.arange(len(where)) < len(where) - len(scores)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", width_ratios=[1, 2])
    by_region = [points & (where == region) for region in REGIONS]
    single = [np.arange(len(where)) == len(where) - len(scores) + i for i in range(len(scores))]
    panels = (
        (axes[0], by_region, REGIONS, "landmarks (eye distances)"),
        (axes[1], single, scores, "expression scores, left against right"),
    )
    for ax, masks, ticks, title in panels:
        x = np.arange(len(masks))
        for label, colour, shift, name in (
            (~palsy, HEALTHY, -0.2, "healthy"),
            (palsy, PALSY, 0.2, "palsy"),
        ):
            means = [sizes[label][:, mask].mean() for mask in masks]
            hatch = "//" if name == "palsy" else ""
            ax.bar(x + shift, means, 0.4, color=colour, label=name, hatch=hatch, edgecolor="white")
        ax.set(title=title, ylabel="mean size of the asymmetry")
        ax.set_xticks(x, ticks, rotation=0 if ax is axes[0] else 60)
        ax.grid(axis="x", visible=False)
    plt.setp(axes[1].get_xticklabels(), ha="right", rotation_mode="anchor")
    axes[0].legend(frameon=False)
    return figure


def attention_timeline(answers: pd.DataFrame, modalities: Sequence[str], title: str) -> Figure:
    """Draw the share of attention that each modality got, frame by frame.

    Args:
        answers: from `one_fold.save_answers`.
        modalities: their names.
        title: model and person.
    """
    figure, ax = plt.subplots(figsize=(11, 3), layout="constrained")
    shares = [answers[f"attention_{name}"] for name in modalities]
    colours = [MODALITY_COLOURS[name] for name in modalities]
    x = np.arange(len(answers))
    ax.stackplot(
        x, shares, labels=modalities, colors=colours, alpha=0.85, edgecolor="white", step="mid"
    )
    for start in np.flatnonzero(answers["video"].ne(answers["video"].shift()).to_numpy())[1:]:
        ax.axvline(start - 0.5, color=BLACK, lw=1)
    ax.set(xlabel="labelled frames in order", ylabel="share of attention", title=title)
    ax.set(ylim=(0, 1), xlim=(0, max(1, len(answers) - 1)))
    handles, labels = ax.get_legend_handles_labels()
    ax.legend(
        handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), frameon=False
    )
    return figure


def weight_curves(table: pd.DataFrame) -> Figure:
    """Draw the inner log loss of every pair of models over the weight of the first.

    Args:
        table: from `inner.choose_pair`.
    """
    figure, ax = plt.subplots(figsize=(8.4, 4), layout="constrained")
    styles = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
    for (pair, curve), style in zip(table.groupby(["first", "second"]), styles, strict=False):
        in_order = curve.sort_values("weight")
        ax.plot(in_order["weight"], in_order["log_loss"], ls=style, label=f"{pair[0]}, {pair[1]}")
    best = table.iloc[0]
    ax.plot(best["weight"], best["log_loss"], "o", ms=10, mfc="none", color=BLACK, label="chosen")
    ax.set(xlabel="weight of the first", ylabel="log loss of training people (inner)")
    ax.axhline(np.log(2), color=GREY, ls=":", lw=1)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
