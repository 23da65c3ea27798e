"""Fit one model on everybody in a cohort, and keep it as one file with a card: `palsy fit`.

The file is plain data, read with `weights_only`, so that opening it runs nobody's code. Fitted on
everybody, a model has nobody left to be tested on: the scores on its card are of the run with the
same numbers, of people whom its nets had not seen.
"""

import platform
import zipfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from torch import nn

from palsy_utils.clip.measures import file_hashes
from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.calibration import calibrate, fit_calibration, load_inner, log_loss
from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.people import MEAN, SCORES, choose_rule, people_table
from palsy_utils.evidence.scores import THRESHOLD, auroc, is_drawn
from palsy_utils.evidence.table import PACKAGES
from palsy_utils.faces.features import MODALITIES
from palsy_utils.faces.frames import extract_frames
from palsy_utils.faces.modalities import build_modalities, load_samples, measure_faces
from palsy_utils.files import PalsyError, write_text, write_torch
from palsy_utils.learning import attention, nets, training
from palsy_utils.learning.experiments import MODELS, architecture, find_model
from palsy_utils.learning.folds import Fold, check_classes, how_to_train, load_inputs
from palsy_utils.learning.nets import HEADS, UNKNOWN, auxiliary_loss, known_targets
from palsy_utils.learning.profiles import WEIGHTS, Profile, find_profile
from palsy_utils.runs.results import done_folds, load_run, open_run, run_folder

KIND, VERSION = "palsy model", 5
# One net in one file: a single modality, or attention over modalities that need no other net.
FITTABLE = [n for n, m in MODELS.items() if not m.needs and (len(m.modalities) == 1 or m.attends)]
LOOK: dict = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
LOOK |= {"autoescape": select_autoescape(["html"]), "undefined": StrictUndefined}
TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent), **LOOK)


@dataclass(frozen=True, config=ConfigDict(strict=True, arbitrary_types_allowed=True))
class Fitted:
    """A model that was fitted on everybody, as its file holds it; its types are checked."""

    model: str
    profile: Profile
    net: nn.Module
    questions: tuple[str, ...]  # of `nets.HEADS`, those that somebody had answered
    calibration: tuple[float, float] | None  # temperature, intercept; None: nothing to fit them on
    rule: tuple[str, float]  # of `people.choose_rule`, for a clip as a whole
    facts: dict  # what the card tells


def check_fittable(model: str) -> None:
    """Raise a PalsyError for a model that is unknown, or that does not fit into one file."""
    find_model(model)
    if model not in FITTABLE:
        told = f"{model} is made of several nets and does not fit into one file"
        raise PalsyError(f"{told}: choose one of {', '.join(FITTABLE)}.")


def measure(cohort: str, profile: str) -> None:
    """Bring frames, faces and modalities of a cohort up to date, as notebooks 01 and 02 do."""
    who, size = load_cohort(cohort), find_profile(profile)
    check_classes(who.labels, [()])
    extract_frames(who)
    measure_faces(who)
    build_modalities(who, size.image_size, size.inputs)


def open_everybody(
    cohort: str | Path, profile: str | Profile, model: str, seed: int = 0, device: str = "auto"
) -> Fold:
    """Lay out a fold that holds nobody out: all samples of a measured cohort are trained on."""
    check_fittable(model)
    samples = load_samples(load_cohort(cohort))
    return Fold(
        samples=samples,
        train=np.arange(len(samples)),
        test=np.arange(0),
        model=model,
        profile=find_profile(profile) if isinstance(profile, str) else profile,
        device=training.pick_device(device),
        seed=seed,
        root=Path(cohort),
    )


def load_seen(fold: Fold) -> list[np.ndarray]:
    """Load what a net of `FITTABLE` sees of all samples, one array an input."""
    if find_model(fold.model).attends:
        return list(attention.load_tokens(fold)[0].values())
    return load_inputs(fold)


def build_net(model: str, profile: Profile, weights: dict | None = None) -> nn.Module:
    """Build the net of a model of `FITTABLE`; `weights` as `load_weights` gives them."""
    row = find_model(model)
    if not row.attends:
        return nets.build_model(row.modalities, weights, profile.backbone, row.multitask)
    sizes = {name: MODALITIES[name].numbers for name in row.modalities}
    frames = 2 * attention.STEPS + 1 if model == "clip-fusion" else 1
    members = range(getattr(profile, row.training).nets)
    return attention.Ensemble(attention.AttentionFusion(sizes, frames) for _ in members)


