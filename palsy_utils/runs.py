"""Where the results of a run lie, and what makes a fold done.

`runs/<profile>/<model>/<fold>/` holds `predictions.csv` (the fold is done when it is there),
`settings.json` (what it ran with), `history.csv`, `weights.pt` and the executed notebook, and
where it was asked for `inner.csv`: predictions of the training people by nets that never saw them
(`inner.py`). Multi-task nets leave `answers.csv`: grades, side, attention. A run with another
seed than 0 lies beside it, in `runs/<profile>-seed-<seed>/`.
`palsy run` looks whether these files are whole (`find_damage`), and makes a damaged fold again.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZipFile, is_zipfile

import numpy as np
import pandas as pd

from palsy_utils.files import PalsyError, read_json, write_csv

IDENTITY = {"patient": str, "video": str, "frame": int, "label": int}
TYPES = IDENTITY | {"probability": float, "model": str, "fold": str, "seed": int}
PREDICTIONS = list(TYPES)
DONE, FAILED, OPEN = "done", "failed", "open"


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
    """Read the predictions of one fold (`PREDICTIONS`), or with `inner.csv` the inner ones.

    Raises:
        PalsyError: they are missing or damaged.
    """
    path = folder / name
    try:
        table = pd.read_csv(path, dtype=TYPES)
        whole = list(table) == PREDICTIONS and len(table) > 0 and table.notna().all(axis=None)
        whole = whole and path.read_bytes().endswith(b"\n")
    except FileNotFoundError:
        raise PalsyError(
            f"{path} is missing: train {folder.parent.name} on fold {folder.name} first, with its "
            "notebook or with `palsy run`."
        ) from None
    except (OSError, ValueError):
        whole = False
    if not whole:
        raise PalsyError(f"{path} is damaged: delete it, and `palsy run` makes it again.")
    return table


def fold_state(folder: Path) -> str:
    """Say whether a fold is `done`, `failed` (only its notebook is there) or `open`."""
    if (folder / "predictions.csv").exists():
        return DONE
    return FAILED if (folder / "notebook.ipynb").exists() else OPEN


def grid(run: Path, models: Iterable[str], folds: Iterable[str]) -> pd.DataFrame:
    """Return the state of every fold of every model: models down, folds across."""
    folds = list(folds)
    states = {model: [fold_state(run / model / fold) for fold in folds] for model in models}
    return pd.DataFrame.from_dict(states, orient="index", columns=folds)


def check_same_data(
    run: Path, states: pd.DataFrame, folds: dict, samples_hash: str, sides: dict[str, str]
) -> None:
    """Refuse to mix folds that were made from other samples, other sides or other people.

    Args:
        run: its folder.
        states: from `grid`.
        folds: from `folds.fold_names`.
        samples_hash: from `modalities.fingerprint`.
        sides: from `people.known_sides`; only multi-task nets learn them.

    Raises:
        PalsyError: a fold that is done was made from something else.
    """
    for model, fold in states.stack()[lambda s: s == DONE].index:
        settings = read_json(run / model / fold / "settings.json")
        if settings is None:
            continue  # it is damaged, and made again
        if settings["samples"] != samples_hash:
            reason = "labels or measurements have changed since"
        elif settings.get("sides", sides) != sides:
            reason = "sides in patients.csv have changed since"
        elif sorted(settings["held_out"]) != sorted(folds[fold]):
            reason = f"it held out {', '.join(settings['held_out'])}"
        else:
            continue
        raise PalsyError(
            f"{run / model / fold} does not belong to this cohort as it is now ({reason}): move "
            f"{run} away or delete it, then run again."
        )


def find_damage(
    folder: Path, held_out: list[list[str]], training: list[list[str]], weights: str = ""
) -> str | None:
    """Name the first result of a fold that is done but not whole; None if all are.

    Args:
        folder: the fold's folder.
        held_out: `IDENTITY` of its held-out samples, which `predictions.csv` must have, as text.
        training: the same of its training samples, for `inner.csv` if that is there.
        weights: "" if the fold has none, "present" to look only whether they are cut off,
            "needed" to check every byte, which takes a second for some hundred megabytes.
    """
    for name, samples in (("predictions.csv", held_out), ("inner.csv", training)):
        if (folder / name).exists() and not _has_rows(folder / name, samples):
            return name
    if read_json(folder / "settings.json") is None:
        return "settings.json"
    path = folder / "weights.pt"
    try:
        whole = not weights or is_zipfile(path)
        if whole and weights == "needed":
            with ZipFile(path) as file:
                whole = file.testzip() is None
    except Exception:  # zipfile has many ways to say that a file is damaged
        whole = False
    return None if whole else path.name


def _has_rows(path: Path, samples: list[list[str]]) -> bool:
    """Say whether predictions are whole; pandas would take ten times as long for many files."""
    try:
        text = path.read_text(encoding="utf-8")
        header, *rows = csv.reader(text.splitlines())
        probability = [float(row[4]) for row in rows]
        (about,) = {tuple(row[5:]) for row in rows}  # the same model, fold and seed in each
        int(about[2])
    except (OSError, ValueError, IndexError, csv.Error):
        return False
    return (
        text.endswith("\n")
        and header == PREDICTIONS
        and [row[:4] for row in rows] == samples
        and all(0 <= p <= 1 for p in probability)
        and len(about) == 3
    )


def load_run(run: Path, models: Iterable[str], folds: Iterable[str]) -> pd.DataFrame:
    """Read all predictions of a run that are there, of the given models and folds."""
    states = grid(run, models, folds)
    done = states.stack()[lambda s: s == DONE].index
    tables = [read_predictions(run / model / fold) for model, fold in done]
    if not tables:
        raise PalsyError(f"{run} has no predictions yet: run notebooks 03 to 05, or `palsy run`.")
    return pd.concat(tables, ignore_index=True)


def load_histories(
    run: Path, models: Iterable[str], folds: Iterable[str]
) -> dict[str, list[pd.DataFrame]]:
    """Read how training went (`training.train`), fold by fold, of the models that were trained."""
    folds = list(folds)
    paths = {m: [run / m / fold / "history.csv" for fold in folds] for m in models}
    read = {m: [pd.read_csv(path) for path in some if path.exists()] for m, some in paths.items()}
    return {m: histories for m, histories in read.items() if histories}
