"""Predictions of several seeds to numbers with intervals.

The unit is always the person: frames of one person resemble each other, so people are drawn again,
never frames.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils.evaluation import (
    THRESHOLD,
    auroc,
    auroc_interval,
    count_calls,
    draw_people,
    interval,
    rates,
    scores,
)
from palsy_utils.files import PalsyError
from palsy_utils.modalities import fingerprint
from palsy_utils.people import known_sides
from palsy_utils.rows import MODELS
from palsy_utils.runs import DONE, check_same_data, grid, load_run, run_folder

WANTED = (3, 5)  # seeds: of rows that see images, of structured rows
FRAME = ["patient", "video", "frame"]


def parse_seeds(text: str) -> tuple[int, ...]:
    """Return the seeds of a text such as `0,1,2`.

    Raises:
        PalsyError: it is something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise PalsyError(f"The seeds {text!r} are no whole numbers: write them as in 0,1,2.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def load_seeds(
    root: Path, profile: str, seeds: Iterable[int], folds: dict[str, tuple[str, ...]]
) -> pd.DataFrame:
    """Load the predictions of every model in every seed in which all of its folds are done.

    Args:
        root: the cohort's folder.
        profile: its name.
        seeds: of the runs.
        folds: from `folds.fold_names`.

    Returns:
        `runs.PREDICTIONS`, models in the order of the results table.

    Raises:
        PalsyError: no model has all folds in any seed, or a run is of other data.
    """
    tables = []
    for seed in seeds:
        run = run_folder(root, profile, seed)
        states = grid(run, MODELS, folds)
        check_same_data(run, states, folds, fingerprint(root), known_sides(root))
        whole = states.index[(states == DONE).all(axis=1)]
        tables += [load_run(run, whole, folds)] if len(whole) else []
    if not tables:
        raise PalsyError(
            f"{run_folder(root, profile)} has no model with all of its folds in the seeds asked "
            "for: run `palsy run` with this cohort, profile and seed first."
        )
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("model", key=lambda m: m.map(list(MODELS).index), kind="stable")


def mean_over_seeds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Average the probability of every frame over the seeds of its model.

    Returns:
        `model`, `fold`, `patient`, `video`, `frame`, `label`, `probability`.
    """
    identity = ["model", "fold", *FRAME, "label"]
    return predictions.groupby(identity, sort=False, as_index=False)["probability"].mean()


def seed_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `model`, `seed`, `auroc` (pooled over frames), one row a model and seed."""
    groups = predictions.groupby(["model", "seed"], sort=False)
    rows = [(*key, auroc(g["label"], g["probability"])) for key, g in groups]
    return pd.DataFrame(rows, columns=["model", "seed", "auroc"])


def seed_counts(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `model`, `n_seeds`, `wanted`: five for structured rows, three for rows with images."""
    counts = predictions.groupby("model", sort=False)["seed"].nunique().rename("n_seeds")
    images = [MODELS[model].sees_images for model in counts.index]
    return counts.reset_index().assign(wanted=np.where(images, *WANTED))


def call_intervals(
    frames: pd.DataFrame, threshold: float | pd.Series = THRESHOLD
) -> dict[str, tuple[float, float, float]]:
    """Return F1, sensitivity and specificity over all frames, each with its interval by people.

    Args:
        frames: predictions of one model.
        threshold: palsy is called from it on; one number, or one a frame.

    Returns:
        `f1`, `sensitivity`, `specificity`: value, lower and upper end; NaN where undefined.
    """
    value = scores(frames["label"], frames["probability"], threshold)
    calls = pd.DataFrame(count_calls(frames["label"], frames["probability"], threshold))
    calls = calls.groupby(frames["patient"].to_numpy()).sum().to_numpy()
    resampled = rates(draw_people(len(calls)) @ calls)
    names = {"f1": "f1", "recall": "sensitivity", "specificity": "specificity"}
    return {told: (value[name], *interval(resampled[name])) for name, told in names.items()}


def model_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Score the mean over seeds of every model, with intervals from resampling people.

    Args:
        predictions: from `load_seeds`.

    Returns:
        `model`, `n_seeds`, `auroc`, `auroc_low`, `auroc_high`, `auroc_sd` (over seeds; NaN of a
        single one), `pooled_f1`, `f1_low`, `f1_high`; 0 to 1.
    """
    spread = seed_scores(predictions).groupby("model")["auroc"]
    rows = []
    for model, frames in mean_over_seeds(predictions).groupby("model", sort=False):
        area = (auroc(frames["label"], frames["probability"]), *auroc_interval(frames))
        f1 = call_intervals(frames)["f1"]
        of_seeds = spread.get_group(model)
        rows.append((model, len(of_seeds), *area, of_seeds.std(), *f1))
    columns = ["model", "n_seeds", "auroc", "auroc_low", "auroc_high", "auroc_sd"]
    return pd.DataFrame(rows, columns=[*columns, "pooled_f1", "f1_low", "f1_high"])


def best_row(table: pd.DataFrame, among: Iterable[str]) -> str | None:
    """Return the model with the highest AUROC of a `model_table` among some; None if none is in."""
    some = table[table["model"].isin(list(among))].dropna(subset=["auroc"])
    return some.loc[some["auroc"].idxmax(), "model"] if len(some) else None
