"""Predictions that were made elsewhere, scored by the same rules: `palsy score`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from palsy_utils.cohort.cells import check_cells, read_table, refuse
from palsy_utils.cohort.labels_csv import Digit, Id
from palsy_utils.evidence.calibration import load_inner
from palsy_utils.evidence.comparisons import compare, holm
from palsy_utils.evidence.people import SCORES, people_table
from palsy_utils.evidence.table import BASELINES, UNTRAINED, has_single_classes, table_1
from palsy_utils.faces.modalities import load_modality
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS
from palsy_utils.runs.results import PREDICTIONS, load_run, open_run

FRAME = ["patient", "video", "frame"]
PER_PERSON = ["f1", "precision", "recall", "n_undefined"]
FRAMES = ["model", *PER_PERSON[:3], "pooled_f1", "auroc", "sensitivity", "specificity"]
FRAMES += ["n_undefined", "n_patients", "n_frames"]


class TheirRow(BaseModel):
    """A row of predictions: one frame, or one clip or person where nothing finer is told."""

    patient: Id
    video: Id = ""
    frame: Annotated[int, Field(ge=0, description="is no number of a frame: write 0, 1, 2, ...")]
    label: Annotated[Literal["0", "1"], Digit, Field(description="is no label: write {words}")]
    probability: Annotated[
        float, Field(ge=0, le=1, description="is no probability: write a number from 0 to 1")
    ]


def read_theirs(path: Path) -> pd.DataFrame:
    """Read predictions of one model (`PREDICTIONS`), named after its file.

    Without a column `video` a person has one video, without `frame` the rows of a video are its
    frames in their order. A PalsyError names the file, the row, and what is wrong.
    """
    if path.stem in {*MODELS, *BASELINES, UNTRAINED}:
        raise PalsyError(f"{path} has the name of a model of ours: give the file another name.")
    if not path.is_file():
        raise PalsyError(f"{path} is no file: give a CSV with predictions.")
    table = read_table(path)
    if "patient" in table:
        table["video"] = table.get("video", table["patient"])
        table["frame"] = table.get("frame", table.groupby(["patient", "video"]).cumcount().map(str))
    table = check_cells(path, table, TheirRow, ["patient", "label", "probability"])
    twice = table[table.duplicated(FRAME)]
    told = "frame {row.frame} of {row.video!r} is there twice: keep one prediction of each"
    refuse(path, twice, "frame", told)
    table = table.astype({"label": int}).assign(model=path.stem, fold=table["patient"], seed=0)
    return table.sort_values(FRAME, ignore_index=True)[PREDICTIONS]


def check_same_frames(table: pd.DataFrame, samples: pd.DataFrame, name: str) -> None:
    """Raise a PalsyError unless a model's predictions are of all samples, with the same labels."""
    both = table.merge(samples, "outer", on=FRAME, suffixes=("", "_there"), indicator=True)
    if n := int((both["_merge"] != "both").sum()):
        first = both[both["_merge"] != "both"].iloc[0]
        told = f"frame {first['frame']} of {first['video']} of {first['patient']}"
        which = f"{n} frames are in one of the two only, the first is {told}"
        raise PalsyError(f"{table['model'].iloc[0]} and {name} have not the same frames: {which}.")
    if n := int((both["label"] != both["label_there"]).sum()):
        told = f"{table['model'].iloc[0]} has other labels than {name}"
        raise PalsyError(f"{told} in {n} frames: score both against the same labels.")


def score(
    files: Sequence[Path | str],
    cohort: str | None = None,
    profile: str = "phantom",
    folds: int = 0,
    seed: int = 0,
) -> str:
    """Score predictions in files, one a model; with a cohort, as rows beside those of its run.

    Returns tables as markdown: over frames, over clips and people, and paired comparisons, each
    model of a file with the first, or with the cohort's model of the highest AUROC.
    """
    tables, inner, asymmetry = [read_theirs(Path(file)) for file in files], None, None
    names = [table["model"].iloc[0] for table in tables]
    if twice := [name for name in names if names.count(name) > 1]:
        raise PalsyError(f"Two files are called {twice[0]}: a model is named after its file.")
    samples, ours = tables[0][[*FRAME, "label"]], tables[0].iloc[:0]
    if cohort:
        run = open_run(cohort, profile, folds, seed)
        samples, ours = run.samples, load_run(run)
        inner = load_inner(run.cohort.root, profile, ours)
        asymmetry = np.asarray(load_modality(run.cohort.root, "asymmetry", 0))
    for table in tables:
        check_same_frames(table, samples, cohort or names[0])
    predictions = pd.concat([ours, *tables], ignore_index=True)
    shown = [*ours["model"].unique(), *names]
    frames = table_1(predictions, samples, shown, asymmetry)
    people = people_table(predictions, ours if inner is None else inner)
    whole = frames[frames["model"].isin(ours["model"])].dropna(subset="auroc")
    against = whole.loc[whole["auroc"].idxmax(), "model"] if len(whole) else names[0]
    parts = {"Frames": _frames(frames), "Clips and people": _people(people)}
    if has_single_classes(samples):
        parts = dict(reversed(parts.items()))
    if pairs := [name for name in names if name != against]:
        by_model = dict(list(predictions.groupby("model")))
        rows = pd.DataFrame([compare(by_model[name], by_model[against]) for name in pairs])
        rows.insert(0, "model", pairs)
        title = f"AUROC minus that of {against}; Holm corrects this family of {len(pairs)}"
        parts[title] = rows.assign(p_holm=holm(rows["p"])).round(3).to_markdown(index=False)
    return "\n\n".join(f"**{title}**\n\n{text}" for title, text in parts.items())


def _frames(table: pd.DataFrame) -> str:
    table = table.assign(auroc=_with_ends(table, "auroc"))
    table = table[[name for name in FRAMES if name in table]]
    if "sensitivity" in table:  # every person has one class: no score of a person tells anything
        table = table.drop(columns=PER_PERSON)
    return table.to_markdown(index=False, missingval="", disable_numparse=True)


def _people(table: pd.DataFrame) -> str:
    table = table.assign(**{name: _with_ends(table, name) for name in SCORES})
    columns = ["level", "model", "n", "n_palsy", "rule", *SCORES]
    return table[columns].to_markdown(index=False, disable_numparse=True)


def _with_ends(table: pd.DataFrame, name: str) -> list[str]:
    """Write a score with its interval, as far as they are defined."""
    rows = table[[name, f"{name}_low", f"{name}_high"]].to_numpy()
    ends = [f" ({low:.2f} to {high:.2f})" if low <= high else "" for _, low, high in rows]
    return ["" if np.isnan(v[0]) else f"{v[0]:.2f}{end}" for v, end in zip(rows, ends, strict=True)]
