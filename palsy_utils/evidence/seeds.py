"""Predictions of several seeds, and the inner predictions of their folds."""

from pathlib import Path

import pandas as pd

from palsy_utils.cohort.load import Cohort
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.results import done_folds, load_run, open_run, read_predictions, run_folder

FRAME = ["patient", "video", "frame", "label"]


def load_seeds(cohort: Cohort, profile: str, seeds: str, folds: int = 0) -> pd.DataFrame:
    """Load the predictions of every model in every seed in which all of its folds are done.

    Args:
        cohort: see `cohort.load_cohort`.
        profile: its name.
        seeds: of the runs, with commas between: `0,1,2`.
        folds: 0 for single people, k for grouped k-fold.

    Returns:
        `results.PREDICTIONS`, models in the order of the results table.

    Raises:
        PalsyError: the seeds are no numbers, or no model has all folds, up to date, in any of them.
    """
    numbers = [part.strip() for part in seeds.split(",")]
    if not all(number.isdecimal() for number in numbers):
        raise PalsyError(f"The seeds {seeds!r} are no whole numbers: write them as in 0,1,2.")
    tables = []
    for seed in dict.fromkeys(map(int, numbers)):
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


def load_inner(root: Path, profile: str, predictions: pd.DataFrame) -> pd.DataFrame:
    """Load the inner predictions of every model that has them in all of its folds and seeds.

    Args:
        root: the cohort's folder.
        profile: its name.
        predictions: from `load_seeds`.

    Returns:
        As `mean_over_seeds`; the people of a fold are those it trained on. No rows if no model has
        any.
    """
    tables = [predictions.iloc[:0]]
    for model, frames in predictions.groupby("model", sort=False):
        cells = frames[["seed", "fold"]].drop_duplicates().itertuples(index=False)
        folders = [run_folder(root, profile, seed) / model / fold for seed, fold in cells]
        if all((folder / "inner.csv").exists() for folder in folders):
            tables += [read_predictions(folder, "inner.csv") for folder in folders]
    return mean_over_seeds(pd.concat(tables, ignore_index=True))


def mean_over_seeds(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return `model`, `fold`, `patient`, `video`, `frame`, `label`, mean `probability` of seeds."""
    identity = ["model", "fold", *FRAME]
    return predictions.groupby(identity, sort=False, as_index=False)["probability"].mean()
