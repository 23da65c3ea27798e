"""One model on one fold: what it works on, and what it leaves behind."""

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.cohort.load import load_cohort
from palsy_utils.files import PalsyError, write_csv, write_torch
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold, check_classes
from palsy_utils.learning.nets import build_model
from palsy_utils.learning.profiles import find_profile
from palsy_utils.learning.training import half_state, has_bf16, pick_device
from palsy_utils.runs.results import (
    PREDICTIONS,
    Run,
    check_whole,
    fold_from,
    fold_state,
    open_run,
    run_folder,
)
from palsy_utils.stamps import DONE, write_stamp


def open_fold(
    cohort: str,
    profile: str,
    model: str,
    fold: str,
    folds: int = 0,
    seed: int = 0,
    device: str = "auto",
    output: str = "",
) -> Fold:
    """Check the parameters of a training notebook and lay out what it works on.

    Args:
        cohort: the cohort's folder; `profile`, `folds` and `seed` as in `batch.run`.
        profile: see there.
        model: a name of `experiments.MODELS`.
        fold: the fold's name: the person held out, or `fold-1-of-5`.
        folds: see there.
        seed: see there.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        output: another folder for the results; empty for the usual one in `runs/`.

    Raises:
        PalsyError: one of them names something that is not there, or what the fold needs is
            missing, out of date or damaged.
    """
    needs = find_model(model).needs
    run = open_run(load_cohort(cohort), find_profile(profile), folds, seed)
    if fold not in run.folds:
        raise PalsyError(
            f"There is no fold {fold!r} in {cohort}: choose one of {', '.join(run.folds)}."
        )
    check_classes(run.samples, [run.folds[fold]])
    for need in needs:
        if (found := fold_state(run, need, fold)).kind != DONE:
            raise PalsyError(
                f"{run.folder / need / fold} is {found}: train {need} on fold {fold} first, with "
                "its notebook or with `palsy run`."
            )
    return fold_of(run, model, fold, device, output)


def fold_of(run: Run, model: str, fold: str, device: str = "auto", output: str = "") -> Fold:
    """Lay out one fold of a run; arguments as in `open_fold`."""
    is_test = run.samples["patient"].isin(run.folds[fold]).to_numpy()
    return Fold(
        samples=run.samples,
        train=np.flatnonzero(~is_test),
        test=np.flatnonzero(is_test),
        model=model,
        profile=run.profile,
        device=pick_device(device),
        seed=run.seed,
        root=run.cohort.root,
        name=fold,
        folder=Path(output) if output else run.folder / model / fold,
        made_from=fold_from(run, model, fold),
    )


def describe_fold(fold: Fold) -> str:
    """Say in one line what will run."""
    patient, video = fold.samples["patient"], fold.samples["video"]
    # Where nobody knows who is who, every video stands for a patient, and we say so.
    word = "videos" if (patient == "video-" + video).all() else "people"
    trains_on = patient.iloc[fold.train].nunique()
    return (
        f"{fold.model}: trains on {trains_on} {word} ({len(fold.train)} frames), predicts "
        f"{', '.join(fold.held_out)} ({len(fold.test)} frames); profile {fold.profile.name}, seed "
        f"{fold.seed}, {fold.device}; writes {fold.folder}"
    )


def save_fold(
    fold: Fold,
    probability: np.ndarray,
    net: nn.Module | None = None,
    history: pd.DataFrame | None = None,
    imagenet: bool = False,
    inner: np.ndarray | None = None,
    answers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Write what a fold gave: weights, history, the predictions, and last their stamp.

    Args:
        fold: see `open_fold`.
        probability: of palsy, one for each of `fold.test`.
        net: the trained net; late fusion has none.
        history: what `train` returned.
        imagenet: whether the net started from ImageNet weights.
        inner: what `training.predict_out_of_fold` returned: one for each of `fold.train`.
        answers: what a multi-task net says besides (`nets.heads_table`), and its attention.

    Returns:
        The predictions (`results.PREDICTIONS`).
    """
    folder = fold.folder
    tables = {"predictions.csv": _predictions(fold, fold.test, probability)}
    if inner is not None:
        tables["inner.csv"] = _predictions(fold, fold.train, inner)
    if history is not None:
        tables["history.csv"] = history
    if answers is not None:
        who = tables["predictions.csv"][["patient", "video", "frame"]]
        tables["answers.csv"] = who.join(answers.round(6))
    files = [*tables]
    if net is not None:
        files.append("weights.pt")
        write_torch(half_state(net), folder / "weights.pt")
    for name, table in tables.items():
        write_csv(table, folder / name)
    ran_with = {
        "imagenet_weights": imagenet,
        "device": str(fold.device),
        "bf16": net is not None and find_model(fold.model).sees_images and has_bf16(fold.device),
        "threads": torch.get_num_threads(),
        "profile": fold.profile.model_dump(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("torch", "torchvision")},
    }
    others = [folder / name for name in files if name != "predictions.csv"]
    write_stamp(folder / "predictions.csv", fold.made_from, others, ran_with=ran_with)
    return tables["predictions.csv"]


def _predictions(fold: Fold, rows: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    if not np.isfinite(probability).all():
        raise PalsyError(
            f"{fold.model} gave probabilities that are no numbers for fold {fold.name}: lower its "
            "learning rate in profiles.py."
        )
    return (
        fold.samples.iloc[rows]
        .reset_index(drop=True)
        .assign(
            probability=np.round(np.asarray(probability, float), 6),
            model=fold.model,
            fold=fold.name,
            seed=fold.seed,
        )[PREDICTIONS]
    )


def load_net(fold: Fold, model: str) -> nn.Module:
    """Load the net of another model that was trained on the same fold of the same run.

    Raises:
        PalsyError: it was not trained yet, or its weights are damaged.
    """
    folder = run_folder(fold.root, fold.profile.name, fold.seed) / model / fold.name
    path, row = folder / "weights.pt", find_model(model)
    check_whole(path)
    net = build_model(row.modalities, None, fold.profile.backbone, row.multitask)
    try:
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # of another program fails in the unpickler, the zip reader or torch
        raise PalsyError(
            f"{path} is not of this net: delete {folder}, and `palsy run` makes it again."
        ) from error
    return net
