"""Asymmetry: zero of a symmetric face, turned around by a mirror, and true to the rendered side."""

import numpy as np
import pytest
from scipy.stats import spearmanr

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
    coordinates,
    mirror_coordinates,
    upright,
)

FLIP = np.array([-1, 1], np.float32)


@pytest.fixture(scope="module")
def faces(measured_faces):
    """Upright faces (n, 478, 2), expressions (n, 52), and what was measured of which frame."""
    found = measured_faces
    return upright(found.points), found.scores, found.table, found.points


def test_a_mirrored_face_has_the_opposite_asymmetry(faces):
    points, scores, _, pixels = faces
    ours = asymmetry(coordinates(pixels), scores)
    mirrored = asymmetry(mirror_coordinates(coordinates(pixels)), scores[:, MIRROR_EXPRESSIONS])
    assert np.allclose(mirrored, -ours, atol=1e-5)
    symmetric = (points + points[:, MIRROR] * FLIP) / 2
    even = (scores + scores[:, MIRROR_EXPRESSIONS]) / 2
    assert np.allclose(asymmetry(coordinates(symmetric), even), 0, atol=1e-5)
    assert len(ASYMMETRY) == len(ASYMMETRY_REGIONS) == ours.shape[1] == 145


def test_the_sign_tells_the_rendered_side(faces):
    _, scores, truth, pixels = faces
    ours = asymmetry(coordinates(pixels), scores)[:, ASYMMETRY.index("eyeBlink")]
    difference = truth["blink_left"] - truth["blink_right"]
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
