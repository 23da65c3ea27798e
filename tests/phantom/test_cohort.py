"""The phantom cohort: balanced, labelled by what shows, and seen by the Face Landmarker."""

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest
from conftest import PHANTOM
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from palsy_utils.faces.landmarks import EXPRESSIONS
from palsy_utils.faces.pictures import measure_image
from palsy_utils.files import PalsyError
from palsy_utils.phantom.cohort import (
    FPS,
    clip_truth,
    intervals,
    label_region,
    write_clip,
    write_cohort,
)
from palsy_utils.phantom.patients import describe, make_patients, with_palsy

SHIPPED = 54  # the seed of the committed cohort, see its README


def decoded(path):
    clip, pictures, times = cv2.VideoCapture(str(path)), [], []
    while clip.grab():
        times.append(clip.get(cv2.CAP_PROP_POS_MSEC))
        pictures.append(clip.retrieve()[1])
    return np.array(pictures), times


@pytest.mark.parametrize(("patients", "clips"), [(8, 11), (21, 31)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_classes_are_balanced_and_labels_follow_the_papers_rule(patients, clips, seed):
    people = make_patients(patients, seed)
    pairs = [(people[i % patients], i // patients) for i in range(clips)]
    parts = {(p.name, i): clip_truth(p, i, seed=seed) for p, i in pairs}
    truth = pd.concat(parts, names=["patient", "clip"]).reset_index("patient")
    assert 0.3 < truth.label.mean() < 0.7
    both = truth.groupby("patient").label.nunique() == 2
    assert both.sum() >= patients - 3
    assert (people[4].eyes, both["p05"]) == ("none", False)
    strong = (truth.eyes == "strong") | (truth.mouth == "strong")
    both = (truth.eyes == "slight") & (truth.mouth == "slight")
    assert (truth.label == (strong | both)).all()


@pytest.mark.parametrize("patients", [8, 16, 21])
def test_sides_are_balanced_and_skin_tone_tells_nothing(patients):
    table = describe(make_patients(patients))
    sides = table.side.value_counts()
    assert abs(sides["left"] - sides["right"]) <= 2
    assert sides["none"] == 1
    levels = {"none": 0, "slight": 1, "strong": 2}
    severity = table.eyes.map(levels) + table.mouth.map(levels)
    assert abs(spearmanr(table.skin_tone, severity).statistic) < 0.3
    assert abs(spearmanr(table.skin_tone, table.side == "left").statistic) < 0.3
    assert table.skin_tone.nunique() == min(patients, 10)
    assert table.patient.is_unique
    first = table.iloc[:2]  # the examples of the notebooks
    assert first[["eyes", "mouth"]].to_numpy().tolist() == [["strong", "none"], ["none", "strong"]]
    assert set(first.side) == {"left", "right"}


@given(st.floats(-0.2, 1.1), st.floats(-0.5, 1.1), st.floats(0, 1.2), st.sampled_from(range(8)))
def test_without_palsy_both_sides_move_alike(blink, brow, smile, index):
    patient, healthy = make_patients(8)[index], {"eyes_gain": 1, "mouth_gain": 1}
    for change in ({"side": "none"}, {"eyes": "none", "mouth": "none", **healthy}):
        meant = (blink, blink), (brow, brow), (smile, smile)
        moved = with_palsy(replace(patient, **change), *meant)
        assert all(left == right for left, right in moved.values())


@pytest.mark.parametrize(("side", "weak"), [("left", 0), ("right", 1)])
def test_the_affected_side_moves_less(side, weak):
    moved = with_palsy(replace(make_patients(3)[2], side=side), (1, 1), (1, 1), (1, 1))
    for name in ("blink", "brow", "smile"):
        assert moved[name][weak] < 0.3 and moved[name][1 - weak] == 1
    assert moved["droop"][weak] > moved["droop"][1 - weak] == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 7), st.integers(0, 50), st.floats(1, 9), st.integers(0, 10_000))
def test_intervals_cover_the_clip_and_give_the_labels_back(index, clip, seconds, seed):
    patient = make_patients(8)[index]
    truth = clip_truth(patient, clip, seconds, seed)
    for region in ("eyes", "mouth"):
        assert getattr(patient, region) != "none" or set(truth[region]) == {"normal"}
    runs = intervals(truth)
    assert runs.start_s.iloc[0] == 0
    assert runs.end_s.iloc[-1] == pytest.approx(len(truth) / FPS, abs=1e-4)
    assert (runs.start_s[1:].to_numpy() == runs.end_s[:-1].to_numpy()).all()
    assert (runs.end_s > runs.start_s).all()
    at = np.searchsorted(runs.start_s, truth.time_s, side="right") - 1
    assert (runs[["eyes", "mouth"]].to_numpy()[at] == truth[["eyes", "mouth"]]).all(axis=None)
    sampled = runs.start_s[1:] * 6  # an edge stays clear of the instants that are sampled
    assert ((sampled - sampled.round()).abs() > 0.05).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=90))
