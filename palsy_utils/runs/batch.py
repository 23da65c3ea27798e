"""All folds of all models of a cohort: what there is to run, and the order in which it runs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from palsy_utils.cohort.load import find_notes, load_cohort
from palsy_utils.downloads import find, imagenet
from palsy_utils.faces.modalities import faces_of, labels_from
from palsy_utils.files import PROJECT, PalsyError, check_checkout, check_writable, make_folder
from palsy_utils.learning.experiments import MODELS, choose_models, find_model
from palsy_utils.learning.folds import check_classes, describe_scheme, fold_names
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.cluster import Task, execute_all, open_client, remove_attempts
from palsy_utils.runs.results import (
    FACES,
    FRAMES,
    Run,
    figures_folder,
    fold_from,
    fold_state,
    open_run,
    run_folder,
    stage_states,
    table_from,
)
from palsy_utils.stamps import CODE, DONE, State, identity, state

TABLE = "06_results_table"
# They begin first, so that no core is left with a long one at the end.
SLOW = ("lines+rgb-resnet50", "lines-resnet50", "lines-multitask-resnet50", "rgb-resnet50")


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

    Arguments are those of `palsy run`, which tells of each; None stands for its default. What
    fusion needs is added to `models`.

    Returns:
        What failed, one row a notebook: `notebook`, `model`, `fold`, `error`.

    Raises:
        PalsyError: something is wrong with the parameters or the cohort, before anything is run.
    """
    check_checkout()
    who, size = load_cohort(cohort), find_profile(profile)
    names = choose_models(models)
    fold_names(who.labels, folds)  # whether there are enough people for them
    check_classes(who.labels, fold_names(who.labels).values())
    for note in find_notes(who):
        print(f"{who.name}: {note}")
    check_writable(figures_folder(figures, who, profile, folds, seed))  # not after the last fold
    if size.backbone != "resnet50":
        from palsy_utils.learning.nets import check_image_net  # torch takes seconds to import

        check_image_net(size.backbone, size.image_size)
    if size.imagenet == "required" and any(find_model(name).sees_images for name in names):
        find(imagenet("required", size.backbone))  # better now than in every fold
    root, folder = who.root.resolve(), run_folder(who.root.resolve(), profile, seed)
    common = {"cohort": str(root), "profile": profile}
    given = common | {"folds": folds, "seed": seed}
    faces = [faces_of(who, video).made_from for video in who.videos.itertuples(index=False)]
    made_from = {"code": CODE["notebook"], "labels": labels_from(who), "faces": identity(faces)}
    measured_as = {"image_size": size.image_size, "mouth_and_nose": size.mouth_and_nose}
    stages = [
        Task(FRAMES, {"cohort": str(root)}, folder / FRAMES, made_from=made_from),
        Task(FACES, common, folder / FACES, made_from=made_from | measured_as),
    ]
    try:
        make_folder(folder)
        with (
            FileLock(who.root / "runs" / ".lock", timeout=0),
            open_client(scheduler, workers, device) as client,
        ):
            remove_attempts(folder)  # of a killed run, as what it was writing
            for part in root.glob("*/.*.part"):
                part.unlink(missing_ok=True)
            for task in stages:
                states = stage_states(who, size)[task.notebook]
                _tell(states)
                done = {*states.values(), task.state(who.root)} == {State(DONE)}
                if not done and (failed := execute_all(client, [task], task.notebook)):
                    return pd.DataFrame(failed)
            run = open_run(who, size, folds, seed)
            todo = open_tasks(run, names, given | {"device": device})
            failed = execute_all(client, todo, "folds")
            table = Task(
                TABLE,
                given | {"figures": str(Path(figures).resolve())},
                folder / (f"{TABLE}-folds-{folds}" if folds else TABLE),
                made_from=table_from(run),
            )
            file = figures_folder(figures, who, profile, folds, seed) / "table_1.csv"
            drawn = state(file, table.made_from)
            _tell({str(file): drawn})
            if not drawn.kind == table.state(who.root).kind == DONE:
                failed += execute_all(client, [table], "table")
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


def open_tasks(run: Run, models: Sequence[str], parameters: dict) -> list[Task]:
    """Return the tasks of the folds of some models that are not done, or that need one of these.

    Raises:
        PalsyError: the folds do not fit the cohort.
    """
    check_classes(run.samples, run.folds.values())
    scheme = describe_scheme(run.folds, run.cohort.group)
    print(f"{run.cohort.name}: {scheme} of {len(models)} models, profile {run.profile.name}")
    tasks, left_out = {}, {}
    for model in MODELS:  # what a model needs stands before it
        for fold in run.folds:
            found, folder = fold_state(run, model, fold), run.folder / model / fold
            needs = tuple(run.folder / need / fold for need in find_model(model).needs)
            if model not in models:
                left_out |= {model: True} if found.why else {}
            elif found.kind != DONE or tasks.keys() & needs:
                _tell({str(folder): found})
                given = parameters | {"model": model, "fold": fold}
                made_from = fold_from(run, model, fold)
                tasks[folder] = Task(find_model(model).notebook, given, folder, needs, made_from)
    for model in left_out:
        print(f"{model} is out of date or damaged and left out: run it with --models {model}")
    rank = {model: i for i, model in enumerate(SLOW)}
    return sorted(tasks.values(), key=lambda task: rank.get(task.parameters["model"], len(SLOW)))
