"""Pictures of a clip, and of photographs: what a model says, and the most asymmetric face."""

import base64
from html import escape

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from palsy_utils.clip.measures import MEASURES, Measured
from palsy_utils.cohort.clips import RATE
from palsy_utils.faces.landmarks import LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE
from palsy_utils.faces.pictures import read_image
from palsy_utils.faces.upright import crop_rgb, window
from palsy_utils.plots import BLACK, BLUE, GREY, ORANGE, RED, SKY

STRONGEST_MM = 4.0  # a difference of this size is tinted fully
FACE, SMALL_FACE = 420, 200  # pixels, side of a crop
LONG = 120.0  # s: a longer clip is drawn second by second, or its line would be a smear
PARTS = {
    "brow": {
        "right": (*RIGHT_BROW[1], *reversed(RIGHT_BROW[0])),
        "left": (*LEFT_BROW[1], *reversed(LEFT_BROW[0])),
    },
    "eye": {"right": RIGHT_EYE, "left": LEFT_EYE},
    # OUTER_LIPS runs from the right corner along the lower lip and back along the upper one.
    "mouth": {
        "right": (*OUTER_LIPS[:6], *OUTER_LIPS[15:]),
        "left": OUTER_LIPS[5:16],
    },
}


def clip_timeline(table: pd.DataFrame, marked: int | None = None) -> Figure:
    """Draw the probability of palsy over time, grey where no face was found; below, the answers.

    Of a clip longer than `LONG`, the mean of every second and a band from its lowest to its
    highest frame.

    Args:
        table: from `predict.predict_clip`, of a clip.
        marked: row of the frame to mark, such as `measures.most_asymmetric`.
    """
    lines = {"probability": ("palsy", "probability", BLUE, "-")}
    if table["calibrated_probability"].notna().any():
        lines["calibrated_probability"] = ("palsy", "calibrated", ORANGE, "--")
    for region, colour, dash in (("eyes", SKY, "-"), ("mouth", RED, "--")):
        if f"{region}_normal" in table:
            lines[region] = ("slight or strong", region, colour, dash)
            table = table.assign(**{region: 1 - table[f"{region}_normal"]})
    if "side_left" in table:
        lines |= {"side_left": ("side", "left", ORANGE, "-")}
        lines |= {"side_right": ("side", "right", BLUE, "--")}
    time = table["time_s"]
    start, end = time.iloc[0], time.iloc[-1]
    each = "each second: mean and range" if end - start > LONG else "each frame"
    titles = {
        "palsy": f"Probability of palsy, {each}",
        "slight or strong": "Which region is called slight or strong",
        "side": "Which side is called palsied (the subject's)",
    }
    panels = list(dict.fromkeys(panel for panel, *_ in lines.values()))
    heights = [2.6, *[1.5] * (len(panels) - 1)]
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(9, 0.6 + sum(heights)),
        sharex=True,
        squeeze=False,
        layout="constrained",
        height_ratios=heights,
    )
    axes = dict(zip(panels, axes[:, 0], strict=True))
    for column, (panel, label, colour, dash) in lines.items():
        line = {"color": colour, "ls": dash, "label": label}
        if each == "each frame":
            axes[panel].plot(time, table[column], marker=".", lw=1.4, **line)
        else:
            seconds = table[column].groupby(time // 1).agg(["mean", "min", "max"])
            axes[panel].plot(seconds.index + 0.5, seconds["mean"], lw=1, **line)
            band = {"color": colour, "alpha": 0.25, "lw": 0}
            axes[panel].fill_between(seconds.index + 0.5, seconds["min"], seconds["max"], **band)
    axes["palsy"].axhline(0.5, color=GREY, ls=":", lw=1.2)
    for panel, ax in axes.items():
        ax.set(ylim=(-0.03, 1.03), ylabel=panel, xlim=(start - 0.3, end + 0.3))
        ax.set_title(titles[panel], loc="left")
        _shade_gaps(ax, table, "no face" if panel == "palsy" else None)
        if marked is not None:
            label = "most asymmetric" if panel == "palsy" else None
            ax.axvline(time[marked], color=RED, lw=1, ls="-.", label=label)
        ax.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98), ncols=4, frameon=False, fontsize="small"
        )
    ax.set(xlabel="time in the clip (s)")
    return figure


