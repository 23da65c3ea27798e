"""The results table as people read it: a caption that says what it is, and markdown."""

from importlib.metadata import version

import pandas as pd

from palsy_utils.cohort.load import Cohort
from palsy_utils.evidence.intervals import auroc_interval
from palsy_utils.evidence.scores import TABLE_COLUMNS, has_single_classes
from palsy_utils.faces.measure import faces_of
from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS, architecture
from palsy_utils.learning.folds import describe_scheme
from palsy_utils.runs.results import Run, done_stamps
from palsy_utils.stamps import read_stamp

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


def _versions(run: Run, stamps: list[dict]) -> str:
    """Name the versions that folds and measurements were made with, and what scores them now."""
    faces = [read_stamp(faces_of(run.cohort, v).path) for v in run.cohort.videos.itertuples()]
    found = {"mediapipe": {stamp.get("mediapipe", "(not recorded)") for stamp in faces}}
    for name in ("torch", "torchvision"):
        found[name] = {stamp["ran_with"]["versions"][name] for stamp in stamps}
    found["scikit-learn"] = {version("scikit-learn")}
    return ", ".join(f"{name} {' and '.join(sorted(found[name]))}" for name in PACKAGES)


def caption(run: Run, faces: pd.DataFrame) -> str:
    """Say what the numbers of a table are of, in a few sentences.

    Args:
        run: see `results.open_run`; the stamps of its folds tell which weights the image nets
            started from, and which versions trained them.
        faces: the table of `measure.load_faces`: frames without a face are counted from it.
    """
    cohort, samples, word = run.cohort, run.samples, run.cohort.group
    stamps = [stamp for found in done_stamps(run).values() for stamp in found]
    images = [s for s in stamps if "resnet50" in s["made_from"]["model"]]
    start = {
        frozenset(): "no image net was trained",
        frozenset({True}): "image nets start from ImageNet weights",
        frozenset({False}): "image nets start from random weights",
    }[frozenset(stamp["ran_with"]["imagenet_weights"] for stamp in images)]
    parts = [
        f"Cohort {cohort.name}: {samples['patient'].nunique()} {word}s, "
        f"{samples['video'].nunique()} videos, {len(samples)} frames with a face and a label "
        f"({100 * samples['label'].mean():.0f} % palsy); {int((~faces['found']).sum())} of "
        f"{len(faces)} frames have no face and are not scored.",
        f"Profile {run.profile.name} ({run.profile.image_size} px; {start}), "
        f"{describe_scheme(run.folds, word)}, seed {run.seed}; {_versions(run, stamps)}.",
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


def markdown(table: pd.DataFrame, predictions: pd.DataFrame, n_folds: int, backbone: str) -> str:
    """Return the table (`scores.TABLE_COLUMNS`) as markdown.

    Scores of people are left out if the table has a `sensitivity`: they would tell nothing.

    Args:
        table: from `scores.table_1`.
        predictions: `results.PREDICTIONS` of the same run, for the intervals.
        n_folds: how many folds make a model complete.
        backbone: of the profile, to name the image nets.
    """
    columns = POOLED if "sensitivity" in table else TABLE_COLUMNS
    headings = {column: told for column, told in HEADINGS.items() if column in columns}
    best = table.loc[table["model"].isin(list(MODELS)), list(headings)].max()
    lines = [f"| modality | model | {' | '.join(headings.values())} |"]
    lines.append("|---|---" + "|---:" * len(headings) + "|")
    for i, row in table.iterrows():
        name, model = row["model"], MODELS.get(row["model"])
        frames = predictions[predictions["model"] == name]
        if name in NEW_MODELS and table["model"][i - 1] in PAPER_MODELS:
            lines.append("| **beyond the paper** |" + " |" * (1 + len(headings)))
        what = architecture(model, backbone) if model else name.replace("-", " ")
        if pd.isna(row["auroc"]):
            what += f" ({frames['fold'].nunique()} of {n_folds} folds)"
        cells = [row["modality"], what]
        for column in headings:
            text = "–" if pd.isna(row[column]) else f"{row[column]:.{DIGITS.get(column, 1)}f}"
            if model and column not in UNRANKED and row[column] == best[column]:
                text = f"**{text}**"
            if column == "auroc" and model and text != "–":
                text += " ({:.2f} to {:.2f})".format(*auroc_interval(frames))
            cells.append(text)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