def fit(fold: Fold) -> tuple[Fitted, pd.DataFrame]:
    """Train on everybody, as notebooks 03 and 07 do on a fold; return the history, too."""
    check_classes(fold.samples, [()])
    row, config = find_model(fold.model), how_to_train(fold)
    questions, weights, auxiliary, mirrored, run = (), None, None, None, training.train
    if row.multitask:
        targets = known_targets(fold.samples, known_sides(fold.root))
        questions = tuple(np.array([*HEADS])[(targets != UNKNOWN).any(0)].tolist())
        auxiliary = auxiliary_loss(targets, fold.device)
    if row.attends:
        inputs, mirrored = (list(faces.values()) for faces in attention.load_tokens(fold))
        run = attention.train_members
    else:
        inputs = load_inputs(fold)
    if row.sees_images:
        weights = nets.load_weights(fold.profile)
    training.seed_everything(fold.seed)
    net = build_net(fold.model, fold.profile, weights)
    if config.scale:
        nets.fit_scaling(net, inputs, fold.train)
    given = (inputs, fold.samples["label"], fold.train, config, fold.device)
    history = run(net, *given, seed=fold.seed, mirrored=mirrored, auxiliary=auxiliary)
    training.round_weights(net)
    return Fitted(fold.model, fold.profile, net, questions, *collect_facts(fold, net)), history


def left_out(fold: Fold) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Read the predictions of the run with the same samples and training numbers, and the inner.

    Where people were not left out one by one, the run's groups are taken, the most first.
    """
    n_people = fold.samples["patient"].nunique()
    folder = run_folder(fold.root, fold.profile.name, fold.seed) / fold.model
    groups = {int(path.name.rsplit("-", 1)[1]) for path in folder.glob("fold-1-of-*")}
    for folds in (0, *sorted(groups & {*range(2, n_people + 1)}, reverse=True)):
        run = open_run(fold.root, fold.profile.name, folds, fold.seed)
        if len(done_folds(run, [fold.model]).get(fold.model, [])) == len(run.folds):
            frames = load_run(run, [fold.model])
            inner = load_inner(fold.root, fold.profile.name, frames)
            return frames, inner if len(inner) else None
    return None, None


def collect_facts(fold: Fold, net: nn.Module) -> tuple[tuple | None, tuple, dict]:
    """Return the calibration, if there is any, the rule, and what a card tells, as plain data.

    The rule is chosen on the run's predictions, if its folds chose theirs on their inner ones.
    """
    cohort, samples, (frames, inner) = load_cohort(fold.root), fold.samples, left_out(fold)
    scores = calibration = losses = None
    rule = (MEAN, THRESHOLD) if inner is None else choose_rule(frames)
    if inner is not None:
        calibration = fit_calibration(inner["label"], inner["probability"])
        rows = calibrate(frames, inner)  # by each fold's own
        losses = [log_loss(rows["label"], rows[n]) for n in ("probability", "calibrated")]
    if frames is not None:
        area = auroc(frames["label"], frames["probability"])
        scores = {"auroc": (area, *auroc_interval(frames))} | call_intervals(frames)
        of_clips = people_table(frames, frames.iloc[:0] if inner is None else inner).iloc[0]
        scores |= {f"{n} of clips": of_clips[[n, f"{n}_low", f"{n}_high"]] for n in SCORES}
        scores = {name: [round(float(n), 4) for n in row] for name, row in scores.items()}
    facts = {
        "cohort": cohort.name,
        "drawn": is_drawn(cohort),
        "group": cohort.group,
        "people": samples["patient"].nunique(),
        "videos": samples["video"].nunique(),
        "frames": len(samples),
        "palsy": round(float(samples["label"].mean()), 4),
        "parameters": sum(p.numel() for p in net.parameters()),
        "seed": fold.seed,
        "training": how_to_train(fold).model_dump(),
        "files": file_hashes(cohort),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "scores": scores,
        "log_loss": losses,
    }
    return calibration, rule, facts


def card(fitted: Fitted) -> str:
    """Write the card of a fitted model as markdown."""
    row, profile = find_model(fitted.model), fitted.profile
    told = {"what": architecture(row, profile.backbone), "weights": WEIGHTS[profile.weights]}
    return TEMPLATES.get_template("card.md").render(vars(fitted), row=row, **told)


def write_model(fitted: Fitted, path: Path) -> None:
    """Write a fitted model, and beside it its card, `<path>.md`; each whole or not at all."""
    weights, profile = training.half_state(fitted.net.cpu()), fitted.profile.model_dump()
    content = {"kind": KIND, "version": VERSION, **vars(fitted)}
    write_torch(content | {"profile": profile, "net": weights}, path)
    write_text(card(fitted), Path(f"{path}.md"))


def read_model(path: Path) -> Fitted:
    """Read a file of `write_model`; a PalsyError says if it is damaged, or of another version."""
    again = "make one with `palsy fit`"
    if not path.is_file():
        raise PalsyError(f"{path} is no file: give a model file, or {again}.")
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():  # torch does not look at checksums
                raise ValueError("a bit has changed")
        held = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(held, dict) or held.pop("kind") != KIND:
            raise ValueError("a file of another program")
        if (number := held.pop("version")) != VERSION:
            told = f"{path} has format version {number}, and this program reads version"
            raise PalsyError(f"{told} {VERSION}: {again}.")
        profile = Profile(**held["profile"])
        net = build_net(held["model"], profile).eval()
        net.load_state_dict(held["net"])
        return Fitted(**held | {"profile": profile, "net": net})
    except PalsyError:
        raise
    except Exception as error:  # it fails in the unpickler, the zip reader, torch or pydantic
        raise PalsyError(f"{path} is no model of `palsy fit`, or is damaged: {again}.") from error
