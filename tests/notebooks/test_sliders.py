"""Notebook 13: what is rendered, what each modality sees of it, and how fast."""

from time import process_time

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.files import PalsyError
from palsy_utils.plots import follow

CENTRE = slice(60, 200)  # without hair and shoulders


def notebook(why: str):
    """Return what notebook 13 defines; `why` is empty if faces are measured."""
    ours = functions_of(PROJECT / "notebooks" / "13_a_face_on_sliders.ipynb")
    names = ours.see.__globals__
    names |= {"why": why, "beforehand": PROJECT / "notebooks" / "faces_on_sliders.npz"}
    names["rest"] = ours.see(ours.render(ours.Face()))
    return ours


@pytest.fixture(scope="module")
def looked_up():
    return notebook("there is no model")


@pytest.fixture(scope="module")
def measured(landmarker_file):
    return notebook("")


def test_without_a_palsy_a_face_is_its_own_mirror_image_and_with_it_the_other_sides(looked_up):
    render, face = looked_up.render, looked_up.Face(smile=0.7, blink=0.3, brow=0.5)
    picture = render(face).astype(int)
    assert picture.shape == (256, 256, 3) and np.abs(picture - picture[:, ::-1]).mean() < 0.2
    for region, rows in (("eye", slice(90, 135)), ("mouth", slice(130, 200))):
        well = face._replace(region=region)
        weak = well._replace(severity=1.0)
        left, right = (render(weak._replace(side=s)).astype(int) for s in ("left", "right"))
        assert np.abs(left - right[:, ::-1]).mean() < 0.2 < np.abs(left - right).mean()
        moved = np.abs(left - render(well).astype(int))
        assert moved[rows, 128:].sum() > 0.5 * moved.sum() > 0


def test_each_modality_sees_the_palsy_it_should_and_hardly_the_skin(measured):
    see, render, apart, change = measured.see, measured.render, measured.apart, measured.change
    for region, meant in measured.MOVES.items():
        well = measured.Face(region=region)._replace(**{meant: 1.0})
        before, after = see(render(well)), see(render(well._replace(severity=1.0)))
        was, now = apart(before, region), apart(after, region)
        assert now["expressions"] - was["expressions"] > 0.2, region
        assert now["coordinates"] - was["coordinates"] > 0.005, region
        assert all(moved > 0 for moved in change(before, after).values())
    moved = change(*(see(render(measured.Face(tone=tone))) for tone in (2, 9)))
    assert moved["rgb"] > 20 and moved["coordinates"] < 0.01


def test_without_a_face_or_a_measurement_the_drawing_is_shown_alone(measured, looked_up):
    assert list(measured.see(np.zeros((256, 256, 3), np.uint8))) == ["picture"]
    for face in ({"smile": 0.7, "blink": 0.4}, {"region": "eye", "severity": 0.03, "blink": 1.0}):
        with pytest.raises(PalsyError, match="not measured beforehand, and there is no model"):
            looked_up.see(looked_up.render(looked_up.Face(**face)))


def test_what_was_measured_beforehand_is_what_the_model_measures(measured, looked_up):
    for face in ({}, {"region": "brow", "severity": 0.55, "brow": 1.0}, {"tone": 9}):
        now, before = (o.see(o.render(o.Face(**face))) for o in (measured, looked_up))
        assert np.abs(before["coordinates"] - now["coordinates"]).max() < 0.002
        assert np.abs(before["expressions"] - now["expressions"]).max() < 0.005


def picture_of(box):
    return box.children[-1].value


def test_the_picture_follows_every_slider_with_a_model_and_without(looked_up):
    assert set(looked_up.CONTROLS) == set(looked_up.Face._fields)
    box = follow(looked_up.show_face, **looked_up.CONTROLS)
    looked_up.CONTROLS["smile"].value = looked_up.CONTROLS["blink"].value = 0.8
    changes = {"severity": 1.0, "region": "eye", "side": "right", "tone": 8, "brow": 0.7}
    for name, value in changes.items():
        before, looked_up.CONTROLS[name].value = picture_of(box), value
        assert picture_of(box) != before, name
    assert not plt.get_fignums()


@pytest.mark.slow
def test_a_change_takes_less_than_0_3_seconds_of_the_processor(measured):
    taken = []
    follow(measured.show_face, **measured.CONTROLS)
    for step in range(8):
        start = process_time()
        measured.CONTROLS["severity"].value = (step + 1) / 8
        taken.append(process_time() - start)
    assert np.median(taken[1:]) < 0.3, taken
