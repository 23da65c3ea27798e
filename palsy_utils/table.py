"""The results table as people read it: a caption that says what it is, and markdown."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from palsy_utils.cohort import Cohort
from palsy_utils.evaluation import BASELINES, auroc_interval
from palsy_utils.files import read_json, write_csv, write_text
from palsy_utils.folds import describe_scheme
from palsy_utils.profiles import Profile
from palsy_utils.rows import MODELS, NEW_MODELS, PAPER_MODELS, architecture

PACKAGES = ("torch", "torchvision", "mediapipe", "scikit-learn")
HEADER = (
    "| modality | model | F1 | precision | recall | paper's F1 | precision | recall "
    "| pooled F1 | AUROC (95 % interval) | specificity | people undefined |"
)


def caption(
    cohort: Cohort,
    faces: pd.DataFrame,
    samples: pd.DataFrame,
    folds: Sequence[str],
    profile: Profile,
    seed: int,
    run: Path,
) -> str:
    """Say what the numbers of a table are of, in a few sentences.

    Args:
        cohort: see `cohort.load_cohort`.
        faces: the table of `faces.load_faces`: frames without a face are counted from it.
        samples: `modalities.SAMPLES`.
        folds: names of the folds.
        profile: size of the run.
        seed: of the run.
        run: folder of the run; its settings tell which weights the image nets started from.
    """
    word = cohort.group
    settings = [read_json(path) for path in sorted(run.glob("*/*/settings.json"))]
    images = {s["imagenet_weights"] for s in settings if s and "resnet50" in s["model"]}
    start = {
        frozenset(): "no image net was trained",
        frozenset({True}): "image nets start from ImageNet weights",
        frozenset({False}): "image nets start from random weights",
    }.get(frozenset(images), "some image nets start from ImageNet weights, others from random ones")
    parts = [
        f"Cohort {cohort.name}: {samples['patient'].nunique()} {word}s, "
        f"{samples['video'].nunique()} videos, {len(samples)} frames with a face and a label "
        f"({100 * samples['label'].mean():.0f} % palsy); {int((~faces['found']).sum())} of "
        f"{len(faces)} frames have no face and are not scored.",
        f"Profile {profile.name} ({profile.image_size} px; {start}), "
        f"{describe_scheme(folds, word)}, seed {seed}; "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + ".",
        f"F1, precision and recall are means over {word}s, in per cent, beside the paper's "
        "(Oo, Lee and Lim 2024, on YouTube Facial Palsy); a score without a denominator is "
        "undefined and left out of its mean. Pooled F1, AUROC and specificity are over all frames; "
        f"intervals come from resampling {word}s. Best of our rows in bold.",
    ]
    if is_drawn(cohort):
        parts.insert(0, "**These faces are drawn: the numbers are not numbers of patients.**")
    if word == "video":
        parts.append("Nobody has said which videos show the same person: leave-one-VIDEO-out.")
    return "\n".join(parts)


def is_drawn(cohort: Cohort) -> bool:
    """Say whether a cohort is a phantom, with the truth of every drawn frame beside it."""
    return (cohort.root / "truth.csv").exists()


def markdown(table: pd.DataFrame, predictions: pd.DataFrame, n_folds: int, backbone: str) -> str:
    """Return the table (`evaluation.TABLE_COLUMNS`) as markdown.

    Args:
        table: from `evaluation.table_1`.
        predictions: `runs.PREDICTIONS` of the same run, for the intervals.
        n_folds: how many folds make a model complete.
        backbone: of the profile, to name the image nets.
    """
    models = table["model"].isin(list(MODELS))
    best = {c: table.loc[models, c].max() for c in ("f1", "precision", "recall", "auroc")}
    best |= {c: table.loc[models, c].max() for c in ("pooled_f1", "specificity")}
    lines = [HEADER, "|---|---" + "|---:" * 10 + "|"]
    for i, row in enumerate(table.to_dict("records")):
        model = MODELS.get(row["model"])
        if row["model"] in NEW_MODELS and table["model"][i - 1] in PAPER_MODELS:
            lines.append("| **beyond the paper** |" + " |" * 11)
        what = architecture(model, backbone) if model else row["model"].replace("-", " ")
        cells = [row["modality"], what]
        if pd.isna(row["auroc"]):
            done = predictions.loc[predictions["model"] == row["model"], "fold"].nunique()
            cells[1] += f" ({done} of {n_folds} folds)"
        cells += [_number(row, c, best) for c in ("f1", "precision", "recall")]
        cells += [_number(row, f"paper_{c}") for c in ("f1", "precision", "recall")]
        cells += [_number(row, "pooled_f1", best), _auroc(row, predictions, best)]
        cells += [_number(row, "specificity", best), _number(row, "n_undefined", digits=0)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(row: dict, column: str, best: dict | None = None, digits: int = 1) -> str:
    if pd.isna(row[column]):
        return "–"
    text = f"{row[column]:.{digits}f}"
    is_best = best and row["model"] not in BASELINES and row[column] == best[column]
    return f"**{text}**" if is_best else text


def _auroc(row: dict, predictions: pd.DataFrame, best: dict) -> str:
    text = _number(row, "auroc", best, digits=2)
    if row["model"] in BASELINES or pd.isna(row["auroc"]):
        return text
    low, high = auroc_interval(predictions[predictions["model"] == row["model"]])
    return f"{text} ({low:.2f} to {high:.2f})"


def write_table(table: pd.DataFrame, text: str, about: str, folder: Path) -> None:
    """Write `table_1.csv` and `table_1.md` (title, table, caption), each whole or not at all."""
    write_csv(table, folder / "table_1.csv")
    write_text(f"# Table 1\n\n{text}\n\n{about}\n", folder / "table_1.md")
