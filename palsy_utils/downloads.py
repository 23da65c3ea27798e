"""The files the series needs besides data: Face Landmarker, and weights that image nets start from.

Each is looked for at the path in its environment variable, then in `data/models/`, and then
downloaded there. Wherever it comes from, its SHA-256 must be the known one. Weights that notebook
14 (transfer learning) made lie in the module itself.
"""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from palsy_utils.files import PROJECT, PalsyError, sha256

PRETRAINED = Path(__file__).parent / "learning" / "pretrained"  # by notebook 14
MODELS = PROJECT / "data" / "models"


class Download(NamedTuple):
    """A public file: its environment variable, its address, and how its SHA-256 begins."""

    variable: str
    url: str
    sha256: str

    @property
    def stored(self) -> Path:
        """Where it lies once downloaded; what has no address is part of the module."""
        return (MODELS if "/" in self.url else PRETRAINED) / self.url.rsplit("/", 1)[-1]


# MediaPipe's Face Landmarker bundle, float16, version 1 (Apache-2.0), 3.6 MB.
LANDMARKER = Download(
    "PALSY_FACE_LANDMARKER",
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
    "face_landmarker.task",
    "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
)

# torchvision's ResNet50 IMAGENET1K_V1, the weights that `pretrained=True` gave, 98 MB.
RESNET50 = Download(
    "PALSY_RESNET50_WEIGHTS",
    "https://download.pytorch.org/models/resnet50-0676ba61.pth",
    "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
)


def is_at_hand(what: Download) -> bool:
    """Say whether a local copy is named by the variable or lies in `data/models/`."""
    return bool(os.environ.get(what.variable)) or what.stored.exists()


def find(what: Download) -> Path:
    """Return a local copy, downloaded if need be; without one, raise a PalsyError."""
    local = Path(os.environ.get(what.variable) or what.stored)
    if "/" in what.url and not is_at_hand(what):
        import pooch

        whole = f"sha256:{what.sha256}" if len(what.sha256) == 64 else None
        try:
            pooch.retrieve(what.url, whole, local.name, local.parent)
        except Exception as error:  # pooch, requests, urllib3 and the disk each raise their own
            raise PalsyError(
                f"{local.name} is not at hand and could not be downloaded "
                f"({type(error).__name__}): fetch {what.url} on a machine with internet and put "
                f"it at {local}, or set {what.variable} to its path."
            ) from error
    if not local.is_file() or not sha256(local).startswith(what.sha256):
        raise PalsyError(
            f"{local} is missing, damaged or another file (its SHA-256 is not {what.sha256}): "
            f"get {what.url} again, or correct {what.variable}."
        )
    return local


def starting_weights(kind: str, backbone: str = "resnet50") -> Download | None:
    """Return the weights that an image net starts from, or None for random ones.

    `imagenet` are the first that torchvision has of the net; the file's name tells how its hash
    begins. `pretrained` are those of synthetic faces, which notebook 14 makes. Raises a PalsyError
    if torchvision has no such net.
    """
    if kind == "pretrained":
        told = json.loads((PRETRAINED / f"{backbone}.json").read_text())
        return Download("PALSY_PRETRAINED_WEIGHTS", f"{backbone}.pt", told["sha256"])
    if backbone in ("resnet50", "resnet50_quarter"):
        return RESNET50 if kind == "imagenet" else None
    from torchvision import models  # seconds, which most need not wait

    if backbone not in models.list_models(module=models):  # others fetch parts from elsewhere
        told = f"torchvision has no image net {backbone!r}: choose another"
        raise PalsyError(f"{told}, such as paper+mobilenet_v3_large.")
    url = next(iter(models.get_model_weights(backbone))).url
    begin = re.search("-([0-9a-f]+)[.]", url)[1]
    return Download(f"PALSY_{backbone.upper()}_WEIGHTS", url, begin) if kind == "imagenet" else None
