"""The diagrams of the notebooks, in one style: `python figures/diagrams/draw.py` writes them all.

Each stands on a light panel of its own, so that it reads on a dark page as on a light one.
Modalities have the colours that they have in every figure (`features.MODALITIES`).
"""

from html import escape
from pathlib import Path

from palsy_utils.faces.features import MODALITIES

HERE = Path(__file__).parent
INK, SOFT, LINE, PANEL, NEUTRAL = "#1d2025", "#565c66", "#8a8f98", "#fdfcf8", "#eceae2"
NET, OUT = "#0072B2", "#7a3e9d"  # what is trained, and what it predicts
COLOUR = {name: modality.colour for name, modality in MODALITIES.items()}
STYLE = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def text(x, y, words, size=16, colour=INK, anchor="middle", weight="normal"):
    """Return lines of text, the first one's baseline at y."""
    look = f'text-anchor="{anchor}" font-size="{size}" font-weight="{weight}" fill="{colour}"'
    lines = words.split("\n")
    spans = (
        f'<tspan x="{x}" dy="{1.25 * size * (i > 0):g}">{escape(line)}</tspan>'
        for i, line in enumerate(lines)
    )
    return f'<text x="{x}" y="{y}" {look}>{"".join(spans)}</text>'


def box(x, y, w, h, words="", colour=LINE, tint=0.16, size=16, dashed=False):
    """Return a rounded box with centred words."""
    dash = ' stroke-dasharray="6 5"' if dashed else ""
    fill = NEUTRAL if colour == LINE else colour
    opacity = 1 if colour == LINE else tint
    shape = f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{fill}" '
    shape += f'fill-opacity="{opacity}" stroke="{colour}" stroke-width="2"{dash}/>'
    first = y + h / 2 - 0.625 * size * words.count("\n") + 0.35 * size
    return shape + (text(x + w / 2, round(first, 1), words, size) if words else "")


def arrow(x1, y1, x2, y2, colour=SOFT, width=2.0, dashed=False):
    """Return a straight arrow."""
    dash = ' stroke-dasharray="6 5"' if dashed else ""
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{colour}" '
        f'stroke-width="{width}"{dash} marker-end="url(#tip)"/>'
    )


def write(name, width, height, *parts):
    """Write one diagram; what it shows is said in words where it is shown."""
    tip = (
        '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="11" markerHeight="11" '
        f'orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L10 5L0 10z" fill="{SOFT}"/>'
        "</marker>"
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" style="{STYLE}">',
        f"<title>{name.replace('_', ' ')}</title>",
        f"<defs>{tip}</defs>",
        f'<rect x="1" y="1" width="{width - 2}" height="{height - 2}" rx="14" fill="{PANEL}" '
        'stroke="#d8d6cd"/>',
        *parts,
        "</svg>\n",
    ]
    (HERE / f"{name}.svg").write_text("\n".join(lines), encoding="utf-8")


def pipeline():
    """From clip to table, with the notebook of each stage."""
    parts = [
        box(24, 130, 108, 76, "video clip"),
        box(180, 130, 116, 76, "frames\n6 a second"),
        box(344, 130, 132, 76, "face\n478 landmarks\n52 scores", size=15),
    ]
    parts += [arrow(132, 168, 178, 168), arrow(296, 168, 342, 168)]
    names = {"rgb": "RGB image", "lines": "line image"}
    names |= {"coordinates": "125 coordinates", "expressions": "52 expression scores"}
    for i, (name, words) in enumerate(names.items()):
        y = 46 + 64 * i
        parts += [arrow(476, 168, 518, y + 24), box(520, y, 172, 48, words, COLOUR[name], size=15)]
        parts.append(arrow(692, y + 24, 738, 168))
    parts += [
        box(740, 118, 112, 100, "one model\nfor each fold", NET, size=15),
        arrow(852, 168, 886, 168),
        box(888, 130, 88, 76, "fusion", NET),
        arrow(976, 168, 1010, 168),
        box(1012, 130, 104, 76, "results\ntable", OUT),
    ]
    places = {238: "01", 410: "02", 606: "02", 796: "03", 932: "04, 05, 07", 1064: "06"}
    parts += [text(x, 336, number, 16, SOFT, weight="600") for x, number in places.items()]
    parts.append(text(78, 336, "notebook", 16, SOFT))
    write("pipeline", 1140, 360, *parts)


