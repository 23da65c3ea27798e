"""Where the results of a run lie, what they are made from, and which of them are done.

`runs/<profile>/<model>/<fold>/` holds `predictions.csv` with its stamp (`stamps.py`: what the fold
was made from, its files, what it ran with), `history.csv`, `weights.pt` and the executed notebook,
and where it was asked for `inner.csv`: predictions of the training people by nets that never saw
them. Multi-task nets leave `answers.csv`: grades, side, attention. A run with another seed than 0
lies beside it, in `runs/<profile>-seed-<seed>/`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import Cohort, load_cohort
from palsy_utils.downloads import starting_weights
from palsy_utils.faces import modalities
from palsy_utils.faces.frames import frames_of
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS, choose_models, find_model
from palsy_utils.learning.folds import fold_names
from palsy_utils.learning.profiles import Profile, find_profile
from palsy_utils.stamps import DONE, Product, State

TYPES = {"patient": str, "video": str, "frame": int, "label": int}
TYPES |= {"probability": float, "model": str, "fold": str, "seed": int}
PREDICTIONS = list(TYPES)
RESULTS = ("predictions.csv", "inner.csv", "weights.pt")  # what other models read of a fold
FRAMES, FACES = "01_frames", "02_faces_and_modalities"


@dataclass(frozen=True)
class Run:
    """One cohort, one profile, one seed, one division into folds."""

    cohort: Cohort
    profile: Profile
    seed: int
    samples: pd.DataFrame  # `modalities.SAMPLES`
    folds: dict[str, tuple[str, ...]]  # whom each holds out
    folder: Path  # where they lie
    made_from: dict  # what every fold is made from: samples, sides of people


def open_run(
    cohort: Path | str, profile: str, folds: int = 0, seed: int = 0, measured: bool = True
) -> Run:
    """Lay out a run: a cohort's folder, a profile's name, 0 folds to leave one person out, or k.

    Unless it has to be `measured`, the labels may say who there is. Raises a PalsyError if the
    samples are missing or out of date, or if the folds do not fit the people.
    """
    cohort, profile = load_cohort(cohort), find_profile(profile)
    try:
        samples = modalities.load_samples(cohort)
    except PalsyError:  # nothing is measured yet, or no more
        if measured:
            raise
        samples = cohort.labels
    made_from = {"samples": stamps.identity(modalities.samples_of(cohort).made_from or {})}
    made_from["sides"] = known_sides(cohort.root)
    folder, folds = run_folder(cohort.root, profile.name, seed), fold_names(samples, folds)
    return Run(cohort, profile, seed, samples, folds, folder, made_from)


def run_folder(root: Path, profile: str, seed: int = 0) -> Path:
    """Return the folder of a run: one cohort, one profile, one seed."""
    return root / "runs" / (profile if seed == 0 else f"{profile}-seed-{seed}")


def figures_folder(
    figures: Path | str, cohort: Cohort, profile: str, folds: int = 0, seed: int = 0
) -> Path:
    """Return where figures of a run go: `<figures>/<cohort>/`, or below it if it is another run.

    The default run is of the profile `phantom`, seed 0, single people: no other overwrites it.
    """
    name = run_folder(cohort.root, profile, seed).name + (f"-folds-{folds}" if folds else "")
    folder = Path(figures) / cohort.name
    return folder if name == "phantom" else folder / name


def read_predictions(folder: Path, name: str = "predictions.csv") -> pd.DataFrame:
    """Read the predictions of one fold (`PREDICTIONS`), or with `inner.csv` the out-of-fold ones.

    Raises a PalsyError if they are not there, or not those of their stamp.
    """
    if stamps.find_damage(folder / "predictions.csv", [name]):
        raise PalsyError(
            f"{folder / name} is missing, damaged or was never finished: train "
            f"{folder.parent.name} on fold {folder.name} first, with its notebook or with "
            "`palsy run`."
        )
    return pd.read_csv(folder / name, dtype=TYPES)


def fold_from(run: Run, model: str, fold: str) -> dict:
    """Return what a fold of a model is made from (`stamps.py`)."""
    row, profile = find_model(model), run.profile
    made_from = {"code": stamps.CODE["fold"], "model": model, "held_out": list(run.folds[fold])}
    made_from |= {"seed": run.seed, "samples": run.made_from["samples"]}
    if row.training:
        made_from["training"] = getattr(profile, row.training).model_dump()
        made_from["inputs"] = [profile.inputs.get(name, name) for name in row.modalities]
    if row.training and row.sees_images:
        weights = starting_weights(profile.weights, profile.backbone)
        images = modalities.images_from(run.made_from["samples"], profile.image_size)
        made_from |= {"images": stamps.identity(images), "backbone": profile.backbone}
        made_from["weights"] = weights.sha256 if weights else "random"
    if model == "clip-fusion":
        made_from["context"] = "every face"  # at first, those with a label alone
    if row.multitask:
        made_from["sides"] = run.made_from["sides"]
    for need in row.needs:
        files = stamps.read_stamp(run.folder / need / fold / "predictions.csv")["files"]
        made_from[need] = stamps.identity([files.get(name) for name in RESULTS])
    return made_from


def fold_state(run: Run, model: str, fold: str) -> State:
    """Say whether a fold of a model is done, and if not, why (`stamps.py`)."""
    folder = run.folder / model / fold
    made_from = fold_from(run, model, fold)
    found = Product(folder / "predictions.csv", made_from, run.cohort.root).state()
    if found.kind != DONE and (folder / "failed.ipynb").exists():
        return State(stamps.FAILED)
    if found.kind == DONE:
        for need in find_model(model).needs:
            if (before := fold_state(run, need, fold)).kind != DONE:
                return State(stamps.OUT_OF_DATE, f"{need} of this fold is {before.kind}")
    return found


def stage_states(cohort: Cohort, profile: Profile) -> dict[str, dict[str, State]]:
    """Say of what notebooks 01 and 02 write whether it is up to date, notebook by notebook."""
    videos = list(cohort.videos.itertuples(index=False))
    frames = [frames_of(cohort, video) for video in videos if video.kind != "measured"]
    faces = [modalities.faces_of(cohort, video) for video in videos]
    faces += modalities.modalities_of(cohort, profile.image_size, profile.inputs).values()
    notebooks = {FRAMES: frames, FACES: faces}
    return {name: {str(p.path): p.state() for p in of} for name, of in notebooks.items()}


def status(
    cohort: Path | str, profile: str, models: Sequence[str] = (), folds: int = 0, seed: int = 0
) -> tuple[pd.DataFrame, list[str]]:
    """Say how far a run is: models down, folds across, and a line on all that is to be made again.

    Each fold is `done`, `out of date`, `damaged`, `failed` or `open`.
    """
    run = open_run(cohort, profile, folds, seed, measured=False)
    grid = {m: {f: fold_state(run, m, f) for f in run.folds} for m in choose_models(models)}
    found = [item for of in stage_states(run.cohort, run.profile).values() for item in of.items()]
    found += [(str(run.folder / m / f), s) for m, row in grid.items() for f, s in row.items()]
    kinds = pd.DataFrame(grid).T.map(lambda state: state.kind)
    return kinds, [f"{name} is {state}" for name, state in found if state.why]


def done_folds(run: Run, models: Iterable[str] = MODELS) -> dict[str, dict[str, dict]]:
    """Return the stamps of the folds that are done, by name, of every model that has any."""
    done = {}
    for model, fold in product(models, run.folds):
        if fold_state(run, model, fold).kind == DONE:
            stamp = stamps.read_stamp(run.folder / model / fold / "predictions.csv")
            done.setdefault(model, {})[fold] = stamp
    return done


def load_run(run: Run, models: Iterable[str] = MODELS) -> pd.DataFrame:
    """Read the predictions of all folds of the given models that are done."""
    done = done_folds(run, models).items()
    tables = [read_predictions(run.folder / m / fold) for m, folds in done for fold in folds]
    if not tables:
        raise PalsyError(
            f"{run.folder} has no predictions that are up to date: run notebooks 03 to 05, or "
            "`palsy run`; `palsy status` says why."
        )
    return pd.concat(tables, ignore_index=True)
