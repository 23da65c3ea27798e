"""The results table as people read it: a caption that says what it is, and markdown."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from palsy_utils.cohort import Cohort
from palsy_utils.evaluation import (
    BASELINES,
    TABLE_COLUMNS,
    auroc_interval,
    has_single_classes,
)
from palsy_utils.files import read_json, write_csv, write_text
from palsy_utils.folds import describe_scheme
from palsy_utils.profiles import Profile
from palsy_utils.rows import MODELS, NEW_MODELS, PAPER_MODELS

PACKAGES = ("torch", "torchvision", "mediapipe", "scikit-learn")
HEADINGS = {
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "paper_f1": "paper's F1",
    "paper_precision": "precision",
    "paper_recall": "recall",
    "pooled_f1": "pooled F1",
    "auroc": "AUROC (95 % interval)",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "n_undefined": "people undefined",
}
POOLED = ("pooled_f1", "auroc", "sensitivity", "specificity")  # over all frames
UNRANKED = ("paper_f1", "paper_precision", "paper_recall", "n_undefined")
DIGITS = {"auroc": 2, "n_undefined": 0}  # of all others 1


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
        f"{_about_scores(samples, word)}; intervals come from resampling {word}s. Best of our rows "
        "in bold.",
    ]
    if left_out := people_left_out(cohort, samples):
        parts.insert(1, left_out)
    if is_drawn(cohort):
        parts.insert(0, "**These faces are drawn: the numbers are not numbers of patients.**")
    if word == "video":
        parts.append("Nobody has said which videos show the same person: leave-one-VIDEO-out.")
    return "\n".join(parts)


def _about_scores(samples: pd.DataFrame, word: str) -> str:
    if has_single_classes(samples):
        return (
            f"Every {word} has a single class: the healthy ones have no F1, the ill ones no false "
            f'alarms, and "always palsy" would get 100, so no scores are means over {word}s here. '
            "All are over all frames, in per cent (AUROC: 0 to 1)"
        )
    return (
        f"F1, precision and recall are means over {word}s, in per cent, beside the paper's "
        "(Oo, Lee and Lim 2024, on YouTube Facial Palsy); a score without a denominator is "
        "undefined and left out of its mean. Pooled F1, AUROC and specificity are over all frames"
    )


def people_left_out(cohort: Cohort, samples: pd.DataFrame) -> str:
    """Say in one sentence who of a cohort has no sample, and how many have; empty for nobody."""
    everybody, seen = cohort.videos["patient"].unique(), set(samples["patient"])
    left_out = [who for who in everybody if who not in seen]
    named = ", ".join(left_out[:5]) + (", ..." if len(left_out) > 5 else "")
    told = (
        f"This is of {len(seen)} of {len(everybody)} {cohort.group}s: no frame of {named} has both "
        "a face and a label."
    )
    return told if left_out else ""


def is_drawn(cohort: Cohort) -> bool:
    """Say whether a cohort is a phantom, with the truth of every drawn frame beside it."""
    return (cohort.root / "truth.csv").exists()


def markdown(table: pd.DataFrame, predictions: pd.DataFrame, n_folds: int) -> str:
    """Return the table (`evaluation.TABLE_COLUMNS`) as markdown.

    Scores of people are left out if the table has a `sensitivity`: they would tell nothing.

    Args:
        table: from `evaluation.table_1`.
        predictions: `runs.PREDICTIONS` of the same run, for the intervals.
        n_folds: how many folds make a model complete.
    """
    columns = POOLED if "sensitivity" in table else TABLE_COLUMNS
    headings = {column: told for column, told in HEADINGS.items() if column in columns}
    best = table.loc[table["model"].isin(list(MODELS)), list(headings)].max().to_dict()
    lines = [f"| modality | model | {' | '.join(headings.values())} |"]
    lines.append("|---|---" + "|---:" * len(headings) + "|")
    for i, row in enumerate(table.to_dict("records")):
        model = MODELS.get(row["model"])
        if row["model"] in NEW_MODELS and table["model"][i - 1] in PAPER_MODELS:
            lines.append("| **beyond the paper** |" + " |" * (1 + len(headings)))
        cells = [row["modality"], model.architecture if model else row["model"].replace("-", " ")]
        if pd.isna(row["auroc"]):
            done = predictions.loc[predictions["model"] == row["model"], "fold"].nunique()
            cells[1] += f" ({done} of {n_folds} folds)"
        cells += [
            _auroc(row, predictions, best) if c == "auroc" else _number(row, c, best)
            for c in headings
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(row: dict, column: str, best: dict[str, float]) -> str:
    if pd.isna(row[column]):
        return "–"
    text = f"{row[column]:.{DIGITS.get(column, 1)}f}"
    ours = column not in UNRANKED and row["model"] not in BASELINES
    return f"**{text}**" if ours and row[column] == best[column] else text


def _auroc(row: dict, predictions: pd.DataFrame, best: dict) -> str:
    text = _number(row, "auroc", best)
    if row["model"] in BASELINES or pd.isna(row["auroc"]):
        return text
    low, high = auroc_interval(predictions[predictions["model"] == row["model"]])
    return f"{text} ({low:.2f} to {high:.2f})"


def write_table(table: pd.DataFrame, text: str, about: str, folder: Path) -> None:
    """Write `table_1.csv` and `table_1.md` (title, table, caption), each whole or not at all."""
    write_csv(table, folder / "table_1.csv")
    write_text(f"# Table 1\n\n{text}\n\n{about}\n", folder / "table_1.md")
