import errno
import os
from pathlib import Path
from unittest.mock import Mock

import cv2
import pandas as pd
import pytest
from helpers import (
    cut_off,
    moov_first,
    picture,
    read_picture,
    set_delay,
    set_durations,
    set_rotation,
    set_shown,
    write_clip,
    write_labels,
    write_picture,
)

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import SHORT, extract_frames, load_frames
from palsy_utils.files import PalsyError


def cohort_of(root: Path, *files: str):
    """A labels.csv cohort in which each file is a video of a person of its own."""
    rows = [f"p{i},v{i},{file},,,normal,normal" for i, file in enumerate(files, start=1)]
    return load_cohort(write_labels(root, rows))


def sampled(root: Path, file: str = "clip.mp4") -> pd.DataFrame:
    cohort = cohort_of(root, file)
    extract_frames(cohort)
    return load_frames(cohort)


def pictures_of(table: pd.DataFrame, root: Path) -> list[int]:
    return [read_picture(cv2.imread(str(root / file))) for file in table["file"]]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])  # the last two round to milliseconds
def test_30_fps_gives_every_fifth_frame_and_the_right_pictures(tmp_path, suffix):
    write_clip(tmp_path / f"clip{suffix}", 61)
    table = sampled(tmp_path, f"clip{suffix}")
    assert list(table["frame"]) == list(range(0, 61, 5)) == pictures_of(table, tmp_path)
    assert table["time_s"].tolist() == pytest.approx([i / 6 for i in range(13)], abs=1e-3)
    assert list(table["file"][:2]) == ["frames/v1/0.jpg", "frames/v1/5.jpg"]
    assert set(table["note"]) == {""}


@pytest.mark.parametrize(
    ("fps", "frames", "expected"),
    [(5, 12, 12), (25, 50, 12), (24000 / 1001, 96, 24), (60, 120, 12), (7, 21, 18)],
)
def test_other_rates(tmp_path, fps, frames, expected):
    write_clip(tmp_path / "clip.mp4", frames, fps)
    table = sampled(tmp_path)
    assert len(table) == expected
    # Never more than one picture of the clip late.
    due = range(len(table)) if fps >= 6 else [6 * i / fps for i in range(frames)]
    late = [t - i / 6 for t, i in zip(table["time_s"], due, strict=True)]
    assert min(late) > -0.002 and max(late) < 1 / fps + 0.002


def test_variable_frame_rate_is_sampled_by_time(tmp_path):
    write_clip(tmp_path / "clip.mp4", 90)
    # One second at 30 a second, two at 15, one at 30: by counting, every fifth would be wrong.
    set_durations(tmp_path / "clip.mp4", [(30, 1), (30, 2), (30, 1)])
    table = sampled(tmp_path)
    assert table["time_s"].iloc[-1] == pytest.approx(23 / 6, abs=0.04)
    assert len(table) == 24 and table["frame"].between(30, 59).sum() == 12
    assert list(table["frame"]) == pictures_of(table, tmp_path)


def test_a_phone_clip_is_turned_upright(tmp_path):
    write_clip(tmp_path / "clip.mp4", 5)
    set_rotation(tmp_path / "clip.mp4")
    file = sampled(tmp_path)["file"][0]
    assert cv2.imread(str(tmp_path / file)).shape[:2] == (256, 192)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_clip_that_is_cut_off_is_used_as_far_as_it_goes(tmp_path, suffix):
    clip = write_clip(tmp_path / f"clip{suffix}", 90)
    if suffix == ".mp4":
        moov_first(clip)
        assert set(sampled(tmp_path)["note"]) == {""}
        set_shown(clip, 0.5)  # trimmed: its file holds more than players show
        assert list(sampled(tmp_path)["note"]) == [""] * 8 + [SHORT]
        set_shown(clip, 2)
    cut_off(clip, 0.6)
    cohort = cohort_of(tmp_path, f"clip{suffix}")
    extract_frames(cohort)
    table = load_frames(cohort)
    assert 5 <= len(table) <= 13
    assert list(table["note"]) == [""] * (len(table) - 1) + [SHORT]


def test_a_clip_whose_first_picture_comes_late_says_from_where_times_count(tmp_path):
    write_clip(tmp_path / "clip.mp4", 30)
    set_delay(tmp_path / "clip.mp4", 1.4)
    table = sampled(tmp_path)
    note = "times count from the first picture, whose stamp is 1.40 s"
    assert list(table["note"]) == [note] + [""] * 5
    assert list(table["time_s"]) == pytest.approx([i / 6 for i in range(6)], abs=0.001)


