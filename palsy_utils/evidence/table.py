"""The results table as people read it: a caption that says what it is, and markdown."""

from importlib.metadata import version
from pathlib import Path

import pandas as pd

from palsy_utils.cohort.load import Cohort
from palsy_utils.evidence.scores import (
    BASELINES,
    TABLE_COLUMNS,
    auroc_interval,
    has_single_classes,
)
from palsy_utils.faces.measure import faces_file
from palsy_utils.files import write_csv, write_text
from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS, architecture
from palsy_utils.learning.folds import describe_scheme
from palsy_utils.runs.results import Run, done_folds, run_folder
from palsy_utils.stamps import CODE, identity, read_stamp, write_stamp

PACKAGES = ("torch", "torchvision", "mediapipe", "scikit-learn")
DEFAULT_RUN = "phantom"  # name of the run's folder, whose figures lie in figures/<cohort>/ itself
PICTURES = ("four_modalities", "patients_by_models", "roc_curves", "training_curves")
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


def figures_folder(
    figures: Path | str, cohort: Cohort, profile: str, folds: int = 0, seed: int = 0
) -> Path:
    """Return where figures of a run go: `<figures>/<cohort>/`, or below it if it is another run.

    Another profile than `phantom`, another seed than 0, and groups in place of single people each
    have a folder of their own, so that no run overwrites what the default run has drawn.
    """
    name = run_folder(cohort.root, profile, seed).name + (f"-folds-{folds}" if folds else "")
    folder = Path(figures) / cohort.name
    return folder if name == DEFAULT_RUN else folder / name


def table_from(run: Run) -> dict:
    """Return what the results table is made from (`stamps.py`): the predictions themselves."""
    hashes = {
        model: [read_stamp(path)["files"]["predictions.csv"] for path in paths]
        for model, paths in _done_predictions(run).items()
    }
    made_from = {"code": CODE["table"], "samples": run.made_from["samples"]}
    made_from |= {"folds": list(run.folds), "profile": run.profile.name, "seed": run.seed}
    return made_from | {"predictions of": {m: identity(some) for m, some in hashes.items()}}


def _done_predictions(run: Run) -> dict[str, list[Path]]:
    done = done_folds(run).items()
    return {m: [run.folder / m / fold / "predictions.csv" for fold in folds] for m, folds in done}


def _versions(run: Run, stamps: list[dict]) -> str:
    """Name the versions that folds and measurements were made with, and what scores them now."""
    faces = [read_stamp(faces_file(run.cohort.root, v)) for v in run.cohort.videos["video"]]
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
    stamps = [read_stamp(path) for paths in _done_predictions(run).values() for path in paths]
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
    best = table.loc[table["model"].isin(list(MODELS)), list(headings)].max().to_dict()
    lines = [f"| modality | model | {' | '.join(headings.values())} |"]
    lines.append("|---|---" + "|---:" * len(headings) + "|")
    for i, row in enumerate(table.to_dict("records")):
        model = MODELS.get(row["model"])
        if row["model"] in NEW_MODELS and table["model"][i - 1] in PAPER_MODELS:
            lines.append("| **beyond the paper** |" + " |" * (1 + len(headings)))
        what = architecture(model, backbone) if model else row["model"].replace("-", " ")
        cells = [row["modality"], what]
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


def stamp_table(folder: Path, run: Run) -> None:
    """Write the stamp of the table and its pictures, once all of them are written."""
    names = ["table_1.md", *(f"{name}.png" for name in PICTURES)]
    files = [folder / name for name in names if (folder / name).exists()]
    write_stamp(folder / "table_1.csv", table_from(run), files)
