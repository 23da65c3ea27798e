"""One drawn face with everything that a slider can move: draw it, measure it, compare."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from palsy_utils.drawing import Look, Pose, draw_face
from palsy_utils.faces import N_LANDMARKS
from palsy_utils.files import PalsyError
from palsy_utils.landmarker import measure_image, open_landmarker
from palsy_utils.landmarks import EXPRESSIONS, POINTS_125, region_of_point
from palsy_utils.mirror import MIRROR_125
from palsy_utils.phantom_patients import DROOP, GAIN, TONES
from palsy_utils.upright import coordinates, crop_rgb, draw_lines, to_pixels

SIZE = 256  # pixels, side of all images
REGIONS = ("eye", "brow", "mouth", "all")
SCORE = {"eye": "eyeBlink", "brow": "browOuterUp", "mouth": "mouthSmile"}  # what a region answers


class Face(NamedTuple):
    """What is drawn: a movement that is meant on both sides alike, and a palsy of one side."""

    side: str = "left"  # the weak side, the subject's own: left or right
    region: str = "mouth"  # what is weak: one of REGIONS
    severity: float = 0.0  # 0 no palsy to 1 strong, as strong as in the phantom cohort
    smile: float = 0.0
    blink: float = 0.0
    brow: float = 0.0
    tone: int = 5  # of the skin, 1 (lightest) to 10


def pose(face: Face) -> Pose:
    """Return what a face makes of the movement that is meant: the weak side lags and hangs.

    As in `phantom_patients.with_palsy`, but with any severity, and brow and eye apart.
    """
    eye, brow, mouth = (face.severity * (face.region in (name, "all")) for name in REGIONS[:3])
    lost, hang = 1 - GAIN["strong"], DROOP["strong"]
    pairs = {
        "blink": (face.blink * (1 - eye * lost) - 0.08 * eye * lost, face.blink),
        "brow": (face.brow * (1 - brow * lost) - brow * hang, face.brow),
        "smile": (face.smile * (1 - mouth * lost), face.smile),
        "droop": (mouth * hang, 0.0),
    }
    turn = 1 if face.side == "left" else -1
    return Pose(**{name: pair[::turn] for name, pair in pairs.items()}, scale=1.1)


def draw(face: Face) -> np.ndarray:
    """Draw a face: RGB uint8 (`SIZE`, `SIZE`, 3). Without a palsy it is its own mirror image."""
    return draw_face(Look(skin=TONES[face.tone - 1]), pose(face), SIZE)


@lru_cache(maxsize=1)
def why_not_measured() -> str:
    """Return an empty text if faces can be measured here, else the reason, in a sentence."""
    try:
        open_landmarker()
    except PalsyError as error:
        return str(error)
    return ""


def see(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Return what every modality sees of a picture (height, width, 3), uint8 RGB.

    `picture` and, if a face can be measured, `points` (478, 2) in pixels, `rgb` (`SIZE`, `SIZE`,
    3), `coordinates` (125, 2), `expressions` (52,) and `lines` (`SIZE`, `SIZE`).
    """
    seen = {"picture": picture}
    measured = {"found": False} if why_not_measured() else measure_image(picture)
    if not measured["found"]:
        return seen
    sides = np.array(picture.shape[:2])[:, None]
    points = to_pixels(measured["landmarks"].reshape(1, N_LANDMARKS, 3), *sides)
    return seen | {
        "points": points[0],
        "rgb": crop_rgb(picture, points[0], SIZE),
        "coordinates": coordinates(points)[0],
        "expressions": measured["expressions"],
        "lines": draw_lines(points[0], SIZE),
    }


def change(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> dict[str, float]:
    """Return how far each modality has moved between two faces: its mean absolute difference."""
    names = ("rgb", "coordinates", "expressions", "lines")
    return {n: float(np.abs(after[n].astype(float) - before[n]).mean()) for n in names}


def apart(seen: dict[str, np.ndarray], region: str) -> dict[str, float]:
    """Return how unlike the two sides of a region (eye, brow, mouth) are.

    `coordinates`: mean difference in height of landmarks and their mirror images, in eye distances;
    `expressions`: the right score minus the left one, of the region's `SCORE`.
    """
    rows = [i for i, point in enumerate(POINTS_125) if region_of_point(point) == region]
    heights = seen["coordinates"][:, 1]
    right, left = (EXPRESSIONS.index(SCORE[region] + side) for side in ("Right", "Left"))
    return {
        "coordinates": float(np.abs(heights - heights[MIRROR_125])[rows].mean()),
        "expressions": float(seen["expressions"][right] - seen["expressions"][left]),
    }
