"""One drawn face: what is asked for is what is seen, on both sides alike."""

from dataclasses import replace

import numpy as np
import pytest

from palsy_utils.phantom.face import draw_face
from palsy_utils.phantom.painter import Look, Pose
from palsy_utils.phantom.patients import STYLE_ORDER

ROUND = replace(Look(), style="bald")


@pytest.mark.parametrize("style", STYLE_ORDER)
def test_every_style_gives_a_picture_the_same_one_each_time(style):
    look = replace(Look(), style=style, beard=0.6, glasses=True, collar="shirt")
    pose = Pose(blink=(0.4, 1), smile=(1, 0.2), droop=(0, 0.5), jaw=0.5, roll=-11, yaw=9, nod=4)
    first, second = draw_face(look, pose, 96), draw_face(look, pose, 96)
    assert first.dtype == np.uint8 and first.shape == (96, 96, 3)
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("size", [64, 200, 257])
def test_size_is_the_size_asked_for(size):
    assert draw_face(Look(), Pose(), size).shape == (size, size, 3)


def test_a_mirrored_pose_gives_the_mirrored_picture():
    pose = Pose(
        blink=(0.1, 0.8), brow=(0.7, -0.2), smile=(0.9, 0.1), droop=(0, 0.4), jaw=0.3,
        gaze=(0.5, 0.2), roll=7, yaw=6, nod=2, shift=(4, 1), side_light=0.5,
    )  # fmt: skip
    other = Pose(
        blink=(0.8, 0.1), brow=(-0.2, 0.7), smile=(0.1, 0.9), droop=(0.4, 0), jaw=0.3,
        gaze=(-0.5, 0.2), roll=-7, yaw=-6, nod=2, shift=(-4, 1), side_light=-0.5,
    )  # fmt: skip
    picture = draw_face(ROUND, pose).astype(int)
    mirrored = draw_face(ROUND, other).astype(int)[:, ::-1]
    plain = draw_face(ROUND, pose).astype(int)[:, ::-1]
    assert np.abs(picture - mirrored).mean() < 0.5
    assert np.abs(picture - plain).mean() > 5  # and the pose was no symmetric one


@pytest.mark.parametrize(
    ("field", "left", "right", "rows"),
    [
        ("blink", (1, 0), (0, 1), slice(90, 135)),
        ("brow", (1, 0), (0, 1), slice(50, 115)),
        ("smile", (1, 0), (0, 1), slice(130, 200)),
        ("droop", (1, 0), (0, 1), slice(130, 200)),
    ],
)
def test_left_is_the_subjects_left_and_the_images_right(field, left, right, rows):
    rest = draw_face(ROUND, Pose()).astype(int)
    for value, where in ((left, slice(140, 256)), (right, slice(0, 116))):
        change = np.abs(draw_face(ROUND, Pose(**{field: value})).astype(int) - rest)
        assert change[rows, where].sum() > 0.5 * change.sum() > 0


def test_light_makes_the_picture_lighter():
    dark, bright = (draw_face(Look(), Pose(light=x), 96).mean() for x in (0.7, 1.1))
    assert bright > 1.3 * dark
    left_lit = draw_face(ROUND, Pose(side_light=-0.8), 96).mean(axis=(0, 2))
    assert left_lit[:48].mean() > left_lit[48:].mean()


def test_nothing_breaks_at_the_edge_of_the_picture():
    pose = Pose(shift=(150, -140), scale=1.6, roll=40, blink=(1.4, -1), smile=(1.5, -1), jaw=1.5)
    assert np.isfinite(draw_face(Look(style="afro"), pose, 64)).all()
