"""One model on one fold: what it works on, and what it leaves behind."""

import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from palsy_utils.files import PalsyError, write_csv, write_torch
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold, check_classes
from palsy_utils.learning.nets import build_model
from palsy_utils.learning.training import half_state, has_bf16, pick_device
from palsy_utils.runs.results import PREDICTIONS, Run, fold_from, fold_state, run_folder
from palsy_utils.stamps import DONE, write_stamp


def open_fold(run: Run, model: str, fold: str, device: str = "auto", output: str = "") -> Fold:
    """Check the parameters of a training notebook, lay out what it works on, and say what will run.

    A fold's name is that of the person held out, or `fold-1-of-5`. The results go to `output`, or
    if that is empty to the usual folder in `runs/`. Raises a PalsyError if a parameter names what
    is not there, or if what the fold needs is missing, out of date or damaged.
    """
    if fold not in run.folds:
        known = ", ".join(run.folds)
        raise PalsyError(f"There is no fold {fold!r} in {run.cohort.root}: choose one of {known}.")
    check_classes(run.samples, [run.folds[fold]])
    for need in find_model(model).needs:
        if (found := fold_state(run, need, fold)).kind != DONE:
            raise PalsyError(
                f"{run.folder / need / fold} is {found}: train {need} on fold {fold} first, with "
                "its notebook or with `palsy run`."
            )
    laid_out = fold_of(run, model, fold, device, output)
    n_people = run.samples["patient"].iloc[laid_out.train].nunique()
    print(
        f"{model}: trains on {n_people} {run.cohort.group}s ({len(laid_out.train)} frames), "
        f"predicts {', '.join(laid_out.held_out)} ({len(laid_out.test)} frames); profile "
        f"{run.profile.name}, seed {run.seed}, {laid_out.device}; writes {laid_out.folder}"
    )
    return laid_out


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
        held_out=run.folds[fold],
        folder=Path(output) if output else run.folder / model / fold,
        made_from=fold_from(run, model, fold),
    )


def save_fold(
    fold: Fold,
    probability: np.ndarray,
    net: nn.Module | None = None,
    history: pd.DataFrame | None = None,
    inner: np.ndarray | None = None,
    answers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Write what a fold gave: weights, history, the predictions, and last their stamp.

    Args:
        fold: see `open_fold`.
        probability: of palsy, one for each of `fold.test`.
        net: the trained net, if there is one, and its `history`.
        inner: what `training.predict_out_of_fold` returned: one for each of `fold.train`.
        answers: what a multi-task net says besides (`nets.heads_table`), and its attention.

    Returns:
        The predictions (`results.PREDICTIONS`). If one is no number, a PalsyError says so, and
        nothing is written.
    """
    folder = fold.folder
    tables = {"predictions.csv": _predictions(fold, fold.test, probability)}
    if inner is not None:
        tables["inner.csv"] = _predictions(fold, fold.train, inner)
    if history is not None:
        tables["history.csv"] = history
    if answers is not None:
        whose = tables["predictions.csv"][["patient", "video", "frame"]]
        tables["answers.csv"] = whose.join(answers.round(6))
    others = [folder / name for name in tables if name != "predictions.csv"]
    if net is not None:
        others.append(folder / "weights.pt")
        write_torch(half_state(net), folder / "weights.pt")
    for name, table in tables.items():
        write_csv(table, folder / name)
    versions = {name: version(name) for name in ("torch", "torchvision")}
    ran_with = {
        "device": str(fold.device),
        "bf16": net is not None and find_model(fold.model).sees_images and has_bf16(fold.device),
        "threads": torch.get_num_threads(),
        "profile": fold.profile.model_dump(),
        "versions": {"python": platform.python_version()} | versions,
    }
    write_stamp(folder / "predictions.csv", fold.made_from, others, ran_with=ran_with)
    return tables["predictions.csv"]


def _predictions(fold: Fold, rows: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    if not np.isfinite(probability).all():
        raise PalsyError(
            f"{fold.model} gave probabilities that are no numbers for fold {fold.name}: lower its "
            "learning rate in profiles.toml."
        )
    told = {"model": fold.model, "fold": fold.name, "seed": fold.seed}
    table = fold.samples.iloc[rows].reset_index(drop=True)
    rounded = np.round(np.asarray(probability, float), 6)
    return table.assign(probability=rounded, **told)[PREDICTIONS]


def load_net(fold: Fold, model: str) -> nn.Module:
    """Load the net of a model of the same fold and run; a PalsyError says if it has none."""
    folder = run_folder(fold.root, fold.profile.name, fold.seed) / model / fold.name
    path, row = folder / "weights.pt", find_model(model)
    net = build_model(row.modalities, None, fold.profile.backbone, row.multitask)
    try:
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # of another program fails in the unpickler, the zip reader or torch
        raise PalsyError(
            f"{path} is missing, damaged or not of this net: delete {folder}, and `palsy run` "
            "makes it again."
        ) from error
    return net
