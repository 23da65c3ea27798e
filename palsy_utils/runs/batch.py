"""All folds of all models of a cohort: what there is to run, and the order in which it runs."""

from collections.abc import Sequence

import pandas as pd
from filelock import FileLock, Timeout

from palsy_utils.cohort.load import find_notes, load_cohort
from palsy_utils.downloads import find, starting_weights
from palsy_utils.faces.modalities import faces_of, labels_from
from palsy_utils.files import PalsyError, check_checkout, check_writable, make_folder
from palsy_utils.learning.experiments import MODELS, choose_models, find_model
from palsy_utils.learning.folds import check_classes, fold_names
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs import results
from palsy_utils.runs.cluster import Task, execute_all, open_client, remove_attempts
from palsy_utils.stamps import CODE, DONE, State, identity

TABLE = "06_results_table"


def run(
    cohort: str,
    profile: str,
    models: Sequence[str],
    folds: int,
    seed: int,
    device: str,
    workers: int | None,
    scheduler: str | None,
    figures: str,
) -> pd.DataFrame:
    """Run the series on a cohort, as `palsy run`: frames, faces, open folds, the table.

    Returns what failed, one row a notebook: `notebook`, `model`, `fold`, `error`. Raises a
    PalsyError if the parameters or the cohort are wrong, before anything is run.
    """
    check_checkout()
    who, size, names = load_cohort(cohort), find_profile(profile), choose_models(models)
    fold_names(who.labels, folds)  # whether there are enough people for them
    check_classes(who.labels, fold_names(who.labels).values())
    for note in find_notes(who):
        print(f"{who.name}: {note}")
    check_writable(results.figures_folder(figures, who, profile, folds, seed))  # not at the end
    weights = starting_weights(size.weights, size.backbone)
    if weights and any(find_model(name).sees_images for name in names):
        find(weights)  # better now than in every fold
    folder = results.run_folder(who.root, profile, seed)
    given = {"cohort": cohort, "profile": profile, "folds": folds, "seed": seed}
    given |= {"device": device, "figures": figures}
    faces = [faces_of(who, video).made_from for video in who.videos.itertuples(index=False)]
    made_from = {"code": CODE["notebook"], "labels": labels_from(who), "faces": identity(faces)}
    made_from |= {"image_size": size.image_size, "inputs": size.inputs}
    try:
        make_folder(folder)
        with (
            FileLock(who.root / "runs" / ".lock", timeout=0),
            open_client(scheduler, workers, device) as client,
        ):
            remove_attempts(folder)  # of a killed run, as what it was writing
            for part in who.root.glob("*/.*.part"):
                part.unlink(missing_ok=True)
            for name in (results.FRAMES, results.FACES):
                task = Task(name, given, folder / name, made_from=made_from)
                states = results.stage_states(who, size)[name]
                _tell(states)
                done = {*states.values(), task.product.state()} == {State(DONE)}
                if not done and (failed := execute_all(client, [task], name)):
                    return pd.DataFrame(failed)
            run = results.open_run(cohort, profile, folds, seed)
            failed = execute_all(client, open_tasks(run, names, given), "folds")
            there = folder / (f"{TABLE}-folds-{folds}" if folds else TABLE)
            failed += execute_all(client, [Task(TABLE, given, there)], "table")
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


def _tell(states: dict[str, State]) -> None:
    """Say in one line each what is made again, and why."""
    for name, found in states.items():
        if found.why:
            print(f"{name} is {found}: made again")


def open_tasks(run: results.Run, models: Sequence[str], parameters: dict) -> list[Task]:
    """Return the tasks of the folds of some models that are not done, or that need one of these."""
    check_classes(run.samples, run.folds.values())
    print(f"{run.cohort.name} ({run.profile.name}): {len(run.folds)} folds of {len(models)} models")
    tasks, left_out = {}, []
    for name, row in MODELS.items():  # what a model needs stands before it
        states = {fold: results.fold_state(run, name, fold) for fold in run.folds}
        if name not in models:
            left_out += [name] if any(found.why for found in states.values()) else []
            continue
        for fold, found in states.items():
            folder = run.folder / name / fold
            needs = tuple(run.folder / need / fold for need in row.needs)
            if found.kind != DONE or tasks.keys() & needs:
                _tell({str(folder): found})
                given = parameters | {"model": name, "fold": fold}
                made_from = results.fold_from(run, name, fold)
                tasks[folder] = Task(row.notebook, given, folder, needs, made_from)
    for name in left_out:
        print(f"{name} is out of date or damaged and left out: run it with --models {name}")
    # Single image nets begin first, so that no core is left with a long one at the end.
    begin = [t for t in tasks.values() if "resnet" in t.parameters["model"] and not t.needs]
    return begin + [task for task in tasks.values() if task not in begin]
