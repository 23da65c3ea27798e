"""Pictures of evidence: spread, intervals, calibration, abstention; each returns its figure."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from palsy_utils.calibration import best_probability, reliability, risk_coverage
from palsy_utils.plots import BLACK, BLUE, GREY, RED, SKY
from palsy_utils.rows import PAPER_MODELS

# The paper's rows and those beyond it differ in shape too, for grey print.
PAPER, BEYOND = {"color": BLACK, "marker": "o"}, {"color": BLUE, "marker": "s"}


def _style(model: str) -> dict:
    return PAPER if model in PAPER_MODELS else BEYOND


def _rows(n: int, panels: int = 1) -> tuple[Figure, np.ndarray]:
    size = (4.2 + 3.6 * panels, 1.4 + 0.34 * n)
    figure, axes = plt.subplots(
        1, panels, figsize=size, sharey=True, layout="constrained", squeeze=False
    )
    return figure, axes[0]


def _name_rows(ax: plt.Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _error_bars(ax: plt.Axes, table: pd.DataFrame, columns: tuple[str, str, str], **style) -> None:
    """Draw a value and its interval for every row; a row without an interval gets no bar."""
    value, low, high = (table[column].to_numpy(float) for column in columns)
    y = np.arange(len(table)) + style.pop("shift", 0.0)
    ax.hlines(y, low, high, color=style["color"], lw=1.5)
    hollow = np.isnan(low)
    look = {"s": 42, "marker": style["marker"], "edgecolors": style["color"], "zorder": 3}
    ax.scatter(value[~hollow], y[~hollow], facecolors=style["color"], **look)
    ax.scatter(value[hollow], y[hollow], facecolors="white", **look)


def seeds_plot(spread: pd.DataFrame) -> Figure:
    """Draw the AUROC of every model (down), a dot a seed.

    Args:
        spread: from `evidence.seed_scores`.
    """
    models = list(dict.fromkeys(spread["model"]))
    figure, (ax,) = _rows(len(models))
    for i, model in enumerate(models):
        values = spread.loc[spread["model"] == model, "auroc"]
        ax.hlines(i, values.min(), values.max(), color=GREY, lw=4)
        look = {"marker": _style(model)["marker"], "facecolors": "none", "s": 42, "zorder": 3}
        ax.scatter(values, np.full(len(values), i), edgecolors=_style(model)["color"], **look)
    n = spread.groupby("model").size()
    _name_rows(ax, [f"{m} ({n[m]} seed{'s' if n[m] > 1 else ''})" for m in models])
    ax.axvline(0.5, color=GREY, ls="--", lw=1)
    ax.set(xlabel="pooled AUROC of one seed", title="The same people, other random numbers")
    return figure


def intervals_plot(table: pd.DataFrame, always_palsy: float) -> Figure:
    """Draw AUROC and pooled F1 of every model with 95 % intervals from resampling people.

    Args:
        table: from `evidence.model_table`.
        always_palsy: F1 of calling every frame palsy.
    """
    figure, (left, right) = _rows(len(table), 2)
    for i, row in enumerate(table.to_dict("records")):
        style = _style(row["model"]) | {"shift": i}
        one = pd.DataFrame([row])
        _error_bars(left, one, ("auroc", "auroc_low", "auroc_high"), **style)
        _error_bars(right, one, ("pooled_f1", "f1_low", "f1_high"), **style)
    _name_rows(left, table["model"].tolist())
    left.axvline(0.5, color=GREY, ls="--", lw=1)
    right.axvline(always_palsy, color=GREY, ls="--", lw=1)
    left.set(xlabel="AUROC", title="95 % intervals by people (dashed: chance)")
    right.set(xlabel="pooled F1", title="dashed: always palsy")
    return figure


def differences_plot(differences: pd.DataFrame, best: str) -> Figure:
    """Draw how every row beyond the paper differs from one of its rows, with paired intervals.

    Args:
        differences: from `comparison.compare_with`.
        best: the row of the paper.
    """
    figure, (ax,) = _rows(len(differences))
    columns = ("difference_to_best_paper_row", "difference_low", "difference_high")
    _error_bars(ax, differences, columns, **BEYOND)
    names = [f"{row.model} (p = {row.p_holm:.2g})" for row in differences.itertuples(index=False)]
    _name_rows(ax, names)
    ax.axvline(0, color=BLACK, lw=1)
    ax.set(xlabel=f"AUROC minus that of {best}")
    ax.set_title(
        "A difference counts if its bar misses zero and Holm's p is below 0.05", loc="right"
    )
    return figure


def _panels(
    frames: pd.DataFrame, draw: Callable[[plt.Axes, pd.DataFrame], None], x: str, y: str
) -> Figure:
    """Draw one small panel a model, five across, with a common legend and axes."""
    models = list(dict.fromkeys(frames["model"]))
    across = min(5, len(models))
    down = -(-len(models) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(2.6 * across, 2.6 * down + 0.6), sharex=True, sharey=True,
        layout="constrained", squeeze=False,
    )  # fmt: skip
    handles = {}
    for i, (ax, model) in enumerate(zip(axes.flat, models, strict=False)):
        draw(ax, frames[frames["model"] == model])
        ax.set_title(model, fontsize="small")
        handles |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        if i + across >= len(models):  # nothing below it
            ax.set_xlabel(x)
            ax.tick_params(labelbottom=True)
        if i % across == 0:
            ax.set_ylabel(y)
    for ax in axes.flat[len(models) :]:
        ax.set_axis_off()
    lower = {"loc": "outside lower center", "ncols": 2, "frameon": False}
    figure.legend(handles.values(), handles.keys(), **lower)
    return figure


def reliability_panels(frames: pd.DataFrame) -> Figure:
    """Draw the share of palsy over the predicted probability, before and after calibration.

    Args:
        frames: from `calibration.calibrate`.
    """

    def draw(ax: plt.Axes, some: pd.DataFrame) -> None:
        ax.plot([0, 1], [0, 1], color=GREY, ls="--", lw=1)
        looks = {
            "probability": (RED, ":", "o", "as predicted"),
            "calibrated": (BLACK, "-", "s", "after the fold's temperature"),
        }
        for column, (colour, dash, marker, label) in looks.items():
            if some[column].notna().all():
                bins = reliability(some["label"], some[column])
                size = 6 + 250 * bins["frames"] / len(some)
                ax.plot(bins["predicted"], bins["observed"], color=colour, ls=dash, lw=1)
                look = {"color": colour, "marker": marker, "alpha": 0.7, "label": label}
                ax.scatter(bins["predicted"], bins["observed"], s=size, **look)

    figure = _panels(frames, draw, "predicted probability", "share of palsy frames")
    figure.suptitle("Honest probabilities lie on the dashed line (larger marks: more frames)")
    return figure


def abstention_panels(frames: pd.DataFrame) -> Figure:
    """Draw the error rate over the share of frames that are kept, the most confident first.

    Args:
        frames: from `calibration.calibrate`.
    """

    def draw(ax: plt.Axes, some: pd.DataFrame) -> None:
        coverage, risk = risk_coverage(some["label"], best_probability(some))
        ax.step(coverage, risk, color=BLACK, where="pre", label="least confident left out")
        ax.axhline(risk[-1], color=RED, ls="--", label="random frames left out")

    figure = _panels(frames, draw, "share of frames that are kept", "error rate")
    figure.suptitle("Silence helps where the line falls to the left, below the dashed one")
    return figure


def subgroup_plot(tables: dict[str, pd.DataFrame]) -> Figure:
    """Draw AUROC, sensitivity and specificity of one or two models in every group.

    Args:
        tables: of each model, from `subgroups.subgroup_table`.
    """
    first = next(iter(tables.values()))
    figure, axes = _rows(len(first), 3)
    for shift, (model, table) in zip((-0.14, 0.14), tables.items(), strict=False):
        for ax, score in zip(axes, ("auroc", "sensitivity", "specificity"), strict=True):
            columns = (score, f"{score}_low", f"{score}_high")
            _error_bars(ax, table, columns, shift=shift, **_style(model))
            ax.set(xlabel=score if score != "auroc" else "AUROC", xlim=(-0.03, 1.03))
        axes[0].scatter([], [], **_style(model), label=model)
    people = ["1 person" if n == 1 else f"{n} people" for n in first["people"]]
    _name_rows(axes[0], [f"{g} ({n})" for g, n in zip(first["group"], people, strict=True)])
    for edge in np.flatnonzero(first["property"].ne(first["property"].shift()))[1:]:
        for ax in axes:
            ax.axhline(edge - 0.5, color=BLACK, lw=0.8)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    properties = ", ".join(dict.fromkeys(first["property"]))
    figure.suptitle(f"By {properties}; hollow: too few people for an interval")
    return figure


def severity_plot(curves: dict[str, pd.DataFrame]) -> Figure:
    """Draw the predicted probability over the drawn severity, with intervals by people.

    Args:
        curves: of each model, from `subgroups.dose_response`.
    """
    figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
    for model, curve in curves.items():
        style = _style(model)
        band = SKY if style is BEYOND else GREY
        ax.fill_between(curve["severity"], curve["low"], curve["high"], color=band, alpha=0.4, lw=0)
        ls = "--" if style is BEYOND else "-"
        ax.plot(curve["severity"], curve["probability"], ls=ls, **style, label=model)
    ax.set(xlabel="drawn left-right difference, the larger of eyes and mouth", ylim=(0, 1))
    ax.set(ylabel="predicted probability of palsy", title="More palsy drawn, more palsy seen?")
    ax.legend(frameon=False, loc="upper left")
    return figure
