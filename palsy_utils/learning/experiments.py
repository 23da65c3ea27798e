"""The rows of the results table: which model sees what, and which notebook trains it."""

from collections.abc import Sequence
from typing import NamedTuple

from palsy_utils.faces.features import STRUCTURED
from palsy_utils.files import PalsyError


class Model(NamedTuple):
    """One row of the table: what it sees and is, what trains it, what the paper reports."""

    modalities: tuple[str, ...]
    title: str  # the paper's words for the modality, where it has them
    architecture: str
    notebook: str
    training: str = ""  # field of `profiles.Profile` with its training numbers; none: not trained
    needs: tuple[str, ...] = ()  # models of the same fold that must be trained before
    paper: tuple[float, float, float] | None = None  # F1, precision, recall; per cent, Table 1
    multitask: bool = False  # also asked `nets.HEADS`

    @property
    def sees_images(self) -> bool:
        """Whether the model, or a net that it needs, looks at pixels."""
        return not set(STRUCTURED).issuperset(self.modalities)

    @property
    def attends(self) -> bool:
        """Whether it sees tokens (`attention.load_tokens`) in place of modalities as stored."""
        return self.notebook == ATTENTION["notebook"]


SINGLE = "03_single_modality"
FNN = {"architecture": "Feed-forward neural network", "notebook": SINGLE, "training": "fnn"}
SIDED = FNN | {"training": "sided_fnn"}
RGB = {"architecture": "ResNet50", "notebook": SINGLE, "training": "rgb_resnet50"}
LINES = RGB | {"training": "lines_resnet50"}
TWO = RGB | {"architecture": "ResNet50 x 2", "training": "two_resnet50"}
MULTITASK = LINES | {"architecture": "ResNet50, multi-task", "multitask": True}
EARLY = {"architecture": "Early fusion", "notebook": "04_early_fusion", "training": "fusion"}
LATE = {"architecture": "Late fusion", "notebook": "05_late_fusion"}
WEIGHTED = {"architecture": "Weighted late fusion", "notebook": "08_weighted_late_fusion"}
ATTENTION = {"architecture": "Attention fusion", "notebook": "07_attention_fusion"}
ATTENTION = ATTENTION | {"training": "attention", "multitask": True}
CLIP = ATTENTION | {"training": "clip"}
FUSED = {"modalities": ("expressions", "lines"), "title": "Expressions + line images"}
FUSED |= {"needs": ("expressions-fnn", "lines-resnet50")}  # the paper's pair

# The paper's seven, in its order.
PAPER_MODELS = {
    "coordinates-fnn": Model(("coordinates",), "Coordinates", **FNN, paper=(72.23, 74.40, 83.28)),
    "expressions-fnn": Model(("expressions",), "Expressions", **FNN, paper=(71.21, 76.22, 79.00)),
    "rgb-resnet50": Model(("rgb",), "RGB images", **RGB, paper=(64.23, 76.14, 62.04)),
    "lines-resnet50": Model(("lines",), "Line images", **LINES, paper=(72.85, 75.57, 83.47)),
    "lines+rgb-resnet50": Model(
        ("lines", "rgb"), "Line images + RGB images", **TWO, paper=(65.95, 76.95, 67.42)
    ),
    "early-fusion": Model(**FUSED, **EARLY, paper=(69.62, 77.05, 74.71)),
    "late-fusion": Model(**FUSED, **LATE, paper=(71.76, 77.00, 78.66)),
}
# Beyond the paper.
NEW_MODELS = {
    "asymmetry-fnn": Model(("asymmetry",), "Asymmetry", **SIDED),
    "handcrafted-fnn": Model(("handcrafted",), "Handcrafted features", **SIDED),
    "lines-multitask-resnet50": Model(
        ("lines",), "Line images, asked for grades and side too", **MULTITASK
    ),
    "early-fusion-rgb+handcrafted": Model(
        ("rgb", "handcrafted"),
        "RGB images + handcrafted features",
        **EARLY,
        needs=("rgb-resnet50", "handcrafted-fnn"),
    ),
    "weighted-late-fusion": Model(
        STRUCTURED,
        "The best pair of the structured modalities",
        **WEIGHTED,
        needs=tuple(f"{name}-fnn" for name in STRUCTURED),
    ),
    "attention-fusion-structured": Model(STRUCTURED, "The four structured modalities", **ATTENTION),
    "clip-fusion": Model(
        STRUCTURED, "The four structured modalities, a second before and after", **CLIP
    ),
    "attention-fusion": Model(
        (*STRUCTURED, "lines", "rgb"),
        "All six modalities",
        **ATTENTION,
        needs=("lines-resnet50", "rgb-resnet50"),
    ),
}
MODELS = PAPER_MODELS | NEW_MODELS


def find_model(name: str) -> Model:
    """Return a model by its name; a PalsyError lists the names there are."""
    if name not in MODELS:
        raise PalsyError(f"There is no model {name!r}: choose one of {', '.join(MODELS)}.")
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
