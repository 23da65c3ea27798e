"""One drawn face as its modalities see it: figures, and a picture that follows sliders."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from palsy_utils.faces.landmarks import EXPRESSIONS, POINTS_125
from palsy_utils.files import PalsyError
from palsy_utils.phantom.sliders import REGIONS, Face, draw, see
from palsy_utils.plots import BLACK, GREEN, GREY, ORANGE

if TYPE_CHECKING:
    from ipywidgets import Widget

SCORES = ("eyeBlink", "browOuterUp", "mouthSmile", "eyeSquint")  # shown, left and right
LEFT = [EXPRESSIONS.index(f"{name}Left") for name in SCORES]
RIGHT = [EXPRESSIONS.index(f"{name}Right") for name in SCORES]
TITLES = ("drawn face", "125 coordinates", "scores: left filled, right hatched", "line image")
Seen = dict[str, np.ndarray]


def _prepare(axes: Sequence[plt.Axes], rest: Seen) -> tuple[Callable[[Seen], None], list[Artist]]:
    """Lay out four axes; return what shows a face in them, and the artists that it moves."""
    face, points, bars, lines = axes
    black = np.zeros(rest["picture"].shape[:2], np.uint8)
    picture, drawn = face.imshow(rest["picture"]), lines.imshow(black, cmap="gray", vmax=255)
    on_face = face.scatter([], [], s=1.2, color=GREEN)
    points.scatter(*rest.get("coordinates", np.empty((0, 2))).T, s=9, color=GREY)
    now = points.scatter([], [], s=5, color=GREEN)
    points.set(xlim=(-0.75, 0.75), ylim=(1.05, -0.45), aspect="equal")
    y = np.arange(len(SCORES))
    left = bars.barh(y - 0.2, 0, 0.38, color=ORANGE, edgecolor=BLACK)
    look = {"facecolor": "white", "edgecolor": ORANGE, "hatch": "////"}
    right = bars.barh(y + 0.2, 0, 0.38, **look)
    bars.set_yticks(y, SCORES, fontsize="small")
    bars.set(xlim=(0, 1), ylim=(len(SCORES) - 0.5, -0.5))
    for ax in (face, points, lines):
        ax.set(xticks=[], yticks=[])
        ax.grid(False)

    def show(seen: Seen) -> None:
        measured = "points" in seen
        picture.set_data(seen["picture"])
        on_face.set_offsets(seen["points"][list(POINTS_125)] if measured else np.empty((0, 2)))
        now.set_offsets(seen["coordinates"] if measured else np.empty((0, 2)))
        scores = seen["expressions"] if measured else np.zeros(len(EXPRESSIONS))
        for bar, value in zip([*left, *right], scores[LEFT + RIGHT], strict=True):
            bar.set_width(value)
        drawn.set_data(seen["lines"] if measured else black)

    return show, [picture, on_face, now, *left, *right, drawn]


def _figure(n_rows: int) -> tuple[Figure, np.ndarray]:
    size = (12.5, 0.3 + 2.9 * n_rows)
    figure, axes = plt.subplots(n_rows, 4, figsize=size, layout="constrained", squeeze=False)
    for ax, title in zip(axes[0], TITLES, strict=True):
        ax.set_title(title)
    return figure, axes


def face_grid(rows: dict[str, Seen], rest: Seen) -> Figure:
    """Show faces (down, by name) as each modality sees them (across); grey: the face at rest.

    Args:
        rows: faces as `sliders.see` returns them.
        rest: the face that the grey landmarks are of.
    """
    figure, axes = _figure(len(rows))
    for row, (name, seen) in zip(axes, rows.items(), strict=True):
        show, _ = _prepare(row, rest)
        show(seen)
        row[0].set_ylabel(name)
    return figure


def open_panel(rest: Seen) -> Callable[[Seen], bytes]:
    """Return a function from a face to a PNG of its modalities.

    Everything that never moves is drawn once; a new face is painted over it.

    Args:
        rest: the face that the grey landmarks are of.
    """
    figure, axes = _figure(1)
    plt.close(figure)  # pyplot forgets it, the function keeps it
    canvas = FigureCanvasAgg(figure)
    show, artists = _prepare(axes[0], rest)
    for artist in artists:
        artist.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)

    def to_png(seen: Seen) -> bytes:
        show(seen)
        canvas.restore_region(background)
        for artist in artists:
            artist.axes.draw_artist(artist)
        pixels = cv2.cvtColor(np.asarray(canvas.buffer_rgba()), cv2.COLOR_RGBA2BGR)
        return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()

    return to_png


def sliders() -> "Widget":
    """Return sliders for every field of `sliders.Face`, above a picture that follows them.

    They move only beside a live kernel. A face that cannot be measured is shown as drawing alone.
    """
    import ipywidgets as widgets

    controls = {
        "side": widgets.ToggleButtons(options=("left", "right"), description="weak side"),
        "region": widgets.ToggleButtons(options=REGIONS, value="mouth", description="region"),
        "tone": widgets.IntSlider(5, 1, 10, description="skin tone"),
    }
    for name in ("severity", "smile", "blink", "brow"):
        controls[name] = widgets.FloatSlider(0.0, min=0.0, max=1.0, step=0.05, description=name)
    to_png, screen = open_panel(see(draw(Face()))), widgets.Image(format="png")

    def follow(_=None) -> None:
        picture = draw(Face(**{name: control.value for name, control in controls.items()}))
        try:
            screen.value = to_png(see(picture))
        except PalsyError:
            screen.value = to_png({"picture": picture})

    for control in controls.values():
        control.observe(follow, "value")
    follow()
    rows = [("side", "region"), ("severity", "tone"), ("smile", "blink", "brow")]
    boxes = [widgets.HBox([controls[name] for name in row]) for row in rows]
    return widgets.VBox([*boxes, screen])


def change_heatmap(changes: pd.DataFrame, title: str) -> Figure:
    """Draw how far each modality (across) moves with each change (down), as shares.

    Args:
        changes: one row a change, one column a modality, 1 is what the title says.
        title: above the picture.
    """
    figure, ax = plt.subplots(figsize=(7.5, 1.2 + 0.5 * len(changes)), layout="constrained")
    ax.imshow(changes, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (i, j), value in np.ndenumerate(changes.to_numpy()):
        colour = "white" if value < 0.5 else BLACK
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour)
    ax.set_xticks(range(changes.shape[1]), changes.columns)
    ax.set_yticks(range(len(changes)), changes.index)
    ax.set_title(title)
    ax.grid(False)
    return figure


def severity_curves(table: pd.DataFrame) -> Figure:
    """Draw how unlike the two sides are at each severity, a panel a region.

    Args:
        table: `region`, `severity`, `coordinates` and `expressions`, each as a share of its
            value at the highest severity.
    """
    regions = list(dict.fromkeys(table["region"]))
    figure, axes = plt.subplots(
        1, len(regions), figsize=(11, 3.4), sharey=True, layout="constrained", squeeze=False
    )
    for ax, region in zip(axes[0], regions, strict=True):
        rows = table[table["region"] == region]
        ax.plot(rows["severity"], rows["coordinates"], "o-", color=GREEN, label="landmarks")
        ax.plot(rows["severity"], rows["expressions"], "s--", color=ORANGE, label="score")
        ax.set(title=region, xlabel="severity drawn")
    axes[0, 0].set_ylabel("left minus right\n(share of the strongest)")
    axes[0, -1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure
