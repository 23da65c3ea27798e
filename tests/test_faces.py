import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from palsy_utils.cohort import load_cohort
from palsy_utils.faces import (
    load_faces,
    measure_faces,
    measure_image,
    open_landmarker,
)
from palsy_utils.files import PalsyError
from palsy_utils.frames import extract_frames
from palsy_utils.modalities import build_modalities, load_modality
from palsy_utils.pictures import read_image


def in_pixels(measured):
    points = measured["landmarks"].reshape(478, 3)[:, :2]
    return points * [measured["width"], measured["height"]]


@pytest.mark.usefixtures("landmarker_file")
class TestMeasuring:
    def test_the_same_picture_gives_the_same_answer(self, face):
        first, second = measure_image(face), measure_image(face)
        assert first["found"] and first["n_faces"] == 1 and first["note"] == ""
        assert (first["landmarks"] == second["landmarks"]).all()
        assert (first["expressions"] == second["expressions"]).all()
        assert first["landmarks"].shape == (1434,) and first["expressions"].shape == (52,)
        assert first["expressions"].min() >= 0 and first["expressions"].max() <= 1

    def test_no_face_is_an_outcome(self):
        measured = measure_image(np.full((120, 160, 3), 127, np.uint8))
        assert not measured["found"] and measured["note"] == "no face"
        assert measured["landmarks"] is None and measured["expressions"] is None

    def test_a_face_that_fills_the_picture_is_found_with_a_margin(self, face):
        whole = in_pixels(measure_image(face))
        x, y = whole.min(0).astype(int)
        right, bottom = whole.max(0).astype(int)
        for cut in range(0, 40, 4):  # tighter and tighter, until the detector misses it
            part = face[y + cut : bottom - cut // 2, x + cut // 2 : right - cut // 2]
            measured = measure_image(part)
            if measured["note"] == "padded":
                offset = whole - in_pixels(measured) - [x + cut // 2, y + cut]
                assert np.abs(np.median(offset, axis=0)).max() < 4
                return
        pytest.fail("no crop of the face needed a margin: draw the crops tighter")

    @pytest.mark.parametrize(("size", "corner"), [((600, 1000), (0, 0)), ((1000, 700), (610, 405))])
    def test_a_small_face_is_found_in_a_part_of_the_picture(self, face, size, corner):
        top, left = corner
        large = in_pixels(measure_image(face))
        scale = 0.04 * max(size) / np.linalg.norm(large[263] - large[33])
        small = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = np.full((*size, 3), 127, np.uint8)
        picture[top : top + len(small), left : left + small.shape[1]] = small
        measured = measure_image(picture)
        assert measured["note"] == "enlarged" and measured["n_faces"] == 1
        where = large * scale + [left, top]
        assert np.abs(in_pixels(measured) - where).mean() < 0.05 * 0.04 * max(size)

    def test_of_several_faces_the_largest_is_measured(self, face):
        small = cv2.resize(face, (160, 160))
        side = np.full((256, 256, 3), 127, np.uint8)
        side[48:208, 48:208] = small
        for pair in ([face, side], [side, face]):
            measured = measure_image(np.hstack(pair))
            assert measured["n_faces"] == 2 and "largest of 2 faces" in measured["note"]
            is_left = in_pixels(measured)[:, 0].mean() < 256
            assert is_left == (pair[0] is face)

    def test_real_photo_of_several_people(self, shared):
        image, _ = read_image(shared / "real" / "multi_face.jpg")
        assert measure_image(image)["n_faces"] > 1

    def test_committed_measurements_are_those_of_the_committed_clips(self, small):
        committed, landmarks, scores = load_faces(load_cohort(small))
        shutil.rmtree(small / "faces")
        cohort = load_cohort(small)
        report = measure_faces(cohort, workers=2)
        again, landmarks_again, scores_again = load_faces(cohort)
        pd.testing.assert_frame_equal(committed, again)
        assert np.abs(landmarks - landmarks_again).max() < 1e-4
        assert np.abs(scores - scores_again).max() < 1e-3
        assert report["faces"].sum() == len(again)

    @pytest.mark.parametrize(
        ("name", "seconds", "share"),
        [("single_face", 2.4, 0.95), ("WolfgangLanger_Pexels", 19.69, 0.95), ("no_face", 4.14, 0)],
    )
    def test_real_videos_go_through_the_whole_front_end(
        self, shared, tmp_path, name, seconds, share
    ):
        shutil.copy(shared / "real" / f"{name}.mp4", tmp_path)
        header = "patient,video,file,start_s,end_s,label"
        (tmp_path / "labels.csv").write_text(f"{header}\na,a-1,{name}.mp4,,,1\n")
        cohort = load_cohort(tmp_path)
        extract_frames(cohort)
        measure_faces(cohort)
        table, _, _ = load_faces(cohort)
        assert abs(len(table) - 6 * seconds) <= 1
        if share == 0:
            assert not table["found"].any() and (table["note"] == "no face").all()
            with pytest.raises(PalsyError, match="no frame with both a face and a label"):
                build_modalities(cohort, 32)
        else:
            assert table["found"].mean() >= share
            samples = build_modalities(cohort, 32)
            rgb = load_modality(tmp_path, "rgb", 32)
            assert len(rgb) == len(samples) == table["found"].sum()
            assert rgb.std() > 10


def test_measurements_at_hand_need_no_model(small, monkeypatch):
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", "/no/such/file")
    measure_faces(load_cohort(small))


def test_without_model_and_measurements_the_error_says_what_to_do(small, monkeypatch, tmp_path):
    open_landmarker.cache_clear()
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", str(tmp_path / "face_landmarker.task"))
    (tmp_path / "face_landmarker.task").write_bytes(b"not the model")
    (small / "faces" / "p02-1.parquet").unlink()
    with pytest.raises(PalsyError, match="is damaged or another file"):
        measure_faces(load_cohort(small))
    assert (small / "faces" / "p01-1.parquet").exists()


def test_a_truncated_measurement_is_named(small):
    path = small / "faces" / "p01-1.parquet"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(PalsyError, match=r"p01-1\.parquet is missing or cannot be read"):
        load_faces(load_cohort(small))


def test_the_patient_is_the_labels_word_not_the_measurements(small):
    labels = pd.read_csv(small / "labels.csv", dtype=str)
    labels["patient"] = labels["patient"].replace("p01", "renamed")
    labels.to_csv(small / "labels.csv", index=False)
    table, _, _ = load_faces(load_cohort(small))
    assert set(table["patient"]) == {"renamed", "p02", "p04"}