def _shade_gaps(ax: Axes, table: pd.DataFrame, label: str | None) -> None:
    """Shade every stretch of frames without a face, half a frame to either side."""
    gone = ~table["found"].to_numpy(bool)
    edges = np.flatnonzero(np.diff(np.r_[False, gone, False].astype(int)))
    time, half = table["time_s"].to_numpy(), 0.5 / RATE
    spans = [(time[a] - half, time[b - 1] - time[a] + 2 * half) for a, b in edges.reshape(-1, 2)]
    if spans:
        ax.broken_barh(spans, (-0.03, 1.06), color=GREY, alpha=0.5, lw=0, label=label)


def asymmetric_face(measured: Measured, row: int) -> Figure:
    """Tint, on an upright face, the side whose brow, eye or corner of the mouth measures more.

    Args:
        measured: from `predict.measure_clip`.
        row: of a frame or photograph with a face.
    """
    points, numbers = measured.points[row], measured.frames.loc[row]
    crop = crop_rgb(read_image(measured.pictures[row])[0], points, FACE)
    placed = cv2.transform(points[None].astype(np.float32), window(points, FACE))[0]
    figure, ax = plt.subplots(figsize=(4.6, 5.2), layout="constrained")
    ax.imshow(crop)
    for name in MEASURES:
        difference = numbers[f"{name}_difference"]
        side = "left" if difference > 0 else "right"
        corners = placed[list(PARTS[name][side])]
        colour, hatch = (ORANGE, "//") if side == "left" else (SKY, "\\\\")
        strength = min(abs(difference) / STRONGEST_MM, 1)
        ax.add_patch(Polygon(corners, color=colour, alpha=0.15 + 0.6 * strength, lw=0))
        ax.add_patch(Polygon(corners, fill=False, edgecolor=colour, hatch=hatch, lw=1.5))
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": colour, "alpha": 0.9}
        above = name == "brow"  # y grows downwards
        ax.annotate(
            f"{abs(difference):.1f} mm",
            (corners[:, 0].mean(), corners[:, 1].min() if above else corners[:, 1].max()),
            (0, 5 if above else -5),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize="small",
            color=BLACK,
            bbox=box,
        )
    ax.set_title(
        "Tinted: the side that measures more,\nand by how much "
        "(orange: subject's left, blue: right)",
        fontsize="small",
    )
    ax.axis("off")
    return figure


def face_grid(table: pd.DataFrame, measured: Measured) -> str:
    """Show the faces of photographs as HTML, most asymmetric first, each with its numbers.

    Args:
        table: from `predict.predict_clip`, of photographs.
        measured: from `predict.measure_clip`.
    """
    cells = []
    for row, numbers in (
        table[table["found"]].sort_values("asymmetry_mm", ascending=False).iterrows()
    ):
        image, _ = read_image(measured.pictures[row])
        crop = crop_rgb(image, measured.points[row], SMALL_FACE)
        _, jpeg = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
        picture = embed(jpeg.tobytes(), "jpeg", f"Face in {numbers['file']}")
        cells.append(
            f"<figure style='margin:0'>{picture}<figcaption style='overflow-wrap:anywhere'>"
            f"<strong>{escape(numbers['file'])}</strong><br>"
            f"probability {numbers['probability']:.2f}<br>"
            f"asymmetry {numbers['asymmetry_mm']:.1f} mm</figcaption></figure>"
        )
    columns = "display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem"
    return f"<div style='{columns}'>{''.join(cells)}</div>"


def embed(picture: bytes, kind: str, text: str) -> str:
    """Return an `img` that holds the whole picture, described by `text`."""
    data = base64.b64encode(picture).decode()
    source = f"src='data:image/{kind};base64,{data}'"
    return f"<img {source} alt='{escape(text)}' style='max-width:100%'>"
