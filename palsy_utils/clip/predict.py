"""What a fitted model says of clips and photographs, and a report that asks no host."""

import base64
import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from palsy_utils.clip import measures as measuring
from palsy_utils.clip.fit import TEMPLATES, Fitted, load_seen, open_everybody, read_model
from palsy_utils.clip.measures import Measured, shown
from palsy_utils.cohort.paths import RATE
from palsy_utils.evidence.calibration import temper
from palsy_utils.evidence.people import score_by_rules
from palsy_utils.faces.landmarks import LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from palsy_utils.files import PalsyError, check_writable, write_csv, write_text
from palsy_utils.learning.nets import HEADS, heads_table, probabilities
from palsy_utils.learning.training import compute
from palsy_utils.plots import BLACK, BLUE, GREY, ORANGE, RED, SKY, use_style

LONG = 120.0  # s: a longer clip is drawn second by second, or its line would be a smear
PANELS = {  # label of the y axis: title, and the colour of each line
    "palsy": ("Probability of palsy, {}", {"probability": BLUE, "calibrated": ORANGE}),
    "slight or strong": ("Which region is called slight or strong", {"eyes": SKY, "mouth": RED}),
    "side": ("Which side is called palsied (the subject's)", {"left": ORANGE, "right": BLUE}),
}
STRONGEST_MM = 4.0  # a difference of this size is tinted fully
# What is tinted, as closed outlines. OUTER_LIPS runs from the right corner along the lower lip.
PARTS = {"brow": {side: (*lower, *upper[::-1]) for side, (upper, lower) in measuring.BROWS.items()}}
PARTS["eye"] = {"right": RIGHT_EYE, "left": LEFT_EYE}
PARTS["mouth"] = {"right": (*OUTER_LIPS[:6], *OUTER_LIPS[15:]), "left": OUTER_LIPS[5:16]}


def predict_clip(fitted: Fitted, measured: Measured, device: str = "auto") -> pd.DataFrame:
    """Run a fitted model on every frame of a clip, or on every photograph.

    Added to `Measured.frames`, after `found`: `probability` (of palsy, 0 to 1), the calibrated one
    (empty without a calibration), and `eyes_<grade>`, `mouth_<grade>`, `side_<side>` where learnt.
    """
    fold = open_everybody(measured.root, fitted.profile, fitted.model, device=device)
    logits = compute(fitted.net, load_seen(fold), fold.train, fold.device)
    probability = probabilities(logits).numpy()
    calibrated = np.nan if fitted.calibration is None else temper(probability, *fitted.calibration)
    said = pd.DataFrame({"probability": probability, "calibrated_probability": calibrated})
    if fitted.questions:
        said = said.join(heads_table(logits).filter(regex=f"^({'|'.join(fitted.questions)})_"))
    frames = measured.frames
    said = said.set_index(frames.index[frames["found"]])
    first = frames.columns.get_loc("found") + 1
    return frames.iloc[:, :first].join(said).join(frames.iloc[:, first:])


