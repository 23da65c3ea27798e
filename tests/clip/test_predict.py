import os
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
from test_fit import fit_small

from palsy_utils.cli import main
from palsy_utils.clip.card import file_hashes
from palsy_utils.clip.fit import load_seen, measure, open_everybody, write_model
from palsy_utils.clip.measures import MEASURES, measures, millimetres
from palsy_utils.clip.predict import measure_clip, output_files, predict, predict_clip
from palsy_utils.cohort.load import load_cohort
from palsy_utils.downloads import LANDMARKER, is_at_hand
from palsy_utils.faces.landmarks import MIRROR
from palsy_utils.faces.measure import load_faces
from palsy_utils.faces.upright import to_pixels
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS
from palsy_utils.learning.nested import temper
from palsy_utils.learning.nets import probabilities
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.learning.training import compute

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


@pytest.fixture(scope="module")
def measured_here(small_template, landmarker_file, tmp_path_factory):
    """The small cohort, measured by this machine's MediaPipe, as a clip that is predicted is."""
    root = shutil.copytree(small_template, tmp_path_factory.mktemp("cohorts") / "here")
    shutil.rmtree(root / "faces")
    measure(str(root), "smoke")
    return root


@pytest.mark.parametrize(
    "model",
    ["handcrafted-fnn", "lines-multitask-resnet50", "attention-fusion-structured", "clip-fusion"],
)
def test_a_clip_of_the_cohort_gets_the_nets_own_answer(measured_here, measured, model):
    fitted = fit_small(measured_here, model)
    fold = open_everybody(str(measured_here), "smoke", model, device="cpu")
    rows = np.flatnonzero(fold.samples["video"] == "p01-1")
    logits = compute(fitted.net, load_seen(fold), rows, fold.device)
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


@pytest.fixture(scope="module")
def album(small_template, tmp_path_factory):
    """A folder with photographs of two people, one without a face, one damaged, and a note."""
    folder = tmp_path_factory.mktemp("photos") / "album"
    write_picture(folder / "10 nobody.png")
    for name, clip, frame in (("2 anna.jpg", "p01-1", 3), ("1 bert.JPG", "p02-1", 0)):
        shutil.copy(frames_of(small_template, clip)[frame], folder / name)
    (folder / "3 damaged.png").write_bytes(b"\x89PNG")
    (folder / "notes.txt").write_text("not a photograph")
    return folder


def frames_of(cohort, clip):
    return sorted((cohort / "frames" / clip).glob("*.jpg"), key=lambda path: int(path.stem))


def test_photographs_have_names_and_no_time(small_template, album, landmarker_file, tmp_path):
    before = sorted(album.iterdir())
    measured = measure_clip(album, tmp_path, SMOKE)
    table = predict_clip(fit_small(small_template), measured, "cpu")
    assert list(table)[:4] == ["file", "found", "probability", "calibrated_probability"]
    assert not {"frame", "time_s"} & set(table)
    files = ["1 bert.JPG", "2 anna.jpg", "3 damaged.png", "10 nobody.png"]
    assert table["file"].tolist() == files
    assert table["found"].tolist() == [True, True, False, False]
    assert table["probability"].notna().tolist() == table["found"].tolist()
    assert table["note"].tolist()[2:] == ["unreadable", "no face"]
    assert {crop.shape for crop in measured.thumbnails.values()} == {(200, 200, 3)}
    assert list(measured.thumbnails) == table.index[table["found"]].tolist()
    assert sorted(album.iterdir()) == before


def test_a_photograph_is_judged_alone(small_template, album, landmarker_file, tmp_path):
    """Even by a net that sees the frames before and after: other photographs are other people."""
    fitted = fit_small(small_template, "clip-fusion")
    for folder in ("all", "one"):
        (tmp_path / folder).mkdir()
    together = predict_clip(fitted, measure_clip(album, tmp_path / "all", SMOKE), "cpu")
    alone = measure_clip(album / "2 anna.jpg", tmp_path / "one", SMOKE)
    table = predict_clip(fitted, alone, "cpu")
    assert table["file"].tolist() == ["2 anna.jpg"]
    assert table["probability"][0] == pytest.approx(together["probability"][1], abs=1e-5)


