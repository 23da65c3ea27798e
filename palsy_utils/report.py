"""A report on one clip: one HTML file that holds everything and asks no host for anything."""

import base64
import io
import re
from html import escape
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from palsy_utils.clip_measures import (
    MEASURES,
    TURNED,
    look_at,
    most_asymmetric,
    quality_notes,
)
from palsy_utils.cohort import Cohort
from palsy_utils.evaluation import THRESHOLD
from palsy_utils.files import write_text
from palsy_utils.fitting import Fitted
from palsy_utils.model_card import NO_DEVICE, card_rows, file_hashes
from palsy_utils.plots import use_style
from palsy_utils.plots_clip import asymmetric_face, clip_timeline

DRAWN = (
    "This model has seen drawn faces only. What it says of a real face is no finding of any kind."
)
SEEN = (
    "This very clip was among those that the model was fitted on: what it says here shows nothing "
    "of how it does on anybody new."
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
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; border-radius: .4rem; }
figcaption { font-size: .9rem; }
"""


def report(name: str, table: pd.DataFrame, cohort: Cohort, fitted: Fitted) -> str:
    """Return the report on a clip as HTML.

    Args:
        name: of the clip, as people know it.
        table: from `prediction.predict_clip`.
        cohort: from `prediction.measure_clip`.
        fitted: the model.
    """
    use_style()
    marked = most_asymmetric(table)
    image, points = look_at(cohort, table, marked)
    with plt.rc_context(
        {key: INK for key in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")}
        | {"axes.edgecolor": INK, "grid.color": INK, "grid.alpha": 0.2}
        | {"svg.fonttype": "none", "svg.hashsalt": "palsy"}
    ):
        timeline = _svg(clip_timeline(table, marked), _timeline_text(table))
    face = _png(asymmetric_face(image, points, table.loc[marked]), _face_text(table.loc[marked]))
    warnings = [NO_DEVICE]
    if fitted.facts["drawn"]:
        warnings.append(DRAWN)
    if file_hashes(cohort)[0] in fitted.facts["files"]:
        warnings.append(SEEN)
    parts = [
        f"<h1>What a model says of {escape(name)}</h1>",
        *(f"<p class='warning'><strong>{text}</strong></p>" for text in warnings),
        "<h2>In short</h2>",
        _table(_summary(table)),
        "<h2>Over time</h2>",
        f"<div class='scroll' tabindex='0' role='region' aria-label='timeline'>{timeline}</div>",
        "<p>Grey: no face was found, so there is no answer. Above the dotted line, a frame is "
        "called palsy.</p>",
        "<h2>The most asymmetric frame</h2>",
        f"<p>{_why_this_frame(table.loc[marked])}</p>",
        f"<figure>{face}<figcaption>{escape(_face_text(table.loc[marked]))}</figcaption></figure>",
        "<p>If the tint does not lie on brow, eye and mouth, the landmarks are wrong, and so is "
        "every number of this frame.</p>",
        _measures_table(table.loc[marked]),
        "<p>Left and right are the subject's. Millimetres assume an iris of 11.77 mm, the adult "
        "mean, and hold to some per cent; every face is a little asymmetric. A hand or "
        "hair over the face moves landmarks: look at the picture before believing a number.</p>",
        "<h2>Quality</h2>",
        _list(quality_notes(table) or ["Nothing stood out in any frame."]),
        "<h2>The model</h2>",
        _table({"Model": fitted.model} | card_rows(fitted.facts, fitted.temperature)),
        "<h2>What this page is</h2>",
        _list(
            [
                NO_DEVICE,
                "A probability is a statement about frames like those that the model was fitted "
                "on, not about the person.",
                "This page shows the person's face: treat it with the same care as the clip. It "
                "was made on this computer and asks no other for anything.",
            ]
        ),
    ]
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>{escape(name)}: facial palsy report</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{chr(10).join(parts)}\n</main>\n</body>\n</html>\n"
    )


def write_report(
    name: str, table: pd.DataFrame, cohort: Cohort, fitted: Fitted, path: Path
) -> None:
    """Write `report` as a file, whole or not at all."""
    write_text(report(name, table, cohort, fitted), path)


def _summary(table: pd.DataFrame) -> dict[str, str]:
    faces = table[table["found"]]
    called = int((faces["probability"] >= THRESHOLD).sum())
    rows = {
        "Frames": f"{len(table)}, six a second of a video; {len(table) - len(faces)} without a "
        "face",
        "Called palsy": f"{called} of {len(faces)} frames with a face "
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
    low, middle, high = np.percentile(values, [10, 50, 90])
    return f"median {middle:.2f}; eight of ten frames between {low:.2f} and {high:.2f}"


def _most_often(faces: pd.DataFrame, question: str, classes: tuple[str, ...]) -> str:
    columns = [f"{question}_{name}" for name in classes]
    counts = faces[columns].idxmax(axis=1).value_counts()
    named = (f"{column.removeprefix(question + '_')} {n}" for column, n in counts.items())
    return f"frames most likely {', '.join(named)}"


def _timeline_text(table: pd.DataFrame) -> str:
    summary = _summary(table)
    return f"Timeline. Called palsy: {summary['Called palsy']}. {summary['Probability of palsy']}."


def _face_text(measured: pd.Series) -> str:
    parts = [
        f"{name} {abs(measured[f'{name}_difference']):.1f} mm more on the subject's "
        f"{'left' if measured[f'{name}_difference'] > 0 else 'right'}"
        for name in MEASURES
    ]
    return f"The face at {measured['time_s']:.2f} s: {', '.join(parts)}."


def _why_this_frame(row: pd.Series) -> str:
    turned = abs(row["turned_deg"]) > TURNED
    return (
        f"Frame {row['frame']:.0f}, at {row['time_s']:.2f} s: landmarks of one half of the face "
        f"differ in height from those of the other by {row['asymmetry_mm']:.1f} mm on average, "
        f"more than in any other frame. The model gives it a probability of "
        f"{row['probability']:.2f}."
        + (" The head is turned aside here, which distorts it." if turned else "")
    )


def _measures_table(measured: pd.Series) -> str:
    head = "".join(
        f"<th scope='col'{' class=number' if i else ''}>{text}</th>"
        for i, text in enumerate(("In millimetres", "right", "left", "left minus right"))
    )
    rows = "".join(
        f"<tr><th scope='row'>{name.capitalize()}: {what}</th>"
        + f"<td class='number'>{measured[f'{name}_right']:.1f}</td>"
        + f"<td class='number'>{measured[f'{name}_left']:.1f}</td>"
        + f"<td class='number'>{measured[f'{name}_difference']:+.1f}</td></tr>"
        for name, what in MEASURES.items()
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _table(rows: dict[str, str]) -> str:
    cells = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(text)}</td></tr>"
        for name, text in rows.items()
    )
    return f"<table><tbody>{cells}</tbody></table>"


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


def _png(figure: Figure, text: str) -> str:
    file = io.BytesIO()
    figure.savefig(file, format="png", facecolor="white", metadata={"Software": None})
    plt.close(figure)
    data = base64.b64encode(file.getvalue()).decode()
    return f"<img src='data:image/png;base64,{data}' alt='{escape(text)}'>"
