"""The one rule for "up to date", and each silent wrong number that it is there for."""

import json
import os
import shutil

import pandas as pd
import pytest
from conftest import PHANTOM
from helpers import flip

from palsy_utils import stamps
from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import extract_frames, load_frames
from palsy_utils.faces.modalities import build_modalities, load_modality, load_samples
from palsy_utils.files import PalsyError
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.results import FACES, stage_states
from palsy_utils.stamps import DAMAGED, DONE, OPEN, OUT_OF_DATE, Product, content, write_stamp

SOURCE = {"code": 1, "settings": {"epochs": 2, "rate": 0.1}}


@pytest.fixture
def product(tmp_path):
    for name in ("a.csv", "b.npy"):
        (tmp_path / name).write_text(name)
    write_stamp(tmp_path / "a.csv", SOURCE, [tmp_path / "b.npy"], torch="2")
    return tmp_path / "a.csv"


def test_a_product_is_done_open_damaged_or_out_of_date(product):
    root = product.parent
    assert Product(product, SOURCE, root).state() == (DONE, "")
    many = {"settings": {"epochs": 3, "a_b": 1, "c": 1, "d": 1}}
    told = "changed: code, settings epochs, rate, a b and 2 more"
    assert Product(product, many, root).state() == (OUT_OF_DATE, told)
    for change in (lambda: (root / "b.npy").write_text("c.npy"), (root / "b.npy").unlink):
        change()
        assert Product(product, SOURCE, root).state() == (DAMAGED, "b.npy")
    for damaged in ("{", "[]", '{"made_from": {}, "files": []}'):
        stamps.stamp_of(product).write_text(damaged)
        assert Product(product, SOURCE, root).state() == (DAMAGED, "a.csv.stamp")
    stamps.stamp_of(product).unlink()
    assert Product(product, SOURCE, root).state() == (OPEN, "")


def test_a_stamp_holds_no_path_and_no_date_and_travels(product, tmp_path_factory):
    kept = json.loads(stamps.stamp_of(product).read_text())
    assert kept["made_from"] == SOURCE and kept["torch"] == "2"
    assert set(kept) == {"made_from", "files", "torch"} and set(kept["files"]) == {"a.csv", "b.npy"}
    moved = shutil.copytree(product.parent, tmp_path_factory.mktemp("moved") / "there")
    assert Product(moved / "a.csv", SOURCE, moved).state().kind == DONE


def test_content_is_read_again_only_where_size_or_times_are_new(tmp_path, monkeypatch):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"one")
    read, real = [], stamps.sha256
    monkeypatch.setattr(stamps, "sha256", lambda p: read.append(p) or real(p))
    first = content(path)
    assert content(path) == first and len(read) == 2  # what has just changed is not remembered
    monkeypatch.setattr(stamps, "SETTLED", -(10**18))  # as if the file had long been there
    assert [content(path) for _ in "ab"] == [first] * 2 and len(read) == 3
    os.utime(path, (1, 1))
    assert content(path) == first and len(read) == 4
    (tmp_path / "other").write_bytes(b"two")
    os.utime(tmp_path / "other", (1, 1))
    os.replace(tmp_path / "other", path)  # as large, as old, under the same name
    assert content(path) == real(path) != first


# --- frames, faces, modalities: what is changed is noticed, and nothing else

ARRAYS = {"modalities/samples.csv", "images/lines-32.npy", "images/rgb-32.npy"}
OF_P01 = {"frames/p01-1.csv", "faces/p01-1.parquet"}


def not_done(root):
    """Return what is not up to date of the products of the first two stages."""
    stages = stage_states(load_cohort(root), find_profile("smoke")).values()
    found = {name: state.kind for states in stages for name, state in states.items()}
    return {name.removeprefix(f"{root}/") for name, kind in found.items() if kind != DONE}


def replace(path, by, older=False):
    """Put another file in a file's place, newer or older than it."""
    moment = path.stat().st_mtime + (-1000 if older else 1000)
    shutil.copy(by, path)
    os.utime(path, (moment, moment))


def edit_labels(root, old, new):
    (root / "labels.csv").write_text((root / "labels.csv").read_text().replace(old, new))


@pytest.mark.parametrize("older", [False, True])
def test_a_clip_replaced_under_its_name_costs_its_own_faces_and_all_arrays(small, older):
    assert not not_done(small)
    replace(small / "clips" / "p01-1.mp4", PHANTOM / "clips" / "p01-2.mp4", older)
    assert not_done(small) == OF_P01 | ARRAYS
    cohort = load_cohort(small)
    with pytest.raises(PalsyError, match=r"p01-1\.csv is out of date \(changed: content\)"):
        load_frames(cohort)
    with pytest.raises(PalsyError, match=r"samples\.csv is out of date \(changed: faces of p01-1"):
        load_samples(cohort)
    before = (small / "frames" / "p02-1.csv").stat().st_mtime_ns
    extract_frames(cohort)
    assert not_done(small) == {"faces/p01-1.parquet"} | ARRAYS
    assert (small / "frames" / "p02-1.csv").stat().st_mtime_ns == before


def test_labels_that_point_to_another_clip_are_noticed(small):
    shutil.copy(PHANTOM / "clips" / "p01-2.mp4", small / "clips" / "other.mp4")
    edit_labels(small, "clips/p01-1.mp4", "clips/other.mp4")
    assert not_done(small) == OF_P01 | ARRAYS


def test_a_changed_image_folder_is_noticed(small):
    shutil.copytree(small / "frames" / "p01-1", small / "album")
    with open(small / "labels.csv", "a") as labels:
        labels.write("p09,p09-1,album,,,normal,normal\n")
    first, second = sorted((small / "album").glob("*.jpg"))[:2]
    # As many pictures under the same names, then one less.
    for change in (lambda: None, lambda: replace(first, second), second.unlink):
        change()
        assert "frames/p09-1.csv" in not_done(small)
        extract_frames(load_cohort(small))
        assert "frames/p09-1.csv" not in not_done(small)


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
    for path in small.rglob("*"):
        os.utime(path, (4e9, 4e9))
    assert not not_done(small)
    extract_frames(load_cohort(small))
    build_modalities(load_cohort(small), 32)
    assert {path.stat().st_mtime for path in small.rglob("*.csv")} == {4e9}


@pytest.mark.parametrize(
    ("file", "noticed"),
    [
        ("frames/p01-1/0.jpg", {"frames/p01-1.csv"}),
        ("faces/p01-1.parquet", {"faces/p01-1.parquet"} | ARRAYS),  # until it is measured again
        ("modalities/handcrafted.npy", {"modalities/samples.csv"}),
    ],
)
def test_a_flipped_byte_costs_only_the_file_it_is_in(small, file, noticed):
    flip(small / file)
    assert not_done(small) == noticed


def test_what_is_shipped_is_what_its_stamps_say():
    faces = stage_states(load_cohort(PHANTOM), find_profile("smoke"))[FACES]
    states = {name: found for name, found in faces.items() if name.endswith(".parquet")}
    assert len(states) > 8 and {found.kind for found in states.values()} == {DONE}
