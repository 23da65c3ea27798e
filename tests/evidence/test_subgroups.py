"""Groups of people and poses, and predictions against the drawn truth."""

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of
from test_intervals import people

from palsy_utils.cohort.labels_csv import load_people
from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.scores import scores
from palsy_utils.faces.modalities import load_samples
from palsy_utils.files import PalsyError

NOTEBOOK = functions_of(PROJECT / "notebooks" / "09_evidence.ipynb")
PEOPLE = "patient,side,skin_tone\np01,left,3\np02,right,7\np04,right,\n"


def test_head_roll_is_the_drawn_one(small_template):
    samples = load_samples(load_cohort(small_template))
    truth = pd.read_csv(small_template / "truth.csv")
    drawn = samples.merge(truth, on=["video", "frame"])["roll"].abs()
    measured = NOTEBOOK.head_roll(load_cohort(small_template), samples)
    assert np.median(np.abs(measured - drawn)) < 1.5
    assert np.corrcoef(measured, drawn)[0, 1] > 0.9


def test_groups_are_what_is_known(small):
    samples = load_samples(load_cohort(small))

    def groups_of():
        roll = NOTEBOOK.head_roll(load_cohort(small), samples)
        return NOTEBOOK.groups_of(load_people(small), samples["patient"], roll)

    assert list(groups_of()) == ["head roll"]
    (small / "patients.csv").write_text(PEOPLE)
    groups = groups_of()
    named = {
        name: dict(zip(samples["patient"], group.astype(object).fillna("unknown"), strict=True))
        for name, group in groups.items()
    }
    tones = {"p01": "light (1-3)", "p02": "dark (7-10)", "p04": "unknown"}
    assert named["skin tone"] == tones
    assert named["side of the palsy"] == {"p01": "left", "p02": "right", "p04": "right"}
    thirds = groups["head roll"].value_counts()
    assert len(thirds) == 3 and thirds.max() - thirds.min() <= 2


def test_small_groups_get_no_interval_and_scores_are_of_the_group():
    frames = people(7)
    number = frames["patient"].str[1:].astype(int)
    frames.loc[number == 6, "label"] = 0
    group = pd.Series(np.select([number < 2, number < 6], ["two", "four"], "healthy"))
    kinds = pd.CategoricalDtype(["four", "two", "nobody", "healthy"])
    table = NOTEBOOK.group_table(frames, {"made up": group.astype(kinds)}).set_index("group")
    assert table["people"].to_dict() == {"four": 4, "two": 2, "healthy": 1}
    assert table["auroc_low"].notna().tolist() == [True, False, False]
    assert table["auroc"].notna().tolist() == [True, True, False]
    assert np.isnan(table.loc["healthy", "sensitivity"]) and table.loc["healthy", "palsy"] == 0
    four = frames[(group == "four").to_numpy()]
    ours = scores(four["label"], four["probability"])
    assert table.loc["four", "sensitivity"] == ours["recall"]
    assert table.loc["four", "specificity"] == ours["specificity"]


def test_severity_is_the_larger_drawn_difference(small):
    samples = load_samples(load_cohort(small))
    severity = NOTEBOOK.true_severity(small, samples)
    truth = pd.read_csv(small / "truth.csv").set_index(["video", "frame"])
    for i in (0, 30, 71):
        row = truth.loc[tuple(samples.loc[i, ["video", "frame"]])]
        assert severity[i] == max(row["eyes_difference"], row["mouth_difference"])
    palsy = samples["label"] == 1
    assert severity[palsy].median() > 0.6 > severity[~palsy].median()
    truth = pd.read_csv(small / "truth.csv")
    truth[truth["video"] != "p02-1"].to_csv(small / "truth.csv", index=False)
    with pytest.raises(PalsyError, match="lacks frames"):
        NOTEBOOK.true_severity(small, samples)


def test_dose_response_rises_and_copies_of_frames_do_not_narrow_it():
    frames = people(8)
    severity = pd.Series(np.random.default_rng(3).random(len(frames)))
    frames["probability"] = severity**2
    curve = NOTEBOOK.dose_response(frames, severity)
    assert len(curve) == 6 and (np.diff(curve["probability"]) > 0).all()
    assert ((curve["low"] <= curve["probability"]) & (curve["probability"] <= curve["high"])).all()
    tenfold = NOTEBOOK.dose_response(pd.concat([frames] * 10), pd.concat([severity] * 10))
    assert np.allclose(tenfold, curve)


def test_rank_correlation_knows_order_and_chance():
    frames = people(8)
    severity = pd.Series(np.random.default_rng(3).random(len(frames)))
    frames["probability"] = severity**2
    assert NOTEBOOK.rank_correlation(frames, severity) == pytest.approx((1, 1, 1))
    value, low, high = NOTEBOOK.rank_correlation(frames, severity.sample(frac=1, random_state=0))
    assert low < 0 < high and low <= value <= high
    assert np.isnan(NOTEBOOK.rank_correlation(frames.assign(probability=0.5), severity)).all()
