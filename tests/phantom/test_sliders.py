"""A face on sliders: what is drawn, what each modality sees of it, and how fast."""

from time import process_time

import cv2
import numpy as np
import pytest

from palsy_utils.faces.landmarker import open_landmarker
from palsy_utils.files import PalsyError
from palsy_utils.phantom import plots_sliders
from palsy_utils.phantom.plots_sliders import open_panel, sliders
from palsy_utils.phantom.sliders import (
    BEFOREHAND,
    SIZE,
    Face,
    apart,
    change,
    draw,
    faces_beforehand,
    pose,
    see,
    why_not_measured,
)


@pytest.fixture
def measuring(landmarker_file):
    """The landmark model, opened."""
    why_not_measured.cache_clear()
    assert not why_not_measured()


@pytest.fixture
def without_model(monkeypatch, tmp_path):
    """A machine that has no landmark model."""
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", str(tmp_path / "absent.task"))
    open_landmarker.cache_clear()
    why_not_measured.cache_clear()
    yield
    open_landmarker.cache_clear()
    why_not_measured.cache_clear()


def test_without_a_palsy_the_drawing_is_its_own_mirror_image():
    picture = draw(Face(smile=0.7, blink=0.3, brow=0.5)).astype(int)
    assert picture.shape == (SIZE, SIZE, 3)
    assert np.abs(picture - picture[:, ::-1]).mean() < 0.2


def test_the_weak_side_lags_and_the_other_does_what_is_meant():
    weak = pose(Face("left", "all", 1.0, smile=0.9, blink=0.8, brow=0.7))
    assert (weak.smile[1], weak.blink[1], weak.brow[1]) == (0.9, 0.8, 0.7)
    assert weak.smile[0] < 0.1 and weak.blink[0] < 0.1 and weak.brow[0] < 0.1
    assert weak.droop[0] > weak.droop[1] == 0
    other = pose(Face("right", "all", 1.0, smile=0.9, blink=0.8, brow=0.7))
    assert other.smile == weak.smile[::-1] and other.droop == weak.droop[::-1]


def test_a_weak_region_leaves_the_others_alone():
    weak = pose(Face("left", "eye", 1.0, smile=0.9, blink=0.8, brow=0.7))
    assert weak.smile == (0.9, 0.9) and weak.brow == (0.7, 0.7) and weak.blink[0] < 0.1


def test_each_modality_sees_the_palsy_it_should(measuring):
    for region, meant in {"eye": "blink", "brow": "brow", "mouth": "smile"}.items():
        well = Face(region=region)._replace(**{meant: 1.0})
        before, after = see(draw(well)), see(draw(well._replace(severity=1.0)))
        was, now = apart(before, region), apart(after, region)
        assert now["expressions"] - was["expressions"] > 0.2, region
        assert now["coordinates"] - was["coordinates"] > 0.005, region
        assert all(moved > 0 for moved in change(before, after).values())


def test_skin_tone_moves_pixels_and_hardly_a_landmark(measuring):
    light, dark = see(draw(Face(tone=2))), see(draw(Face(tone=9)))
    moved = change(light, dark)
    assert moved["rgb"] > 20 and moved["coordinates"] < 0.01


def test_a_picture_without_a_face_shows_the_picture_alone(measuring):
    assert list(see(np.zeros((SIZE, SIZE, 3), np.uint8))) == ["picture"]


def test_a_face_that_was_not_measured_beforehand_is_an_error_in_one_sentence(without_model):
    assert "PALSY_FACE_LANDMARKER" in why_not_measured()
    for face in (Face(smile=0.7, blink=0.4), Face(region="eye", severity=0.03, blink=1.0)):
        with pytest.raises(PalsyError, match="not measured beforehand, and PALSY_FACE_LANDMARKER"):
            see(draw(face))
    alone = {"picture": draw(Face(smile=0.7))}
    assert open_panel(see(draw(Face())))(alone).startswith(b"\x89PNG")


def test_what_was_measured_beforehand_is_of_the_faces_as_they_are_drawn_now(without_model):
    again = "the drawing has changed: run `python -m palsy_utils.phantom.sliders`"
    for face in faces_beforehand():
        try:
            assert len(see(draw(face))["expressions"]) == 52
        except PalsyError:
            pytest.fail(f"{face}: {again}")
    assert BEFOREHAND.stat().st_size < 200_000


def test_what_was_measured_beforehand_is_what_the_model_measures(landmarker_file, monkeypatch):
    shown = [Face(), Face(region="brow", severity=0.55, brow=1.0), Face("right", "mouth", 1.0, 0.9)]
    why_not_measured.cache_clear()
    measured = [see(draw(face)) for face in shown]
    monkeypatch.setattr("palsy_utils.phantom.sliders.why_not_measured", lambda: "it is not asked")
    for face, now in zip(shown, measured, strict=True):
        before = see(draw(face))
        assert np.abs(before["coordinates"] - now["coordinates"]).max() < 0.002
        assert np.abs(before["expressions"] - now["expressions"]).max() < 0.005


def test_the_picture_follows_every_slider(without_model, monkeypatch):
    box = sliders()
    screen = box.children[-1]
    controls = {c.description: c for row in box.children[:-1] for c in row.children}
    assert len(controls) == len(Face._fields)
    controls["smile"].value = controls["blink"].value = controls["brow"].value = 0.8
    for name, value in {
        "severity": 1.0,
        "region": "eye",
        "weak side": "right",
        "skin tone": 8,
    }.items():
        before, controls[name].value = screen.value, value
        assert screen.value != before, name


def test_the_panel_paints_a_new_face_over_the_old_one(measuring):
    rest, ill = see(draw(Face())), see(draw(Face(severity=1.0, smile=1.0)))
    to_png = open_panel(rest)
    first, other, again = to_png(rest), to_png(ill), to_png(rest)
    assert first == again != other
    shown = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape[1] > 1000 and not plots_sliders.plt.get_fignums()


def test_a_change_takes_less_than_0_3_seconds_of_the_processor(measuring):
    to_png, taken = open_panel(see(draw(Face()))), []
    for step in range(12):
        start = process_time()
        to_png(see(draw(Face(severity=step / 12, smile=0.9))))
        taken.append(process_time() - start)
    assert np.median(taken[2:]) < 0.3, taken