def test_labels_do_not_flicker(difference):
    labels = label_region(np.array(difference))
    runs = np.diff(np.flatnonzero(np.r_[True, labels[1:] != labels[:-1], True]))
    assert len(labels) == len(difference)
    assert all(runs[1:-1] >= 6)


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_cohort(tmp_path / name, patients=1, clips=1, seed=seed, seconds=1)
    a, b, c = (decoded(tmp_path / n / "clips" / "p01-1.mp4") for n in "abc")
    np.testing.assert_array_equal(a[0], b[0])
    assert not np.array_equal(a[0], c[0])
    assert a[0].shape == (30, 256, 256, 3)
    np.testing.assert_allclose(a[1], np.arange(30) * 1000 / 30, atol=0.01)
    for file in ("labels.csv", "truth.csv", "patients.csv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert not list((tmp_path / "a").rglob("*.part*"))


def test_half_a_cohort_is_none_and_a_whole_one_is_kept(tmp_path, monkeypatch):
    def stop(*_):
        raise PalsyError("the disk is full")
        yield

    with pytest.raises(PalsyError, match="disk"):
        write_clip(stop(), tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("palsy_utils.phantom.cohort.draw_clip", stop)
    with pytest.raises(PalsyError, match="disk"):
        write_cohort(tmp_path, patients=1, clips=1, seconds=1)
    assert not (tmp_path / "labels.csv").exists()
    (tmp_path / "labels.csv").write_text("someone's")
    with pytest.raises(PalsyError, match="holds a cohort already"):
        write_cohort(tmp_path)
    assert (tmp_path / "labels.csv").read_text() == "someone's"


@pytest.mark.parametrize(("patients", "clips", "seconds"), [(0, 1, 1), (3, 2, 1), (1, 1, 0)])
def test_numbers_that_make_no_cohort(tmp_path, patients, clips, seconds):
    with pytest.raises(PalsyError, match="make no cohort"):
        write_cohort(tmp_path, patients, clips, seconds=seconds)


def test_the_committed_cohort_is_what_the_code_draws():
    truth, labels = (pd.read_csv(PHANTOM / f"{name}.csv") for name in ("truth", "labels"))
    assert (labels.patient.nunique(), labels.video.nunique()) == (8, 11)
    assert all((PHANTOM / file).exists() for file in labels.file)
    assert truth.groupby("video").size().eq(120).all()
    for patient in make_patients(8, SHIPPED):
        mine = clip_truth(patient, seed=SHIPPED)
        stored = truth[truth.video == f"{patient.name}-1"].reset_index(drop=True)
        numbers = mine.columns.drop(["eyes", "mouth"])
        pd.testing.assert_frame_equal(mine[numbers], stored[numbers], check_dtype=False, atol=2e-3)
        assert (labels.video == f"{patient.name}-1").sum() == len(intervals(mine))
    assert sum(f.stat().st_size for f in (PHANTOM / "clips").iterdir()) < 3_100_000


def test_the_landmarker_sees_what_was_drawn(landmarker_file):
    seen, frames = [], 0
    for path in sorted((PHANTOM / "clips").iterdir()):
        pictures, _ = decoded(path)
        for frame in range(0, len(pictures), 5):  # 6 a second
            frames += 1
            found = measure_image(np.ascontiguousarray(pictures[frame][..., ::-1]))
            if found["found"]:
                scores = dict(zip(EXPRESSIONS, found["expressions"], strict=True))
                seen.append({"video": path.stem, "frame": frame} | scores)
    assert len(seen) >= 0.99 * frames
    rows = pd.DataFrame(seen).merge(pd.read_csv(PHANTOM / "truth.csv"), on=["video", "frame"])
    for name, score in (("blink", "eyeBlink"), ("smile", "mouthSmile")):
        measured = rows[f"{score}Left"] - rows[f"{score}Right"]
        meant = rows[f"{name}_left"] - rows[f"{name}_right"]
        assert spearmanr(measured, meant).statistic >= 0.7