def leave_one_patient_out():
    """Folds down, patients across."""
    parts = [text(36, 42, "one column a patient", 16, SOFT, "start")]
    patients = ["p01", "p02", "p03", "p04", "...", "p12"]
    for i, patient in enumerate(patients):
        parts.append(text(196 + 82 * i, 76, patient, 16, weight="600"))
    for j, fold in enumerate(["fold p01", "fold p02", "fold p03", "...", "fold p12"]):
        y = 92 + 50 * j
        parts.append(text(36, y + 25, fold, 16, anchor="start"))
        if fold == "...":
            continue
        out = fold.removeprefix("fold ")
        for i, patient in enumerate(patients):
            look = ("test", OUT, 0.34) if patient == out else ("train", NET, 0.10)
            parts.append(box(160 + 82 * i, y, 72, 38, *look, 15))
        parts.append(arrow(648, y + 19, 690, y + 19))
        parts.append(text(700, y + 25, f"predictions for {out}", 15, anchor="start"))
    said = "Every patient is predicted once, by a network that has seen no frame of theirs."
    parts.append(text(36, 366, said, 16, SOFT, "start"))
    write("leave_one_patient_out", 900, 388, *parts)


def fnn():
    """The feed-forward net for expression scores, as bars as high as the layers are wide."""
    layers = [(52, "expressions", "52 scores"), (64, NET, "64"), (32, NET, "32"), (10, NET, "10")]
    layers.append((2, OUT, "2"))
    parts, x = [], 60
    for k, (units, colour, words) in enumerate(layers):
        h = 24 + 2.6 * units
        parts.append(box(x, 140 - h / 2, 60, h, "", COLOUR.get(colour, colour), 0.3))
        parts.append(text(x + 30, 264, words, 17, weight="600"))
        if k:
            parts.append(arrow(x - 100, 140, x - 4, 140))
        x += 164
    notes = ["scale", "ReLU\ndropout 0.5", "batch norm\nReLU", "ReLU", "sigmoid\nhealthy, palsy"]
    parts += [text(90 + 164 * i, 292, note, 15, SOFT) for i, note in enumerate(notes)]
    write("fnn", 836, 330, *parts)


def resnet(parts, y, name, words):
    """Add an image and a ResNet at height y; return where its features come out."""
    parts += [box(24, y - 36, 112, 72, words, COLOUR[name], size=15), arrow(136, y, 166, y)]
    for i, (w, h) in enumerate([(58, 110), (52, 88), (46, 66), (40, 46)]):
        x = 168 + 62 * i
        parts.append(box(x, y - h / 2, w, h, f"{i + 1}", NET, 0.14, 15))
    parts.append(arrow(394, y, 424, y))
    return 426


def image_net():
    """ResNet50 with its last layer replaced by a new head."""
    parts = []
    x = resnet(parts, 142, "lines", "line image\nor RGB")
    parts += [
        text(281, 64, "ResNet50, pretrained: four stages of blocks", 16, weight="600"),
        box(x + 90, 34, 172, 48, "old last layer: 1,000\nImageNet classes", size=14, dashed=True),
        f'<line x1="{x + 84}" y1="88" x2="{x + 268}" y2="28" stroke="#a33" stroke-width="2"/>',
        box(x, 106, 66, 72, "mean\nover\npixels", NET, 0.14, 14),
        arrow(x + 66, 142, x + 92, 142),
        box(x + 94, 106, 172, 72, "512 units, ReLU\ndropout, batch norm", OUT, 0.16, 15),
        arrow(x + 266, 142, x + 292, 142),
        box(x + 294, 106, 110, 72, "2 outputs\nsigmoid", OUT, 0.16, 15),
        text(x + 249, 212, "new head, from random weights", 16, OUT, weight="600"),
        text(410, 252, "fine-tuning trains all layers further; frozen, the head alone", 16, SOFT),
    ]
    write("image_net", 856, 278, *parts)


def two_images():
    """Two image nets side by side, trained together."""
    parts = []
    for y, name, words in ((84, "lines", "line image"), (224, "rgb", "RGB image")):
        x = resnet(parts, y, name, words)
        parts.append(box(x, y - 26, 116, 52, "512 features", NET, 0.14, 15))
        parts.append(arrow(x + 116, y, x + 162, 154 + (y - 154) * 0.3))
    parts += [
        box(590, 110, 116, 88, "concatenate:\n1,024\nfeatures", size=15),
        arrow(706, 154, 736, 154),
        box(738, 118, 116, 72, "2 outputs\nsigmoid", OUT, 0.16, 15),
        text(440, 312, "both networks and the output layer are trained together", 16, SOFT),
    ]
    write("two_images", 880, 336, *parts)


def two_models(x, below):
    """Two trained networks in a panel that begins at x, and what their fusion does below them."""
    parts = [box(x + 82, 370, 176, 46, "probability of palsy", OUT, size=15)]
    for left, name, seen, net in (
        (x + 8, "expressions", "expression scores", "FNN, trained"),
        (x + 184, "lines", "line image", "ResNet50, trained"),
    ):
        parts += [box(left, 70, 148, 48, seen, COLOUR[name], size=15)]
        parts += [box(left, 146, 148, 48, net, size=15)]
        parts += [arrow(left + 74, y, left + 74, y + 26) for y in (118, 194)]
    return [*parts, *below, arrow(x + 170, 342, x + 170, 368)]


