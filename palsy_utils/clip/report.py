"""A report on a clip or on photographs: one HTML file that holds everything and asks no host."""

import hashlib
import io
import os
import re
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from palsy_utils.clip.card import NO_DEVICE, card_rows
from palsy_utils.clip.fit import Fitted
from palsy_utils.clip.measures import (
    MEASURES,
    TURNED,
    Measured,
    count,
    most_asymmetric,
    quality_notes,
    shown,
    unit,
)
from palsy_utils.clip.plots_clip import asymmetric_face, clip_timeline, embed, face_grid
from palsy_utils.evidence.scores import THRESHOLD
from palsy_utils.plots import use_style

DRAWN = (
    "This model has seen drawn faces only. What it says of a real face is no finding of any kind."
)
SEEN = (
    "What this page shows, or a part of it, is what the model was fitted on: what it says here "
    "shows nothing of how it does on anybody new."
)
INK = "#123457"  # drawn in place of black, and replaced by the page's own colour of text
# The policy forbids the browser to fetch anything, whatever the page says.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #ffffff; --line: #c9c9c9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ededed; --paper: #16181b; --line: #4a4e54; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 56rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.15rem; margin-top: 2rem; }
.warning { border: 2px solid #D55E00; border-radius: .4rem; padding: .6rem .9rem; }
.scroll { overflow-x: auto; }
.scroll svg { display: block; width: 100%; min-width: 36rem; height: auto; }
svg text { fill: var(--ink); }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left;
  vertical-align: top; }
