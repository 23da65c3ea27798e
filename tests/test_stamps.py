"""The one rule for "up to date", and each silent wrong number that it is there for."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import PHANTOM, PROJECT
from helpers import flip

from palsy_utils import stamps
from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import extract_frames, frames_of, load_frames
from palsy_utils.faces.modalities import (
    build_modalities,
    faces_of,
    load_modality,
    load_samples,
    modalities_of,
)
from palsy_utils.files import PalsyError
from palsy_utils.stamps import DAMAGED, DONE, OPEN, OUT_OF_DATE, content, state, write_stamp

SOURCE = {"code": 1, "settings": {"epochs": 2, "rate": 0.1}}


@pytest.fixture
def product(tmp_path):
    for name in ("a.csv", "b.npy"):
        (tmp_path / name).write_text(name)
    write_stamp(tmp_path / "a.csv", SOURCE, [tmp_path / "b.npy"], torch="2")
    return tmp_path / "a.csv"


def test_a_product_is_done_open_damaged_or_out_of_date(product):
    root = product.parent
    assert state(product, SOURCE, root) == (DONE, "")
    changed = SOURCE | {"settings": {"epochs": 3, "rate": 0.1}}
    assert state(product, changed, root) == (OUT_OF_DATE, "changed: settings epochs")
    (root / "b.npy").write_text("c.npy")
    assert state(product, SOURCE, root) == (DAMAGED, "b.npy")
    (root / "b.npy").unlink()
    assert state(product, SOURCE, root) == (DAMAGED, "b.npy")
    for damaged in ("{", "[]", '{"made_from": {}, "files": []}'):
        stamps.stamp_of(product).write_text(damaged)
        assert state(product, SOURCE, root) == (DAMAGED, "a.csv.stamp")
    stamps.stamp_of(product).unlink()
    assert state(product, SOURCE, root) == (OPEN, "")


def test_a_stamp_holds_no_path_and_no_date_and_travels(product, tmp_path_factory):
    kept = json.loads(stamps.stamp_of(product).read_text())
    assert kept["made_from"] == SOURCE and kept["torch"] == "2"
    assert set(kept) == {"made_from", "files", "torch"} and set(kept["files"]) == {"a.csv", "b.npy"}
    moved = shutil.copytree(product.parent, tmp_path_factory.mktemp("moved") / "there")
    assert state(moved / "a.csv", SOURCE, moved).kind == DONE


def test_content_is_read_again_only_where_size_or_times_are_new(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"one")
    read, real = [], stamps.sha256
    monkeypatch.setattr(stamps, "sha256", lambda p: read.append(p) or real(p))
    monkeypatch.setattr(stamps, "SETTLED", -(10**18))  # as if the file had long been there
    first = content(path, tmp_path)
    assert content(path, tmp_path) == first and len(read) == 1
    stamps._known.cache_clear()  # another process reads what this one has remembered
    assert content(path, tmp_path) == first and len(read) == 1
    os.utime(path, (1, 1))
    assert content(path, tmp_path) == first and len(read) == 2
    (tmp_path / "other").write_bytes(b"two")
    os.utime(tmp_path / "other", (1, 1))
    os.replace(tmp_path / "other", path)  # as large, as old, under the same name
    assert content(path, tmp_path) == real(path) != first
    with open(tmp_path / stamps.HASHES, "a") as log:  # cut off, as when a machine dies
        log.write('["clip.mp4", [3, 1')
    stamps._known.cache_clear()
    assert content(path, tmp_path) == real(path)


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path):
    path = tmp_path / "clip.mp4"
    for text in (b"one", b"two"):
        path.write_bytes(text)
        assert content(path, tmp_path) == stamps.sha256(path)
    assert not (tmp_path / stamps.HASHES).exists()


# --- frames, faces, modalities: what is changed is noticed, and nothing else


def states(root):
    """Say of every product of the first two stages whether it is up to date."""
    cohort = load_cohort(root)
    found = {}
    for video in cohort.videos.itertuples(index=False):
        if video.kind != "measured":
            found[f"frames {video.video}"] = frames_of(cohort, video).state().kind
        found[f"faces {video.video}"] = faces_of(cohort, video).state().kind
    arrays = modalities_of(cohort, 32).values()
    return found | {p.path.relative_to(root).as_posix(): p.state().kind for p in arrays}


ARRAYS = {"modalities/samples.csv", "images/lines-32.npy", "images/rgb-32.npy"}


def not_done(root):
    return {name for name, kind in states(root).items() if kind != DONE}


def replace(path, by, older=False):
    """Put another file in a file's place, newer or older than it."""
    moment = path.stat().st_mtime + (-1000 if older else 1000)
    shutil.copy(by, path)
    os.utime(path, (moment, moment))


