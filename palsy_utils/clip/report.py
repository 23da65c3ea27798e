"""A report on a clip or on photographs: one HTML file that holds everything and asks no host."""

import base64
import hashlib
import io
import re
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from markupsafe import Markup

from palsy_utils.clip.card import NO_DEVICE, TEMPLATES, card_rows
from palsy_utils.clip.fit import Fitted
from palsy_utils.clip.measures import (
    MEASURES,
    TURNED,
    Measured,
    asymmetric_face,
    clip_timeline,
    count,
    quality_notes,
    shown,
)
from palsy_utils.evidence.scores import THRESHOLD
from palsy_utils.learning.heads import HEADS
from palsy_utils.plots import use_style

INK = "#123457"  # drawn in place of black, and replaced by the page's own colour of text
COLOURS = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor")


def report(table: pd.DataFrame, measured: Measured, fitted: Fitted) -> str:
    """Return the report on what `predict.predict_clip` says of what was measured, as HTML."""
    use_style()
    row, summary, faces = table.loc[measured.marked], summarise(table), table["found"]
    is_clip = "time_s" in table
    return TEMPLATES.get_template("report.html").render(
        name=shown(measured.source),
        made_from=Markup(made_from(measured.source)),
        no_device=NO_DEVICE,
        drawn=fitted.facts["drawn"],
        seen=set(measured.hashes) & set(fitted.facts["files"]),
        summary=summary,
        timeline=_timeline(table, measured.marked, summary) if is_clip else "",
        several=len(table) > 1,
        faces=table[faces].sort_values("asymmetry_mm", ascending=False),
        thumbnails={row: _jpeg(crop) for row, crop in measured.thumbnails.items()},
        without=table[~faces],
        unit="frame" if is_clip else "photograph",
        row=row,
        turned=abs(row["turned_deg"]) > TURNED,
        face=_png(asymmetric_face(measured)),
        measures=MEASURES,
        notes=quality_notes(table),
        model={"Model": fitted.model} | card_rows(fitted.facts, fitted.temperature),
    )


def made_from(source: Path) -> str:
    """Return the tag that tells the report on one file from that on another of the same name."""
    key = hashlib.sha256(bytes(source)).hexdigest()[:16]
    return f"<meta name='palsy-source' content='{key}'>"


def summarise(table: pd.DataFrame) -> dict[str, str]:
    """Say in a few lines what a model says of a whole clip, or of all photographs."""
    faces = table[table["found"]]
    called = int((faces["probability"] >= THRESHOLD).sum())
    share = f"{100 * called / len(faces):.0f} %"
    rows = {
        "Measured": f"{count(table)}, {len(table) - len(faces)} without a face",
        "Called palsy": f"{called} of {count(faces)} with a face ({share})",
        "Probability of palsy": _spread(faces["probability"]),
        "Calibrated": "the model has no calibration",
    }
    if faces["calibrated_probability"].notna().any():
        rows["Calibrated"] = _spread(faces["calibrated_probability"])
    for head, classes in HEADS.items():
        columns = {f"{head}_{name}": name for name in classes}
        if set(columns) <= set(faces):
            most = faces[list(columns)].idxmax(axis=1).map(columns).value_counts()
            rows[head.capitalize()] = ", ".join(f"{name} in {n}" for name, n in most.items())
    return rows


def _spread(values: pd.Series) -> str:
    if len(values) == 1:
        return f"{values.iloc[0]:.2f}"
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"median {middle:.2f}; eight of ten between {low:.2f} and {high:.2f}"


def _timeline(table: pd.DataFrame, marked: int, summary: dict[str, str]) -> Markup:
    """Return the timeline as inline SVG in the page's own colour of text, described in words."""
    look, file = dict.fromkeys((*COLOURS, "grid.color"), INK) | {"grid.alpha": 0.2}, io.StringIO()
    with plt.rc_context(look | {"svg.fonttype": "none", "svg.hashsalt": "palsy"}):
        figure = clip_timeline(table, marked)
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    plt.close(figure)
    svg = file.getvalue().replace(INK, "currentColor")
    svg = re.sub(r' id="[a-z_]+_?\d*"', "", svg)  # matplotlib's own, which nothing refers to
    words = "; ".join(f"{key}: {summary[key]}" for key in list(summary)[:3])
    head = Markup("<svg role='img' aria-label='Timeline. {}.'").format(words)
    return head + Markup(svg[svg.index("<svg") + len("<svg") :])


def _png(figure: plt.Figure) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def _jpeg(crop: np.ndarray) -> str:
    quality = [cv2.IMWRITE_JPEG_QUALITY, 85]
    return base64.b64encode(cv2.imencode(".jpg", crop[..., ::-1], quality)[1]).decode()
