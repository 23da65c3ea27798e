"""The models of the results table: `experiments.toml` has them, in its order."""

import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from palsy_utils.faces.features import STRUCTURED
from palsy_utils.files import PalsyError


class Model(NamedTuple):
    """One model: what it sees and is, what trains it, what the paper reports."""

    modalities: tuple[str, ...]
    title: str  # the paper's words for the modality, where it has them
    architecture: str
    notebook: str
    training: str = ""  # field of `profiles.Profile` with its training numbers; none: not trained
    needs: tuple[str, ...] = ()  # models of the same fold that must be trained before
    paper: Sequence[float] | None = None  # F1, precision, recall; per cent, Table 1
    multitask: bool = False  # also asked `nets.HEADS`

    @property
    def sees_images(self) -> bool:
        """Whether the model, or a net that it needs, looks at pixels."""
        return not set(STRUCTURED).issuperset(self.modalities)

    @property
    def attends(self) -> bool:
        """Whether it sees tokens (`attention.load_tokens`) in place of modalities as stored."""
        return self.training in ("attention", "clip")


def _load_models() -> dict[str, Model]:
    given, models = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")), {}
    for name, own in given["models"].items():
        row = given["kinds"][own.pop("kind")] | own
        for key in ("modalities", "needs"):
            row[key] = tuple(
                word.replace("structured", name)
                for word in row.get(key, ())
                for name in (STRUCTURED if "structured" in word else [""])
            )
        models[name] = Model(**row)
    return models


MODELS = _load_models()
PAPER_MODELS = {name: model for name, model in MODELS.items() if model.paper}
NEW_MODELS = {name: model for name, model in MODELS.items() if not model.paper}
# One net in one file: a single modality, or attention over modalities that need no other net.
FITTABLE = [n for n, m in MODELS.items() if not m.needs and (len(m.modalities) == 1 or m.attends)]


def find_model(name: str, among: Collection[str] = MODELS) -> Model:
    """Return a model by its name; a PalsyError lists those there are, or `FITTABLE` ones."""
    if name not in among:
        several = f"{name} is made of several nets and does not fit into one file"
        told = several if name in MODELS else f"There is no model {name!r}"
        raise PalsyError(f"{told}: choose one of {', '.join(among)}.")
    return MODELS[name]


def architecture(model: Model, backbone: str) -> str:
    """Say what a model is, with the image net that its profile puts in ResNet50's place."""
    net = {"resnet50": "ResNet50", "resnet50_quarter": "ResNet50, quarter width"}
    return model.architecture.replace("ResNet50", net.get(backbone, backbone))


def choose_models(names: Sequence[str]) -> list[str]:
    """Return the models that are asked for, in table order, and those that they need.

    `names` are of models, or `paper` (the seven rows of its table), `beyond` (what this project
    adds), `all`; nothing means `paper`.
    """
    groups = {"paper": PAPER_MODELS, "beyond": NEW_MODELS, "all": MODELS}
    asked = [model for name in names or ["paper"] for model in groups.get(name, (name,))]
    wanted = {need for name in asked for need in (name, *find_model(name).needs)}
    return [name for name in MODELS if name in wanted]
