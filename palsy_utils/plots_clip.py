"""Pictures of one clip: what a model says over time, and its most asymmetric frame."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from palsy_utils.clip_measures import MEASURES
from palsy_utils.clips import RATE
from palsy_utils.landmarks import LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE
from palsy_utils.plots import BLACK, BLUE, GREY, ORANGE, RED, SKY
from palsy_utils.upright import crop_rgb, window

STRONGEST_MM = 4.0  # a difference of this size is tinted fully
_LIPS_MIDDLE = (0, 17)  # where a mouth is cut into halves
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

    Args:
        table: from `prediction.predict_clip`.
        marked: row of the frame to mark, such as `clip_measures.most_asymmetric`.
    """
    regions = [r for r in ("eyes", "mouth") if f"{r}_normal" in table]
    side = "side_left" in table
    n = 1 + bool(regions) + side
    heights = [2.6, *[1.5] * (n - 1)]
    figure, axes = plt.subplots(
        n,
        1,
        figsize=(9, 0.6 + sum(heights)),
        sharex=True,
        squeeze=False,
        layout="constrained",
        height_ratios=heights,
    )
    axes, time = axes[:, 0], table["time_s"].to_numpy()
    line = {"marker": "o", "ms": 3, "lw": 1.4}
    axes[0].plot(time, table["probability"], color=BLUE, label="probability", **line)
    if table["calibrated_probability"].notna().any():
        axes[0].plot(
            time, table["calibrated_probability"], "--", color=ORANGE, lw=1.8, label="calibrated"
        )
    axes[0].axhline(0.5, color=GREY, ls=":", lw=1.2)
    axes[0].set(ylim=(-0.03, 1.03), ylabel="palsy")
    axes[0].set_title("Probability of palsy, frame by frame", loc="left")
    if regions:
        styles = {"eyes": (SKY, "-"), "mouth": (RED, "--")}
        for region in regions:
            colour, dash = styles[region]
            axes[1].plot(
                time, 1 - table[f"{region}_normal"], dash, marker=".", color=colour, label=region
            )
        axes[1].set(ylim=(-0.03, 1.03), ylabel="slight or strong")
        axes[1].set_title("Which region is called slight or strong", loc="left")
    if side:
        axes[-1].plot(time, table["side_left"], ".-", color=ORANGE, label="left")
        axes[-1].plot(time, table["side_right"], ".--", color=BLUE, label="right")
        axes[-1].set(ylim=(-0.03, 1.03), ylabel="side")
        axes[-1].set_title("Which side is called palsied (the subject's)", loc="left")
    _shade_gaps(axes, table)
    if marked is not None:
        for ax in axes:
            ax.axvline(time[marked], color=RED, lw=1, ls="-.")
        axes[0].plot([], [], "-.", color=RED, lw=1, label="most asymmetric")
    for ax in axes:
        ax.legend(
            loc="lower right", bbox_to_anchor=(1, 0.98), ncols=4, frameon=False, fontsize="small"
        )
    axes[-1].set(xlabel="time in the clip (s)", xlim=(time[0] - 0.3, time[-1] + 0.3))
    return figure


def _shade_gaps(axes: np.ndarray, table: pd.DataFrame) -> None:
    """Shade every stretch of frames without a face, half a frame to either side."""
    gone = ~table["found"].to_numpy(bool)
    edges = np.flatnonzero(np.diff(np.r_[False, gone, False].astype(int)))
    time, half = table["time_s"].to_numpy(), 0.5 / RATE
    for ax in axes:
        for i, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=True)):
            span = (time[start] - half, time[end - 1] + half)
            label = "no face" if i == 0 and ax is axes[0] else None
            ax.axvspan(*span, color=GREY, alpha=0.5, hatch="//", lw=0, label=label)


def asymmetric_face(
    image: np.ndarray, points: np.ndarray, measured: pd.Series, size: int = 420
) -> Figure:
    """Tint, on an upright face, the side whose brow, eye or corner of the mouth measures more.

    Args:
        image: RGB uint8 (height, width, 3), the whole frame.
        points: (478, 2) in pixels.
        measured: its row of `clip_measures.measure_frames`.
        size: side of the crop in pixels.
    """
    crop = crop_rgb(image, points, size)
    placed = cv2.transform(points[None].astype(np.float32), window(points, size))[0]
    figure, ax = plt.subplots(figsize=(4.6, 5.2), layout="constrained")
    ax.imshow(crop)
    for name in MEASURES:
        difference = measured[f"{name}_difference"]
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
