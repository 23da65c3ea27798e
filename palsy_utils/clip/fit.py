"""Fit one model on everybody in a cohort, and keep it as one file: `palsy fit`.

The file is `torch.save` of plain data, read with `weights_only`, so that opening a model never
runs anybody's code. Scaling is part of the nets, so it travels with the weights.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel, ConfigDict
from torch import nn

from palsy_utils.clip.card import card, card_facts
from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import Cohort, load_cohort
from palsy_utils.faces.frames import extract_frames
from palsy_utils.faces.measure import measure_faces
from palsy_utils.faces.modalities import build_modalities, load_samples
from palsy_utils.files import PalsyError, write_text, write_torch
from palsy_utils.learning.attention import (
    AttentionFusion,
    Ensemble,
    load_tokens,
    train_members,
)
from palsy_utils.learning.experiments import ATTENTION, MODELS, find_model
from palsy_utils.learning.folds import Fold, check_labels, how_to_train, load_inputs
from palsy_utils.learning.heads import HEADS, UNKNOWN, auxiliary_loss, known_targets
from palsy_utils.learning.nets import build_model, fit_scaling, imagenet_weights
from palsy_utils.learning.profiles import Profile, find_profile
from palsy_utils.learning.training import (
    half_state,
    pick_device,
    round_weights,
    seed_everything,
    train,
)

KIND, VERSION = "palsy model", 3
# One net in one file: a single modality, or attention over modalities that need no other net.
FITTABLE = tuple(
    name
    for name, model in MODELS.items()
    if not model.needs and (len(model.modalities) == 1 or model.notebook == ATTENTION)
)


@dataclass(frozen=True)
class Fitted:
    """A model that was fitted on everybody, as its file holds it."""

    model: str
    profile: Profile
    net: nn.Module
    questions: tuple[str, ...]  # of `heads.HEADS`, those that somebody had answered
    temperature: float | None  # None: nothing to calibrate it on
    facts: dict  # what `card.card` tells


class ModelFile(BaseModel):
    """What a model file holds; `hash` is of all the rest, so that no flipped bit goes unnoticed."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    kind: str
    version: int
    model: str
    profile: dict
    sizes: dict[str, int] | None  # numbers a modality, of a net with tokens
    frames: int
    questions: list[str]
    temperature: float | None
    facts: dict
    weights: dict[str, torch.Tensor]
    hash: str = ""

    def digest(self) -> str:
        """Return the SHA-256 of everything but the hash itself."""
        rest = self.model_dump(exclude={"weights", "hash"})
        found = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
        for name, tensor in sorted(self.weights.items()):
            found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            found.update(tensor.contiguous().numpy().tobytes())
        return found.hexdigest()


def check_fittable(model: str) -> None:
    """Raise a PalsyError for a model that is unknown, or that does not fit into one file."""
    find_model(model)
    if model not in FITTABLE:
        raise PalsyError(
            f"{model} is made of several nets and does not fit into one file: choose one of "
            f"{', '.join(FITTABLE)}."
        )


def measure(cohort: str, profile: str) -> None:
    """Bring frames, faces and modalities of a cohort up to date, as notebooks 01 and 02 do.

    Raises:
        PalsyError: the labels have a single class, or as those two.
    """
    who, size = load_cohort(cohort), find_profile(profile)
    check_labels(who, folds=None)
    extract_frames(who)
    measure_faces(who)
    build_modalities(who, size.image_size, size.mouth_and_nose)


def open_everybody(
    cohort: str, profile: str, model: str, seed: int = 0, device: str = "auto"
) -> Fold:
    """Lay out a fold that holds nobody out.

    Raises:
        PalsyError: a parameter names something that is not there, or a model of several files.
    """
    check_fittable(model)
    return lay_out(load_cohort(cohort), find_profile(profile), model, seed, device)


def lay_out(
    cohort: Cohort, profile: Profile, model: str, seed: int = 0, device: str = "auto"
) -> Fold:
    """Lay out a fold with all samples of a measured cohort on its training side."""
    samples = load_samples(cohort)
    return Fold(
        samples=samples,
        train=np.arange(len(samples)),
        test=np.arange(0),
        model=model,
        profile=profile,
        device=pick_device(device),
        seed=seed,
        root=cohort.root,
    )


