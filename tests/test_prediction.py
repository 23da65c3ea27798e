import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import papermill
import pytest
from click.testing import CliRunner
from conftest import PHANTOM, PROJECT
from helpers import cut_off, write_clip, write_picture
from scipy.stats import spearmanr
from test_fitting import fit_small

from palsy_utils.attention import predict_with_attention
from palsy_utils.cli import main
from palsy_utils.clip_measures import MEASURES, measure_frames, measures, most_asymmetric, turn
from palsy_utils.cohort import load_cohort
from palsy_utils.downloads import LANDMARKER, is_at_hand
from palsy_utils.faces import load_faces
from palsy_utils.files import PalsyError
from palsy_utils.fitting import open_everybody, write_model
from palsy_utils.inner import temper
from palsy_utils.mirror import MIRROR
from palsy_utils.models import probabilities
from palsy_utils.one_fold import load_inputs
from palsy_utils.prediction import measure_clip, predict, predict_clip
from palsy_utils.profiles import PROFILES
from palsy_utils.rows import MODELS
from palsy_utils.tokens import load_tokens
from palsy_utils.training import compute
from palsy_utils.upright import to_pixels

SMOKE = PROFILES["smoke"]


@pytest.fixture(scope="module")
def measured(small_template, landmarker_file, tmp_path_factory):
    """One clip of the small cohort, measured as a stranger's."""
    return measure_clip(small_template / "clips/p01-1.mp4", tmp_path_factory.mktemp("c"), SMOKE)


