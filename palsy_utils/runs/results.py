"""Where the results of a run lie, what they are made from, and which of them are done.

`runs/<profile>/<model>/<fold>/` holds `predictions.csv` with its stamp (`stamps.py`: what the fold
was made from, its files, what it ran with), `history.csv`, `weights.pt` and the executed notebook,
and where it was asked for `nested.csv`: predictions of the training people by nets that never saw
them (`nested.py`). Multi-task nets leave `answers.csv`: grades, side, attention. A run with another
seed than 0 lies beside it, in `runs/<profile>-seed-<seed>/`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import Cohort
from palsy_utils.downloads import imagenet
from palsy_utils.faces.modalities import SAMPLES_FILE, images_from, load_samples, samples_from
from palsy_utils.files import PalsyError, write_csv
from palsy_utils.learning.experiments import MODELS, find_model
from palsy_utils.learning.folds import fold_names
from palsy_utils.learning.profiles import Profile
from palsy_utils.stamps import DONE, State

IDENTITY = {"patient": str, "video": str, "frame": int, "label": int}
TYPES = IDENTITY | {"probability": float, "model": str, "fold": str, "seed": int}
PREDICTIONS = list(TYPES)
RESULTS = ("predictions.csv", "inner.csv", "weights.pt")  # what other models read of a fold


@dataclass(frozen=True)
class Run:
    """One cohort, one profile, one seed, one division into folds."""

    cohort: Cohort
    profile: Profile
    seed: int
    samples: pd.DataFrame  # `modalities.SAMPLES`
    folds: dict[str, tuple[str, ...]]  # whom each holds out
    made_from: dict  # what every fold of it is made from: samples, sides of people

    @property
    def folder(self) -> Path:
        """Where its folds lie."""
        return run_folder(self.cohort.root, self.profile.name, self.seed)


def open_run(
    cohort: Cohort,
    profile: Profile,
    folds: int = 0,
    seed: int = 0,
    samples: pd.DataFrame | None = None,
) -> Run:
    """Lay out a run.

    Args:
        cohort: see `cohort.load_cohort`.
        profile: size of the run.
        folds: 0 to leave one person out, k for grouped k-fold.
        seed: of the run.
        samples: what the folds are made of; the cohort's samples if not given.

    Raises:
        PalsyError: the samples are missing or out of date, or the folds do not fit the people.
    """
    if samples is None:
        samples = load_samples(cohort)
        samples_made_from = stamps.read_stamp(cohort.root / SAMPLES_FILE)["made_from"]
    else:
        try:
            samples_made_from = samples_from(cohort)
        except OSError:  # nobody is measured yet, and no fold can be done
            samples_made_from = {}
    made_from = {"samples": stamps.identity(samples_made_from), "sides": known_sides(cohort.root)}
    return Run(cohort, profile, seed, samples, fold_names(samples, folds), made_from)


def run_folder(root: Path, profile: str, seed: int = 0) -> Path:
    """Return the folder of a run: one cohort, one profile, one seed."""
    return root / "runs" / (profile if seed == 0 else f"{profile}-seed-{seed}")


def write_predictions(
    samples: pd.DataFrame,
    probability: np.ndarray,
    model: str,
    fold: str,
    seed: int,
    folder: Path,
    name: str = "predictions.csv",
) -> pd.DataFrame:
    """Write the predictions of one fold, whole or not at all; they make the fold done.

    Args:
        samples: the held-out samples, with `patient`, `video`, `frame`, `label`.
        probability: of palsy, from 0 to 1, one a sample.
        model: its name.
        fold: its name.
        seed: the seed of the run.
        folder: the fold's folder.
        name: of the file; another one does not make the fold done.

    Returns:
        What was written, with columns `PREDICTIONS`.

    Raises:
        PalsyError: a probability is not a number, or the disk cannot be written.
    """
    if not np.isfinite(probability).all():
        raise PalsyError(
            f"{model} gave probabilities that are no numbers for fold {fold}: lower its learning "
            "rate in profiles.py."
        )
    identity = samples[list(IDENTITY)].reset_index(drop=True)
    table = identity.assign(
        probability=np.round(np.asarray(probability, float), 6), model=model, fold=fold, seed=seed
    )[PREDICTIONS]
    write_csv(table, folder / name)
    return table


def read_predictions(folder: Path, name: str = "predictions.csv") -> pd.DataFrame:
    """Read the predictions of one fold (`PREDICTIONS`), or with `nested.csv` the inner ones.

    Raises:
        PalsyError: they are missing or damaged.
    """
    path = folder / name
    if not path.exists():
        raise PalsyError(
            f"{path} is missing: train {folder.parent.name} on fold {folder.name} first, with its "
            "notebook or with `palsy run`."
        )
    check_whole(path)
    return pd.read_csv(path, dtype=TYPES)


def check_whole(path: Path) -> None:
    """Raise a PalsyError if a file of a fold is not the one that its stamp speaks of."""
    if stamps.find_damage(path.with_name("predictions.csv"), [path.name]):
        raise PalsyError(
            f"{path} is damaged, or was never finished: run `palsy run`, which makes it again."
        )


def fold_from(run: Run, model: str, fold: str) -> dict:
    """Return what a fold of a model is made from (`stamps.py`)."""
    row, profile = find_model(model), run.profile
    made_from = {"code": stamps.CODE["fold"], "model": model, "held_out": list(run.folds[fold])}
    made_from |= {"seed": run.seed, "samples": run.made_from["samples"]}
    if row.training:
        made_from["training"] = getattr(profile, row.training).model_dump()
    if row.training and row.sees_images:
        drawn = (run.made_from["samples"], profile.image_size, profile.mouth_and_nose)
        made_from["images"] = stamps.identity(images_from(*drawn))
        made_from["backbone"] = profile.backbone
        weights = imagenet(profile.imagenet, profile.backbone)
        made_from["imagenet"] = weights.stored.name if weights else ""
    if row.multitask:
        made_from["sides"] = run.made_from["sides"]
    for need in row.needs:
        files = stamps.read_stamp(run.folder / need / fold / "predictions.csv")["files"]
        made_from[need] = stamps.identity([files.get(name) for name in RESULTS])
    return made_from


def fold_state(run: Run, model: str, fold: str) -> State:
    """Say whether a fold of a model is done, and if not, why (`stamps.py`)."""
    folder = run.folder / model / fold
    found = stamps.state(folder / "predictions.csv", fold_from(run, model, fold), run.cohort.root)
    if found.kind != DONE and (folder / "failed.ipynb").exists():
        return State(stamps.FAILED)
    if found.kind == DONE:
        for need in find_model(model).needs:
            if (before := fold_state(run, need, fold)).kind != DONE:
                return State(stamps.OUT_OF_DATE, f"{need} of this fold is {before.kind}")
    return found


def grid(run: Run, models: Iterable[str] = MODELS) -> pd.DataFrame:
    """Return the `State` of every fold of every model: models down, folds across."""
    states = {m: [fold_state(run, m, fold) for fold in run.folds] for m in models}
    return pd.DataFrame.from_dict(states, orient="index", columns=list(run.folds))


def done_folds(run: Run, models: Iterable[str] = MODELS) -> dict[str, list[str]]:
    """Return the folds that are done of every model that has any."""
    done = {m: [f for f in run.folds if fold_state(run, m, f).kind == DONE] for m in models}
    return {model: folds for model, folds in done.items() if folds}


def load_run(run: Run, models: Iterable[str] = MODELS) -> pd.DataFrame:
    """Read the predictions of all folds of the given models that are done."""
    done = done_folds(run, models)
    tables = [
        read_predictions(run.folder / m / fold) for m, folds in done.items() for fold in folds
    ]
    if not tables:
        raise PalsyError(
            f"{run.folder} has no predictions that are up to date: run notebooks 03 to 05, or "
            "`palsy run`; `palsy status` says why."
        )
    return pd.concat(tables, ignore_index=True)


def load_histories(run: Run) -> dict[str, list[pd.DataFrame]]:
    """Read how training went (`training.train`), fold by fold, of the models that were trained."""
    return {
        model: [pd.read_csv(run.folder / model / fold / "history.csv") for fold in folds]
        for model, folds in done_folds(run, MODELS).items()
        if find_model(model).training
    }
