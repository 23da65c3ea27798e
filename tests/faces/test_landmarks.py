"""Landmarks and scores are MediaPipe's; a mirror twice is no mirror, and pairs are pairs."""

import json
import re
from itertools import pairwise

import numpy as np

from palsy_utils.faces import landmarks as ours


def test_groups_are_mediapipes_own():
    from mediapipe.tasks.python.vision import FaceLandmarksConnections as Theirs

    def edges(*lines):
        return {frozenset(edge) for line in lines for edge in pairwise(line)}

    def theirs(name):
        return {frozenset((c.start, c.end)) for c in getattr(Theirs, f"FACE_LANDMARKS_{name}")}

    assert edges(ours.FACE_OVAL) == theirs("FACE_OVAL")
    for side in ("LEFT", "RIGHT"):
        assert edges(getattr(ours, f"{side}_EYE")) == theirs(f"{side}_EYE")
        assert edges(*getattr(ours, f"{side}_BROW")) == theirs(f"{side}_EYEBROW")
        assert edges(getattr(ours, f"{side}_IRIS")) == theirs(f"{side}_IRIS")
    assert edges(ours.OUTER_LIPS, ours.INNER_LIPS) == theirs("LIPS")
    assert edges(ours.NOSE_RIDGE, ours.NOSE_WINGS) == theirs("NOSE")
    brows, eyes = {*sum(ours.RIGHT_BROW + ours.LEFT_BROW, ())}, {*ours.RIGHT_EYE, *ours.LEFT_EYE}
    eyes |= {*ours.RIGHT_IRIS, *ours.LEFT_IRIS}
    groups = {"brow": brows, "eye": eyes, "nose": {*ours.NOSE_RIDGE, *ours.NOSE_WINGS}}
    groups["mouth"] = {*ours.POINTS_125} - set.union(*groups.values())
    for region, points in groups.items():
        found = np.array(ours.POINTS_125)[region == ours.REGION_OF_125]
        assert {*found.tolist()} == points, region


def test_names_and_mirror_are_the_given_ones(shared):
    names = np.load(shared / "real_faces" / "landmarks.npz")["expression_names"]
    assert list(names) == list(ours.EXPRESSIONS)
    given = json.loads((shared / "mirror_map_478.json").read_text())
    assert [given[str(i)] for i in range(478)] == ours.MIRROR.tolist()


def test_a_mirror_twice_is_no_mirror():
    for mirror in (ours.MIRROR, ours.MIRROR_125, ours.MIRROR_EXPRESSIONS):
        assert (mirror[mirror] == np.arange(len(mirror))).all()
    assert len(ours.POINTS_125) == 125 and len(ours.MIRROR_EXPRESSIONS) == 52
    for left, right in zip(ours.LEFT_SCORES, ours.RIGHT_SCORES, strict=True):
        assert ours.EXPRESSIONS[left].replace("Left", "Right") == ours.EXPRESSIONS[right]
    sides = {"Left": "Right", "Right": "Left"}
    for name, other in zip(ours.EXPRESSIONS, ours.MIRROR_EXPRESSIONS, strict=True):
        mirrored = re.sub("Left$|Right$", lambda side: sides[side[0]], name)
        assert ours.EXPRESSIONS[other] == mirrored


def test_the_right_one_of_a_pair_is_the_subjects_right(small_template):
    assert ours.MIRROR[ours.RIGHT_EYE_CORNER] == ours.LEFT_EYE_CORNER
    assert len(ours.RIGHT_OF_PAIR) == 55 and len(ours.MIDLINE) == 15
    assert ours.POINTS_125.index(ours.RIGHT_EYE_CORNER) in ours.RIGHT_OF_PAIR
    mean = np.load(small_template / "modalities" / "coordinates.npy").mean(0)
    right, left = mean[ours.RIGHT_OF_PAIR, 0], mean[ours.LEFT_OF_PAIR, 0]
    assert (right < left).all()  # x grows to the left
