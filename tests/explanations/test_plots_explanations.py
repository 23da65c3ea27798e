"""Pictures of explanations: the tints and bars carry the numbers they are given."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.cohort.load import load_cohort
from palsy_utils.explanations.scoring import COLUMNS
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.modalities import load_samples
from palsy_utils.faces.upright import to_pixels

mpl.use("Agg")
NOTEBOOK = functions_of(PROJECT / "notebooks" / "10_explanations.ipynb")
attribution_bars, heat_on_lines = NOTEBOOK.attribution_bars, NOTEBOOK.heat_on_lines
score_bars, swapped_regions = NOTEBOOK.score_bars, NOTEBOOK.swapped_regions
tinted_faces, truth_as_strengths = NOTEBOOK.tinted_faces, NOTEBOOK.truth_as_strengths
picture_of = NOTEBOOK.picture_of


@pytest.fixture
def face(small_template):
    cohort = load_cohort(small_template)
    table, landmarks, _ = load_faces(cohort)
    points = to_pixels(landmarks, table["height"], table["width"])[0]
    return picture_of(cohort, load_samples(load_cohort(small_template)).iloc[0], points), points


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_drawn_side_is_tinted_on_the_right_half_of_the_face(face, side):
    figure = tinted_faces(*face, {"truth": truth_as_strengths(side, "eye")}, "drawn")
    (strong,) = [p for p in figure.axes[0].patches if p.get_facecolor()[3] > 0]
    middle = strong.get_xy()[:, 0].mean()
    assert (middle > 112) == (side == "left")  # the subject's left is on the right of the picture


def test_evidence_against_palsy_is_not_tinted(face):
    figure = tinted_faces(*face, {"none": -np.ones((4, 2))}, "against")
    assert all(p.get_facecolor()[3] == 0 for p in figure.axes[0].patches)


def test_bars_show_the_scores_and_say_where_nothing_was_scored():
    values = [0.9, 0.8, 0.95, 0.7, 0.5, 0.8, 0.5, 0.33, 0.5, 0.33]
    rows = [["a", 50, 7, *values], ["b", 50, 7, *values[:3], *[np.nan] * 5, 0.5, 0.33]]
    figure = score_bars(pd.DataFrame(rows, columns=COLUMNS))
    assert [p.get_width() for p in figure.axes[0].patches] == [0.9, 0.9]
    assert [t.get_text() for t in figure.axes[1].texts] == ["not scored"]


def test_a_swapped_region_shows_its_mirror_image_and_nothing_else_does():
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    areas = np.repeat(np.arange(4), 2)[:, None] * np.ones(8, int)
    answers = {"as it is": 2.0, "brow": -1.0, "mouth": 2.5}
    figure = swapped_regions(image, areas, answers, "a net")
    shown = [ax.images[0].get_array() for ax in figure.axes]
    assert (shown[0] == image).all() and (shown[1][2:] == image[2:]).all()
    assert (shown[1][:2] == image[:2, ::-1]).all() and (shown[2][6:] == image[6:, ::-1]).all()
    shaded = [ax.images[1].get_array()[..., 3] > 0 for ax in figure.axes]
    assert not shaded[0].any() and (shaded[1] == (areas == 0)).all()
    assert [ax.get_title().split("\n")[1] for ax in figure.axes] == ["+2.0", "-1.0", "+2.5"]


def test_attributions_are_drawn_largest_first():
    values = np.linspace(-1, 0.5, 20)
    figure = attribution_bars(values, [f"n{i}" for i in range(20)], "one face")
    widths = [abs(p.get_width()) for p in figure.axes[0].patches]
    assert len(widths) == 12 and widths == sorted(widths, reverse=True)


def test_heat_lies_on_the_image():
    figure = heat_on_lines(np.zeros((32, 32), np.uint8), np.eye(4) - 0.5, "a map")
    assert figure.axes[2].images[0].get_array().shape == (32, 32)
    assert list(figure.axes[2].images[1].get_extent()) == [-0.5, 31.5, 31.5, -0.5]