def command(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments), "--device", "cpu"])


@pytest.mark.usefixtures("landmarker_file")
def test_command_writes_one_table_and_one_report_of_photographs(album, model_file, tmp_path):
    done = command(album, "--model", model_file, "--output", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["album.csv", "album.html"]
    table = pd.read_csv(tmp_path / "out" / "album.csv")
    assert table["file"].tolist()[0] == "1 bert.JPG" and table["probability"].notna().sum() == 2
    page = (tmp_path / "out" / "album.html").read_text()
    assert all(name in page for name in table["file"])


def test_a_folder_of_clips_gives_a_report_each_and_names_what_failed(
    small_template, album, model_file, landmarker_file, tmp_path
):
    clips = tmp_path / "clips"
    write_clip(clips / "a blank.mp4", 30)
    (clips / "b damaged.mp4").write_bytes(b"no clip")
    shutil.copy(small_template / "clips" / "p01-1.mp4", clips / "c good.mp4")
    shutil.copy(album / "2 anna.jpg", clips)
    done = command(clips, "--model", model_file, "--output", tmp_path / "out")
    assert done.exit_code == 1
    written = ["c good.mp4.csv", "c good.mp4.html", "clips.csv", "clips.html"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == written
    *_, first, second = done.output.splitlines()
    assert "No face" in first and "a blank.mp4" in first and "6 %" in first
    assert "b damaged.mp4 is no video" in second
    assert all(str(tmp_path / "out" / name) in done.output for name in written)


def test_a_report_replaces_its_own_and_no_other(
    small_template, album, model_file, landmarker_file, tmp_path
):
    out = tmp_path / "out"
    for folder in ("v1", "v2"):
        shutil.copytree(album, tmp_path / folder / "album")
    assert command(tmp_path / "v1/album", "--model", model_file, "--output", out).exit_code == 0
    before = {path: path.read_bytes() for path in out.iterdir()}
    again = command(tmp_path / "v1/album", "--model", model_file, "--output", out)
    assert again.exit_code == 0 and {p: p.read_bytes() for p in out.iterdir()} == before
    refuse(tmp_path / "v2/album", model_file, out, "report on another file called album")
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    names = {output_files(f"v1/a.{suffix}", out) for suffix in ("png", "bmp", "mp4")}
    assert len(names) == 3


@pytest.mark.parametrize("name", [b"caf\xe9.jpg", 240 * b"a" + b".jpg", "\u00e9".encode() * 120])
def test_any_name_gets_a_report(album, model_file, landmarker_file, tmp_path, name):
    photo = os.path.join(os.fsencode(tmp_path), name if name.endswith(b".jpg") else name + b".jpg")
    try:
        shutil.copy(album / "2 anna.jpg", photo)
    except OSError:
        pytest.skip("the disk does not take such a name")
    files = list(predict(os.fsdecode(photo), str(model_file), str(tmp_path / "out"), "cpu"))
    assert [path.suffix for path in files] == [".csv", ".html"]
    assert all(path.is_file() and path.name[:3] in ("caf", "aaa", "\u00e9" * 3) for path in files)


def test_photographs_that_the_model_was_fitted_on_are_told(album, landmarker_file, tmp_path):
    """One by one, or as the folder that a cohort may call a video."""
    measured = measure_clip(album, tmp_path, SMOKE)
    folder = [(i, i / 6, f"album/{name}") for i, name in enumerate(measured.frames["file"])]
    sources = {"a": folder, "b": [(0, 0.0, "album/2 anna.jpg")]}
    trained = file_hashes(replace(measured.cohort, root=album.parent, sources=sources))
    assert len(trained) == 2 and set(trained) < set(measured.hashes)


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
    (note,) = ours.cohort.notes
    assert "this clip is p02-1 of the cohort small" in note
    table, landmarks, _ = load_faces(load_cohort(small_template))
    assert np.array_equal(load_faces(ours.cohort)[1], landmarks[table["video"] == "p02-1"])
    with open(clip, "ab") as file:
        file.write(b"another clip")
    with pytest.raises(PalsyError, match=r"face_landmarker\.task is not at hand"):
        measure_clip(clip, tmp_path / "other", SMOKE, small_template)


def refuse(clip, model, output, message):
    with pytest.raises(PalsyError, match=message):
        list(predict(str(clip), str(model), str(output), "cpu"))


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
    refuse(clips / "empty", model_file, out, "empty holds neither a video nor a photograph")
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
    album = write_picture(tmp_path / "album" / "1.png").parent
    refuse(album, model_file, album / "new", "is where the clip lies")
    assert not (album / "new").exists()
    refuse(clip, tmp_path / "gone.pt", tmp_path / "out", r"gone\.pt is no file")


def test_a_modality_that_is_not_there_is_named(small_template, measured, tmp_path):
    root = shutil.copytree(measured.cohort.root, tmp_path / "copy")
    (root / "modalities" / "handcrafted.npy").unlink()
    fitted = fit_small(small_template, "handcrafted-fnn")
    with pytest.raises(PalsyError, match=r"handcrafted\.npy"):
        predict_clip(fitted, replace(measured, cohort=replace(measured.cohort, root=root)), "cpu")


@pytest.fixture(scope="module")
def drawn():
    """What `measures` takes of all synthetic faces, and the ground truth."""
    table, landmarks, scores = load_faces(load_cohort(PHANTOM))
    truth = pd.read_csv(PHANTOM / "truth.csv")
    truth = table[["video", "frame"]].merge(truth, on=["video", "frame"], validate="1:1")
    points = to_pixels(landmarks, table["height"], table["width"])
    return (table, landmarks, points, scores), truth


def test_a_mirrored_face_has_the_opposite_measures(drawn):
    (table, landmarks, points, scores), _ = drawn
    ours = measures(table, landmarks, points, scores)
    theirs = measures(table, landmarks, points[:, MIRROR] * [-1, 1] + [256, 0], scores)
    for name in MEASURES:
        assert np.allclose(ours[f"{name}_difference"], -theirs[f"{name}_difference"], atol=1e-3)
        assert np.allclose(ours[f"{name}_left"], theirs[f"{name}_right"], atol=1e-3)
    larger = measures(table, landmarks, 3 * points, scores)  # millimetres, not pixels
    assert np.allclose(larger.loc[:, "asymmetry_mm":], ours.loc[:, "asymmetry_mm":], atol=1e-3)
    assert 60 < np.median(ours["eye_distance_px"] * millimetres(points)) < 130


@pytest.mark.parametrize(
    ("part", "moved", "first", "at_least"),
    [
        ("eye", "blink", "right", 0.7),
        ("brow", "brow", "left", 0.5),
        ("mouth", "smile", "right", 0.5),
    ],
)
def test_measures_follow_what_was_drawn(drawn, part, moved, first, at_least):
    """A lid that closes less leaves a wider gap; a smile lifts the corner of the mouth."""
    given, truth = drawn
    other = "left" if first == "right" else "right"
    meant = truth[f"{moved}_{first}"] - truth[f"{moved}_{other}"]
    assert spearmanr(measures(*given)[f"{part}_difference"], meant)[0] > at_least


def test_the_most_asymmetric_frame_shows_the_palsy(measured):
    """The palsy of p01 was drawn into the left eye, which closes less."""
    row = measured.frames.loc[measured.marked]
    assert row["asymmetry_mm"] == measured.frames["asymmetry_mm"].max()
    assert row["eye_difference"] > 2


def test_a_turned_head_is_told_by_depth(drawn):
    _, landmarks, points, scores = (part[:3].copy() for part in drawn[0])
    landmarks[:] = 0
    angle = np.radians([-30, 0, 30])
    landmarks[:, 454, 0], landmarks[:, 454, 2] = 0.2 * np.cos(angle), 0.2 * np.sin(angle)
    size = pd.DataFrame({"height": [100] * 3, "width": [200] * 3})
    found = measures(size, landmarks, points, scores)["turned_deg"]
    assert np.allclose(found, [-30, 0, 30], atol=1e-4)
