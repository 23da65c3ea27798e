"""The phantom cohort: balanced, labelled by what shows, and seen by the Face Landmarker."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from palsy_utils.files import PalsyError
from palsy_utils.phantom.cohort import write_clip, write_cohort
from palsy_utils.phantom.motion import FPS, clip_truth, intervals, label_region
from palsy_utils.phantom.patients import describe, make_patients, with_palsy

COMMITTED = Path(__file__).parents[2] / "data" / "phantom"
SHIPPED = 54  # the seed of the committed cohort, see its README
SIZES = [(8, 11), (21, 31)]


def truth_of(patients: int, clips: int, seed: int = 0) -> pd.DataFrame:
    people = make_patients(patients, seed)
    parts = []
    for number in range(clips):
        patient = people[number % patients]
        truth = clip_truth(patient, number // patients, seed=seed)
        parts.append(truth.assign(patient=patient.name, video=number, meant=patient.eyes))
    return pd.concat(parts, ignore_index=True)


def decoded(path: Path) -> tuple[np.ndarray, list[float]]:
    clip, pictures, times = cv2.VideoCapture(str(path)), [], []
    while clip.grab():
        times.append(clip.get(cv2.CAP_PROP_POS_MSEC))
        pictures.append(clip.retrieve()[1])
    return np.array(pictures), times


# Patients


@pytest.mark.parametrize(("patients", "clips"), SIZES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_positives_and_classes(patients, clips, seed):
    truth = truth_of(patients, clips, seed)
    assert 0.3 < truth.label.mean() < 0.7
    both = truth.groupby("patient").label.nunique() == 2
    assert both.sum() >= patients - 3
    assert (make_patients(patients, seed)[4].eyes, both["p05"]) == ("none", False)


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


def test_the_first_two_are_the_examples_of_the_notebooks():
    first, second = make_patients(2)
    assert (first.eyes, first.mouth, second.eyes, second.mouth) == (
        "strong",
        "none",
        "none",
        "strong",
    )
    assert {first.side, second.side} == {"left", "right"}


# Palsy


@given(st.floats(-0.2, 1.1), st.floats(-0.5, 1.1), st.floats(0, 1.2), st.sampled_from(range(8)))
def test_without_palsy_both_sides_move_alike(blink, brow, smile, index):
    patient = replace(make_patients(8)[index], side="none")
    moved = with_palsy(patient, (blink, blink), (brow, brow), (smile, smile))
    assert all(left == right for left, right in moved.values())
    patient = replace(make_patients(8)[index], eyes="none", mouth="none", eyes_gain=1, mouth_gain=1)
    moved = with_palsy(patient, (blink, blink), (brow, brow), (smile, smile))
    assert all(left == right for left, right in moved.values())


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_affected_side_moves_less(side):
    patient = replace(make_patients(3)[2], side=side)
    moved = with_palsy(patient, (1, 1), (1, 1), (1, 1))
    weak, well = (0, 1) if side == "left" else (1, 0)
    for name in ("blink", "brow", "smile"):
        assert moved[name][weak] < 0.3
        assert moved[name][well] == 1
    assert moved["droop"][weak] > moved["droop"][well] == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 7), st.integers(0, 50), st.integers(0, 10_000))
def test_a_region_without_palsy_is_always_normal(index, clip, seed):
    patient = make_patients(8)[index]
    truth = clip_truth(patient, clip, seed=seed)
    for region in ("eyes", "mouth"):
        if getattr(patient, region) == "none":
            assert set(truth[region]) == {"normal"}


# Labels


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 7), st.integers(0, 50), st.floats(1, 9))
def test_intervals_cover_the_clip_and_give_the_labels_back(index, clip, seconds):
    truth = clip_truth(make_patients(8)[index], clip, seconds)
    runs = intervals(truth)
    assert runs.start_s.iloc[0] == 0
    assert runs.end_s.iloc[-1] == pytest.approx(len(truth) / FPS, abs=1e-4)
    assert (runs.start_s[1:].to_numpy() == runs.end_s[:-1].to_numpy()).all()
    assert (runs.end_s > runs.start_s).all()
    at = np.searchsorted(runs.start_s, truth.time_s, side="right") - 1
    assert (runs.eyes.to_numpy()[at] == truth.eyes).all()
    assert (runs.mouth.to_numpy()[at] == truth.mouth).all()
    sampled = runs.start_s[1:] * 6  # an edge stays clear of the instants that are sampled
    assert ((sampled - sampled.round()).abs() > 0.05).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=90))
def test_labels_do_not_flicker(difference):
    labels = label_region(np.array(difference))
    runs = np.diff(np.flatnonzero(np.r_[True, labels[1:] != labels[:-1], True]))
    assert len(labels) == len(difference)
    assert all(runs[1:-1] >= 6)


def test_the_binary_label_follows_the_papers_rule():
    truth = truth_of(8, 8)
    strong = (truth.eyes == "strong") | (truth.mouth == "strong")
    both = (truth.eyes == "slight") & (truth.mouth == "slight")
    assert (truth.label == (strong | both)).all()


# Files


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
    def fail(*_):
        raise PalsyError("the disk is full")

    monkeypatch.setattr("palsy_utils.phantom.cohort.write_clip", fail)
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


def test_a_clip_without_pictures_leaves_nothing(tmp_path):
    def stop():
        raise PalsyError("stopped")
        yield

    with pytest.raises(PalsyError, match="stopped"):
        write_clip(stop(), tmp_path / "clip.mp4")
    assert list(tmp_path.iterdir()) == []


# The committed cohort, measured


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return pd.read_csv(COMMITTED / "truth.csv")


def test_the_committed_cohort_is_what_the_code_draws(truth):
    labels = pd.read_csv(COMMITTED / "labels.csv")
    assert labels.patient.nunique() == 8
    assert labels.video.nunique() == 11
    assert all((COMMITTED / file).exists() for file in labels.file)
    assert truth.groupby("video").size().eq(120).all()
    for number, patient in enumerate(make_patients(8, SHIPPED)):
        mine = clip_truth(patient, seed=SHIPPED).drop(columns=["eyes", "mouth"])
        stored = truth[truth.video == f"{patient.name}-1"].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, stored[mine.columns], check_dtype=False, atol=2e-3)
        runs = labels[labels.video == f"{patient.name}-1"].reset_index(drop=True)
        assert len(runs) == len(intervals(clip_truth(patient, seed=SHIPPED))), number
    assert sum(f.stat().st_size for f in (COMMITTED / "clips").iterdir()) < 3_100_000


def test_the_landmarker_sees_what_was_drawn(truth, landmarker_file):
    mp = pytest.importorskip("mediapipe")
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(landmarker_file)),
        output_face_blendshapes=True,
        num_faces=1,
    )
    drawn, seen, frames = [], [], 0
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for path in sorted((COMMITTED / "clips").iterdir()):
            pictures, _ = decoded(path)
            for frame in range(0, len(pictures), 5):  # 6 a second
                frames += 1
                rgb = np.ascontiguousarray(pictures[frame][..., ::-1])
                found = landmarker.detect(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb))
                if found.face_blendshapes:
                    drawn.append((path.stem, frame))
                    seen.append({s.category_name: s.score for s in found.face_blendshapes[0]})
    assert len(seen) >= 0.99 * frames
    rows = pd.DataFrame(drawn, columns=["video", "frame"]).merge(truth, on=["video", "frame"])
    scores = pd.DataFrame(seen)
    for name, score in (("blink", "eyeBlink"), ("smile", "mouthSmile")):
        measured = scores[f"{score}Left"] - scores[f"{score}Right"]
        meant = rows[f"{name}_left"] - rows[f"{name}_right"]
        assert spearmanr(measured, meant).statistic >= 0.7
