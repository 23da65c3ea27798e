"""Pictures of training, predictions and scores; each function returns its figure."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from palsy_utils.evaluation import auroc
from palsy_utils.plots import BLACK, GREY, HEALTHY, MODEL_COLOURS, MODEL_DASHES, PALSY


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
        predictions: `runs.PREDICTIONS` of one fold.
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


def roc_curves(predictions: pd.DataFrame) -> Figure:
    """Draw the ROC curve of every model over all held-out frames.

    Args:
        predictions: `runs.PREDICTIONS`, of one run.
    """
    from sklearn.metrics import roc_curve

    figure, ax = plt.subplots(figsize=(7.6, 5), layout="constrained")
    for model, frames in predictions.groupby("model", sort=False):
        false, true, _ = roc_curve(frames["label"], frames["probability"])
        label = f"{model} ({auroc(frames['label'], frames['probability']):.2f})"
        style = {"color": MODEL_COLOURS.get(model, GREY), "ls": MODEL_DASHES.get(model, "-")}
        ax.plot(false, true, label=label, lw=2, **style)
    ax.plot([0, 1], [0, 1], color=GREY, ls=":", label="chance (0.50)")
    ax.set(xlabel="false alarms among healthy frames", ylabel="palsy frames found")
    ax.set_aspect("equal")
    ax.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, title="model (pooled AUROC)"
    )
    return figure


def patient_heatmap(people: pd.DataFrame, score: str = "f1") -> Figure:
    """Draw a score of every person (down) under every model (across); undefined is grey.

    Args:
        people: from `evaluation.patient_scores`.
        score: `f1`, `precision`, `recall` or `specificity`.
    """
    import seaborn as sns  # slow to import, and needed only here

    wide = 100 * people.pivot(index="patient", columns="model", values=score)
    wide = wide[list(dict.fromkeys(people["model"]))]
    palsy = people.drop_duplicates("patient").set_index("patient")
    share = (100 * palsy["n_palsy"] / palsy["n_frames"]).loc[wide.index].round().astype(int)
    wide.index = [f"{who} ({share[who]} % palsy)" for who in wide.index]
    few = len(wide) <= 40  # of more, thin rows without numbers, and not everybody's name
    height = 1.6 + 0.38 * min(len(wide), 40)
    figure, ax = plt.subplots(figsize=(10, height), layout="constrained")
    sns.heatmap(
        wide, annot=few, fmt=".0f", vmin=0, vmax=100, cmap="cividis", ax=ax,
        cbar_kws={"label": f"{score} (per cent)"}, linewidths=0.5 if few else 0,
    )  # fmt: skip
    ax.set(xlabel="", ylabel="", facecolor=GREY)  # undefined is grey, not a low score
    ax.grid(False)
    ax.tick_params(axis="x", rotation=30)
    plt.setp(ax.get_xticklabels(), ha="right")
    return figure


def feature_map(features: np.ndarray, labels: np.ndarray, sides: dict[str, np.ndarray]) -> Figure:
    """Show features (down) of frames (across), healthy frames first, for each side of a fold.

    Args:
        features: (n_samples, n_features); each is scaled by its spread for the eye.
        labels: (n_samples,) 0 healthy, 1 palsy.
        sides: name and rows of the training and the held-out side.
    """
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-9)
    # The features that tell most on the first side, so that there is something to see.
    first = next(iter(sides.values()))
    apart = scaled[first][labels[first] == 1].mean(0) - scaled[first][labels[first] == 0].mean(0)
    strongest = np.argsort(-np.abs(apart))[:40]
    strongest = strongest[np.argsort(-apart[strongest])]
    widths = [max(len(rows), 40) for rows in sides.values()]
    figure, axes = plt.subplots(
        1, len(sides), figsize=(11, 3.6), layout="constrained", width_ratios=widths, squeeze=False
    )
    for ax, (name, rows) in zip(axes[0], sides.items(), strict=True):
        in_order = rows[np.argsort(labels[rows], kind="stable")]
        ax.imshow(scaled[in_order][:, strongest].T, aspect="auto", cmap="cividis", vmin=-2, vmax=2)
        ax.axvline((labels[rows] == 0).sum() - 0.5, color="white", lw=2)
        ax.set(title=name, xlabel="frames: healthy | palsy", yticks=[])
        ax.grid(False)
    axes[0, 0].set_ylabel(f"the {len(strongest)} most telling features")
    return figure


def agreement(answers: dict[str, pd.DataFrame]) -> Figure:
    """Plot the probabilities of two models for the same held-out frames against each other.

    Args:
        answers: two models' predictions (`runs.PREDICTIONS`), by name.
    """
    (first, a), (second, b) = answers.items()
    figure, ax = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    for label, colour, marker, name in ((0, HEALTHY, "o", "healthy"), (1, PALSY, "^", "palsy")):
        rows = (a["label"] == label).to_numpy()
        x, y = a["probability"][rows], b["probability"][rows]
        ax.scatter(x, y, color=colour, marker=marker, label=f"labelled {name}", alpha=0.8)
    ax.axhline(0.5, color=GREY, ls="--")
    ax.axvline(0.5, color=GREY, ls="--")
    ax.plot([0, 1], [1, 0], color=BLACK, lw=1, ls=":", label="mean = 0.5")
    ax.set(xlabel=first, ylabel=second, xlim=(0, 1), ylim=(0, 1))
    ax.set_aspect("equal")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
