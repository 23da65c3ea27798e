"""What is measured on every frame of a clip without a model, and two pictures of it.

Millimetres come from the size of the iris; heights and depths are taken
from the line through the outer corners of the eyes. Left and right are the subject's.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from palsy_utils.cohort.load import Cohort
from palsy_utils.cohort.paths import RATE
from palsy_utils.faces import landmarks as marks
from palsy_utils.faces.features import ASYMMETRY, asymmetry
from palsy_utils.faces.upright import coordinates, upright
from palsy_utils.plots import BLACK, BLUE, GREY, ORANGE, RED, SKY

IRIS_MM = 11.77  # mean horizontal diameter of the human iris; hardly differs between adults
IRIS_SIDES = ((469, 471), (474, 476))  # right, left
TURNED = 15.0  # degrees: beyond, the far half of a symmetric face looks smaller
SMALL = 60.0  # pixels between the outer corners of the eyes; an iris then has about eight
RIGHT_CHEEK, LEFT_CHEEK = 234, 454  # where the oval of the face meets the ears
# Of the 145 numbers of `asymmetry`, the heights of the 55 pairs of landmarks. What lies sideways
# follows the turn of the head: over 118 frames of one real clip it correlates with the turn by
# 0.75, heights by -0.03.
HEIGHTS = [i for i, name in enumerate(ASYMMETRY) if name.endswith(" y")]

# name -> what is measured, in the words of a report
MEASURES = {
    "brow": "height of the brow above the line of the eyes",
    "eye": "gap between the lids",
    "mouth": "depth of the corner of the mouth below that line",
}
_GAPS = {"right": ((160, 144), (158, 153)), "left": ((385, 380), (387, 373))}
_BROWS = {"right": marks.RIGHT_BROW, "left": marks.LEFT_BROW}
_EYES = {"right": marks.RIGHT_EYE, "left": marks.LEFT_EYE}
# OUTER_LIPS runs from the right corner along the lower lip and back along the upper one.
_LIPS = {
    "right": (*marks.OUTER_LIPS[:6], *marks.OUTER_LIPS[15:]),
    "left": marks.OUTER_LIPS[5:16],
}
_CORNERS = {"right": 61, "left": 291}
STRONGEST_MM = 4.0  # a difference of this size is tinted fully

LONG = 120.0  # s: a longer clip is drawn second by second, or its line would be a smear
# column -> panel, label, colour and dashes
LINES = {
    "probability": ("palsy", "probability", BLUE, "-"),
    "calibrated_probability": ("palsy", "calibrated", ORANGE, "--"),
    "eyes": ("slight or strong", "eyes", SKY, "-"),
    "mouth": ("slight or strong", "mouth", RED, "--"),
    "side_left": ("side", "left", ORANGE, "-"),
    "side_right": ("side", "right", BLUE, "--"),
}
TITLES = {
    "palsy": "Probability of palsy, {}",
    "slight or strong": "Which region is called slight or strong",
    "side": "Which side is called palsied (the subject's)",
}


@dataclass(frozen=True)
class Measured:
    """A clip or photographs with all that was measured: what a model and a page need of it."""

    source: Path  # the file or folder that the user gave
    cohort: Cohort  # its copy in a working folder, in which modalities are built for the model
    # One row a frame, in order, or a photograph: `frame` and `time_s`, or `file`; `found`, `note`,
    # and where a face was found the columns of `measures`.
    frames: pd.DataFrame
    marked: int  # row with the largest `asymmetry_mm`
    face: np.ndarray  # upright crop of it, RGB uint8
    points: np.ndarray  # its landmarks (478, 2), in pixels of the crop
    thumbnails: dict[int, np.ndarray]  # small crops of photographs, row -> RGB uint8
    hashes: list[str]  # of the files, from `card.file_hashes`


def shown(path: Path) -> str:
    """Return the name of a file or folder as text that can be written, whatever its bytes are."""
    return os.fsencode(path.name).decode(errors="replace")


def measures(table: pd.DataFrame, landmarks: np.ndarray, points: np.ndarray, scores: np.ndarray):
    """Measure faces: their turn, size and asymmetry, and brow, eye and mouth of either side.

    Args:
        table: `height` and `width` of the pictures.
        landmarks: (n, 478, 3) as MediaPipe gives them; depth has the scale of x.
        points: the same in pixels (n, 478, 2).
        scores: (n, 52) expression scores.

    Returns:
        A table with the index of `table`: `turned_deg`, by the depth of the cheeks;
        `eye_distance_px`; `asymmetry_mm`, the mean difference in height between the landmarks of
        one half and their partners; and in mm `<name>_right`, `<name>_left` and
        `<name>_difference` (left minus right) for each of `MEASURES`.
    """
    ends = points[:, marks.LEFT_EYE_CORNER] - points[:, marks.RIGHT_EYE_CORNER]
    distance = np.linalg.norm(ends, axis=-1)
    up, unit = upright(points), millimetres(points) * distance
    x, y, depth = (landmarks[:, LEFT_CHEEK] - landmarks[:, RIGHT_CHEEK]).T
    across = np.hypot(x * table["width"], y * table["height"])
    heights = asymmetry(coordinates(points), scores)[:, HEIGHTS]
    found = pd.DataFrame({"turned_deg": np.degrees(np.arctan2(depth * table["width"], across))})
    found["eye_distance_px"] = distance
    found["asymmetry_mm"] = np.abs(heights).mean(1) * unit
    for side in ("right", "left"):
        gaps = [np.linalg.norm(up[:, a] - up[:, b], axis=-1) for a, b in _GAPS[side]]
        found[f"brow_{side}"] = -up[:, sum(_BROWS[side], ()), 1].mean(1) * unit
        found[f"eye_{side}"] = np.mean(gaps, 0) * unit
        found[f"mouth_{side}"] = up[:, _CORNERS[side], 1] * unit
    for name in MEASURES:
        found[f"{name}_difference"] = found[f"{name}_left"] - found[f"{name}_right"]
    return found


def millimetres(points: np.ndarray) -> np.ndarray:
    """Return the millimetres of one pixel (n,) by the size of the irises, from (n, 478, 2).

    Good to some per cent: a small iris covers few pixels, and a lid may hide its edge.
    """
    widths = [np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in IRIS_SIDES]
    return IRIS_MM / np.mean(widths, 0)


def count(frames: pd.DataFrame) -> str:
    """Say how many frames or photographs there are."""
    unit = "photograph" if "file" in frames else "frame"
    return f"{len(frames)} {unit}{'s' * (len(frames) != 1)}"


def quality_notes(frames: pd.DataFrame) -> list[str]:
    """Say, one sentence each, what makes predictions on `Measured.frames` less trustworthy."""
    faces = frames[frames["found"]]
    of_all, of_faces = f"of {count(frames)}", f"of {count(faces)} with a face"
    gone = len(frames) - len(faces)
    turned = (faces["turned_deg"].abs() > TURNED).sum()
    small = (faces["eye_distance_px"] < SMALL).sum()
    notes = {
        f"No face was found in {gone} {of_all}; they have no answer.": gone,
        f"The head is turned by more than {TURNED:.0f} degrees in {turned} {of_faces}; there, "
        "asymmetry is partly the camera's.": turned,
        f"The face is small in {small} {of_faces} (less than {SMALL:.0f} pixels between the eyes' "
        "outer corners); millimetres are rough there.": small,
    }
    others = frames["note"].str.split("; ").explode()
    others = others[~others.isin(["", "no face"])].value_counts()
    marked = [f"{number} {of_all} are marked: {note}." for note, number in others.items()]
    return [note for note, number in notes.items() if number] + marked


def clip_timeline(table: pd.DataFrame, marked: int) -> Figure:
    """Draw the probability of palsy over time, grey where no face was found; below, other heads.

    Of a clip longer than `LONG`, the mean of every second and a band from its lowest to its
    highest frame. `table` is from `predict.predict_clip`, `marked` the row of a frame to mark.
    """
    for region in ("eyes", "mouth"):
        if f"{region}_normal" in table:
            table = table.assign(**{region: 1 - table[f"{region}_normal"]})
    lines = {
        name: look for name, look in LINES.items() if name in table and table[name].notna().any()
    }
    time, gone = table["time_s"], ~table["found"].to_numpy(bool)
    start, end = time.iloc[0], time.iloc[-1]
    long = end - start > LONG
    moments = table.groupby(time // 1 + 0.5 if long else time)[list(lines)]
    mean, low, high = moments.mean(), moments.min(), moments.max()
    edges = np.flatnonzero(np.diff(np.r_[False, gone, False].astype(int))).reshape(-1, 2)
    gaps = [(time[a] - 0.5 / RATE, time[b - 1] - time[a] + 1 / RATE) for a, b in edges]
    panels = list(dict.fromkeys(panel for panel, *_ in lines.values()))
    n, size = len(panels), (9, 1.7 + 1.5 * len(panels))
    figure, axes = plt.subplots(
        n,
        figsize=size,
        height_ratios=[2.6, 1.5, 1.5][:n],
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    axes = dict(zip(panels, axes[:, 0], strict=True))
    for name, (panel, label, colour, dash) in lines.items():
        look = {"color": colour, "lw": 1 if long else 1.4, "marker": "" if long else "."}
        axes[panel].plot(mean.index, mean[name], dash, label=label, **look)
        axes[panel].fill_between(mean.index, low[name], high[name], color=colour, alpha=0.25, lw=0)
    axes["palsy"].axhline(0.5, color=GREY, ls=":", lw=1.2)
    for panel, ax in axes.items():
        named = panel == "palsy"
        ax.set(ylim=(-0.03, 1.03), ylabel=panel, xlim=(start - 0.3, end + 0.3))
        each = "each second: mean and range" if long else "each frame"
        ax.set_title(TITLES[panel].format(each), loc="left")
        if gaps:
            look = {"color": GREY, "alpha": 0.5, "lw": 0}
            ax.broken_barh(gaps, (-0.03, 1.06), label="no face" if named else None, **look)
        look = {"color": RED, "lw": 1, "ls": "-."}
        ax.axvline(time[marked], label="most asymmetric" if named else None, **look)
        place = {"loc": "lower right", "bbox_to_anchor": (1, 0.98), "ncols": 4}
        ax.legend(frameon=False, fontsize="small", **place)
    ax.set(xlabel="time in the clip (s)")
    return figure


def asymmetric_face(measured: Measured) -> Figure:
    """Tint, on the most asymmetric face, the side whose brow, eye or mouth measures more."""
    numbers = measured.frames.loc[measured.marked]
    figure, ax = plt.subplots(figsize=(4.6, 5.2), layout="constrained")
    ax.imshow(measured.face)
    for name, parts in {"brow": _BROWS, "eye": _EYES, "mouth": _LIPS}.items():
        difference = numbers[f"{name}_difference"]
        side = "left" if difference > 0 else "right"
        part = parts[side]
        part = (*part[1], *reversed(part[0])) if name == "brow" else part
        corners = measured.points[list(part)]
        colour, hatch = (ORANGE, "//") if side == "left" else (SKY, "\\\\")
        strength = 0.15 + 0.6 * min(abs(difference) / STRONGEST_MM, 1)
        ax.add_patch(Polygon(corners, color=colour, alpha=strength, lw=0))
        ax.add_patch(Polygon(corners, fill=False, edgecolor=colour, hatch=hatch, lw=1.5))
        above = name == "brow"  # y grows downwards
        y = corners[:, 1].min() if above else corners[:, 1].max()
        look = {"ha": "center", "va": "bottom" if above else "top", "fontsize": "small"}
        look["bbox"] = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": colour}
        look["bbox"] |= {"alpha": 0.9}
        shift = {"xytext": (0, 5 if above else -5), "textcoords": "offset points", "color": BLACK}
        ax.annotate(f"{abs(difference):.1f} mm", (corners[:, 0].mean(), y), **shift, **look)
    words = "Tinted: the side that measures more,\nand by how much"
    ax.set_title(f"{words} (orange: subject's left, blue: right)", fontsize="small")
    ax.axis("off")
    return figure
