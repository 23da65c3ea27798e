"""One synthetic face: what is asked for is what is seen, on both sides alike."""

from dataclasses import replace

import numpy as np
import pytest

from palsy_utils.phantom.face import draw_face
from palsy_utils.phantom.painter import Look, Pose
from palsy_utils.phantom.patients import STYLE_ORDER

ROUND = replace(Look(), style="bald")


def test_every_style_gives_a_picture():
    pose = Pose(blink=(0.4, 1), smile=(1, 0.2), droop=(0, 0.5), jaw=0.5, roll=-11, yaw=9, nod=4)
    for style in STYLE_ORDER:
        look = replace(Look(), style=style, beard=0.6, glasses=True, collar="shirt")
        rendered = draw_face(look, pose, 97)
        assert rendered.dtype == np.uint8 and rendered.shape == (97, 97, 3)


def test_a_mirrored_pose_gives_the_mirrored_picture():
    left = {"blink": (0.1, 0.8), "brow": (0.7, -0.2), "smile": (0.9, 0.1), "droop": (0, 0.4)}
    left |= {"gaze": (0.5, 0.2), "shift": (4, 1), "roll": 7, "yaw": 6, "side_light": 0.5}
    right = {name: left[name][::-1] for name in ("blink", "brow", "smile", "droop")}
    right |= {"gaze": (-0.5, 0.2), "shift": (-4, 1), "roll": -7, "yaw": -6, "side_light": -0.5}
    picture, mirrored = (
        draw_face(ROUND, Pose(jaw=0.3, nod=2, **pose)).astype(int) for pose in (left, right)
    )
    assert np.abs(picture - mirrored[:, ::-1]).mean() < 0.5
    assert np.abs(picture - picture[:, ::-1]).mean() > 5  # and the pose was no symmetric one


MOVES = [("blink", slice(90, 135)), ("brow", slice(50, 115)), ("smile", slice(130, 200))]


@pytest.mark.parametrize(("field", "rows"), [*MOVES, ("droop", slice(130, 200))])
def test_left_is_the_subjects_left_and_the_images_right(field, rows):
    rest = draw_face(ROUND, Pose()).astype(int)
    for value, where in (((1, 0), slice(140, 256)), ((0, 1), slice(0, 116))):
        change = np.abs(draw_face(ROUND, Pose(**{field: value})).astype(int) - rest)
        assert change[rows, where].sum() > 0.5 * change.sum() > 0


def test_light_makes_the_picture_lighter_and_nothing_breaks_at_its_edge():
    dark, bright = (draw_face(Look(), Pose(light=x), 96).mean() for x in (0.7, 1.1))
    assert bright > 1.3 * dark
    left_lit = draw_face(ROUND, Pose(side_light=-0.8), 96).mean(axis=(0, 2))
    assert left_lit[:48].mean() > left_lit[48:].mean()
    pose = Pose(shift=(150, -140), scale=1.6, roll=40, blink=(1.4, -1), smile=(1.5, -1), jaw=1.5)
    assert np.isfinite(draw_face(Look(style="afro"), pose, 64)).all()