def fit(fold: Fold) -> tuple[Fitted, pd.DataFrame]:
    """Train a model on all samples of `open_everybody`, as notebooks 03 and 07 do on a fold.

    Returns:
        The fitted model, and its history (`training.train`).

    Raises:
        PalsyError: a modality was not built, or the cohort has a single class.
    """
    questions, weights, auxiliary, mirrored = (), None, None, None
    config, row = how_to_train(fold), find_model(fold.model)
    attends, labels = row.notebook == ATTENTION, fold.samples["label"]
    if row.multitask:
        targets = known_targets(fold.samples, known_sides(fold.root))
        known = (targets != UNKNOWN).any(0)
        questions = tuple(head for head, told in zip(HEADS, known, strict=True) if told)
        auxiliary = auxiliary_loss(targets, fold.device)
    if attends:
        tokens, flipped = load_tokens(fold)
        inputs, mirrored = list(tokens.values()), list(flipped.values())
    else:
        inputs = load_inputs(fold)
    if row.sees_images:
        weights = imagenet_weights(fold.profile.imagenet, fold.profile.backbone)
    seed_everything(fold.seed)
    if attends:
        sizes = {name: array.shape[2] for name, array in tokens.items()}
        net = Ensemble(AttentionFusion(sizes, inputs[0].shape[1]) for _ in range(config.nets))
    else:
        net = build_model(row.modalities, weights, fold.profile.backbone, row.multitask)
    fit_scaling(net, inputs, fold.train)
    given = (inputs, labels, fold.train, config, fold.device)
    options = {"seed": fold.seed, "mirrored": mirrored, "auxiliary": auxiliary}
    history = (train_members if attends else train)(net, *given, **options)
    round_weights(net)
    facts, temperature = card_facts(fold, net, history, weights is not None, questions)
    return Fitted(fold.model, fold.profile, net, questions, temperature, facts), history


def load_seen(fold: Fold) -> list[np.ndarray]:
    """Load what a model of `FITTABLE` sees: one array an input of its net, all samples."""
    if find_model(fold.model).notebook == ATTENTION:
        return list(load_tokens(fold)[0].values())
    return load_inputs(fold)


def write_model(fitted: Fitted, path: Path) -> None:
    """Write a fitted model, and beside it its card, `<path>.md`; each whole or not at all."""
    net, sizes, frames = fitted.net, None, 1
    if isinstance(net, Ensemble):
        sizes, frames = net.members[0].sizes, net.members[0].frames
    content = ModelFile(
        kind=KIND,
        version=VERSION,
        model=fitted.model,
        profile=fitted.profile.model_dump(),
        sizes=sizes,
        frames=frames,
        questions=list(fitted.questions),
        temperature=fitted.temperature,
        facts=fitted.facts,
        weights=half_state(net.cpu()),
    )
    write_torch(content.model_dump() | {"hash": content.digest()}, path)
    write_text(card(fitted.model, fitted.facts, fitted.temperature), card_path(path))


def card_path(path: Path) -> Path:
    """Return where the card of a model file lies."""
    return path.with_name(path.name + ".md")


def read_model(path: Path) -> Fitted:
    """Read a model file of `palsy fit`.

    Raises:
        PalsyError: it is missing, damaged, no such file, or of another version.
    """
    again = "make one with `palsy fit`"
    if not path.is_file():
        raise PalsyError(f"{path} is no file: give a model file, or {again}.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file fails in the unpickler, the zip reader or torch
        raise PalsyError(f"{path} is no model file, or is damaged: {again}.") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise PalsyError(f"{path} is no model of `palsy fit`: {again}.")
    if content.get("version") != VERSION:
        raise PalsyError(
            f"{path} has the format version {content.get('version')}, and this program reads "
            f"version {VERSION}: {again}."
        )
    try:
        held = ModelFile(**content)
        if held.hash != held.digest():
            raise ValueError("a bit has changed")
        row, profile = find_model(held.model), Profile(**held.profile)
        if held.sizes:
            nets = range(getattr(profile, row.training).nets)
            net = Ensemble(AttentionFusion(held.sizes, held.frames) for _ in nets)
        else:
            net = build_model(row.modalities, None, profile.backbone, row.multitask)
        net.load_state_dict(held.weights)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise PalsyError(f"{path} is a damaged model file: {again}.") from error
    questions = tuple(held.questions)
    return Fitted(held.model, profile, net.eval(), questions, held.temperature, held.facts)
