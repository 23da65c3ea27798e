"""The rows of the results table: which model sees what, and which notebook trains it."""

from palsy_utils.faces.features import STRUCTURED
from palsy_utils.files import PalsyError
from palsy_utils.learning.profiles import Plain


class Model(Plain):
    """One row of the table: what it sees and is, what trains it, what the paper reports."""

    modalities: tuple[str, ...]
    title: str  # the paper's words for the modality, where it has them
    architecture: str
    notebook: str
    training: str = ""  # field of `profiles.Profile` with its training numbers; none: not trained
    needs: tuple[str, ...] = ()  # models of the same fold that must be trained before
    paper: tuple[float, float, float] | None = None  # F1, precision, recall; per cent, Table 1
    multitask: bool = False  # also asked `heads.HEADS`

    @property
    def sees_images(self) -> bool:
        """Whether the model, or a net that it needs, looks at pixels."""
        return not set(STRUCTURED).issuperset(self.modalities)


SINGLE, EARLY, LATE = "03_single_modality", "04_early_fusion", "05_late_fusion"
ATTENTION, WEIGHTED = "07_attention_fusion", "08_weighted_late_fusion"
FNN = "Feed-forward neural network"
FUSED = ("expressions-fnn", "lines-resnet50")  # the paper's pair

# The paper's seven, in its order.
PAPER_MODELS = {
    "coordinates-fnn": Model(
        modalities=("coordinates",),
        title="Coordinates",
        architecture=FNN,
        notebook=SINGLE,
        training="fnn",
        paper=(72.23, 74.40, 83.28),
    ),
    "expressions-fnn": Model(
        modalities=("expressions",),
        title="Expressions",
        architecture=FNN,
        notebook=SINGLE,
        training="fnn",
        paper=(71.21, 76.22, 79.00),
    ),
    "rgb-resnet50": Model(
        modalities=("rgb",),
        title="RGB images",
        architecture="ResNet50",
        notebook=SINGLE,
        training="rgb_resnet50",
        paper=(64.23, 76.14, 62.04),
    ),
    "lines-resnet50": Model(
        modalities=("lines",),
        title="Line images",
        architecture="ResNet50",
        notebook=SINGLE,
        training="lines_resnet50",
        paper=(72.85, 75.57, 83.47),
    ),
    "lines+rgb-resnet50": Model(
        modalities=("lines", "rgb"),
        title="Line images + RGB images",
        architecture="ResNet50 x 2",
        notebook=SINGLE,
        training="two_resnet50",
        paper=(65.95, 76.95, 67.42),
    ),
    "early-fusion": Model(
        modalities=("expressions", "lines"),
        title="Expressions + line images",
        architecture="Early fusion",
        notebook=EARLY,
        training="fusion",
        needs=FUSED,
        paper=(69.62, 77.05, 74.71),
    ),
    "late-fusion": Model(
        modalities=("expressions", "lines"),
        title="Expressions + line images",
        architecture="Late fusion",
        notebook=LATE,
        needs=FUSED,
        paper=(71.76, 77.00, 78.66),
    ),
}

# Beyond the paper.
NEW_MODELS = {
    "asymmetry-fnn": Model(
        modalities=("asymmetry",),
        title="Asymmetry",
        architecture=FNN,
        notebook=SINGLE,
        training="sided_fnn",
    ),
    "handcrafted-fnn": Model(
        modalities=("handcrafted",),
        title="Handcrafted features",
        architecture=FNN,
        notebook=SINGLE,
        training="sided_fnn",
    ),
    "lines-multitask-resnet50": Model(
        modalities=("lines",),
        title="Line images, asked for grades and side too",
        architecture="ResNet50, multi-task",
        notebook=SINGLE,
        training="lines_resnet50",
        multitask=True,
    ),
    "early-fusion-rgb+handcrafted": Model(
        modalities=("rgb", "handcrafted"),
        title="RGB images + handcrafted features",
        architecture="Early fusion",
        notebook=EARLY,
        training="fusion",
        needs=("rgb-resnet50", "handcrafted-fnn"),
    ),
    "weighted-late-fusion": Model(
        modalities=STRUCTURED,
        title="The best pair of the structured modalities",
        architecture="Weighted late fusion",
        notebook=WEIGHTED,
        needs=tuple(f"{name}-fnn" for name in STRUCTURED),
    ),
    "attention-fusion-structured": Model(
        modalities=STRUCTURED,
        title="The four structured modalities",
        architecture="Attention fusion",
        notebook=ATTENTION,
        training="attention",
        multitask=True,
    ),
    "clip-fusion": Model(
        modalities=STRUCTURED,
        title="The four structured modalities, a second before and after",
        architecture="Attention fusion",
        notebook=ATTENTION,
        training="clip",
        multitask=True,
    ),
    "attention-fusion": Model(
        modalities=(*STRUCTURED, "lines", "rgb"),
        title="All six modalities",
        architecture="Attention fusion",
        notebook=ATTENTION,
        training="attention",
        multitask=True,
        needs=("lines-resnet50", "rgb-resnet50"),
    ),
}
MODELS = PAPER_MODELS | NEW_MODELS
GROUPS = {"paper": tuple(PAPER_MODELS), "beyond": tuple(NEW_MODELS), "all": tuple(MODELS)}


def find_model(name: str) -> Model:
    """Return a model by its name.

    Raises:
        PalsyError: there is none of that name.
    """
    if name not in MODELS:
        raise PalsyError(f"There is no model {name!r}: choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def architecture(model: Model, backbone: str) -> str:
    """Say what a model is, with the image net that its profile puts in ResNet50's place."""
    net = "ResNet50" if backbone == "resnet50" else backbone
    return model.architecture.replace("ResNet50", net)


def choose_models(names: list[str] | tuple[str, ...]) -> list[str]:
    """Return the models that are asked for, in table order, and those that they need.

    Args:
        names: of models, or of groups: `paper` (the seven rows of its table), `beyond` (what this
            project adds), `all`; nothing means `paper`.

    Raises:
        PalsyError: a name is unknown.
    """
    asked = [model for name in names or ["paper"] for model in GROUPS.get(name, (name,))]
    wanted = {need for name in asked for need in (name, *find_model(name).needs)}
    return [name for name in MODELS if name in wanted]
