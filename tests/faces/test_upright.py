import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palsy_utils.faces.landmarks import (
    MIRROR,
    coordinates,
    crop_rgb,
    draw_lines,
    mirror_coordinates,
    upright,
    window,
)


@pytest.fixture(scope="module")
def points(measured_faces):
    return measured_faces.few


@settings(max_examples=30, deadline=None)
@given(
    angle=st.floats(-3, 3), scale=st.floats(0.2, 5), x=st.floats(-900, 900), y=st.floats(-900, 900)
)
def test_camera_and_head_position_leave_no_trace(points, angle, scale, x, y):
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = points @ turn * scale + [x, y]
    assert np.abs(coordinates(moved) - coordinates(points)).max() < 1e-3


def test_faces_are_level_and_a_mirrored_face_gives_mirrored_coordinates_and_lines(points):
    mirrored = (points * [-1, 1] + [256, 0])[:, MIRROR]
    expected = mirror_coordinates(coordinates(points))
    eyes = upright(points)[:, [33, 263]]  # level, one unit apart
    assert np.allclose(eyes, [[-0.5, 0], [0.5, 0]], atol=1e-5)
    assert np.allclose(coordinates(mirrored), expected, atol=1e-5)
    for face, other in zip(points, mirrored, strict=True):
        ours, theirs = draw_lines(face, 64), draw_lines(other, 64)[:, ::-1]
        assert ours.shape == (64, 64) and ours.dtype == np.uint8 and (ours == 0).mean() > 0.3
        assert np.abs(ours.astype(int) - theirs).mean() < 3 < ours.mean()


def test_the_window_holds_the_whole_face(points):
    for face in points:
        affine = window(face, 100)
        inside = face @ affine[:, :2].T + affine[:, 2]
        assert inside.min() >= 0 and inside.max() <= 100
        assert np.ptp(inside, axis=0).max() > 85


def test_lines_and_rgb_lie_on_top_of_each_other(points):
    picture = np.zeros((256, 256, 3), np.uint8)
    eye = points[0, [33, 133]].mean(0)
    picture[int(eye[1]) - 3 : int(eye[1]) + 4, int(eye[0]) - 3 : int(eye[0]) + 4] = 255
    affine = window(points[0], 64)
    there = affine[:, :2] @ eye + affine[:, 2]
    crop = crop_rgb(picture, points[0], 64)[..., 0]
    y, x = np.unravel_index(crop.argmax(), crop.shape)
    assert abs(x + 0.5 - there[0]) < 2 and abs(y + 0.5 - there[1]) < 2


def test_the_papers_text_has_no_mouth_and_nose(points):
    text, ours = draw_lines(points[0], 224, mouth_and_nose=False), draw_lines(points[0], 224)
    assert ((ours > 0) >= (text > 0)).all()
    affine = window(points[0], 224)
    mouth = affine[:, :2] @ points[0, 13] + affine[:, 2]
    x, y = mouth.astype(int)
    assert ours[y - 4 : y + 5, x - 4 : x + 5].max() > 200
    assert text[y - 4 : y + 5, x - 4 : x + 5].max() == 0


def test_a_face_that_is_not_levelled_is_only_cut_out(points):
    """Tilting the head tilts what is seen of it; nothing but scale and shift is taken out."""
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    for face in (points[0], points[0] @ turn.T):
        affine = window(face, 64, level=False)
        assert affine[0, 1] == affine[1, 0] == 0 and affine[0, 0] == affine[1, 1] > 0
        at = face @ affine[:, :2].T + affine[:, 2]
        assert at.min() >= 0 and at.max() <= 64
    upright_lines = [draw_lines(face, 64) for face in (points[0], points[0] @ turn.T)]
    as_they_lie = [draw_lines(face, 64, level=False) for face in (points[0], points[0] @ turn.T)]
    apart = [np.abs(a.astype(int) - b).mean() for a, b in (upright_lines, as_they_lie)]
    assert apart[0] < 0.2 * apart[1]
