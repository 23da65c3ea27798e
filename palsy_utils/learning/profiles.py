"""Profiles: the sizes of a run, and how each kind of net is trained. `profiles.toml` has them."""

import re
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from palsy_utils.files import PalsyError

QUARTER = "resnet50_quarter"  # ResNet50 whose blocks are a quarter as wide (`build_image_net`)
# What image nets start from, in words.
WEIGHTS = {
    "imagenet": "ImageNet weights",
    "pretrained": "weights pretrained on synthetic faces of other people, not on ImageNet",
    "random": "random weights",
}


class Training(BaseModel, frozen=True, extra="forbid"):
    """How one kind of net is trained."""

    epochs: int
    learning_rate: float
    batch_size: int
    # Without momentum, small cohorts hardly move in 15 epochs (figures/ablation.md).
    momentum: float = 0.9
    scale: bool = True  # of numbers: whether their scaling is fitted (`nets.fit_scaling`), or none
    mirror: bool = True  # of images: half of them are mirrored each time they are shown
    # `one-cycle` warms up to the learning rate and anneals it: needed from random weights.
    schedule: Literal["constant", "one-cycle"] = "constant"
    optimiser: Literal["sgd", "adamw"] = "sgd"  # the paper's rows are all trained by SGD
    weight_decay: float = 0.0
    # Of image nets: only the head is trained; the layers below, batch norm's means and spreads
    # included, stay as they were pretrained.
    frozen: bool = False
    nets: int = 1  # of attention: trained from other random weights each, answers averaged
    # Grouped folds inside the training people, for whatever is chosen or calibrated; 0: none.
    inner_folds: int = 0


class Profile(BaseModel, frozen=True, extra="forbid"):
    """The size of a run."""

    name: str
    image_size: int  # pixels, side of the square face window
    weights: Literal["imagenet", "pretrained", "random"]  # of image nets at first
    backbone: str = "resnet50"  # paper; any classification net of torchvision, or `QUARTER`
    inputs: dict[str, str] = {}  # of a modality, the one of `MODALITIES` that nets see in its place
    fnn: Training
    lines_resnet50: Training
    rgb_resnet50: Training
    two_resnet50: Training
    fusion: Training
    sided_fnn: Training  # asymmetry and handcrafted features
    attention: Training
    clip: Training  # attention over two seconds


def _load_profiles() -> dict[str, Profile]:
    given, profiles = Path(__file__).with_suffix(".toml").read_text("utf-8"), {}
    for name, table in tomllib.loads(given).items():
        profiles[name] = profiles.get(table.pop("like", ""), {}) | table | {"name": name}
    return {name: Profile(**profile) for name, profile in profiles.items()}


PROFILES = _load_profiles()


def find_profile(name: str) -> Profile:
    """Return a profile by its name; a PalsyError lists the names there are.

    `<profile>+<backbone>` is the profile with another image net of torchvision in every row that
    sees images, such as `paper+convnext_tiny`; its results lie in a folder of that name. It
    starts from ImageNet weights where the profile does and from random ones elsewhere;
    `+resnet50_quarter` at 32 pixels from the weights of notebook 14.
    """
    base, _, backbone = name.partition("+")
    if base not in PROFILES or not re.fullmatch(r"[^+]+(\+[a-z0-9_]+)?", name):
        raise PalsyError(f"There is no profile {name!r}: choose one of {', '.join(PROFILES)}.")
    profile = PROFILES[base]
    if not backbone:
        return profile
    changes: dict = {"weights": "imagenet" if profile.weights == "imagenet" else "random"}
    if backbone == QUARTER:
        changes = {"weights": "pretrained", "image_size": PROFILES["phantom"].image_size}
    return profile.model_copy(update=changes | {"backbone": backbone, "name": name})