def test_bad_clips_are_told_together_after_the_good_ones_are_done(tmp_path):
    write_clip(tmp_path / "good.mp4", 12)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is no clip " * 100)
    write_clip(tmp_path / "last.mp4", 12)
    gone = write_clip(tmp_path / "gone.mp4", 12)
    (tmp_path / "no_pictures").mkdir()
    names = ["empty.mp4", "good.mp4", "text.mp4", "gone.mp4", "no_pictures", "last.mp4"]
    cohort = cohort_of(tmp_path, *names)
    gone.unlink()
    with pytest.raises(PalsyError) as error:
        extract_frames(cohort, workers=2)
    for told in ("4 of 6", "empty.mp4 is no video", "text.mp4", "gone.mp4", "no_pictures"):
        assert told in str(error.value)
    done = {path.name for path in (tmp_path / "frames").glob("*.csv")}
    assert done == {"v2.csv", "v6.csv"}
    with pytest.raises(PalsyError, match=r"v1\.csv is missing"):
        load_frames(cohort)


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("v1.csv", lambda path: cut_off(path, 0.6)),
        ("v1/5.jpg", Path.unlink),
        ("v1.csv.stamp", Path.unlink),
    ],
)
def test_what_is_damaged_is_made_again(tmp_path, file, damage):
    write_clip(tmp_path / "clip.mp4", 12)
    before = sampled(tmp_path)
    picture = (tmp_path / "frames" / "v1" / "5.jpg").read_bytes()
    damage(tmp_path / "frames" / file)
    with pytest.raises(PalsyError, match=r"frames.v1\.csv is (missing|damaged)"):
        load_frames(cohort_of(tmp_path, "clip.mp4"))
    pd.testing.assert_frame_equal(sampled(tmp_path), before)
    assert (tmp_path / "frames" / "v1" / "5.jpg").read_bytes() == picture


def test_an_interrupted_clip_is_never_half_taken(tmp_path, monkeypatch):
    write_clip(tmp_path / "clip.mp4", 31)
    cohort = cohort_of(tmp_path, "clip.mp4")
    written = cv2.imencode(".jpg", picture(0))
    with monkeypatch.context() as patch:
        patch.setattr(cv2, "imencode", Mock(side_effect=[written, written, KeyboardInterrupt]))
        with pytest.raises(KeyboardInterrupt):
            extract_frames(cohort)
    assert len(list((tmp_path / "frames" / "v1").iterdir())) == 2
    assert not (tmp_path / "frames" / "v1.csv").exists()
    (tmp_path / "frames" / "v1" / "77.jpg").touch()  # of an earlier attempt
    (tmp_path / "frames" / "v1" / "cover.png").touch()  # somebody's own
    extract_frames(cohort)
    assert list(load_frames(cohort)["frame"]) == list(range(0, 31, 5))
    assert not (tmp_path / "frames" / "v1" / "77.jpg").exists()
    assert (tmp_path / "frames" / "v1" / "cover.png").exists()


def test_images_are_indexed_where_they_lie(tmp_path):
    for name in ("10", "9", "100"):
        write_picture(tmp_path / "numbered" / f"{name}.png")
    for name in ("b10", "b9", "a"):
        write_picture(tmp_path / "named" / f"{name}.jpg")
    (tmp_path / "named" / "a.txt").touch()
    (tmp_path / "named" / "b99.jpg").write_text("no image")
    write_picture(tmp_path / "still.jpg")
    cohort = cohort_of(tmp_path, "numbered", "named", "still.jpg")
    extract_frames(cohort)
    table = load_frames(cohort)
    assert table["frame"].tolist() == [9, 10, 100, 0, 1, 2, 3, 0]
    assert (6 * table["time_s"]).tolist() == pytest.approx([0, 1, 2, 0, 1, 2, 3, 0], abs=1e-5)
    files = "numbered/9.png numbered/10.png numbered/100.png named/a.jpg named/b9.jpg named/b10.jpg"
    assert table["file"].tolist() == [*files.split(), "named/b99.jpg", "still.jpg"]
    assert table["note"].tolist() == [""] * 6 + ["unreadable", ""]
    assert {path.suffix for path in (tmp_path / "frames").glob("*")} == {".csv", ".stamp"}


def test_measured_videos_have_no_frames_and_corrected_patients_take_effect(tmp_path):
    write_clip(tmp_path / "clip.mp4", 12)
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "v2.parquet").touch()
    cohort = cohort_of(tmp_path, "clip.mp4", "")
    extract_frames(cohort)
    assert list(load_frames(cohort)["video"]) == ["v1"] * 3
    labels = tmp_path / "labels.csv"
    labels.write_text(labels.read_text().replace("p1,", "NN-07,"))
    assert set(load_frames(load_cohort(tmp_path))["patient"]) == {"NN-07"}


def test_a_full_disk_is_told_as_such_and_earlier_videos_stay(tmp_path, monkeypatch):
    write_clip(tmp_path / "a.mp4", 12)
    sampled(tmp_path, "a.mp4")
    write_clip(tmp_path / "b.mp4", 12)
    cohort = cohort_of(tmp_path, "a.mp4", "b.mp4")

    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", Mock(side_effect=full))
        with pytest.raises(PalsyError, match=r"v2.*could not be written \(No space left"):
            extract_frames(cohort)
    assert not list((tmp_path / "frames" / "v2").iterdir())
    extract_frames(cohort)
    assert list(load_frames(cohort)["video"]) == ["v1"] * 3 + ["v2"] * 3
