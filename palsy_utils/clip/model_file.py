"""A model that was fitted on everybody in a cohort, as one file (notebook 11, `palsy fit`).

The file is plain data, read with `weights_only`, so that opening it runs nobody's code.
"""

import zipfile
from pathlib import Path

import numpy as np
import torch
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from torch import nn

from palsy_utils.cohort.load import Cohort, load_cohort
from palsy_utils.faces.features import MODALITIES
from palsy_utils.faces.modalities import load_samples
from palsy_utils.files import PalsyError, sha256
from palsy_utils.learning import attention, nets, training
from palsy_utils.learning.experiments import FITTABLE, find_model
from palsy_utils.learning.folds import Fold, load_inputs
from palsy_utils.learning.profiles import Profile, find_profile

KIND, VERSION = "palsy model", 7
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
    facts: dict  # what its card tells; `files`, the `file_hashes` of its cohort


def open_everybody(
    cohort: str | Path, profile: str | Profile, model: str, seed: int = 0, device: str = "auto"
) -> Fold:
    """Lay out a fold that holds nobody out: all samples of a measured cohort are trained on."""
    find_model(model, FITTABLE)
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


def file_hashes(cohort: Cohort) -> list[str]:
    """Return the SHA-256 of every video's file or images, 16 hex digits, to know them again."""
    videos = cohort.sources.values()
    return [sha256(*(cohort.root / file for *_, file in files))[:16] for files in videos]


def read_model(path: Path) -> Fitted:
    """Read a file of notebook 11; a PalsyError says if it is damaged, or of another version."""
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
