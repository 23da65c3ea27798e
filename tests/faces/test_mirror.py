"""A mirror twice is no mirror; pairs are pairs."""

import json

import numpy as np

from palsy_utils.faces.landmarks import (
    EXPRESSIONS,
    LEFT_EYE_CORNER,
    LEFT_OF_PAIR,
    LEFT_SCORES,
    MIDLINE,
    MIRROR,
    MIRROR_125,
    MIRROR_EXPRESSIONS,
    POINTS_125,
    RIGHT_EYE_CORNER,
    RIGHT_OF_PAIR,
    RIGHT_SCORES,
    mirror_coordinates,
    mirror_expressions,
)


def test_a_mirror_twice_is_no_mirror():
    for mirror in (MIRROR, MIRROR_125, MIRROR_EXPRESSIONS):
        assert (mirror[mirror] == np.arange(len(mirror))).all()
    rng = np.random.default_rng(0)
    points, scores = rng.normal(size=(4, 125, 2)), rng.random((4, 52))
    assert np.allclose(mirror_coordinates(mirror_coordinates(points)), points)
    assert (mirror_expressions(mirror_expressions(scores)) == scores).all()
    assert not np.allclose(mirror_coordinates(points), points)


def test_the_map_is_the_one_given(shared):
    given = json.loads((shared / "mirror_map_478.json").read_text())
    assert [given[str(i)] for i in range(478)] == MIRROR.tolist()


def test_the_right_one_of_a_pair_is_the_subjects_right():
    assert MIRROR[RIGHT_EYE_CORNER] == LEFT_EYE_CORNER
    assert len(RIGHT_OF_PAIR) == 55 and len(MIDLINE) == 15
    assert POINTS_125.index(RIGHT_EYE_CORNER) in RIGHT_OF_PAIR


def test_on_faces_right_lies_right(small_template):
    mean = np.load(small_template / "modalities" / "coordinates.npy").mean(0)
    assert (mean[RIGHT_OF_PAIR, 0] < mean[LEFT_OF_PAIR, 0]).all()  # x grows to the left


def test_scores_are_paired_by_name():
    for left, right in zip(LEFT_SCORES, RIGHT_SCORES, strict=True):
        assert EXPRESSIONS[left].replace("Left", "Right") == EXPRESSIONS[right]
    assert len(LEFT_SCORES) == 20
    middle = EXPRESSIONS.index("jawOpen")
    assert MIRROR_EXPRESSIONS[middle] == middle