def early(x):
    """Early fusion: features are concatenated."""
    below = [box(x + 52, 222, 236, 46, "concatenate 10 + 512 features", size=14)]
    below += [arrow(x + 170, 268, x + 170, 294), box(x + 82, 296, 176, 46, "fusion network", NET)]
    return two_models(x, below)


def late(x):
    """Late fusion: probabilities are averaged."""
    below = [box(x + 82, 296, 176, 46, "mean: nothing to train", size=14)]
    for left, end in ((x + 8, x + 135), (x + 184, x + 205)):
        below += [box(left, 222, 148, 46, "probability", OUT, size=15)]
        below += [arrow(left + 74, 268, end, 294)]
    return two_models(x, below)


def attention(x):
    """Attention fusion in a panel that begins at x."""
    parts = []
    weights = {"coordinates": 1.5, "expressions": 4.5, "asymmetry": 6.5, "handcrafted": 2.5}
    for i, (name, weight) in enumerate(weights.items()):
        left = x + 2 + 85 * i
        parts += [
            box(left, 70, 80, 48, name, COLOUR[name], size=12.5),
            arrow(left + 40, 118, left + 40, 144),
            box(left, 146, 80, 48, "token", COLOUR[name], 0.4, 15),
            f'<line x1="{left + 40}" y1="194" x2="{x + 170 + (left + 40 - x - 170) * 0.35}" '
            f'y2="240" stroke="{NET}" stroke-width="{weight}"/>',
        ]
    parts += [
        box(x + 52, 240, 236, 46, "a learned query attends", NET, size=15),
        arrow(x + 170, 286, x + 170, 302),
        box(x + 82, 304, 176, 46, "weighted mean, head", NET, size=15),
        arrow(x + 170, 350, x + 170, 368),
        box(x + 82, 370, 176, 46, "probability of palsy", OUT, size=15),
    ]
    return parts


FUSIONS = {
    "early_fusion": (early, "Early fusion", "concatenate features (04)"),
    "late_fusion": (late, "Late fusion", "average probabilities (05)"),
    "attention_fusion": (attention, "Attention fusion", "weigh tokens, frame by frame (07)"),
}


def fusions():
    """Each fusion for its notebook, and the map of all three."""
    everything = []
    for i, (name, (panel, title, what)) in enumerate(FUSIONS.items()):
        write(name, 388, 440, text(194, 38, title, 19, weight="700"), *panel(24))
        x = 24 + 376 * i
        everything.append(text(x + 170, 34, title, 19, weight="700"))
        everything += [text(x + 170, 57, what, 15, SOFT), *panel(x)]
    write("fusion_map", 1140, 440, *everything)


def series():
    """The core path of notebooks, and what branches off it."""
    core = ["00\noverview", "01\nframes", "02\nmodalities", "03\none modality", "04\nearly fusion"]
    core += ["05\nlate fusion", "06\nresults table"]
    parts = [text(24, 36, "Core path", 18, anchor="start", weight="700")]
    parts.append(text(24, 166, "Optional", 18, anchor="start", weight="700"))
    for i, words in enumerate(core):
        parts.append(box(24 + 156 * i, 52, 130, 62, words, NET, size=15))
        if i:
            parts.append(arrow(24 + 156 * i - 26, 83, 24 + 156 * i - 2, 83))
    optional = {
        401: (152, "before 03", ["13 a face on sliders", "12 data leakage"]),
        557: (152, "with 03", ["14 transfer learning"]),
        869: (190, "after 05", ["07 attention fusion", "08 weighted late fusion"]),
        1069: (190, "after 06", ["09 uncertainty, calibration", "10 explanations"]),
    }
    for x, (w, when, names) in optional.items():
        parts += [arrow(x, 178, x, 118, dashed=True), text(x + 9, 152, when, 14, SOFT, "start")]
        for j, name in enumerate(names):
            parts.append(box(x - w / 2, 180 + 48 * j, w, 38, name, size=13.5))
    last = ["11 a model to keep", "15 your own video", "16 predictions made elsewhere"]
    parts.append(text(24, 304, "To use it", 18, anchor="start", weight="700"))
    for j, name in enumerate(last):
        parts.append(box(180 + 260 * j, 284, 236, 38, name, size=14))
    write("series", 1190, 344, *parts)


for draw in (pipeline, leave_one_patient_out, fnn, image_net, two_images, fusions, series):
    draw()
