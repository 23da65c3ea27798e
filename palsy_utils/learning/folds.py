"""Folds for cross-validation: which people a model never sees in training."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from palsy_utils.cohort.paths import natural_key
from palsy_utils.faces.modalities import load_modality
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.profiles import Profile, Training

if TYPE_CHECKING:  # `palsy status` should not wait for torch
    import torch


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What one model works on: plain data, nothing computed."""

    samples: pd.DataFrame  # all of them: `modalities.SAMPLES`
    train: np.ndarray  # rows of `samples`
    test: np.ndarray  # the other rows: those of the people held out
    model: str
    profile: Profile
    device: "torch.device"
    seed: int = 0
    root: Path = Path()  # the cohort's folder
    name: str = ""
    held_out: tuple[str, ...] = ()  # the people whom the model does not see in training
    folder: Path = Path()  # where its results go
    made_from: dict = field(default_factory=dict)  # `results.fold_from`


def load_inputs(fold: Fold, model: str = "") -> list[np.ndarray]:
    """Load what a fold's model, or another of its run, sees of all samples: an array a modality."""
    profile, names = fold.profile, find_model(model or fold.model).modalities
    return [load_modality(fold.root, profile.inputs.get(n, n), profile.image_size) for n in names]


def how_to_train(fold: Fold) -> Training:
    """Return the training numbers of a fold's model in its profile."""
    return getattr(fold.profile, find_model(fold.model).training)


def fold_names(table: pd.DataFrame, folds: int = 0) -> dict[str, tuple[str, ...]]:
    """Name the folds, and the people whom each holds out; nobody is in two of them.

    folds=0 leaves out one person at a time; a fold is then named after the person. folds=k
    makes k groups, `fold-1-of-k` onwards, alike in their numbers of palsy and healthy samples.
    The same table (patient, label) always gives the same folds. A PalsyError says that fewer than
    two people have labels, or that `folds` does not fit.
    """
    table = table.dropna(subset=["label"])
    people = sorted(table["patient"].unique(), key=natural_key)
    if len(people) < 2:
        raise PalsyError(
            f"Labelled samples are there of {len(people)} person(s), and folds need two or more: "
            "add people or labels to the cohort."
        )
    if folds == 0:
        return {person: (person,) for person in people}
    if not 2 <= folds <= len(people):
        raise PalsyError(
            f"{folds} folds cannot be made of {len(people)} people: choose 2 to {len(people)}, or "
            "0 to leave out one person at a time."
        )
    groups = _balanced_groups(table, people, folds)
    return {f"fold-{i}-of-{folds}": tuple(group) for i, group in enumerate(groups, start=1)}


def _balanced_groups(table: pd.DataFrame, people: list[str], folds: int) -> list[list[str]]:
    """Deal people out, those with most samples first, each to the group that needs them most.

    A group's cost is the sum over classes of its squared share of the class; equal costs go to
    the group with fewest people, so that none stays empty.
    """
    counts = pd.crosstab(table["patient"], table["label"]).loc[people]
    groups, held = [[] for _ in range(folds)], np.zeros((folds, counts.shape[1]))
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    for person, shares in zip(order, (counts / counts.sum()).loc[order].to_numpy(), strict=True):
        costs = (held * shares).sum(1).round(12)
        chosen = min(range(folds), key=lambda i: (costs[i], len(groups[i])))
        groups[chosen].append(person)
        held[chosen] += shares
    return [sorted(group, key=natural_key) for group in groups]


def split(table: pd.DataFrame, held_out: tuple[str, ...]) -> tuple[pd.Series, pd.Series]:
    """Return boolean masks over `table` (patient, label): training side, held-out side.

    Samples without a label are on neither side.
    """
    labelled, held = table["label"].notna(), table["patient"].isin(held_out)
    return labelled & ~held, labelled & held


def check_classes(table: pd.DataFrame, groups: Iterable[tuple[str, ...]]) -> None:
    """Raise a PalsyError if a group of people, once held out of `table`, leaves a single class.

    Called before anything is trained; with the labels of a cohort, and people held out one by one,
    even before anything is measured.
    """
    classes = [set(table.loc[table["label"] == label, "patient"]) for label in (0, 1)]
    for held_out in groups:
        healthy, palsy = (len(people) - len(people.intersection(held_out)) for people in classes)
        if not (healthy and palsy):
            raise PalsyError(
                f"{palsy} person(s) with palsy and {healthy} without are left to train on once "
                f"{', '.join(held_out) or 'nobody'} is held out, and both are needed: add people "
                "or labels, or choose another number of folds."
            )
