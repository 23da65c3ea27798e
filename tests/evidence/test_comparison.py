"""Paired tests over people: they must stay silent about luck, and speak about a real difference."""

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of
from sklearn.metrics import roc_auc_score
from test_intervals import people

NOTEBOOK = functions_of(PROJECT / "notebooks" / "09_evidence.ipynb")
claims, compare, compare_with = NOTEBOOK.claims, NOTEBOOK.compare, NOTEBOOK.compare_with
holm, smallest_p, DIFFERENCE = NOTEBOOK.holm, NOTEBOOK.smallest_p, "difference_to_best_paper_row"


def test_holm_is_the_worked_example():
    # Four p values; 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1 raised to 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1, 1] and len(holm([])) == 0


def test_of_two_equal_models_p_is_about_uniform():
    p = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shared = people(7, frames=6, seed=seed)
        noise = rng.normal(0, 0.3, (2, len(shared)))
        noisy = [shared.assign(probability=shared["probability"] + n) for n in noise]
        p.append(compare(*noisy)["p"])
    assert np.mean(np.array(p) <= 0.05) <= 0.1
    assert 0.4 < np.mean(p) < 0.6 and 0.3 < np.mean(np.array(p) <= 0.5) < 0.65


@pytest.mark.parametrize("n", [10, 16])  # all swaps, random swaps
def test_a_strong_difference_has_the_smallest_p(n):
    good, chance = people(n, signal=0.8), people(n, signal=0.0, seed=1)
    found = compare(good, chance)
    assert found["p"] == pytest.approx(smallest_p(n))
    assert 0 < found["difference_low"] < found[DIFFERENCE] < found["difference_high"]
    back = compare(chance, good)
    assert back[DIFFERENCE] == pytest.approx(-found[DIFFERENCE])
    assert back["p"] == pytest.approx(found["p"])


def test_difference_is_that_of_the_areas_and_volume_does_not_matter():
    one, other = people(6, signal=0.2), people(6, signal=0.1, seed=4)
    areas = [roc_auc_score(t["label"], t["probability"]) for t in (one, other)]
    found = compare(one, other)
    assert found[DIFFERENCE] == pytest.approx(areas[0] - areas[1])
    loud = other.assign(probability=other["probability"] ** 9)
    assert compare(one, loud) == pytest.approx(found)
    none = compare(one, one)
    assert none[DIFFERENCE] == 0 and none["p"] == 1


def test_swaps_are_those_done_by_hand():
    one, other = people(4, frames=6, signal=0.3), people(4, frames=6, signal=0.0, seed=2)
    ranks = [t["probability"].rank().to_numpy() for t in (one, other)]
    labels, who = one["label"], one["patient"].str[1:].astype(int).to_numpy()

    def difference(swap):
        swapped = np.array([swap >> i & 1 for i in range(4)])[who] == 1
        a, b = np.where(swapped, ranks[::-1], ranks)
        return roc_auc_score(labels, a) - roc_auc_score(labels, b)

    all_swaps = np.abs([difference(swap) for swap in range(16)])
    p = np.mean(all_swaps >= abs(difference(0)) - 1e-9)
    assert compare(one, other)["p"] == pytest.approx(p)


def test_copies_of_frames_change_neither_interval_nor_p():
    one, other = people(7, signal=0.3), people(7, signal=0.2, seed=5)
    tenfold = compare(*(pd.concat([t] * 10) for t in (one, other)))
    assert tenfold == pytest.approx(compare(one, other))


def test_only_shared_seeds_are_compared():
    paper = people(6, signal=0.1)
    new = people(6, signal=0.5, seed=2, model="asymmetry-fnn")
    further = people(6, signal=0.9, seed=3, model="asymmetry-fnn").assign(seed=1)
    alone = people(6, model="clip-fusion").assign(seed=9)
    table = compare_with(pd.concat([paper, new, further, alone]), "expressions-fnn")
    assert table["model"].tolist() == ["asymmetry-fnn"] and table["shared_seeds"].tolist() == [1]
    assert table["difference_to_best_paper_row"][0] == compare(new, paper)[DIFFERENCE]
    assert compare_with(paper, "expressions-fnn").empty and compare_with(new, None).empty


def test_claims_say_when_no_difference_is_significant_and_when_nothing_could_be():
    def said(n, *signals):
        new = [
            people(n, signal=s, seed=7 + i, model=m)
            for i, (s, m) in enumerate(zip(signals, ("asymmetry-fnn", "clip-fusion"), strict=False))
        ]
        table = compare_with(pd.concat([people(n, signal=0.1), *new]), "expressions-fnn")
        return "\n".join(claims(table, "expressions-fnn", n))

    assert "asymmetry-fnn" in said(10, 0.9) and "it is better" in said(10, 0.9)
    assert "differs significantly" not in said(10, 0.9)
    silent = said(5, 0.9, 0.9)
    assert "No row beyond the paper differs significantly" in silent
    assert "0.125: no difference, however large" in silent
    assert "it is better" not in silent and "excludes zero" in silent
    assert "nothing to compare" in claims(compare_with(people(5), None), None, 5)[0]
