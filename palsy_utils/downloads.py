"""The two public files the series needs besides data: Face Landmarker, and ImageNet weights.

Each is looked for at the path in its environment variable, then in `data/models/`, and then
downloaded there. Wherever it comes from, its SHA-256 must be the known one. `data/models/` is the
project's, and for a module that was installed without the project, that of the current folder.
"""

import os
from pathlib import Path
from typing import Literal, NamedTuple

from palsy_utils.files import NOTEBOOKS, PROJECT, PalsyError, sha256

MODELS = (PROJECT if NOTEBOOKS.is_dir() else Path.cwd()) / "data" / "models"


class Download(NamedTuple):
    """A public file: its environment variable, its address, and what its content must hash to."""

    variable: str
    url: str
    sha256: str

    @property
    def stored(self) -> Path:
        """Where it lies once downloaded."""
        return MODELS / self.url.rsplit("/", 1)[1]


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
    """Return a verified local copy, downloading it if there is none.

    Raises:
        PalsyError: the copy has another hash, or there is none and it cannot be downloaded.
    """
    local = Path(os.environ.get(what.variable) or what.stored)
    if is_at_hand(what):
        if not local.is_file():
            raise PalsyError(f"{what.variable} names {local}, which is no file: correct the path.")
        if sha256(local) != what.sha256:
            raise PalsyError(
                f"{local} is damaged or another file (its SHA-256 is not {what.sha256}): delete "
                f"it and download {what.url} again."
            )
        return local
    import pooch

    try:
        pooch.retrieve(what.url, f"sha256:{what.sha256}", local.name, local.parent)
    except Exception as error:  # pooch, requests, urllib3 and the disk each raise their own
        raise PalsyError(
            f"{local.name} is not at hand and could not be downloaded ({type(error).__name__}): "
            f"fetch {what.url} on a machine with internet and put it at {local}, or set "
            f"{what.variable} to its path."
        ) from error
    return local


def find_imagenet_weights(
    wanted: Literal["required", "if at hand", "never"], backbone: str = "resnet50"
) -> Path | None:
    """Return the file of an image net's ImageNet weights, or None for random weights.

    Args:
        wanted: `required` downloads them if need be, `if at hand` takes only a local copy.
        backbone: name of a torchvision classification net.

    Raises:
        PalsyError: they are required and cannot be had, or the copy has the wrong hash.
    """
    if wanted == "never":
        return None
    if backbone == "resnet50":
        return find(RESNET50) if wanted == "required" or is_at_hand(RESNET50) else None
    return _find_by_torchvision(wanted, backbone)


def imagenet_name(wanted: str, backbone: str = "resnet50") -> str:
    """Name the ImageNet weights that `find_imagenet_weights` would give; "" for random weights."""
    if wanted == "never":
        return ""
    if backbone == "resnet50":
        there = wanted == "required" or is_at_hand(RESNET50)
        return RESNET50.stored.name if there else ""
    local = _stored_by_torchvision(backbone)[1]
    return local.name if wanted == "required" or local.exists() else ""


def _stored_by_torchvision(backbone: str) -> tuple[str, Path]:
    """Return the address of torchvision's first ImageNet weights of a net, and where they lie."""
    from torchvision.models import get_model_weights

    try:
        url = next(iter(get_model_weights(backbone))).url
    except ValueError:
        raise PalsyError(
            f"torchvision has no image net {backbone!r}: choose another, such as "
            "paper+mobilenet_v3_large."
        ) from None
    return url, MODELS / url.rsplit("/", 1)[1]


def _find_by_torchvision(wanted: str, backbone: str) -> Path | None:
    """Take torchvision's first ImageNet weights; it checks the hash that its file names carry."""
    import torch

    url, local = _stored_by_torchvision(backbone)
    if wanted == "if at hand" and not local.exists():
        return None
    try:
        torch.hub.load_state_dict_from_url(url, local.parent, check_hash=True, weights_only=True)
    except Exception as error:  # urllib, the hash check, the unpickler and the disk
        raise PalsyError(
            f"{local.name} is damaged, or not at hand and could not be downloaded "
            f"({type(error).__name__}): fetch {url} on a machine with internet and put it at "
            f"{local}."
        ) from error
    return local
