"""All folds of all models of a cohort: what there is to run, and the order in which it runs."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from palsy_utils.cohort.load import Cohort, find_notes, load_cohort
from palsy_utils.downloads import find, imagenet
from palsy_utils.evidence.table import figures_folder, table_from
from palsy_utils.faces.frames import VIDEO, frames_state, index_path
from palsy_utils.faces.measure import faces_file, faces_from, faces_state
from palsy_utils.faces.modalities import labels_from, load_samples, modality_states
from palsy_utils.files import PROJECT, PalsyError, check_checkout, check_writable, make_folder
from palsy_utils.learning.experiments import MODELS, choose_models, find_model
from palsy_utils.learning.folds import check_labels, check_training_classes, describe_scheme
from palsy_utils.learning.profiles import Profile, find_profile
from palsy_utils.runs.cluster import (
    Task,
    check_parameters,
    execute_all,
    open_client,
    remove_leftovers,
)
from palsy_utils.runs.results import Run, fold_from, fold_state, grid, open_run, run_folder
from palsy_utils.stamps import CODE, DONE, State, identity, state

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
        models: names of `experiments.MODELS` or of its groups; empty for the paper's seven. What
            fusion needs is added.
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
    check_labels(who, folds)
    for note in find_notes(who):
        print(f"{who.name}: {note}")
    check_writable(figures_folder(figures, who, profile, folds, seed))  # not after the last fold
    if size.backbone != "resnet50":
        from palsy_utils.learning.nets import (
            check_image_net,  # torch, which takes seconds to import
        )

        check_image_net(size.backbone, size.image_size)
    if size.imagenet == "required" and any(find_model(name).sees_images for name in names):
        find(imagenet("required", size.backbone))  # better now than in every fold
    folder = run_folder(who.root.resolve(), profile, seed)
    common = {"cohort": str(who.root.resolve()), "profile": profile}
    grid_of = {"folds": folds, "seed": seed}
    faces = [faces_from(who, video) for video in who.videos[VIDEO].itertuples(index=False)]
    made_from = {"code": CODE["notebook"], "labels": labels_from(who), "faces": identity(faces)}
    measured_as = {"image_size": size.image_size, "mouth_and_nose": size.mouth_and_nose}
    tasks = {
        FRAMES: Task(FRAMES, {"cohort": common["cohort"]}, folder / FRAMES, made_from=made_from),
        FACES: Task(FACES, common, folder / FACES, made_from=made_from | measured_as),
    }
    try:
        make_folder(folder)
        with (
            FileLock(who.root / "runs" / ".lock", timeout=0),
            open_client(scheduler, workers, device) as client,
        ):
            remove_leftovers(who.root, folder)
            for stage, task in tasks.items():
                states = stage_states(who, size)[stage]
                _tell(states)
                if {*states.values(), _notebook_state(task, who.root)} == {State(DONE)}:
                    continue
                if failed := execute_all(client, [task], stage):
                    return pd.DataFrame(failed)
            run = open_run(who, size, folds, seed)
            todo = open_tasks(run, names, common | grid_of | {"device": device})
            failed = execute_all(client, todo, "folds")
            table = table_task(run, common | grid_of | {"figures": str(Path(figures).resolve())})
            if table:
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


def stage_states(cohort: Cohort, profile: Profile) -> dict[str, dict[str, State]]:
    """Say of what notebooks 01 and 02 write whether it is up to date, notebook by notebook."""
    videos, root = list(cohort.videos[VIDEO].itertuples(index=False)), cohort.root
    with_frames = [video for video in videos if video.kind != "measured"]
    faces = {str(faces_file(root, v.video)): faces_state(cohort, v) for v in videos}
    arrays = modality_states(cohort, profile.image_size, profile.mouth_and_nose)
    return {
        FRAMES: {str(index_path(root, v.video)): frames_state(cohort, v) for v in with_frames},
        FACES: faces | {str(root / name): found for name, found in arrays.items()},
    }


def _tell(states: dict[str, State]) -> None:
    """Say in one line each what is made again, and why."""
    for name, found in states.items():
        if found.why:
            print(f"{name} is {found}: made again")


def _notebook_state(task: Task, root: Path) -> State:
    return state(task.folder / "notebook.ipynb", task.made_from, root)


def open_tasks(run: Run, models: Sequence[str], parameters: dict) -> list[Task]:
    """Return the tasks of the folds of some models that are not done, or that need one of these.

    Raises:
        PalsyError: the folds do not fit the cohort, or a parameter name is wrong.
    """
    check_training_classes(run.samples, run.folds)
    scheme = describe_scheme(run.folds, run.cohort.group)
    print(f"{run.cohort.name}: {scheme} of {len(models)} models, profile {run.profile.name}")
    tasks, left_out = {}, []
    for model in MODELS:  # what a model needs stands before it
        for fold in run.folds:
            found, folder = fold_state(run, model, fold), run.folder / model / fold
            needs = tuple(run.folder / need / fold for need in find_model(model).needs)
            if model not in models:
                left_out += [model] if found.why else []
            elif found.kind != DONE or set(needs) & set(tasks):
                _tell({str(folder): found})
                given = parameters | {"model": model, "fold": fold}
                made_from = fold_from(run, model, fold)
                tasks[folder] = Task(find_model(model).notebook, given, folder, needs, made_from)
    for model in dict.fromkeys(left_out):
        print(f"{model} is out of date or damaged and left out: run it with --models {model}")
    # The slow ones first, so that no core is left with a long one at the end.
    slow = ("lines+rgb-resnet50", "lines-resnet50", "lines-multitask-resnet50", "rgb-resnet50")
    rank = {model: i for i, model in enumerate(slow)}
    tasks = sorted(tasks.values(), key=lambda task: rank.get(task.parameters["model"], len(slow)))
    for task in {task.notebook: task for task in tasks}.values():
        check_parameters(task)
    return tasks


def table_task(run: Run, parameters: dict) -> Task | None:
    """Return the task of the results table, or None if the table is up to date."""
    name = TABLE if parameters["folds"] == 0 else f"{TABLE}-folds-{parameters['folds']}"
    task = Task(TABLE, parameters, run.folder / name, made_from=table_from(run))
    which = (parameters[name] for name in ("profile", "folds", "seed"))
    figures = figures_folder(parameters["figures"], run.cohort, *which)
    drawn = state(figures / "table_1.csv", task.made_from)
    _tell({str(figures / "table_1.csv"): drawn})
    check_parameters(task)
    done = drawn.kind == _notebook_state(task, run.cohort.root).kind == DONE
    return None if done else task


def status(
    cohort: str | Path, profile: str, models: Sequence[str] = (), folds: int = 0, seed: int = 0
) -> tuple[pd.DataFrame, list[str]]:
    """Say how far a run is, without making anything.

    Returns:
        Models down, folds across, each `done`, `out of date`, `damaged`, `failed` or `open`; and a
        line on each product that is out of date or damaged.

    Raises:
        PalsyError: the cohort, profile or a model is unknown.
    """
    who, size = load_cohort(cohort), find_profile(profile)
    stages = stage_states(who, size)
    files = {name: found for states in stages.values() for name, found in states.items()}
    try:
        samples = load_samples(who)
    except PalsyError:  # nothing is measured yet, or no more: the labels say who there is
        samples = who.labels
    run = open_run(who, size, folds, seed, samples)
    states = grid(run, choose_models(models))
    files |= {str(run.folder / m / fold): s for (m, fold), s in states.stack().items()}
    return states.map(lambda s: s.kind), [f"{n} is {s}" for n, s in files.items() if s.why]
