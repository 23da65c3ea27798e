"""Asymmetry: zero of a symmetric face, turned around by a mirror, and true to the drawn side."""

import numpy as np
import pandas as pd
import pytest
from conftest import PHANTOM
from scipy.stats import spearmanr
from test_training import fit_and_predict

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.features import (
    ASYMMETRY,
    ASYMMETRY_REGIONS,
    SYMMETRIC,
    asymmetry,
    handcrafted,
)
from palsy_utils.faces.landmarks import (
    MIRROR,
    MIRROR_EXPRESSIONS,
    REGIONS,
    coordinates,
    mirror_coordinates,
    to_pixels,
    upright,
)
from palsy_utils.faces.modalities import load_faces
from palsy_utils.learning.profiles import PROFILES

FLIP = np.array([-1, 1], np.float32)


@pytest.fixture(scope="module")
def faces():
    """Upright faces (n, 478, 2), expressions (n, 52), and what was measured of which frame."""
    table, landmarks, expressions = load_faces(load_cohort(PHANTOM))
    seen = table["found"].to_numpy(bool)
    table, landmarks, expressions = table[seen], landmarks[seen], expressions[seen]
    points = to_pixels(landmarks, table["height"], table["width"])
    return upright(points), expressions, table, points


def test_a_mirrored_face_has_the_opposite_asymmetry(faces):
    points, scores, _, pixels = faces
    ours = asymmetry(coordinates(pixels), scores)
    mirrored = asymmetry(mirror_coordinates(coordinates(pixels)), scores[:, MIRROR_EXPRESSIONS])
    assert np.allclose(mirrored, -ours, atol=1e-5)
    symmetric = (points + points[:, MIRROR] * FLIP) / 2
    even = (scores + scores[:, MIRROR_EXPRESSIONS]) / 2
    assert np.allclose(asymmetry(coordinates(symmetric), even), 0, atol=1e-5)
    assert len(ASYMMETRY) == len(ASYMMETRY_REGIONS) == ours.shape[1] == 145
    assert set(ASYMMETRY_REGIONS) == set(REGIONS)


def test_the_sign_tells_the_drawn_side(faces):
    _, scores, table, pixels = faces
    truth = pd.read_csv(PHANTOM / "truth.csv", dtype={"patient": str, "video": str})
    drawn = table[["video", "frame"]].merge(truth, on=["video", "frame"], how="left")
    ours = asymmetry(coordinates(pixels), scores)[:, ASYMMETRY.index("eyeBlink")]
    difference = drawn["blink_left"] - drawn["blink_right"]
    assert spearmanr(ours, difference).statistic > 0.6  # winks behind hair and hands too


def test_handcrafted_features_keep_the_side(faces):
    points, *_ = faces
    ours, mirrored = handcrafted(points), handcrafted(points[:, MIRROR] * FLIP)
    sided = np.setdiff1d(np.arange(29), SYMMETRIC)
    assert ours.shape == (len(points), 29)
    assert np.allclose(mirrored[:, sided], -ours[:, sided], atol=1e-3)
    assert np.allclose(mirrored[:, SYMMETRIC], ours[:, SYMMETRIC], atol=1e-4)


def test_handcrafted_features_do_not_change_with_the_cameras_roll(faces):
    *_, pixels = faces
    cos, sin = np.cos(0.2), np.sin(0.2)
    tilted = pixels @ np.array([[cos, sin], [-sin, cos]])
    assert np.allclose(handcrafted(upright(pixels)), handcrafted(upright(tilted)), atol=1e-2)


@pytest.mark.slow
def test_asymmetry_fnn_reaches_the_bar_on_real_faces(shared):
    """Five grouped folds (one face a person), mean AUROC of five seeds, profile `paper`."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    real = np.load(shared / "real_faces" / "landmarks.npz")
    height, width = real["image_height_width"].T
    points = to_pixels(real["landmarks"], height, width)
    x = asymmetry(coordinates(points), real["expressions"].astype(np.float32))
    labels, reached = real["label"].astype(int), []
    for seed in range(5):
        probability = np.empty(len(labels))
        folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(x, labels)
        for rows, others in folds:
            how = PROFILES["paper"].sided_fnn
            probability[others], _ = fit_and_predict(
                x, labels, rows, others, seed, how, "asymmetry"
            )
        reached.append(roc_auc_score(labels, probability))
    assert np.mean(reached) >= 0.90, f"AUROC by seed: {np.round(reached, 3)}"
