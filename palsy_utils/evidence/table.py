"""Predictions to the paper's Table 1, with what it leaves out: baselines and pooled scores.

Means are over the people for whom a score is defined, and the table counts the others.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from palsy_utils.evidence.intervals import auroc_interval
from palsy_utils.evidence.scores import auroc, patient_scores, scores
from palsy_utils.faces.features import HEIGHTS
from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS

PACKAGES = ("torch", "torchvision", "mediapipe", "scikit-learn")  # that captions and cards name
BASELINES = {"always-palsy": 1.0, "always-healthy": 0.0}
UNTRAINED = "untrained-asymmetry"
OF_PEOPLE = ["f1", "precision", "recall"]
OF_PAPER = ["paper_f1", "paper_precision", "paper_recall"]
AUROC = ["auroc", "auroc_low", "auroc_high"]
TABLE_COLUMNS = ["model", "modality", *OF_PEOPLE, *OF_PAPER, "pooled_f1", *AUROC, "specificity"]
TABLE_COLUMNS += ["n_patients", "n_undefined", "n_frames"]
TABLE_COLUMNS += [f"{name}_zero" for name in OF_PEOPLE]


def has_single_classes(samples: pd.DataFrame) -> bool:
    """Say whether every person has a single class, so that scores of a person tell nothing."""
    return samples.groupby("patient")["label"].nunique().max() == 1


def baselines(samples: pd.DataFrame, asymmetry: np.ndarray | None = None) -> dict:
    """Return what baselines say of all samples, by name, as columns of predictions.

    Two always say the same. `UNTRAINED` is one number of the samples' `features.asymmetry`, and is
    left out without it: the mean left-right difference in height over all paired landmarks. It is
    no probability: it ranks frames, and has no threshold.
    """
    identity = samples[["patient", "video", "frame", "label"]]
    found = {name: identity.assign(model=name, probability=p) for name, p in BASELINES.items()}
    if asymmetry is not None:
        unlike = np.abs(asymmetry[:, HEIGHTS]).mean(axis=1)
        found[UNTRAINED] = identity.assign(model=UNTRAINED, probability=unlike)
    return found


def table_1(
    predictions: pd.DataFrame,
    samples: pd.DataFrame,
    models: Sequence[str] = (),
    asymmetry: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the results table: models in the paper's order, those beyond it, `baselines`.

    Of the predictions of one run, and all samples of its cohort. Without `models`, these are the
    paper's seven and what else the run has. One that has not predicted every sample yet gets a row
    without scores; `n_patients` and `n_frames` then say how far it is.

    Returns:
        `TABLE_COLUMNS`. Per cent for F1, precision, recall (means over people, beside the
        paper's), pooled F1 and specificity (over all frames); AUROC over all frames, 0 to 1, with
        its 95 % interval over people. Means over people leave undefined scores out; with `_zero`,
        they count as 0, as scikit-learn has it.
        Where `has_single_classes`, a further column `sensitivity`, in per cent over all frames.
    """
    tried = set(predictions["model"])
    models = models or [*PAPER_MODELS, *(name for name in NEW_MODELS if name in tried)]
    frames = {name: predictions[predictions["model"] == name] for name in models}
    frames |= baselines(samples, asymmetry)
    rows = [_row(name, some, len(samples)) for name, some in frames.items()]
    further = ["sensitivity"] if has_single_classes(samples) else []
    return pd.DataFrame(rows, columns=TABLE_COLUMNS + further)


def _row(name: str, frames: pd.DataFrame, n_samples: int) -> dict:
    model, row = MODELS.get(name), {"model": name, "n_patients": frames["patient"].nunique()}
    row |= {"modality": model.title if model else "none", "n_frames": len(frames)}
    if model and model.paper:
        row |= zip(OF_PAPER, model.paper, strict=True)
    if len(frames) < n_samples:
        return row
    labels, probability = frames["label"], frames["probability"]
    areas = np.round([auroc(labels, probability), *auroc_interval(frames)], 4).tolist()
    row |= zip(AUROC, areas, strict=True)
    if name == UNTRAINED:
        return row
    people, pooled = patient_scores(frames)[OF_PEOPLE], scores(labels, probability)
    row |= (100 * people.mean()).round(2).to_dict()
    row |= (100 * people.fillna(0).mean()).round(2).add_suffix("_zero").to_dict()
    return row | {
        "pooled_f1": round(100 * pooled["f1"], 2),
        "sensitivity": round(100 * pooled["recall"], 2),
        "specificity": round(100 * pooled["specificity"], 2),
        "n_undefined": int(people.isna().any(axis=1).sum()),
    }


def with_ends(table: pd.DataFrame) -> pd.DataFrame:
    """Write each score that has `_low` and `_high` with them as one text: 0.90 (0.78 to 0.96)."""
    for name in [column.removesuffix("_low") for column in table if column.endswith("_low")]:
        ends = [f"{name}_low", f"{name}_high"]
        told = [
            f"{value:.2f} ({low:.2f} to {high:.2f})" if low <= high else f"{value:.2f}"
            for value, low, high in table[[name, *ends]].to_numpy()
        ]
        table = table.assign(**{name: told}).drop(columns=ends)
    return table.astype(object).where(table.notna() & (table != "nan"), "–")
