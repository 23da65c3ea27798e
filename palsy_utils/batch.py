"""All folds of all models of a cohort: what there is to run, and the order in which it runs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from palsy_utils.cluster import (
    Task,
    check_parameters,
    execute_all,
    open_client,
    remove_leftovers,
)
from palsy_utils.cohort import Cohort, load_cohort
from palsy_utils.downloads import find_imagenet_weights
from palsy_utils.files import PROJECT, PalsyError, check_checkout, check_writable
from palsy_utils.folds import check_training_classes, describe_scheme, fold_names, split
from palsy_utils.modalities import fingerprint, load_samples
from palsy_utils.people import known_sides
from palsy_utils.profiles import Profile, find_profile
from palsy_utils.rows import MODELS, choose_models, find_model
from palsy_utils.runs import DONE, IDENTITY, check_same_data, find_damage, grid, run_folder

FRAMES, FACES, TABLE = "01_frames", "02_faces_and_modalities", "06_results_table"


def run(
    cohort: str | Path,
    profile: str = "phantom",
    models: Sequence[str] = (),
    folds: int = 0,
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    scheduler: str | None = None,
    figures: str | Path = PROJECT / "figures",
) -> pd.DataFrame:
    """Run the series on a cohort: frames, faces, every fold that is not done, the table.

    Args:
        cohort: the cohort's folder.
        profile: `phantom`, `paper` or `smoke`.
        models: names of `rows.MODELS` or of its groups; empty for the paper's seven. What fusion
            needs is added.
        folds: 0 to leave one person out, k for grouped k-fold.
        seed: of the run.
        device: where each fold trains.
        workers: notebooks side by side; None for one a core, or a single one on a GPU.
        scheduler: address of a running Dask scheduler; None for a cluster on this machine.
        figures: the folder under which the table and the pictures go.

    Returns:
        What failed, one row a notebook: `notebook`, `model`, `fold`, `error`.

    Raises:
        PalsyError: something is wrong with the parameters or the cohort, before anything is run.
    """
    from filelock import FileLock, Timeout

    check_checkout()
    who, size = load_cohort(cohort), find_profile(profile)
    names = choose_models(models)
    if size.backbone != "resnet50":
        from palsy_utils.models import check_image_net  # torch, which takes seconds to import

        check_image_net(size.backbone, size.image_size)
    if size.imagenet == "required" and any(find_model(name).sees_images for name in names):
        find_imagenet_weights("required", size.backbone)  # better now than in every fold
    check_writable(Path(figures) / who.name)  # better now than after the last fold
    folder = run_folder(who.root.resolve(), profile, seed)
    common = {"cohort": str(who.root.resolve()), "profile": profile}
    grid_of = {"folds": folds, "seed": seed}
    table = common | grid_of | {"figures": str(Path(figures).resolve())}
    tasks = {
        FRAMES: Task(FRAMES, {"cohort": common["cohort"]}, folder / FRAMES),
        FACES: Task(FACES, common, folder / FACES),
        TABLE: Task(TABLE, table, folder / TABLE),
    }
    for task in tasks.values():
        check_parameters(task)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (
            FileLock(who.root / "runs" / ".lock", timeout=0),
            open_client(scheduler, workers, device) as client,
        ):
            remove_leftovers(who.root, folder)
            for stage in (FRAMES, FACES):
                failed = execute_all(client, [tasks[stage]], stage)
                if failed:
                    return pd.DataFrame(failed)
            todo = open_tasks(who, size, names, folder, common | grid_of | {"device": device})
            failed = execute_all(client, todo, "folds")
            failed += execute_all(client, [tasks[TABLE]], "table")
    except Timeout:
        raise PalsyError(
            f"Another `palsy run` is working on {who.root}: wait for it or stop it, then run again."
        ) from None
    except OSError as error:
        if scheduler and error.errno is None:  # no disk's error, but that of a lost connection
            raise PalsyError(
                f"The Dask scheduler at {scheduler} is lost: start it again and give the same "
                "command again with its address; what is done is kept."
            ) from error
        raise PalsyError(
            f"{folder} cannot be written ({error.strerror or error}): free some space or choose a "
            "cohort folder that you may write to; earlier results are untouched."
        ) from error
    return pd.DataFrame(failed)


def open_tasks(
    cohort: Cohort, profile: Profile, models: Sequence[str], folder: Path, parameters: dict
) -> list[Task]:
    """Build the grid (model x fold) and return the tasks of the folds that are not done.

    A fold whose results are damaged is not done, whichever model it is of: the table reads all.

    Raises:
        PalsyError: folds do not fit the cohort, a parameter name is wrong, or what is done was
            made from other data.
    """
    samples = load_samples(cohort.root)
    folds = fold_names(samples, parameters["folds"])
    check_training_classes(samples, folds)
    scheme = describe_scheme(folds, cohort.group)
    print(f"{cohort.name}: {scheme} of {len(models)} models, profile {profile.name}")
    states = grid(folder, MODELS, folds)
    check_same_data(folder, states, folds, fingerprint(cohort.root), known_sides(cohort.root))
    rows = {
        fold: [samples.loc[side, list(IDENTITY)].astype(str).to_numpy().tolist() for side in sides]
        for fold, sides in ((fold, split(samples, people)) for fold, people in folds.items())
    }
    tasks = []
    for model in reversed(MODELS):  # what a model needs stands before it
        for fold in folds:
            task = Task(
                find_model(model).notebook,
                parameters | {"model": model, "fold": fold},
                folder / model / fold,
                tuple(folder / need / fold for need in find_model(model).needs),
            )
            if states.loc[model, fold] != DONE:
                tasks += [task] if model in models else []
            elif damage := _find_damage(task, *rows[fold], tasks):
                print(f"{task.folder / damage} is damaged: this fold is made again")
                tasks.append(task)
    tasks.reverse()
    # The slow ones first, so that no core is left with a long one at the end.
    slow = ("lines+rgb-resnet50", "lines-resnet50", "lines-multitask-resnet50", "rgb-resnet50")
    rank = {model: i for i, model in enumerate(slow)}
    tasks.sort(key=lambda task: rank.get(task.parameters["model"], len(slow)))
    for task in {task.notebook: task for task in tasks}.values():
        check_parameters(task)
    return tasks


def _find_damage(task: Task, training: list, held_out: list, tasks: Sequence[Task]) -> str | None:
    """Name what is damaged of a fold that is done; `tasks` are those that may need it."""
    needed = any(task.folder in other.needs for other in tasks)
    trained = find_model(task.parameters["model"]).training
    weights = "" if not trained else "needed" if needed else "present"
    return find_damage(task.folder, held_out, training, weights)


def status(
    cohort: str | Path, profile: str, models: Sequence[str] = (), folds: int = 0, seed: int = 0
) -> pd.DataFrame:
    """Return the grid of a run: models down, folds across, each `done`, `failed` or `open`.

    Raises:
        PalsyError: the cohort, profile or a model is unknown.
    """
    who = load_cohort(cohort)
    folder = run_folder(who.root, find_profile(profile).name, seed)
    try:
        people = fold_names(load_samples(who.root), folds)
    except PalsyError:  # nothing is measured yet: the labels say who there is
        people = fold_names(who.labels, folds)
    return grid(folder, choose_models(models), people)
