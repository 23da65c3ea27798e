"""Notebook 09 and what it runs: intervals and tests over people, calibration, groups, severity."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import flip, functions_of, run_notebook, small_parameters
from scipy.stats import binomtest
from scipy.stats import t as student
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, cohen_kappa_score, roc_auc_score

from palsy_utils.cohort.labels_csv import load_people
from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.calibration import (
    calibrate,
    choose_threshold,
    fit_calibration,
    load_out_of_fold,
    log_loss,
    mean_over_seeds,
    temper,
)
from palsy_utils.evidence.intervals import auroc_interval, call_intervals
from palsy_utils.evidence.scores import scores
from palsy_utils.evidence.table import BASELINES, UNTRAINED
from palsy_utils.faces.modalities import load_samples
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import PAPER_MODELS

PATH = PROJECT / "notebooks" / "09_evidence.ipynb"
NOTEBOOK = functions_of(PATH)
DIFFERENCE = "difference_to_best_paper_row"


def people(n, frames=12, signal=0.3, seed=0, model="expressions-fnn"):
    """Made-up predictions of n people; each has a leaning of their own."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"p{i:03d}" for i in range(n)], frames)
    label = np.tile(np.arange(frames) % 2, n)
    leaning = np.repeat(rng.normal(0, 0.3, n), frames)
    logit = 6 * signal * (label - 0.5) + leaning + rng.normal(0, 1, len(who))
    table = pd.DataFrame({"patient": who, "video": who, "frame": np.tile(range(frames), n)})
    table = table.assign(label=label, probability=1 / (1 + np.exp(-logit)))
    return table.assign(model=model, fold=who, seed=0)


def test_copies_of_frames_change_neither_intervals_nor_p_and_more_people_narrow_them():
    frames, other = people(8), people(8, signal=0.2, seed=5)
    tenfold, copies = (pd.concat([table] * 10) for table in (frames, other))
    assert auroc_interval(tenfold) == pytest.approx(auroc_interval(frames))
    assert NOTEBOOK.compare(tenfold, copies) == pytest.approx(NOTEBOOK.compare(frames, other))
    (value, low, high), many = call_intervals(frames)["f1"], call_intervals(people(80))["f1"]
    assert call_intervals(tenfold)["f1"] == pytest.approx((value, low, high))
    assert low < value < high and many[2] - many[1] < 0.6 * (high - low)


