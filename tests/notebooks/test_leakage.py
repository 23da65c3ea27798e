"""Notebook 12: which frame is the nearest when these or those frames are held out together."""

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of

NOTEBOOK = functions_of(PROJECT / "notebooks" / "12_why_we_leave_a_patient_out.ipynb")
distances, nearest_elsewhere = NOTEBOOK.distances, NOTEBOOK.nearest_elsewhere


@pytest.fixture
def copies():
    """Twelve frames of four people, each frame of a person nearly the same; labels by person."""
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(4), 3)
    return people, people % 2, 100 * rng.random((4, 5))[people] + rng.random((12, 5))


def test_it_is_the_nearest_of_those_allowed(copies):
    people, _, vectors = copies
    for row, found in enumerate(nearest_elsewhere(distances(vectors), pd.Series(people))):
        allowed = np.flatnonzero(people != people[row])
        away = np.linalg.norm(vectors[allowed] - vectors[row], axis=1)
        assert found == allowed[away.argmin()]


def test_near_copies_make_a_perfect_score_that_people_left_out_do_not(copies):
    people, labels, vectors = copies
    groups = {"frames": pd.Series(np.arange(12)), "people": pd.Series(people)}
    found = NOTEBOOK.score_groups(distances(vectors), labels, groups)
    assert found.loc["frames", "auroc"] == 1 and found.loc["frames", "f1"] == 1
    assert found.loc["people", "auroc"] < 1
