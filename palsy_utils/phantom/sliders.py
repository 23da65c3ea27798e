"""One drawn face with everything that a slider can move: draw it, measure it, compare.

Measurements of the faces in notebook 13 are kept in `BEFOREHAND`, for whoever has no landmark
model. They are found by what the picture shows, so they are never those of another drawing;
`python -m palsy_utils.phantom.sliders` makes them again after the drawing has changed.
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from palsy_utils.faces.landmarker import measure_image, open_landmarker
from palsy_utils.faces.landmarks import EXPRESSIONS, MIRROR_125, POINTS_125, region_of_point
from palsy_utils.faces.measure import N_LANDMARKS
from palsy_utils.faces.upright import coordinates, crop_rgb, draw_lines, to_pixels
from palsy_utils.files import PalsyError, publish
from palsy_utils.phantom.face import Look, Pose, draw_face
from palsy_utils.phantom.patients import DROOP, GAIN, TONES

SIZE = 256  # pixels, side of all images
REGIONS = ("eye", "brow", "mouth", "all")
MOVES = {"eye": "blink", "brow": "brow", "mouth": "smile"}  # the movement that a region makes
SCORE = {"eye": "eyeBlink", "brow": "browOuterUp", "mouth": "mouthSmile"}  # what a region answers
BEFOREHAND = Path(__file__).with_name("faces_on_sliders.npz")
FINE = 128  # steps a pixel in which points are kept


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

    As in `patients.with_palsy`, but with any severity, and brow and eye apart.
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

    `picture` and, if there is a face in it, `points` (478, 2) in pixels, `rgb` (`SIZE`, `SIZE`, 3),
    `coordinates` (125, 2), `expressions` (52,) and `lines` (`SIZE`, `SIZE`).

    Raises:
        PalsyError: the landmark model cannot be had, and the picture was not measured beforehand.
    """
    if why_not_measured():
        points, expressions = _look_up(picture)
    elif (measured := measure_image(picture))["found"]:
        sides = np.array(picture.shape[:2])[:, None]
        points = to_pixels(measured["landmarks"].reshape(1, N_LANDMARKS, 3), *sides)[0]
        expressions = measured["expressions"]
    else:
        return {"picture": picture}
    return {
        "picture": picture,
        "points": points,
        "rgb": crop_rgb(picture, points, SIZE),
        "coordinates": coordinates(points[None])[0],
        "expressions": expressions,
        "lines": draw_lines(points, SIZE),
    }


def faces_beforehand() -> list[Face]:
    """Return the faces of notebook 13, and most of what it asks to try with the sliders."""
    stops = np.linspace(0, 1, 21)
    faces = [Face(tone=tone) for tone in range(1, 11)]
    faces += [Face(severity=severity, smile=0.9) for severity in (0.0, 0.5, 1.0)]
    faces += [Face("right", severity=1.0, smile=0.9)]
    for region, moves in MOVES.items():
        face = Face(region=region)._replace(**{moves: 1.0})
        faces += [face._replace(severity=severity) for severity in stops]
    return faces


def measure_beforehand() -> None:
    """Measure `faces_beforehand` and write `BEFOREHAND`."""
    open_landmarker()
    seen = [see(draw(face)) for face in faces_beforehand()]
    with publish(BEFOREHAND) as part, open(part, "wb") as file:
        np.savez_compressed(
            file,
            pictures=np.stack([_small(one["picture"]) for one in seen]),
            points=np.stack([np.rint(one["points"] * FINE).astype(np.uint16) for one in seen]),
            expressions=np.stack([one["expressions"].astype(np.float16) for one in seen]),
        )


def _small(picture: np.ndarray) -> np.ndarray:
    """Return 32 x 32 means of a picture's green: other processors change them by one at most."""
    return cv2.resize(np.ascontiguousarray(picture[..., 1]), (32, 32), interpolation=cv2.INTER_AREA)


def _look_up(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points (478, 2) in pixels and scores (52,) of a picture that was measured before."""
    with np.load(BEFOREHAND) as kept:
        far = np.abs(kept["pictures"].astype(int) - _small(picture)).max(axis=(1, 2))
        nearest = far.argmin()
        if far[nearest] > 1:
            raise PalsyError(f"This face was not measured beforehand, and {why_not_measured()}")
        return kept["points"][nearest] / FINE, kept["expressions"][nearest].astype(np.float32)


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


if __name__ == "__main__":
    measure_beforehand()