td { overflow-wrap: anywhere; }
.numbers td, .numbers th + th { text-align: right; font-variant-numeric: tabular-nums; }
.numbers td { white-space: nowrap; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; border-radius: .4rem; }
figcaption { font-size: .9rem; overflow-wrap: anywhere; }
"""


def report(table: pd.DataFrame, measured: Measured, fitted: Fitted) -> str:
    """Return the report on a clip, or on photographs, as HTML.

    Args:
        table: from `predict.predict_clip`.
        measured: from `predict.measure_clip`.
        fitted: the model.
    """
    use_style()
    name, row = escape(shown(measured.source)), most_asymmetric(table)
    one = unit(table)
    where = (
        f"photograph {table['file'][row]}"
        if one == "photograph"
        else (f"frame {table['frame'][row]}, at {table['time_s'][row]:.2f} s")
    )
    turned = abs(table["turned_deg"][row]) > TURNED
    warnings = [NO_DEVICE]
    if fitted.facts["drawn"]:
        warnings.append(DRAWN)
    if set(measured.hashes) & set(fitted.facts["files"]):
        warnings.append(SEEN)
    words = f"The face in {where}, tinted on the side whose brow, eye or mouth measures more"
    parts = [
        f"<h1>What a model says of {name}</h1>",
        *(f"<p class='warning'><strong>{text}</strong></p>" for text in warnings),
        "<h2>In short</h2>",
        _table(_summary(table)),
        *(_photographs(table, measured) if one == "photograph" else _over_time(table, row)),
        f"<h2>The {'most asymmetric ' if len(table) > 1 else ''}{one}</h2>",
        f"<p>In {escape(where)}, landmarks of one half of the face differ in height from those "
        f"of the other by {table['asymmetry_mm'][row]:.1f} mm on average"
        + (f", more than in any other {one}" if len(table) > 1 else "")
        + f". The model gives it a probability of {table['probability'][row]:.2f}."
        + (" The head is turned aside here, which distorts it." if turned else "")
        + "</p>",
        f"<figure>{embed(_png(asymmetric_face(measured, row)), 'png', words)}</figure>",
        "<p>If the tint does not lie on brow, eye and mouth, the landmarks are wrong, and so is "
        "every number of this face.</p>",
        _measures_table(table.loc[row]),
        "<p>Left and right are the subject's. Millimetres assume an iris of 11.77 mm, the adult "
        "mean, and hold to some per cent; every face is a little asymmetric. A hand or "
        "hair over the face moves landmarks: look at the picture before believing a number.</p>",
        "<h2>Quality</h2>",
        _list(quality_notes(table) or ["Nothing stood out."]),
        "<h2>The model</h2>",
        _table({"Model": fitted.model} | card_rows(fitted.facts, fitted.temperature)),
        "<h2>What this page is</h2>",
        _list(
            [
                NO_DEVICE,
                "A probability is a statement about pictures like those that the model was fitted "
                "on, not about the person.",
                "This page shows people's faces: treat it with the same care as what it was made "
                "from. It was made on this computer and asks no other for anything.",
            ]
        ),
    ]
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"{made_from(measured.source)}\n"
        f"<title>{name}: facial palsy report</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(parts)}\n</main>\n</body>\n</html>\n"
    )


def made_from(source: Path) -> str:
    """Return the tag that tells the report on one file from that on another of the same name."""
    key = hashlib.sha256(os.fsencode(source)).hexdigest()[:16]
    return f"<meta name='palsy-source' content='{key}'>"


def _over_time(table: pd.DataFrame, marked: int) -> list[str]:
    with plt.rc_context(
        {key: INK for key in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")}
        | {"axes.edgecolor": INK, "grid.color": INK, "grid.alpha": 0.2}
        | {"svg.fonttype": "none", "svg.hashsalt": "palsy"}
    ):
        summary = _summary(table)
        words = "; ".join(f"{key}: {summary[key]}" for key in list(summary)[:3])
        timeline = _svg(clip_timeline(table, marked), f"Timeline. {words}.")
    return [
        "<h2>Over time</h2>",
        f"<div class='scroll' tabindex='0' role='region' aria-label='timeline'>{timeline}</div>",
        "<p>Grey: no face was found, so there is no answer. Above the dotted line, a frame is "
        "called palsy.</p>",
    ]


def _photographs(table: pd.DataFrame, measured: Measured) -> list[str]:
    if len(table) == 1:
        return []
    parts = ["<h2>All faces, most asymmetric first</h2>", face_grid(table, measured)]
    without = table.loc[~table["found"], ["file", "note"]].agg(": ".join, axis=1)
    if len(without):
        parts += ["<h2>Photographs without an answer</h2>", _list(list(without))]
    return parts


def _summary(table: pd.DataFrame) -> dict[str, str]:
    faces = table[table["found"]]
    called = int((faces["probability"] >= THRESHOLD).sum())
    rows = {
        "Measured": f"{count(table)}, {len(table) - len(faces)} without a face",
        "Called palsy": f"{called} of {count(faces)} with a face "
        f"({100 * called / len(faces):.0f} %)",
        "Probability of palsy": _spread(faces["probability"]),
        "Calibrated": "the model has no calibration",
    }
    if faces["calibrated_probability"].notna().any():
        rows["Calibrated"] = _spread(faces["calibrated_probability"])
    for region in ("eyes", "mouth"):
        if f"{region}_normal" in faces:
            rows[region.capitalize()] = _most_often(faces, region, ("normal", "slight", "strong"))
    if "side_left" in faces:
        rows["Side"] = _most_often(faces, "side", ("left", "none", "right"))
    return rows


def _spread(values: pd.Series) -> str:
    if len(values) == 1:
        return f"{values.iloc[0]:.2f}"
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"median {middle:.2f}; eight of ten between {low:.2f} and {high:.2f}"


def _most_often(faces: pd.DataFrame, question: str, classes: tuple[str, ...]) -> str:
    columns = [f"{question}_{name}" for name in classes]
    counts = faces[columns].idxmax(axis=1).value_counts()
    return ", ".join(f"{c.removeprefix(f'{question}_')} in {n}" for c, n in counts.items())


def _measures_table(row: pd.Series) -> str:
    rows = {
        f"{name.capitalize()}: {what}": [
            f"{row[f'{name}_right']:.1f}",
            f"{row[f'{name}_left']:.1f}",
            f"{row[f'{name}_difference']:+.1f}",
        ]
        for name, what in MEASURES.items()
    }
    return _table(rows, ("In millimetres", "right", "left", "left minus right"))


def _table(rows: dict[str, str | list[str]], head: tuple[str, ...] = ()) -> str:
    top = "".join(f"<th scope='col'>{text}</th>" for text in head)
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th>"
        + "".join(f"<td>{escape(c)}</td>" for c in ([cells] if isinstance(cells, str) else cells))
        + "</tr>"
        for name, cells in rows.items()
    )
    numbers = " class='numbers'" if head else ""
    return f"<table{numbers}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _list(sentences: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in sentences) + "</ul>"


def _svg(figure: Figure, text: str) -> str:
    """Return a figure as inline SVG in the page's own colour of text, described by `text`."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    plt.close(figure)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r' id="[a-z_]+_?\d*"', "", svg)  # matplotlib's own, which nothing refers to
    return svg.replace("<svg", f"<svg role='img' aria-label='{escape(text)}'", 1)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="white", metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()