def test_intervals_are_the_ones_with_people_left_out_by_hand():
    frames, other = people(6, signal=0.1), people(6, signal=0.2, seed=1)
    frames["probability"] = frames["probability"].round(1)  # with ties
    frames.loc[frames["patient"] == "p003", "label"] = 0
    other["label"] = frames["label"]
    kept = [
        frames.index,
        *(frames.index[frames["patient"] != who] for who in sorted(set(frames["patient"]))),
    ]
    slow = []
    for rows in kept:
        label, p, q = frames["label"][rows], frames["probability"][rows], other["probability"][rows]
        areas = roc_auc_score(label, p), roc_auc_score(label, q)
        slow.append({"auroc": areas[0], "minus": areas[0] - areas[1], **scores(label, p)})
    slow = pd.DataFrame(slow)

    def by_hand(name, left_out=slice(1, None), lowest=0.0):
        share = (slow[name] - lowest) / (1 - lowest)
        odds = np.log(share / (1 - share))
        without = odds[left_out]
        error = np.sqrt((len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum())
        ends = odds[0] + student.ppf([0.025, 0.975], len(without) - 1) * error
        return tuple(lowest + (1 - lowest) / (1 + np.exp(-ends)))

    assert auroc_interval(frames) == pytest.approx(by_hand("auroc"))
    assert auroc_interval(frames, minus=other) == pytest.approx(by_hand("minus", lowest=-1))
    ours, ill = call_intervals(frames), [1, 2, 3, 5, 6]  # p003 has no palsy to be found
    assert ours["f1"][1:] == pytest.approx(by_hand("f1"))
    assert ours["sensitivity"][1:] == pytest.approx(by_hand("recall", ill))
    assert ours["specificity"][1:] == pytest.approx(by_hand("specificity"))


def test_without_a_miss_an_interval_is_that_of_as_many_people_without_a_miss():
    frames = people(8).assign(probability=lambda table: 0.1 + 0.8 * table["label"])
    exact = binomtest(8, 8).proportion_ci(method="exact")
    assert auroc_interval(frames) == pytest.approx((exact.low, 1))
    assert call_intervals(frames)["f1"] == pytest.approx((1, exact.low, 1))
    wrong = frames.assign(probability=1 - frames["probability"])
    assert auroc_interval(wrong) == pytest.approx((0, 1 - exact.low))
    assert auroc_interval(frames, minus=frames) == pytest.approx((0, 0))
    assert auroc_interval(frames, minus=wrong) == pytest.approx((2 * exact.low - 1, 1))
    frames = people(7).assign(label=1, probability=0.9)  # one person alone is wrong
    frames.loc[frames["patient"] == "p003", "probability"] = 0.1
    exact = binomtest(6, 7).proportion_ci(method="exact")
    assert call_intervals(frames)["sensitivity"][1:] == pytest.approx((exact.low, exact.high))


def test_who_cannot_be_spared_fewer_than_three_people_and_one_class_leave_no_interval():
    one_healthy = people(5).assign(label=1)
    one_healthy.loc[one_healthy["patient"] == "p000", "label"] = 0
    assert np.isnan(auroc_interval(one_healthy)).all() and np.isnan(auroc_interval(people(2))).all()
    assert np.isfinite(auroc_interval(people(3))).all()
    found = call_intervals(one_healthy)
    assert np.isfinite(found["sensitivity"]).all() and np.isfinite(found["specificity"][0])
    assert np.isnan(found["specificity"][1:]).all()
    healthy = people(5).assign(label=0)
    ours = call_intervals(healthy)
    assert np.isnan([*ours["f1"], *ours["sensitivity"], *auroc_interval(healthy)]).all()
    assert np.isfinite(ours["specificity"]).all()


def test_half_a_model_and_folds_of_other_data_are_left_out(smoke, tmp_path):
    root = shutil.copytree(smoke.root, tmp_path / "small")
    run, cohort = root / "runs" / "smoke", load_cohort(root)
    shutil.rmtree(run / "late-fusion" / "p02")
    flip(run / "rgb-resnet50" / "p01" / "weights.pt")
    table = NOTEBOOK.load_seeds(cohort, "smoke", "0, 7,0")
    assert {*PAPER_MODELS} - {*table["model"]} == {"late-fusion", "rgb-resnet50"}
    inner = load_out_of_fold(root, "smoke", table)
    assert set(inner["model"]) == {"coordinates-fnn", "expressions-fnn"}
    assert (inner["fold"] != inner["patient"]).all() and len(inner) == 2 * 2 * 72
    shutil.copytree(run, root / "runs" / "smoke-seed-1")  # of another seed than its name says
    for seeds in ("7", "1"):
        with pytest.raises(PalsyError, match="no model with all of its folds, up to date"):
            NOTEBOOK.load_seeds(cohort, "smoke", seeds)
    for text in ("", "one", "0,,1", "-1", "1.5"):
        with pytest.raises(PalsyError, match="whole numbers"):
            NOTEBOOK.load_seeds(cohort, "smoke", text)


def test_seeds_are_averaged_frame_by_frame_and_counted():
    one, images = people(5), people(5, seed=3, model="rgb-resnet50")
    both = pd.concat([one, one.assign(seed=1, probability=1 - one["probability"])])
    mean = mean_over_seeds(both)
    assert len(mean) == len(one) and np.allclose(mean["probability"], 0.5)
    table = NOTEBOOK.model_table(pd.concat([both, images]))
    assert table["n_seeds"].tolist() == [2, 1]
    assert table["auroc_sd"].notna().tolist() == [True, False]
    assert table.loc[1, ["auroc_low", "auroc_high"]].tolist() == list(auroc_interval(images))


def test_pooled_auroc_is_made_of_pairs_within_and_between_people():
    frames = people(6)
    row = NOTEBOOK.further_scores(frames)
    areas = [roc_auc_score(f["label"], f["probability"]) for _, f in frames.groupby("patient")]
    assert row["auroc_within"] == pytest.approx(np.mean(areas))  # equally many pairs each
    pooled = roc_auc_score(frames["label"], frames["probability"])
    assert (row["auroc_within"] + 5 * row["auroc_between"]) / 6 == pytest.approx(pooled)
    single = frames.assign(label=frames["patient"].isin(["p000", "p001"]) * 1)
    assert np.isnan(NOTEBOOK.further_scores(single)["auroc_within"])


def test_grades_cost_their_distance_squared_and_sides_are_of_known_palsy():
    grades = ["normal", "slight", "strong", "strong"]
    table = pd.DataFrame({"eyes": grades, "mouth": None, "label": [0, 1, 1, 1]})
    table["side"] = ["left", "left", "right", None]
    said = ["normal", "slight", "strong", "normal"]
    for grade in ("normal", "slight", "strong"):
        table[f"eyes_{grade}"] = table[f"mouth_{grade}"] = [1.0 * (s == grade) for s in said]
    table["side_left"], table["side_none"], table["side_right"] = 0.6, 0.3, 0.1
    row = NOTEBOOK.grade_scores(table)
    kappa = cohen_kappa_score(
        grades, said, labels=["normal", "slight", "strong"], weights="quadratic"
    )
    assert row["eyes_kappa"] == pytest.approx(kappa) and row["eyes_error"] == 0.5
    assert np.isnan(row["mouth_kappa"]) and np.isnan(row["mouth_error"])
    assert row["side_accuracy"] == 0.5


def test_holm_is_the_worked_example():
    # Four p values; 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1 raised to 0.06.
    found = NOTEBOOK.holm([0.01, 0.04, 0.03, 0.005])
    assert found == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert NOTEBOOK.holm([0.5, 0.9]).tolist() == [1, 1] and len(NOTEBOOK.holm([])) == 0


@pytest.mark.parametrize("n", [10, 16])  # all swaps, random swaps
def test_a_strong_difference_has_the_smallest_p_and_volume_does_not_matter(n):
    good, chance = people(n, signal=0.8), people(n, signal=0.0, seed=1)
    found, back = NOTEBOOK.compare(good, chance), NOTEBOOK.compare(chance, good)
    assert found["p"] == pytest.approx(NOTEBOOK.smallest_p(n)) == back["p"]
    assert 0 < found["difference_low"] < found["difference"] < found["difference_high"]
    loud = chance.assign(probability=chance["probability"] ** 9)
    assert NOTEBOOK.compare(good, loud) == pytest.approx(found)
    none = NOTEBOOK.compare(good, good)
    assert none["difference"] == 0 and none["p"] == 1


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
    assert NOTEBOOK.compare(one, other)["p"] == pytest.approx(p)


def test_only_shared_seeds_are_compared():
    paper, new = people(6, signal=0.1), people(6, signal=0.5, seed=2, model="asymmetry-fnn")
    further = people(6, signal=0.9, seed=3, model="asymmetry-fnn").assign(seed=1)
    alone = people(6, model="clip-fusion").assign(seed=9)
    table = NOTEBOOK.compare_with(pd.concat([paper, new, further, alone]), "expressions-fnn")
    assert table["model"].tolist() == ["asymmetry-fnn"] and table["shared_seeds"].tolist() == [1]
    assert table[DIFFERENCE][0] == NOTEBOOK.compare(new, paper)["difference"]


def test_claims_say_when_no_difference_is_significant_and_when_nothing_could_be():
    def said(n, *models):
        new = [people(n, signal=0.9, seed=7 + i, model=m) for i, m in enumerate(models)]
        every = pd.concat([people(n, signal=0.1), *new])
        table = NOTEBOOK.compare_with(every, "expressions-fnn")
        return "\n".join(NOTEBOOK.claims(table, "expressions-fnn", n))

    loud, silent = said(10, "asymmetry-fnn"), said(5, "asymmetry-fnn", "clip-fusion")
    assert "it is better" in loud and "differs significantly" not in loud
    assert "No model beyond the paper differs significantly" in silent
    assert "0.125: no difference, however large" in silent
    assert "it is better" not in silent and "excludes zero" in silent
    assert "nothing to compare" in said(5)


def inner_of(frames):
    """Of every fold, the predictions of everybody else."""
    folds = frames["fold"].unique()
    return pd.concat([frames[frames["patient"] != f].assign(fold=f) for f in folds])


@pytest.fixture
def loud():
    """Overconfident predictions of ten people."""
    frames = people(10, frames=60, signal=0.3)
    return mean_over_seeds(frames.assign(probability=temper(frames["probability"], 0.4)))


def test_calibration_undoes_overconfidence_and_a_shift():
    rng = np.random.default_rng(0)
    honest = rng.uniform(0.05, 0.95, 4000)
    labels = (rng.random(4000) < honest).astype(int)
    overconfident = temper(honest, 1 / 3, 1.5)
    found, intercept = fit_calibration(labels, overconfident)
    assert 2.5 < found < 3.5 and -0.65 < intercept < -0.35  # 1.5 / 3, undone
    calibrated = temper(overconfident, found, intercept)
    assert log_loss(labels, calibrated) < log_loss(labels, overconfident)
    assert abs(calibrated.mean() - labels.mean()) < 0.002
    slope, shift = NOTEBOOK.slope_and_intercept(pd.Series(labels), pd.Series(temper(honest, 0.5)))
    assert slope == pytest.approx(0.5, abs=0.06) and abs(shift) < 0.1


def test_threshold_has_the_best_f1_of_many_and_does_not_mind_overconfidence():
    rng = np.random.default_rng(0)
    honest = rng.beta(0.6, 0.9, 20_000)
    labels = (rng.random(20_000) < honest).astype(int)
    best = max(scores(labels, honest, at)["f1"] for at in np.linspace(0.05, 0.95, 91))
    for temperature in (1, 0.4, 2):
        shown = temper(honest, temperature)
        chosen = choose_threshold(labels, shown)
        assert scores(labels, shown, chosen)["f1"] > best - 0.003


def test_calibration_error_is_by_hand_and_bins_are_those_of_scikit_learn(loud):
    labels, p = np.array([0, 1, 1, 1, 0]), np.array([0.05, 0.62, 0.68, 0.95, 1.0])
    wanted = (0.05 + 2 * (1 - 0.65) + 2 * (0.975 - 0.5)) / 5  # 0.05 | 0.62, 0.68 | 0.95, 1.0
    assert NOTEBOOK.calibration_error(labels, p) == pytest.approx(wanted)
    curve = calibration_curve(loud["label"], loud["probability"], n_bins=8, strategy="quantile")
    bins = NOTEBOOK.means_in_bins(loud["probability"], loud["label"], loud["patient"])
    assert np.allclose(bins[["y", "x"]].T, curve) and (bins["frames"] == len(loud) / 8).all()
    assert ((bins["low"] <= bins["y"]) & (bins["y"] <= bins["high"])).all()


def test_no_bin_has_fewer_than_fifteen_frames():
    frames = people(3, frames=20)
    bins = NOTEBOOK.means_in_bins(frames["probability"], frames["label"], frames["patient"])
    assert bins["frames"].tolist() == [15] * 4
    frames["probability"] = (frames["probability"] > 0.2).astype(float)  # ties stay together
    frames.loc[:5, "probability"] = 0.5
    bins = NOTEBOOK.means_in_bins(frames["probability"], frames["label"], frames["patient"])
    assert (bins["frames"] >= 15).all() and bins["frames"].sum() <= 60


def test_errors_of_what_is_kept_are_those_of_the_most_confident(loud):
    frames = loud.assign(final=loud["probability"])
    curve = NOTEBOOK.error_when_kept(frames, [0.01, 0.25, 1])
    assert curve["x"].tolist() == [0.25, 1]  # six frames are too few
    confident = frames[(frames["final"] - 0.5).abs().rank() > 0.75 * len(frames)]
    wrong = (confident["final"] >= 0.5) != (confident["label"] == 1)
    assert curve["y"][0] == pytest.approx(wrong.mean())


def test_temperature_calms_the_overconfident_and_leaves_others_as_they_are(loud):
    other = loud.assign(model="rgb-resnet50")  # without out-of-fold predictions
    frames = calibrate(pd.concat([loud, other]), inner_of(loud)).groupby("model")
    row, plain = (NOTEBOOK.calibration_of(some) for _, some in frames)
    assert row["brier"] == pytest.approx(brier_score_loss(loud["label"], loud["probability"]))
    assert row["ece_after"] < 0.7 * row["ece"] and row["brier_after"] < row["brier"]
    assert 1 < row["temperature_low"] <= row["temperature_high"] and row.notna().all()
    plain_too = ["ece", "brier", "slope", "intercept"]
    assert plain[plain_too].equals(row[plain_too]) and plain.notna().sum() == 4


def test_the_person_held_out_has_no_say_in_temperature_or_threshold(loud):
    chosen, out = ["temperature", "intercept", "threshold"], loud["patient"] == "p003"
    honest, poisoned = calibrate(loud, inner_of(loud)), loud.copy()
    poisoned.loc[out, "label"] = 1 - poisoned.loc[out, "label"]
    poisoned.loc[out, "probability"] = 0.999
    ours = calibrate(poisoned, inner_of(poisoned))
    fold = honest["fold"] == "p003"
    assert (ours.loc[fold, chosen] == honest.loc[fold, chosen]).all(axis=None)
    assert (ours.loc[~fold, chosen] != honest.loc[~fold, chosen]).any(axis=None)


def test_equal_confidence_is_left_out_together_and_weights_count_like_copies():
    labels, p = np.array([1, 0, 1, 0]), np.array([0.9, 0.9, 0.1, 0.6])
    coverage, risk = NOTEBOOK.risk_coverage(labels, p)
    assert coverage.tolist() == [0.75, 1] and risk.tolist() == pytest.approx([2 / 3, 3 / 4])
    labels, p = people(1, frames=30)[["label", "probability"]].to_numpy().T
    n = np.random.default_rng(0).integers(0, 3, 30)
    both = NOTEBOOK.risk_coverage(labels, p, n)
    copies = NOTEBOOK.risk_coverage(*np.repeat([labels, p], n, axis=1))
    areas = [(risk * np.diff(kept, prepend=0)).sum() for kept, risk in (both, copies)]
    assert areas[0] == pytest.approx(areas[1])


def test_abstention_gains_where_there_is_a_signal_and_not_by_chance(loud):
    noise = mean_over_seeds(people(10, frames=60, signal=0.0))
    tables = (frames.assign(final=frames["probability"]) for frames in (loud, noise))
    ours, other = map(NOTEBOOK.abstention, tables)
    assert ours["gain_low"] > 0 and other["gain_low"] < 0 < other["gain_high"]
    assert np.isclose(ours["error_rate"] - ours["area"], ours["gain"])


def test_groups_are_what_is_known(small):
    cohort = load_cohort(small)
    samples = load_samples(cohort)
    roll = NOTEBOOK.head_roll(cohort, samples)
    truth = samples.merge(pd.read_csv(small / "truth.csv"), on=["video", "frame"])
    assert np.median(np.abs(roll - truth["roll"].abs())) < 1.5
    assert np.corrcoef(roll, truth["roll"].abs())[0, 1] > 0.9
    patient = samples["patient"]
    assert list(NOTEBOOK.groups_of(load_people(small), patient, roll)) == ["head roll"]
    rows = "patient,side,skin_tone\np01,left,3\np02,right,7\np04,right,\n"
    (small / "patients.csv").write_text(rows)
    groups = NOTEBOOK.groups_of(load_people(small), patient, roll)
    named = {k: group.astype(object).fillna("unknown") for k, group in groups.items()}
    tones = {"p01": "light (1-3)", "p02": "dark (7-10)", "p04": "unknown"}
    assert dict(zip(patient, named["skin tone"], strict=True)) == tones
    sides = {"p01": "left", "p02": "right", "p04": "right"}
    assert dict(zip(patient, named["side of the palsy"], strict=True)) == sides
    thirds = groups["head roll"].value_counts()
    assert len(thirds) == 3 and thirds.max() - thirds.min() <= 2


def test_small_groups_get_no_interval_and_scores_are_of_the_group():
    frames = people(10)
    number = frames["patient"].str[1:].astype(int)
    frames.loc[number == 9, "label"] = 0
    group = pd.Series(np.select([number < 4, number < 9], ["four", "five"], "healthy"))
    groups = {"made up": group.astype("category")}
    table = NOTEBOOK.group_table(frames, groups).set_index("group")
    assert table["people"].to_dict() == {"five": 5, "four": 4, "healthy": 1}
    assert table["auroc_low"].notna().to_dict() == {"five": True, "four": False, "healthy": False}
    assert np.isnan(table.loc["healthy", ["auroc", "sensitivity"]].astype(float)).all()
    five = frames[(group == "five").to_numpy()]
    ours = scores(five["label"], five["probability"])
    assert table.loc["five", "sensitivity"] == ours["recall"]


def test_severity_is_the_larger_true_difference(small):
    cohort = load_cohort(small)
    samples, truth = load_samples(cohort), pd.read_csv(small / "truth.csv")
    severity = NOTEBOOK.true_severity(cohort, samples)
    by_frame = truth.set_index(["video", "frame"])[["eyes_difference", "mouth_difference"]]
    for i in (0, 30, 71):
        assert severity[i] == by_frame.loc[tuple(samples.loc[i, ["video", "frame"]])].max()
    truth[truth["video"] != "p02-1"].to_csv(small / "truth.csv", index=False)
    with pytest.raises(PalsyError, match="lacks frames"):
        NOTEBOOK.true_severity(cohort, samples)


def test_dose_response_and_rank_correlation_know_order_and_chance():
    frames = people(8)
    severity = pd.Series(np.random.default_rng(3).random(len(frames)))
    frames["probability"] = severity**2
    curve = NOTEBOOK.means_in_bins(severity, frames["probability"], frames["patient"], 6)
    assert len(curve) == 6 and (np.diff(curve["y"]) > 0).all()
    assert ((curve["low"] <= curve["y"]) & (curve["y"] <= curve["high"])).all()
    least = 2 * 0.025 ** (1 / 8) - 1
    assert NOTEBOOK.rank_correlation(frames, severity) == pytest.approx((1, least, 1))
    assert np.isnan(NOTEBOOK.rank_correlation(frames.assign(probability=0.5), severity)).all()


def test_notebook_writes_the_evidence_of_the_papers_rows(smoke, tmp_path):
    notebook = run_notebook(PATH, small_parameters(PATH, smoke.root, tmp_path), tmp_path)
    folder = tmp_path / "drawn" / "small" / "smoke"
    table = pd.read_csv(folder / "evidence.csv").set_index("model")
    assert list(table.index) == [*PAPER_MODELS, *BASELINES, UNTRAINED]
    assert table[["auroc_sd", "p_holm"]].isna().all(axis=None)
    models, untrained = table.loc[[*PAPER_MODELS]], table.loc[UNTRAINED].dropna()
    assert (models["n_seeds"] == 1).all()
    assert models[["auroc", "brier", "ece", "pooled_f1"]].stack().between(0, 1).all()
    assert list(untrained.index) == ["n_seeds", "auroc", "auroc_low", "auroc_high"]
    assert untrained["auroc"] > 0.7  # synthetic palsy is a left-right difference
    calibrated = table.index[table["ece_after"].notna()]
    assert list(calibrated) == ["coordinates-fnn", "expressions-fnn"]
    text = json.dumps(notebook.cells)
    for words in (
        "nothing to compare",
        "patients.csv does not tell: side",
        "synthetic",
        "Spearman",
    ):
        assert words in text, words
    pictures = {path.stem.removeprefix("evidence_") for path in folder.glob("*.png")}
    shown = "seeds intervals calibration abstention subgroups severity"
    assert pictures == {*shown.split()}


def test_the_tests_and_files_that_the_notebook_names_are_there():
    tests = "".join(path.read_text() for path in (PROJECT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"test_\w+", PATH.read_text()))
    assert len(named) >= 4 and not {name for name in named if f"def {name}(" not in tests}
    table = pd.read_csv(PROJECT / "data" / "reporting_checklist.csv", dtype=str)
    assert list(table) == ["standard", "item", "topic", "met", "where"]
    assert table.notna().all(axis=None) and set(table["met"]) == {"yes", "partly", "no"}
    tripod = table[table["standard"] == "TRIPOD+AI"]
    assert tripod["item"].tolist() == [str(i) for i in range(1, 28)]
    for name in re.findall(r"[\w/]+\.(?:py|md)", " ".join(table["where"])):
        assert (PROJECT / name).exists() or list((PROJECT / "palsy_utils").rglob(name)), name
