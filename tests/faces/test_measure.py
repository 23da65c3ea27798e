import shutil

import numpy as np
import pandas as pd
import pytest

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import extract_frames, load_frames
from palsy_utils.faces.modalities import build_modalities, load_faces, load_modality, measure_faces
from palsy_utils.faces.pictures import open_landmarker
from palsy_utils.files import PalsyError


@pytest.mark.usefixtures("landmarker_file")
class TestMeasuring:
    def test_committed_measurements_are_those_of_the_committed_clips(self, small):
        committed, landmarks, scores = load_faces(load_cohort(small))
        shutil.rmtree(small / "faces")
        cohort = load_cohort(small)
        measure_faces(cohort, workers=2)
        again, landmarks_again, scores_again = load_faces(cohort)
        pd.testing.assert_frame_equal(committed, again)
        assert np.abs(landmarks - landmarks_again).max() < 1e-4
        assert np.abs(scores - scores_again).max() < 1e-3

    @pytest.mark.parametrize(
        ("name", "seconds", "share"),
        [("single_face", 2.4, 0.95), ("no_face", 4.14, 0)],
    )
    def test_real_videos_go_through_the_whole_front_end(
        self, shared, tmp_path, name, seconds, share
    ):
        shutil.copy(shared / "real" / f"{name}.mp4", tmp_path)
        header = "patient,video,file,start_s,end_s,label"
        (tmp_path / "labels.csv").write_text(f"{header}\na,a-1,{name}.mp4,,,1\n")
        cohort = load_cohort(tmp_path)
        extract_frames(cohort)
        assert set(load_frames(cohort)["note"]) == {""}
        measure_faces(cohort)
        table, _, _ = load_faces(cohort)
        assert abs(len(table) - 6 * seconds) <= 1
        assert share <= table["found"].mean() <= (share > 0)
        if share == 0:
            with pytest.raises(PalsyError, match="no frame with both a face and a label"):
                build_modalities(cohort, 32)
        else:
            samples, rgb = build_modalities(cohort, 32), load_modality(tmp_path, "rgb", 32)
            assert len(rgb) == len(samples) == table["found"].sum()


def test_measurements_at_hand_need_no_model_and_others_say_so(small, monkeypatch, tmp_path):
    open_landmarker.cache_clear()
    monkeypatch.setenv("PALSY_FACE_LANDMARKER", str(tmp_path / "face_landmarker.task"))
    (tmp_path / "face_landmarker.task").write_bytes(b"not the model")
    measure_faces(load_cohort(small))
    (small / "faces" / "p02-1.parquet").unlink()
    with pytest.raises(PalsyError, match="damaged or another file"):
        measure_faces(load_cohort(small))
    assert (small / "faces" / "p01-1.parquet").exists()


def test_the_patient_is_the_labels_word_not_the_measurements(small):
    labels = pd.read_csv(small / "labels.csv", dtype=str)
    labels["patient"] = labels["patient"].replace("p01", "renamed")
    labels.to_csv(small / "labels.csv", index=False)
    table, _, _ = load_faces(load_cohort(small))
    assert set(table["patient"]) == {"renamed", "p02", "p04"}
