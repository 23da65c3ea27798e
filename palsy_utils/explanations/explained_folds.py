"""Explanations of the nets of a run, on the people whom each net never saw."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import load_cohort
from palsy_utils.explanations.attribution import (
    SIDES,
    by_region_and_side,
    grad_cam,
    heat_by_region_and_side,
    integrated_gradients,
    random_twin,
    to_asymmetry,
    weak_side_signs,
)
from palsy_utils.explanations.counterfactual import region_of_pixels, swap_regions
from palsy_utils.faces.features import STRUCTURED
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.modalities import load_modality, load_samples
from palsy_utils.faces.upright import to_pixels
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import find_model
from palsy_utils.learning.folds import Fold, load_inputs
from palsy_utils.learning.nets import Standardise
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.one_fold import fold_of, load_net
from palsy_utils.runs.results import done_folds, open_run, read_predictions

STRUCTURED_NETS = ("asymmetry-fnn", "coordinates-fnn", "expressions-fnn")
EXPLAINED = (*STRUCTURED_NETS, "lines-resnet50", "rgb-resnet50")
SWAPPED = "lines-multitask-resnet50"  # explained by what it names itself, region by region
ASKED = (SWAPPED, "attention-fusion-structured")  # they were asked for the side, and name it


def nets_to_explain(
    cohort: str, profile: str, folds: int = 0, seed: int = 0, device: str = "auto"
) -> dict[str, list[Fold]]:
    """Open, for each of `EXPLAINED` and `ASKED`, the folds that are done.

    Folds whose people have no palsy frame are left out: there is nothing to explain. So are nets
    of `ASKED` in a cohort where nobody's side is known, for there they were never asked.

    Raises:
        PalsyError: the run has no structured net to explain that is up to date.
    """
    run = open_run(load_cohort(cohort), find_profile(profile), folds, seed)
    ill = set(run.samples.loc[run.samples["label"] == 1, "patient"])
    asked = ASKED if set(known_sides(run.cohort.root).values()).intersection(SIDES) else ()
    nets = {}
    for model, done in done_folds(run, (*EXPLAINED, *asked)).items():
        if palsied := [name for name in done if ill.intersection(run.folds[name])]:
            nets[model] = [fold_of(run, model, name, device) for name in palsied]
    if not set(nets).intersection(STRUCTURED_NETS):
        raise PalsyError(
            f"{run.folder} has no net to begin with: train one of {', '.join(STRUCTURED_NETS)} "
            "first, with `palsy run`."
        )
    return nets


def palsy_rows(fold: Fold) -> np.ndarray:
    """Return the rows of held-out samples that are labelled palsy."""
    return fold.test[fold.samples["label"].to_numpy()[fold.test] == 1]


def explain(fold: Fold, points: np.ndarray, twins: int = 0) -> np.ndarray:
    """Explain the net of a fold on `palsy_rows`, and random twins of it.

    Args:
        fold: of one of `EXPLAINED`, or `SWAPPED`.
        points: from `points_of_samples`.
        twins: 0 for the trained net alone, k for k nets with random weights instead.

    Returns:
        Strengths (1 or k, n, 4, 2).
    """
    net, modality = load_net(fold, fold.model), find_model(fold.model).modalities[0]
    first = 1000 * int(fold.test[0])  # other twins in every fold
    nets = [random_twin(net, modality, first + i, fold.profile.backbone) for i in range(twins)] or [
        net
    ]
    rows, array = palsy_rows(fold), load_inputs(fold)[0]
    if fold.model == SWAPPED:
        areas = np.stack([region_of_pixels(face, array.shape[1]) for face in points[rows]])
        return np.stack([swap_regions(n, array[rows], areas, fold.device) for n in nets])
    if modality not in STRUCTURED:
        return np.stack(
            [heat_by_region_and_side(grad_cam(n, array[rows]), points[rows]) for n in nets]
        )
    attributions = (integrated_gradients(n, modality, array[rows]) for n in nets)
    return np.stack([roll_up(fold, to_asymmetry(modality, a)) for a in attributions])


def explain_without_net(fold: Fold) -> np.ndarray:
    """Return strengths (1, n, 4, 2) where each number of the asymmetry counts as it stands out.

    What a net's explanation has to beat: the scaling of `asymmetry-fnn`, and nothing learnt but
    what a weak side looks like.
    """
    asymmetry = load_modality(fold.root, "asymmetry", 0)
    scale = Standardise(asymmetry.shape[1], signed=True).eval()
    scale.fit(asymmetry[fold.train])
    faces = torch.from_numpy(asymmetry[palsy_rows(fold)])
    return roll_up(fold, (scale(faces) - scale(0 * faces)).numpy())[None]


def roll_up(fold: Fold, attributions: np.ndarray) -> np.ndarray:
    """Bring attributions (n, 145) of a fold's `palsy_rows` to strengths (n, 4, 2).

    What a weak side looks like comes from the training people (`weak_side_of_training`).
    """
    asymmetry = load_modality(fold.root, "asymmetry", 0)[palsy_rows(fold)]
    return by_region_and_side(attributions, asymmetry, weak_side_of_training(fold))


def weak_side_of_training(fold: Fold) -> np.ndarray:
    """Return `weak_side_signs` (145,) of the training people of a fold; zeros if unknown."""
    labels = fold.samples["label"].to_numpy()
    rows = fold.train[labels[fold.train] == 1]
    sides = fold.samples["patient"].iloc[rows].map(known_sides(fold.root))
    return weak_side_signs(load_modality(fold.root, "asymmetry", 0)[rows], sides.to_numpy())


def points_of_samples(root: Path) -> np.ndarray:
    """Return the landmarks of every sample, (n, 478, 2) in pixels of its picture."""
    table, landmarks, _ = load_faces(load_cohort(root))
    where = pd.Series(np.arange(len(table)), [table["video"], table["frame"]])
    rows = where.loc[
        list(load_samples(load_cohort(root))[["video", "frame"]].itertuples(index=False))
    ]
    some = table.iloc[rows.to_numpy()]
    return to_pixels(landmarks[rows.to_numpy()], some["height"], some["width"])


def own_sides(fold: Fold) -> np.ndarray:
    """Return the side that a net of `ASKED` itself names on `palsy_rows`."""
    table = pd.read_csv(fold.folder / "answers.csv", dtype={"patient": str, "video": str})
    left, right = (table[f"side_{side}"].to_numpy() for side in SIDES)
    is_palsy = read_predictions(fold.folder)["label"].to_numpy() == 1
    return np.where(left > right, *SIDES)[is_palsy]
