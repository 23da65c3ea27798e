"""What is measured in one picture, whatever lies around the face."""

import cv2
import numpy as np
import pytest

from palsy_utils.faces.pictures import measure_image, read_image

pytestmark = pytest.mark.usefixtures("landmarker_file")


def in_pixels(measured):
    points = measured["landmarks"].reshape(478, 3)[:, :2]
    return points * [measured["width"], measured["height"]]


def test_the_same_picture_gives_the_same_answer(face):
    first, second = measure_image(face), measure_image(face)
    assert first["found"] and first["n_faces"] == 1 and first["note"] == ""
    assert (first["landmarks"] == second["landmarks"]).all()
    assert (first["expressions"] == second["expressions"]).all()
    assert first["landmarks"].shape == (1434,) and first["expressions"].shape == (52,)
    assert first["expressions"].min() >= 0 and first["expressions"].max() <= 1


def test_a_face_that_fills_the_picture_is_found_with_a_margin(face):
    whole = in_pixels(measure_image(face))
    x, y = whole.min(0).astype(int)
    right, bottom = whole.max(0).astype(int)
    for cut in range(0, 40, 4):  # tighter and tighter, until the detector misses it
        part = face[y + cut : bottom - cut // 2, x + cut // 2 : right - cut // 2]
        measured = measure_image(part)
        if measured["note"] == "padded":
            offset = whole - in_pixels(measured) - [x + cut // 2, y + cut]
            assert np.abs(np.median(offset, axis=0)).max() < 4
            return
    pytest.fail("no crop of the face needed a margin: draw the crops tighter")


@pytest.mark.parametrize(("size", "corner"), [((600, 1000), (0, 0)), ((1000, 700), (610, 405))])
def test_a_small_face_is_found_in_a_part_of_the_picture(face, size, corner):
    top, left = corner
    large = in_pixels(measure_image(face))
    scale = 0.04 * max(size) / np.linalg.norm(large[263] - large[33])
    small = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = np.full((*size, 3), 127, np.uint8)
    picture[top : top + len(small), left : left + small.shape[1]] = small
    measured = measure_image(picture)
    assert measured["note"] == "enlarged" and measured["n_faces"] == 1
    where = large * scale + [left, top]
    assert np.abs(in_pixels(measured) - where).mean() < 0.05 * 0.04 * max(size)


def test_of_several_faces_the_largest_is_measured(face):
    small = cv2.resize(face, (160, 160))
    side = np.full((256, 256, 3), 127, np.uint8)
    side[48:208, 48:208] = small
    for pair in ([face, side], [side, face]):
        measured = measure_image(np.hstack(pair))
        assert measured["n_faces"] == 2 and "largest of 2 faces" in measured["note"]
        is_left = in_pixels(measured)[:, 0].mean() < 256
        assert is_left == (pair[0] is face)


def test_real_photo_of_several_people(shared):
    image, _ = read_image(shared / "real" / "multi_face.jpg")
    assert measure_image(image)["n_faces"] > 1
