import shutil

import numpy as np
import pandas as pd
import pytest

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.landmarks import POINTS_125
from palsy_utils.faces.modalities import build_modalities, load_faces, load_modality, load_samples
from palsy_utils.files import PalsyError
from palsy_utils.learning.profiles import PROFILES


def test_rows_of_all_modalities_are_the_samples(small_template):
    samples = load_samples(load_cohort(small_template))
    assert list(samples)[:3] == ["patient", "video", "frame"]
    shapes = {"coordinates": (125, 2), "expressions": (52,), "rgb": (32, 32, 3), "lines": (32, 32)}
    for name, shape in shapes.items():
        assert load_modality(small_template, name, 32).shape == (len(samples), *shape)
    assert set(samples["label"]) == {0, 1}


def test_nothing_is_written_again_unless_something_changed(small):
    image = small / "images" / "lines-32.npy"
    first, before = image.stat().st_mtime_ns, load_samples(load_cohort(small))
    build_modalities(load_cohort(small), 32)
    assert image.stat().st_mtime_ns == first
    labels = pd.read_csv(small / "labels.csv")
    labels.loc[labels["patient"] == "p02", ["eyes", "mouth"]] = "strong"
    labels.to_csv(small / "labels.csv", index=False)
    assert not build_modalities(load_cohort(small), 32).equals(before)


def test_raw_modalities_lie_beside_the_upright_ones(small):
    """As MediaPipe gives them, and never read in another's place."""
    images, cohort = small / "images", load_cohort(small)
    before = {path.name: path.read_bytes() for path in images.glob("*.npy")}
    with pytest.raises(PalsyError, match=r"raw-lines-32\.npy is missing"):
        load_modality(small, "raw-lines", 32)
    samples = build_modalities(cohort, 32, PROFILES["paper-literal"].inputs)
    assert {path.name for path in images.glob("*.npy")} == {
        *before,
        "raw-lines-32.npy",
        "raw-rgb-32.npy",
    }
    assert all((images / name).read_bytes() == content for name, content in before.items())
    table, landmarks, _ = load_faces(cohort)
    raw = load_modality(small, "raw-coordinates", 32)
    there = samples.merge(table.reset_index(), on=["video", "frame"])["index"]
    assert np.array_equal(raw, landmarks[there][:, POINTS_125, :2])
    for name in ("lines", "rgb"):
        turned, as_it_lies = (load_modality(small, n, 32) for n in (name, f"raw-{name}"))
        assert turned.shape == as_it_lies.shape and (turned != as_it_lies).any()
    for path in images.glob("raw-lines*"):
        shutil.copy(path, images / path.name.removeprefix("raw-"))
    stamp = images / "lines-32.npy.stamp"  # of another size, though of the same samples
    stamp.write_text(stamp.read_text().replace('"size": 32', '"size": 64'))
    with pytest.raises(PalsyError, match=r"lines-32\.npy is missing, damaged or not of"):
        load_modality(small, "lines", 32)


def test_frames_without_a_label_are_neither_trained_on_nor_scored(small):
    labels = pd.read_csv(small / "labels.csv")
    labels[labels["end_s"] < 3].to_csv(small / "labels.csv", index=False)
    samples = build_modalities(load_cohort(small), 32)
    ends = labels[labels["end_s"] < 3].groupby("video")["end_s"].max()
    assert (samples["time_s"] < samples["video"].map(ends)).all()
