"""Predictions of several seeds to numbers with intervals.

The unit is always the person: frames of one person resemble each other, so people are drawn again,
never frames.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from palsy_utils.cohort.load import Cohort
from palsy_utils.evidence.scores import (
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
from palsy_utils.learning.experiments import MODELS
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.results import done_folds, load_run, open_run

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


def load_seeds(cohort: Cohort, profile: str, seeds: Iterable[int], folds: int = 0) -> pd.DataFrame:
    """Load the predictions of every model in every seed in which all of its folds are done.

    Args:
        cohort: see `cohort.load_cohort`.
        profile: its name.
        seeds: of the runs.
        folds: 0 for single people, k for grouped k-fold.

    Returns:
        `results.PREDICTIONS`, models in the order of the results table.

    Raises:
        PalsyError: no model has all folds, up to date, in any seed.
    """
    tables = []
    for seed in seeds:
        run = open_run(cohort, find_profile(profile), folds, seed)
        whole = [model for model, done in done_folds(run).items() if len(done) == len(run.folds)]
        tables += [load_run(run, whole)] if whole else []
    if not tables:
        raise PalsyError(
            f"{cohort.root} has no model with all of its folds, up to date, in the seeds asked "
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