def clip_timeline(table: pd.DataFrame, marked: int) -> Figure:
    """Draw what `predict_clip` says over time, grey where no face was found; a line marks a row.

    Of a long clip, the mean of every second, and a band from its lowest to its highest frame.
    """
    names = {"calibrated_probability": "calibrated", "side_left": "left", "side_right": "right"}
    graded = 1 - table.filter(regex="_normal$").rename(columns=lambda n: n.removesuffix("_normal"))
    lines = table.rename(columns=names).join(graded).dropna(axis=1, how="all")
    time, gone = table["time_s"], ~table["found"]
    start, end = time.iloc[0], time.iloc[-1]
    is_long = end - start > LONG
    moments = lines.groupby(time // 1 + 0.5 if is_long else time)
    each = "each second: mean and range" if is_long else "each frame"
    look = {"lw": 1} if is_long else {"lw": 1.4, "marker": "."}
    edges = np.flatnonzero(np.diff(gone, prepend=False, append=False)).reshape(-1, 2)
    gaps = [(time[a] - 0.5 / RATE, time[b - 1] - time[a] + 1 / RATE) for a, b in edges]
    panels = [name for name, (_, colours) in PANELS.items() if set(colours) & set(lines)]
    heights = [2.6, 1.5, 1.5][: len(panels)]
    size = {"figsize": (9, 0.6 + sum(heights)), "height_ratios": heights, "layout": "constrained"}
    figure, axes = plt.subplots(len(panels), sharex=True, squeeze=False, **size)
    for ax, panel in zip(axes[:, 0], panels, strict=True):
        title, colours = PANELS[panel]
        for dash, name in zip(("-", "--"), colours, strict=True):
            if name in lines:
                column, colour = moments[name], colours[name]
                band = column.agg(["min", "max"]).rename_axis("time").reset_index().to_numpy().T
                ax.plot(column.mean(), dash, color=colour, label=name, **look)
                ax.fill_between(*band, color=colour, alpha=0.25, lw=0)
        hidden = "" if panel == "palsy" else "_"  # from the legend
        grey = {"color": GREY, "alpha": 0.5, "lw": 0, "label": f"{hidden}no face" if gaps else None}
        ax.broken_barh(gaps, (-0.03, 1.06), **grey)
        ax.axvline(time[marked], color=RED, lw=1, ls="-.", label=f"{hidden}most asymmetric")
        ax.set(ylim=(-0.03, 1.03), ylabel=panel, xlim=(start - 0.3, end + 0.3))
        ax.set_title(title.format(each), loc="left")
        place = {"loc": "lower right", "bbox_to_anchor": (1, 0.98), "ncols": 4}
        ax.legend(frameon=False, fontsize="small", **place)
    axes[0, 0].axhline(0.5, color=GREY, ls=":", lw=1.2)
    ax.set(xlabel="time in the clip (s)")
    return figure


def asymmetric_face(measured: Measured) -> Figure:
    """Tint, on the most asymmetric face, the side whose brow, eye or mouth measures more."""
    figure, ax = plt.subplots(figsize=(4.6, 5.2), layout="constrained")
    ax.imshow(measured.face)
    for name, sides in PARTS.items():
        difference = measured.frames.loc[measured.marked, f"{name}_difference"]
        side, colour, hatch = ("left", ORANGE, "//") if difference > 0 else ("right", SKY, "\\\\")
        corners = measured.points[list(sides[side])]
        strength = 0.15 + 0.6 * min(abs(difference) / STRONGEST_MM, 1)
        ax.add_patch(Polygon(corners, color=colour, alpha=strength, lw=0))
        ax.add_patch(Polygon(corners, fill=False, edgecolor=colour, hatch=hatch, lw=1.5))
        x, (top, bottom) = corners[:, 0].mean(), (corners[:, 1].min(), corners[:, 1].max())
        at, shift, va = (top, 5, "bottom") if name == "brow" else (bottom, -5, "top")
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": colour, "alpha": 0.9}
        look = {"ha": "center", "va": va, "fontsize": "small", "color": BLACK, "bbox": box}
        place = {"xytext": (0, shift), "textcoords": "offset points"}
        ax.annotate(f"{abs(difference):.1f} mm", (x, at), **place, **look)
    words = "Tinted: the side that measures more,\nand by how much"
    ax.set_title(f"{words} (orange: subject's left, blue: right)", fontsize="small")
    ax.axis("off")
    return figure


def saved(figure: Figure, **how) -> bytes:
    """Return a figure as the content of a file that names no date and no program; close it."""
    file, said = io.BytesIO(), {"svg": ["Creator", "Date", "Format", "Type"], "png": ["Software"]}
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "palsy"}):
        figure.savefig(file, metadata=dict.fromkeys(said[how["format"]]), **how)
    plt.close(figure)
    return file.getvalue()


