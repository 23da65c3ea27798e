"""Leakage: what a nearest neighbour answers, depending on which frames leave together."""

import numpy as np
import pandas as pd

from palsy_utils.evaluation import auroc, scores
from palsy_utils.files import PalsyError

SIDE = 32  # pixels that are enough to recognise somebody


def distances(modality: np.ndarray) -> np.ndarray:
    """Return how unlike every two frames are: Euclidean, (n, n) float32.

    Args:
        modality: (n, ...); of images, every few pixels are compared, at most 32 to 63 a side.
    """
    from sklearn.metrics import euclidean_distances

    step = max(1, modality.shape[1] // SIDE) if modality.dtype == np.uint8 else 1
    vectors = modality[:, ::step, ::step] if step > 1 else modality
    vectors = np.asarray(vectors, np.float32).reshape(len(modality), -1)
    return euclidean_distances(vectors - vectors.mean(0))  # centred, it rounds less


def nearest_elsewhere(distance: np.ndarray, group: pd.Series) -> np.ndarray:
    """Return for every frame the row of the one most like it among frames of other groups.

    This is the 1-nearest-neighbour classifier under cross-validation that holds out one group
    after another: with the groups random it is a random split, with people it is leave one out.

    Args:
        distance: (n, n) from `distances`.
        group: (n,) which frames leave together.

    Raises:
        PalsyError: there is a single group.
    """
    codes = pd.factorize(np.asarray(group))[0]
    if codes.max() == 0:
        raise PalsyError(
            "All frames leave together, so nobody is left to learn from: two people (videos, "
            "groups) are needed at least."
        )
    return np.where(codes[:, None] == codes, np.inf, distance).argmin(axis=1)


def score_groups(
    distance: np.ndarray, labels: np.ndarray, groups: dict[str, pd.Series]
) -> pd.DataFrame:
    """Return what the label of the nearest frame elsewhere scores: a row for each way to group.

    Columns: `auroc`, `f1` and `specificity`, pooled over all frames, 0 to 1.
    """
    labels = np.asarray(labels)
    rows = {}
    for name, group in groups.items():
        answer = labels[nearest_elsewhere(distance, group)]
        pooled = scores(labels, answer)
        rows[name] = {"auroc": auroc(labels, answer)} | {
            k: pooled[k] for k in ("f1", "specificity")
        }
    return pd.DataFrame(rows).T
