import json
from itertools import pairwise

import numpy as np
import pytest

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


def test_the_125_are_125_and_mirror_onto_themselves(shared):
    mirror = json.loads((shared / "mirror_map_478.json").read_text())
    assert len(ours.POINTS_125) == 125
    assert {mirror[str(i)] for i in ours.POINTS_125} == set(ours.POINTS_125)


def test_expression_names_stand_in_mediapipes_order(shared):
    names = np.load(shared / "real_faces" / "landmarks.npz")["expression_names"]
    assert list(names) == list(ours.EXPRESSIONS)


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_every_sided_expression_has_its_pair(side):
    other = {"Left": "Right", "Right": "Left"}[side]
    sided = [name for name in ours.EXPRESSIONS if name.endswith(side)]
    assert sided and all(name.removesuffix(side) + other in ours.EXPRESSIONS for name in sided)