def report(table: pd.DataFrame, measured: Measured, fitted: Fitted) -> str:
    """Return the report on what `predict.predict_clip` says of what was measured, as HTML."""
    use_style()
    faces, heads, svg = table[table["found"]], {}, ""
    as_one = score_by_rules(faces.assign(patient="", video="", label=0), "clips")
    for head, classes in HEADS.items():
        columns = {f"{head}_{name}": name for name in classes}
        if set(columns) <= set(faces):
            heads[head] = faces[list(columns)].idxmax(axis=1).map(columns).value_counts()
    if "time_s" in table:
        figure = clip_timeline(table, measured.marked)
        svg = saved(figure, format="svg", transparent=True).decode().partition("<svg")[2]
    for colour, ours in (("#262626", "currentColor"), ("#cccccc", "#88888866")):
        svg = svg.replace(colour, ours)  # of the style, for a light and a dark page
    face = saved(asymmetric_face(measured), format="png", facecolor="white")
    small = {i: cv2.imencode(".jpg", p[..., ::-1])[1] for i, p in measured.thumbnails.items()}
    return TEMPLATES.get_template("report.html").render(
        vars(fitted),
        name=shown(measured.source),
        made_from=made_from(measured.source),
        seen=measured.hashes & set(fitted.facts["files"]),
        table=table,
        faces=faces.sort_values("asymmetry_mm", ascending=False),
        row=table.loc[measured.marked],
        spread=faces[["probability", "calibrated_probability"]].quantile([0.1, 0.5, 0.9]),
        heads=heads,
        clip_score=as_one[fitted.rule[0]].item(),
        timeline=Markup(svg),
        face=base64.b64encode(face).decode(),
        thumbnails={i: base64.b64encode(content).decode() for i, content in small.items()},
        measures=measuring,
    )


def made_from(source: Path) -> Markup:
    """Return the tag that tells the report on one file from that on another of the same name."""
    key = hashlib.sha256(bytes(source)).hexdigest()[:16]
    return Markup(f"<meta name='palsy-source' content='{key}'>")


def predict(clip: str, model: str, output: str, device: str = "auto") -> Iterator[Path]:
    """Predict clips or photographs; yield a table and a report of each, as soon as written.

    Every video of a folder gets a report of its own; its photographs share one. What fails is told
    in a PalsyError, a sentence each, after all others are done.
    """
    sources, failed = [Path(clip)], []
    if sources[0].is_dir():
        inside = measuring.list_kinds(sources[0])
        sources = inside["clip"] + sources * bool(inside["image"] or not inside["clip"])
    for source in sources:
        output_files(source, output)  # what cannot be written is told before any work is done
    fitted = read_model(Path(model))
    for source in sources:
        try:
            files = output_files(source, output)
            with tempfile.TemporaryDirectory(prefix="palsy-") as work:
                measured = measuring.measure_clip(source, Path(work), fitted.profile)
                table = predict_clip(fitted, measured, device)
                write_csv(table.round(6), files[0])
                write_text(report(table, measured, fitted), files[1])
        except PalsyError as error:
            failed.append(str(error))
        else:
            yield from files
    if failed:
        raise PalsyError("\n".join(failed))


def output_files(clip: Path | str, output: Path | str) -> tuple[Path, Path]:
    """Name the table and the report of a clip, `<its name>.csv` and `.html`; make their folder.

    A PalsyError says if it is where the clip lies, or holds a report of this name on another clip.
    """
    source, folder = Path(os.path.abspath(clip)), Path(output)
    where = folder.resolve()
    if where == source.parent.resolve() or where.is_relative_to(source.resolve()):
        raise PalsyError(f"{folder} is where the clip lies: choose another folder as output.")
    check_writable(folder)
    name = shown(source).encode()[:200].decode(errors="ignore")  # the disk allows some 250 bytes
    table, page = folder / f"{name}.csv", folder / f"{name}.html"
    try:
        is_other = page.exists() and made_from(source).encode() not in page.read_bytes()
    except OSError:  # a folder, or somebody else's
        is_other = True
    if is_other:
        raise PalsyError(
            f"{page} is the report on another file called {shown(source)}: choose another folder "
            "as output, or take that report away first."
        )
    return table, page