@pytest.fixture(scope="module")
def model_file(small_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "net.pt"
    write_model(fit_small(small_template), path)
    return path


@pytest.mark.parametrize(
    "model",
    ["handcrafted-fnn", "lines-multitask-resnet50", "attention-fusion-structured", "clip-fusion"],
)
def test_a_clip_of_the_cohort_gets_the_nets_own_answer(small_template, measured, model):
    fitted = fit_small(small_template, model)
    fold = open_everybody(str(small_template), "smoke", model, device="cpu")
    rows = np.flatnonzero(fold.samples["video"] == "p01-1")
    if "fusion" in model:
        inputs = list(load_tokens(fold)[0].values())
        logits, _ = predict_with_attention(fitted.net, inputs, rows, fold.device)
    else:
        logits = compute(fitted.net, load_inputs(fold), rows, fold.device)
    table = predict_clip(fitted, measured, "cpu").set_index("frame")
    ours = table.loc[fold.samples["frame"].iloc[rows], "probability"]
    assert np.allclose(ours, probabilities(logits), atol=1e-4)
    assert ("eyes_strong" in table) == MODELS[model].multitask and "side_left" not in table


def test_calibrated_probability_is_the_tempered_one(small_template, measured):
    fitted = fit_small(small_template)
    assert predict_clip(fitted, measured, "cpu")["calibrated_probability"].isna().all()
    table = predict_clip(replace(fitted, temperature=2.0), measured, "cpu")
    expected = temper(table["probability"], 2.0)
    assert np.allclose(table["calibrated_probability"], expected)


def test_frames_without_a_face_have_no_answer(small_template, landmarker_file, tmp_path):
    album = tmp_path / "album"
    for i in (1, 3):
        write_picture(album / f"{i}.png")
    frames = sorted((small_template / "frames/p01-1").glob("*.jpg"))
    shutil.copy(frames[0], album / "2.jpg")
    (tmp_path / "work").mkdir()
    cohort = measure_clip(album, tmp_path / "work", SMOKE)
    table = predict_clip(fit_small(small_template), cohort, "cpu")
    assert table["frame"].tolist() == [1, 2, 3] and table["found"].tolist() == [False, True, False]
    assert table["probability"].notna().tolist() == [False, True, False]
    assert table["time_s"].round(3).tolist() == [0, 0.167, 0.333]
    assert most_asymmetric(table) == 1
    assert sorted(p.name for p in album.iterdir()) == ["1.png", "2.jpg", "3.png"]


@pytest.mark.usefixtures("landmarker_file")
def test_command_writes_table_and_report_of_an_image(small_template, model_file, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    frame = sorted((small_template / "frames/p02-1").glob("*.jpg"))[0]
    image = shutil.copy(frame, folder / "a photo.jpg")
    before = sorted(folder.iterdir())
    options = ["--model", model_file, "--output", tmp_path / "out", "--device", "cpu"]
    done = CliRunner().invoke(main, ["predict", str(image), *map(str, options)])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out" / "a photo.csv")
    assert list(table)[:5] == ["frame", "time_s", "found", "probability", "calibrated_probability"]
    assert len(table) == 1 and table["probability"].between(0, 1).all()
    assert "a photo.jpg" in (tmp_path / "out" / "a photo.html").read_text()
    assert sorted(folder.iterdir()) == before


def test_notebook_and_command_say_the_same(small_template, model_file, landmarker_file, tmp_path):
    clip = small_template / "clips" / "p04-1.mp4"
    parameters = {"model_file": model_file, "clip": clip, "output": tmp_path / "notebook"}
    parameters |= {"cohort": small_template}
    papermill.execute_notebook(
        str(PROJECT / "notebooks" / "11_your_own_video.ipynb"),
        str(tmp_path / "11.ipynb"),
        {name: str(value) for name, value in parameters.items()},
        cwd=str(PROJECT / "notebooks"),
        progress_bar=False,
    )
    table, page = predict(str(clip), str(model_file), str(tmp_path / "command"))
    for file in (table, page):
        assert (tmp_path / "notebook" / file.name).read_bytes() == file.read_bytes()


def test_without_the_landmark_model_the_same_clip_is_taken_as_a_cohort_has_it(
    small_template, tmp_path, monkeypatch
):
    monkeypatch.delenv("PALSY_FACE_LANDMARKER", raising=False)
    if is_at_hand(LANDMARKER):
        pytest.skip("the landmark model lies in data/models: move it away to test its absence")
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    clip = shutil.copy(small_template / "clips" / "p02-1.mp4", tmp_path / "p01-1.mp4")
    ours = measure_clip(clip, tmp_path / "one", SMOKE, small_template)
    assert len(ours.notes) == 1 and "this clip is p02-1 of the cohort small" in ours.notes[0]
    table, landmarks, _ = load_faces(load_cohort(small_template))
    assert np.array_equal(load_faces(ours)[1], landmarks[table["video"] == "p02-1"])
    with open(clip, "ab") as file:
        file.write(b"another clip")
    with pytest.raises(PalsyError, match=r"face_landmarker\.task is not at hand"):
        measure_clip(clip, tmp_path / "other", SMOKE, small_template)


def refuse(clip, model, output, message):
    with pytest.raises(PalsyError, match=message):
        predict(str(clip), str(model), str(output), "cpu")


def test_no_face_is_an_error_and_leaves_nothing(model_file, landmarker_file, tmp_path):
    clip = write_clip(tmp_path / "in" / "blank.mp4", 30)
    refuse(clip, model_file, tmp_path / "out", "No face .* any of 6 frame.*blank")
    assert not list((tmp_path / "out").iterdir())


def test_bad_clips_are_named(model_file, tmp_path):
    clips = tmp_path / "in"
    out = tmp_path / "out"
    (clips / "empty").mkdir(parents=True)
    (clips / "notes.txt").write_text("no clip")
    (clips / "none.mp4").write_bytes(b"")
    (clips / "broken.png").write_bytes(b"\x89PNG broken")
    cut_off(write_clip(clips / "cut.mp4", 30), 0.2)
    refuse(clips / "gone.mp4", model_file, out, r"gone\.mp4 does not exist")
    refuse(clips / "empty", model_file, out, "empty holds no image")
    refuse(clips / "notes.txt", model_file, out, "neither video nor image")
    refuse(clips / "none.mp4", model_file, out, "is no video that can be read")
    refuse(clips / "cut.mp4", model_file, out, "is no video that can be read")
    refuse(clips / "broken.png", model_file, out, "is no image that can be read")
    assert not list(out.iterdir())


def test_outputs_that_cannot_be_written_are_named_at_once(small_template, model_file, tmp_path):
    clip = small_template / "clips" / "p01-1.mp4"
    (tmp_path / "file").write_text("")
    refuse(clip, model_file, tmp_path / "file", "file cannot be written .*: choose another folder")
    refuse(clip, model_file, tmp_path / "file" / "deep", "deep cannot be written")
    refuse(clip, model_file, clip.parent, "is where the clip lies")
    refuse(clip.parent, model_file, clip.parent / "new", "is where the clip lies")
    assert not (clip.parent / "new").exists()
    refuse(clip, tmp_path / "gone.pt", tmp_path / "out", r"gone\.pt is no file")


def test_a_modality_that_is_not_there_is_named(small_template, measured, tmp_path):
    root = shutil.copytree(measured.root, tmp_path / "copy")
    (root / "modalities" / "handcrafted.npy").unlink()
    fitted = fit_small(small_template, "handcrafted-fnn")
    with pytest.raises(PalsyError, match=r"handcrafted\.npy is missing"):
        predict_clip(fitted, replace(measured, root=root), "cpu")


@pytest.fixture(scope="module")
def drawn():
    """Points in pixels (n, 478, 2) of all drawn faces, and what was drawn."""
    table, landmarks, _ = load_faces(load_cohort(PHANTOM))
    truth = pd.read_csv(PHANTOM / "truth.csv")
    truth = table[["video", "frame"]].merge(truth, on=["video", "frame"], validate="1:1")
    return to_pixels(landmarks, table["height"], table["width"]), truth


def test_a_mirrored_face_has_the_opposite_measures(drawn):
    points, _ = drawn
    ours, theirs = measures(points), measures(points[:, MIRROR] * [-1, 1] + [256, 0])
    for name in MEASURES:
        assert np.allclose(ours[f"{name}_difference"], -theirs[f"{name}_difference"], atol=1e-3)
        assert np.allclose(ours[f"{name}_left"], theirs[f"{name}_right"], atol=1e-3)
    assert np.allclose(measures(3 * points), ours, atol=1e-3)  # millimetres, not pixels


def test_measures_follow_what_was_drawn(drawn):
    points, truth = drawn
    measured = measures(points)
    drawn_gap = truth["blink_right"] - truth["blink_left"]  # a lid less closed leaves a wider gap
    assert spearmanr(measured["eye_difference"], drawn_gap)[0] > 0.7
    drawn_brow = truth["brow_left"] - truth["brow_right"]
    assert spearmanr(measured["brow_difference"], drawn_brow)[0] > 0.5
    drawn_mouth = truth["smile_right"] - truth["smile_left"]  # a smile lifts the corner
    assert spearmanr(measured["mouth_difference"], drawn_mouth)[0] > 0.5


def test_the_most_asymmetric_frame_shows_the_palsy(measured):
    """The palsy of p01 was drawn into the left eye, which closes less."""
    frames = measure_frames(measured)
    row = frames.loc[most_asymmetric(frames)]
    assert row["asymmetry_mm"] == frames["asymmetry_mm"].max()
    assert row["eye_difference"] > 2


def test_a_turned_head_is_told_by_depth():
    landmarks = np.zeros((3, 478, 3))
    for i, degrees in enumerate((-30, 0, 30)):
        angle = np.radians(degrees)
        landmarks[i, 454] = 0.2 * np.cos(angle), 0, 0.2 * np.sin(angle)
    assert np.allclose(turn(landmarks, np.full(3, 100), np.full(3, 200)), [-30, 0, 30])
