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
from palsy_utils.evidence.people import people_table
from palsy_utils.evidence.table import (
    AUROC,
    BASELINES,
    UNTRAINED,
    has_single_classes,
    table_1,
    with_ends,
)
from palsy_utils.faces.modalities import load_modality
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS
from palsy_utils.runs.results import PREDICTIONS, load_run, open_run

FRAME = ["patient", "video", "frame"]
LABELLED = [*FRAME, "label"]
OF_PEOPLE = ["f1", "precision", "recall", "n_undefined"]
FRAMES = ["model", *OF_PEOPLE, "pooled_f1", *AUROC, "sensitivity", "specificity"]
FRAMES += ["n_patients", "n_frames"]


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
    both = table.merge(samples[LABELLED], "outer", on=LABELLED, indicator=True)
    for row in both[both["_merge"] != "both"].itertuples():
        model, which = table["model"].iloc[0], f"frame {row.frame} of {row.video} of {row.patient}"
        told = f"{model} and {name} have not the same frames with the same labels"
        raise PalsyError(f"{told}: the first that only one of them has is {which}.")


def score_files(
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
    tables, asymmetry = [read_theirs(Path(file)) for file in files], None
    names = [table["model"].iloc[0] for table in tables]
    if twice := [name for name in names if names.count(name) > 1]:
        raise PalsyError(f"Two files are called {twice[0]}: a model is named after its file.")
    samples, ours = tables[0], tables[0].iloc[:0]
    if cohort:
        run = open_run(cohort, profile, folds, seed)
        samples, ours = run.samples, load_run(run)
        asymmetry = np.asarray(load_modality(run.cohort.root, "asymmetry", 0))
    for table in tables:
        check_same_frames(table, samples, cohort or names[0])
    inner = load_inner(run.cohort.root, profile, ours) if cohort else ours
    predictions = pd.concat([ours, *tables], ignore_index=True)
    frames = table_1(predictions, samples, [*ours["model"].unique(), *names], asymmetry)
    whole = frames[frames["model"].isin(ours["model"])].dropna(subset="auroc")
    against = whole.loc[whole["auroc"].idxmax(), "model"] if len(whole) else names[0]
    parts = {"Frames": with_ends(frames[[name for name in FRAMES if name in frames]])}
    parts["Clips and people"] = with_ends(people_table(predictions, inner))
    if has_single_classes(samples):  # scores of a person tell nothing there
        parts["Frames"] = parts["Frames"].drop(columns=OF_PEOPLE)
        parts = dict(reversed(parts.items()))
    if pairs := [name for name in names if name != against]:
        by_model = dict(list(predictions.groupby("model")))
        rows = [{"model": name} | compare(by_model[name], by_model[against]) for name in pairs]
        title = f"AUROC minus that of {against}; Holm corrects this family of {len(pairs)}"
        rows = pd.DataFrame(rows)
        parts[title] = with_ends(rows.assign(p_holm=holm(rows["p"])).round(4))
    look = {"index": False, "disable_numparse": True}
    return "\n\n".join(f"**{name}**\n\n{part.to_markdown(**look)}" for name, part in parts.items())
