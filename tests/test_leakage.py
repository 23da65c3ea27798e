"""Leakage: which frame answers when these or those frames leave together."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from palsy_utils.files import PalsyError
from palsy_utils.leakage import distances, nearest_elsewhere, score_groups
from palsy_utils.plots_leakage import leak_lines, near_copies, people_f1, split_bars


@pytest.fixture
def copies():
    """Twelve frames of four people, each frame of a person nearly the same; labels by person."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(4), 3)
    return people, people % 2, 100 * rng.random((4, 5))[people] + rng.random((12, 5))


def test_nobody_answers_for_their_own_group(copies):
    people, _, vectors = copies
    nearest = nearest_elsewhere(distances(vectors), pd.Series(people))
    assert (people[nearest] != people).all()


def test_it_is_the_nearest_of_those_allowed(copies):
    people, _, vectors = copies
    for row, found in enumerate(nearest_elsewhere(distances(vectors), pd.Series(people))):
        allowed = np.flatnonzero(people != people[row])
        away = np.linalg.norm(vectors[allowed] - vectors[row], axis=1)
        assert found == allowed[away.argmin()]


def test_near_copies_make_a_perfect_score_that_people_left_out_do_not(copies):
    people, labels, vectors = copies
    groups = {"frames": pd.Series(np.arange(12)), "people": pd.Series(people)}
    found = score_groups(distances(vectors), labels, groups)
    assert found.loc["frames", "auroc"] == 1 and found.loc["frames", "f1"] == 1
    assert found.loc["people", "auroc"] < 1


def test_large_images_are_thinned_and_keep_their_order():
    images = np.random.default_rng(0).integers(0, 255, (6, 224, 224, 3), np.uint8)
    images[5] = images[0]
    images[5, 0, 0] = 0
    assert np.allclose(distances(images), distances(images[:, ::7, ::7]))
    assert distances(images)[0, 1:].argmin() == 4


def test_a_single_group_is_refused():
    with pytest.raises(PalsyError, match="leave together"):
        nearest_elsewhere(np.zeros((3, 3)), pd.Series(["p01"] * 3))


def test_every_frame_is_shown_with_its_label_and_each_split_with_its_number():
    table = pd.DataFrame({"video": ["a", "a", "b"], "time_s": [0, 0.5, 1], "label": [0, 1, 1]})
    images = np.zeros((3, 8, 8), np.uint8)
    figure = near_copies(images, table, {"frame": np.array([0, 2]), "answer": np.array([1, 1])})
    words = [ax.get_title().split("\n")[1] for ax in figure.axes]
    assert words == ["healthy", "palsy", "palsy", "palsy"]
    bars = split_bars(pd.Series({"frames": 0.91, "person": 0.5}), "title")
    assert {"0.91", "0.50"} <= {text.get_text() for text in bars.axes[0].texts}


def test_people_without_a_score_are_crossed_and_others_numbers_are_written():
    people = pd.DataFrame(
        {"model": ["a", "a"], "patient": ["x", "y"], "f1": [0.5, np.nan], "specificity": [1, 0.5]}
    )
    above, below = people_f1(people).axes
    assert len(above.collections[0].get_offsets()) == 1
    assert len(below.collections[0].get_offsets()) == 0
    ours = pd.DataFrame({"random frames": [0.9], "one person": [0.5]}, index=["rgb"])
    figure = leak_lines(ours, {"strong": (0.97, 0.81)})
    assert {"0.97", "0.81"} == {text.get_text() for text in figure.axes[1].texts}
    plt.close("all")