@pytest.mark.parametrize("older", [False, True], ids=["newer", "older"])
def test_a_clip_replaced_under_its_name_costs_its_own_faces_and_all_arrays(small, older):
    assert not not_done(small)
    replace(small / "clips" / "p01-1.mp4", PHANTOM / "clips" / "p01-2.mp4", older)
    assert not_done(small) == {"frames p01-1", "faces p01-1"} | ARRAYS
    cohort = load_cohort(small)
    with pytest.raises(PalsyError, match=r"p01-1\.csv is out of date \(changed: content\)"):
        load_frames(cohort)
    with pytest.raises(PalsyError, match=r"samples\.csv is out of date \(changed: faces of p01-1"):
        load_samples(cohort)
    before = (small / "frames" / "p02-1.csv").stat().st_mtime_ns
    extract_frames(cohort)
    assert not_done(small) == {"faces p01-1"} | ARRAYS
    assert (small / "frames" / "p02-1.csv").stat().st_mtime_ns == before


def test_labels_that_point_to_another_clip_are_noticed(small):
    shutil.copy(PHANTOM / "clips" / "p01-2.mp4", small / "clips" / "other.mp4")
    labels = (small / "labels.csv").read_text()
    (small / "labels.csv").write_text(labels.replace("clips/p01-1.mp4", "clips/other.mp4"))
    assert not_done(small) == {"frames p01-1", "faces p01-1"} | ARRAYS


def test_a_changed_image_folder_is_noticed(small, tmp_path):
    album = small / "album"
    shutil.copytree(small / "frames" / "p01-1", album)
    labels = (small / "labels.csv").read_text() + "p09,p09-1,album,,,normal,normal\n"
    (small / "labels.csv").write_text(labels)
    cohort = load_cohort(small)
    extract_frames(cohort)
    assert "frames p09-1" not in not_done(small)
    first, second = sorted(album.glob("*.jpg"))[:2]
    replace(first, second)  # as many pictures, under the same names
    assert "frames p09-1" in not_done(small)
    extract_frames(cohort)
    second.unlink()
    assert "frames p09-1" in not_done(small)


def test_shortened_labels_and_a_deleted_clip_never_leave_arrays_with_other_rows(small):
    labels = pd.read_csv(small / "labels.csv", dtype=str)
    labels[labels["patient"] != "p04"].to_csv(small / "labels.csv", index=False)
    assert not_done(small) == ARRAYS
    (small / "clips" / "p02-1.mp4").unlink()  # its measurements are still there
    samples = build_modalities(load_cohort(small), 32)
    assert len(samples) == 48 and len(load_modality(small, "lines", 32)) == 48
    assert (small / "images" / "rgb-32.npy").exists()
    with pytest.raises(PalsyError, match=r"rgb-32\.npy is missing, damaged or not of the samples"):
        load_modality(small, "rgb", 32)


def test_after_touch_nothing_is_made_again(small):
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*.csv")}
    for path in small.rglob("*"):
        os.utime(path, (4e9, 4e9))
    assert not not_done(small)
    cohort = load_cohort(small)
    extract_frames(cohort)
    build_modalities(cohort, 32)
    assert {path.stat().st_mtime for path in before} == {4e9}


@pytest.mark.parametrize(
    ("file", "noticed"),
    [
        ("frames/p01-1/0.jpg", {"frames p01-1"}),
        ("frames/p01-1.csv", {"frames p01-1"}),
        ("faces/p01-1.parquet", {"faces p01-1"} | ARRAYS),  # until it is measured again
        ("modalities/handcrafted.npy", {"modalities/samples.csv"}),
        ("images/lines-32.npy", {"images/lines-32.npy"}),
    ],
)
def test_a_flipped_byte_costs_only_the_file_it_is_in(small, file, noticed):
    flip(small / file)
    assert not_done(small) == noticed
    assert DAMAGED in states(small).values()


def test_structured_arrays_that_are_damaged_are_not_loaded(small):
    path = small / "modalities" / "coordinates.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(PalsyError, match=r"coordinates\.npy is missing, damaged or not of"):
        load_modality(small, "coordinates", 0)


def test_shipped_measurements_carry_their_stamps():
    cohort = load_cohort(PHANTOM)
    for video in cohort.videos.itertuples(index=False):
        assert faces_of(cohort, video).state().kind == DONE, video


def test_the_committed_table_is_what_its_stamp_says():
    table = PROJECT / "figures" / "phantom" / "table_1.csv"
    kept = stamps.read_stamp(table)
    assert "table_1.md" in kept["files"] and not stamps.find_damage(table, kept["files"])
