import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import cut_off, functions_of, measure, palsy, play, write_clip, write_picture
from scipy.stats import spearmanr
from test_model_file import KINDS, leave_out_by_chance, play_small, write_small

from palsy_utils.clip.model_file import file_hashes, load_seen
from palsy_utils.cohort.load import load_cohort
from palsy_utils.downloads import LANDMARKER, is_at_hand
from palsy_utils.evidence.calibration import temper
from palsy_utils.evidence.people import MEAN, PREDICTED, SHARES, choose_rule
from palsy_utils.faces.landmarks import MIRROR
from palsy_utils.faces.modalities import load_faces
from palsy_utils.learning.experiments import MODELS
from palsy_utils.learning.nets import probabilities
from palsy_utils.learning.training import compute
from palsy_utils.runs.results import load_run, open_run

PATH = PROJECT / "notebooks" / "15_your_own_video.ipynb"
NOTEBOOK = functions_of(PATH)
HOSTILE = "<i>'\"><script>alert(1)<img src=x onerror=alert(1)><link rel=stylesheet href=x>&amp;"
UNREAL, SEEN = "seen synthetic faces only", "is what the model was fitted on: what it says here"


def play_clip(clip, model, folder):
    """Execute the notebook on a clip or photographs; return its variables."""
    return play(PATH, clip=Path(clip), model_file=model, output=folder / "out", device="cpu")


def page_of(one, **changes):
    """Return the report that the notebook would write if some of its variables were others."""
    now = vars(one) | changes
    return one.report(now["table"], now["marked"], now["fitted"], now["source"], **one.shown)


@pytest.fixture(scope="module")
def model_file(small_template, tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("models"), small_template)


@pytest.fixture(scope="module")
def attentive(small_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "attention.pt"
    play_small(small_template, "attention-fusion-structured", write_to=path)
    return path


@pytest.fixture(scope="module")
def said(small_template, attentive, landmarker_file, tmp_path_factory):
    """What a model says of a clip of the small cohort, as of a stranger's."""
    return play_clip(small_template / "clips/p01-1.mp4", attentive, tmp_path_factory.mktemp("c"))


@pytest.fixture(scope="module")
def album(small_template, tmp_path_factory):
    """A folder with photographs of two people, one without a face, one damaged, and a note."""
    folder = tmp_path_factory.mktemp("photos") / "album"
    write_picture(folder / "10 nobody.png")
    for name, frame in (("2 anna.jpg", "p01-1/15.jpg"), (f"1 {HOSTILE}.JPG", "p02-1/0.jpg")):
        shutil.copy(small_template / "frames" / frame, folder / name)
    (folder / "3 damaged.png").write_bytes(b"\x89PNG")
    (folder / "notes.txt").write_text("not a photograph")
    return folder


@pytest.fixture(scope="module")
def photos(album, attentive, landmarker_file, tmp_path_factory):
    return play_clip(album, attentive, tmp_path_factory.mktemp("work"))


# Prediction


@pytest.mark.parametrize("model", KINDS)
def test_a_clip_of_the_cohort_gets_the_nets_own_answer(
    small_template, landmarker_file, tmp_path, model
):
    here = shutil.copytree(small_template, tmp_path / "here")
    shutil.rmtree(here / "faces")  # measured by this machine's MediaPipe, as the clip is
    measure(here)
    one = play_small(here, model)
    one.write_model(replace(one.fitted, calibration=(2.0, 0.5)), tmp_path / "net.pt")
    rows = np.flatnonzero(one.everybody.samples["video"] == "p01-1")
    ours = probabilities(
        compute(one.fitted.net, load_seen(one.everybody), rows, one.everybody.device)
    )
    table = play_clip(here / "clips/p01-1.mp4", tmp_path / "net.pt", tmp_path).table
    told = table.set_index("frame").loc[one.everybody.samples["frame"].iloc[rows]]
    assert np.allclose(told["probability"], ours, atol=1e-4)
    assert np.allclose(told["calibrated_probability"], temper(told["probability"], 2.0, 0.5))
    assert ("eyes_strong" in table) == MODELS[model].multitask and "side_left" not in table


def test_photographs_have_names_and_no_time(album, photos):
    table = photos.table
    assert list(table)[:4] == ["file", "found", "probability", "calibrated_probability"]
    assert table["calibrated_probability"].isna().all() and not {"frame", "time_s"} & set(table)
    assert [name.split(" ")[0] for name in table["file"]] == ["1", "2", "3", "10"]
    assert table["found"].tolist() == [True, True, False, False]
    assert table["probability"].notna().tolist() == table["found"].tolist()
    assert table["note"].tolist()[2:] == ["unreadable", "no face"]
    assert [crop.shape for crop in photos.thumbnails.values()] == 2 * [(200, 200, 3)]
    assert len(list(album.iterdir())) == 5


def test_a_photograph_is_judged_alone(small_template, album, landmarker_file, tmp_path):
    """Even by a net that sees the frames before and after: other photographs are other people."""
    play_small(small_template, "clip-fusion", write_to=tmp_path / "net.pt")
    together = play_clip(album, tmp_path / "net.pt", tmp_path / "a").table
    table = play_clip(album / "2 anna.jpg", tmp_path / "net.pt", tmp_path / "b").table
    assert table["file"].tolist() == ["2 anna.jpg"]
    assert table["probability"][0] == pytest.approx(together["probability"][1], abs=1e-5)


def test_photographs_that_the_model_was_fitted_on_are_told(album, photos):
    """One by one, or as the folder that a cohort may call a video."""
    folder = [(i, i / 6, f"album/{name}") for i, name in enumerate(photos.table["file"])]
    sources = {"a": folder, "b": [(0, 0.0, "album/2 anna.jpg")]}
    trained = set(file_hashes(replace(photos.ours, root=album.parent, sources=sources)))
    assert len(trained) == 2 and trained < photos.hashes


def test_a_clip_as_a_whole_is_called_by_the_rule_that_the_run_chose(small, said, tmp_path):
    leave_out_by_chance(small)
    one = play_small(small)
    rule, threshold = one.fitted.rule
    assert one.fitted.rule == choose_rule(load_run(open_run(small, "smoke"), ["expressions-fnn"]))
    card_of = f"the {rule} of its frames, from {threshold:.2f} on palsy is predicted; chosen on"
    p = said.table.loc[said.table["found"], "probability"]
    for name, limit in ((rule, threshold), ("highest tenth", 0), ("share predicted palsy", 0.999)):
        score = {MEAN: p.mean(), PREDICTED: (p >= 0.5).mean()}.get(name) or p.quantile(SHARES[name])
        told = f"predicted: {name} {score:.2f}, threshold {limit:.2f}"
        text = Page(page_of(said, fitted=replace(one.fitted, rule=(name, limit)))).text
        assert ("palsy " if score >= limit else "palsy not ") + told in text
        assert (card_of in text) == ((name, limit) == one.fitted.rule)


# The command and its files


def test_a_folder_gives_a_report_a_clip_and_one_of_all_photographs_and_names_what_failed(
    small_template, album, model_file, landmarker_file, tmp_path
):
    clips = shutil.copytree(album, tmp_path / "clips")
    write_clip(clips / "a blank.mp4", 30)
    (clips / "b damaged.mp4").write_bytes(b"no clip")
    shutil.copy(small_template / "clips" / "p01-1.mp4", clips / "c good.mp4")
    done = palsy("predict", clips, "--model", model_file, "--output", tmp_path / "out")
    assert done.exit_code == 1
    written = ["c good.mp4.csv", "c good.mp4.html", "clips.csv", "clips.html"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == written
    *_, first, second = done.output.splitlines()
    assert "No face" in first and "a blank.mp4" in first and "6 %" in first
    assert "b damaged.mp4 is no video" in second
    assert all(str(tmp_path / "out" / name) in done.output for name in written)


def test_a_report_replaces_its_own_and_no_other(album, model_file, landmarker_file, tmp_path):
    out, photo = tmp_path / "out", tmp_path / "v1" / "a.jpg"
    for folder in ("v1", "v2"):
        shutil.copytree(album, tmp_path / folder)
        os.replace(tmp_path / folder / "2 anna.jpg", tmp_path / folder / "a.jpg")
    for _ in "ab":
        files = predict(photo, model_file, out)
    before = {path: path.read_bytes() for path in out.iterdir()}
    assert sorted(before) == sorted(files) and len(files) == 2
    predict(tmp_path / "v2" / "a.jpg", model_file, out, r"report on another file called a\.jpg")
    assert {path: path.read_bytes() for path in out.iterdir()} == before
    assert (
        len(
            {
                NOTEBOOK.output_files(Path(f"/v1/a.{suffix}"), out)
                for suffix in ("png", "bmp", "mp4")
            }
        )
        == 3
    )


@pytest.mark.parametrize("name", ["a" * 240, "\u00e9" * 120])
def test_long_names_get_a_report(album, model_file, landmarker_file, tmp_path, name):
    photo = shutil.copy(album / "2 anna.jpg", tmp_path / f"{name}.jpg")
    files = predict(photo, model_file, tmp_path / "out")
    assert [path.suffix for path in files] == [".csv", ".html"]
    assert all(path.is_file() and path.name[:3] == name[:3] for path in files)


def test_names_that_are_no_text_are_refused(album, model_file, tmp_path):
    photo = os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg")
    try:
        shutil.copy(album / "2 anna.jpg", photo)
    except OSError:
        pytest.skip("the disk does not take such a name")
    predict(os.fsdecode(photo), model_file, tmp_path / "out", "is no UTF-8 text: rename")


def test_without_the_landmark_model_the_same_clip_is_taken_as_a_cohort_has_it(
    small_template, model_file, tmp_path, monkeypatch, new_kernel, capsys
):
    monkeypatch.delenv("PALSY_FACE_LANDMARKER", raising=False)
    if is_at_hand(LANDMARKER):
        pytest.skip("the landmark model lies in data/models: move it away to test its absence")
    clip = Path(shutil.copy(small_template / "clips" / "p02-1.mp4", tmp_path / "p01-1.mp4"))
    given = {"model_file": model_file, "cohort": small_template, "output": tmp_path / "out"}
    ours = play(PATH, clip=clip, device="cpu", **given).table
    assert "p02-1 is taken as it was measured in small" in capsys.readouterr().out
    table = load_faces(load_cohort(small_template))[0]
    assert ours["frame"].tolist() == table.loc[table["video"] == "p02-1", "frame"].tolist()
    with open(clip, "ab") as file:
        file.write(b"another clip")
    predict(clip, model_file, tmp_path / "other", r"face_landmarker\.task is not at hand")


def predict(clip, model, output, message=""):
    """Return the files that the command has written, or with a message is refused with it."""
    given = ("--model", model, "--output", output, "--device", "cpu")
    done = palsy("predict", clip, *given)
    if message:
        assert done.exit_code == 1 and re.search(message, done.output), done.output
        return None
    assert done.exit_code == 0, done.output
    return [Path(line) for line in done.output.splitlines()]


def test_bad_clips_are_named(small_template, model_file, tmp_path):
    clips, out, clip = tmp_path / "in", tmp_path / "out", small_template / "clips" / "p01-1.mp4"
    (clips / "empty").mkdir(parents=True)
    (clips / "notes.txt").write_text("no clip")
    (clips / "none.mp4").write_bytes(b"")
    (clips / "broken.png").write_bytes(b"\x89PNG broken")
    cut_off(write_clip(clips / "cut.mp4", 30), 0.2)
    predict(clips / "gone.mp4", model_file, out, r"gone\.mp4 does not exist")
    predict(clips / "empty", model_file, out, "empty is neither video nor image, nor a folder")
    predict(clips / "notes.txt", model_file, out, "neither video nor image")
    predict(clips / "none.mp4", model_file, out, "is no video that can be read")
    predict(clips / "cut.mp4", model_file, out, "is no video that can be read")
    predict(clips / "broken.png", model_file, out, "is no image that can be read")
    assert not list(out.iterdir())
    predict(clip, model_file, clips / "notes.txt" / "deep", "deep cannot be written .*: choose ano")
    predict(clip, model_file, clip.parent, "is where the clip lies")
    album = write_picture(tmp_path / "album" / "1.png").parent
    predict(album, model_file, album / "new", "is where the clip lies")
    assert not (album / "new").exists()


# Measures


@pytest.fixture(scope="module")
def rendered(measured_faces):
    """What `measures` takes of all synthetic faces that were found."""
    found = measured_faces
    return found.table, found.landmarks, found.points, found.scores


def test_measures_are_millimetres_and_a_mirrored_face_has_the_opposite(rendered):
    table, landmarks, points, scores = rendered
    ours = NOTEBOOK.measures(table, landmarks, points, scores)
    theirs = NOTEBOOK.measures(table, landmarks, points[:, MIRROR] * [-1, 1] + [256, 0], scores)
    for name in NOTEBOOK.MEASURES:
        assert np.allclose(ours[f"{name}_difference"], -theirs[f"{name}_difference"], atol=1e-3)
        assert np.allclose(ours[f"{name}_left"], theirs[f"{name}_right"], atol=1e-3)
    larger = NOTEBOOK.measures(table, landmarks, 3 * points, scores)
    assert np.allclose(larger.loc[:, "asymmetry_mm":], ours.loc[:, "asymmetry_mm":], atol=1e-3)
    assert 3 < ours["eye_left"].median() < 15 and 25 < ours["mouth_left"].median() < 90


@pytest.mark.parametrize(
    ("part", "moved", "sign", "at_least"),
    [("eye", "blink", -1, 0.7), ("brow", "brow", 1, 0.5), ("mouth", "smile", -1, 0.5)],
)
def test_measures_follow_what_was_rendered(rendered, part, moved, sign, at_least):
    """A lid that closes less leaves a wider gap; a smile lifts the corner of the mouth."""
    meant = sign * (rendered[0][f"{moved}_left"] - rendered[0][f"{moved}_right"])
    assert spearmanr(NOTEBOOK.measures(*rendered)[f"{part}_difference"], meant)[0] > at_least


def test_a_turned_head_is_told_by_depth(rendered):
    _, landmarks, points, scores = (part[:3].copy() for part in rendered)
    landmarks[:] = 0
    angle = np.radians([-30, 0, 30])
    landmarks[:, 454, 0], landmarks[:, 454, 2] = 0.2 * np.cos(angle), 0.2 * np.sin(angle)
    size = pd.DataFrame({"height": [100] * 3, "width": [200] * 3})
    found = NOTEBOOK.measures(size, landmarks, points, scores)["turned_deg"]
    assert np.allclose(found, [-30, 0, 30], atol=1e-4)


# The report


class Page(HTMLParser):
    """What a browser would make of a page: its tags with attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_hostile_names_stay_text(said):
    facts = replace(said.fitted, facts=said.fitted.facts | {"cohort": HOSTILE + "</title>"})
    noted, source = said.table.assign(note=HOSTILE + "</script>"), said.source.parent / HOSTILE
    hostile = Page(page_of(said, table=noted, source=source, fitted=facts))
    usual = Page(page_of(said, table=said.table.assign(note="note")))
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in usual.tags]
    assert hostile.text.count(HOSTILE) == 4  # title, heading, cohort, note
    assert all(HOSTILE + end in hostile.text for end in ("</title>", "</script>"))


@pytest.mark.parametrize("which", ["said", "photos"])
def test_it_holds_everything_and_asks_nobody(which, request):
    page = request.getfixturevalue(which).files[1].read_text(encoding="utf-8")
    tags = Page(page).tags
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe", "object", "form")]
    links = [v for _, attrs in tags for k, v in attrs.items() if k in ("src", "href", "xlink:href")]
    assert links and all(re.match("data:image/(png|jpeg);base64,|#", link) for link in links)
    assert not re.search(r"url\((?!#)", page) and "@import" not in page
    policy = next(attrs["content"] for _, attrs in tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")
    assert all(attrs.get("alt") for tag, attrs in tags if tag == "img")
    pictures = [attrs["role"] for tag, attrs in tags if tag == "svg" and attrs["aria-label"]]
    assert pictures == ["img"] * (which == "said") and ("html", {"lang": "en"}) in tags
    headings = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1 and set(headings[1:]) == {2}


def test_it_says_what_the_table_says(said):
    table, fitted = said.table.copy(), said.fitted
    keep = table["asymmetry_mm"].idxmax()
    gone = [i for i in range(4, 10) if i != keep]
    table.loc[gone, [c for c in table if c not in ("frame", "time_s", "found", "note")]] = np.nan
    table.loc[gone, "found"] = False
    page = page_of(said, table=table)
    text, faces, row = Page(page).text, table[table["found"]], table.loc[keep]
    called = int((faces["probability"] >= 0.5).sum())
    assert f"{called} of {len(faces)} frames with a face" in text
    assert f"{len(gone)} without a face" in text and "no face" in text  # in the picture's legend
    assert f"No face was found in {len(gone)} of {len(table)} frames" in text
    low, middle, high = np.percentile(faces["probability"], [10, 50, 90])
    assert f"median {middle:.2f}; eight of ten between {low:.2f} and {high:.2f}" in text
    assert f"In frame {row['frame']}, at {row['time_s']:.2f} s" in text
    for name in ("brow", "eye", "mouth"):
        assert f"{row[f'{name}_difference']:+.1f}" in text
    assert "Eyes" in text and "Side" not in text  # nobody has told this cohort's sides
    for words in ("not a medical device", "the model has no calibration", "not measured", UNREAL):
        assert words in text
    assert fitted.model in text and SEEN in page
    facts = fitted.facts | {"synthetic": False, "files": [], "scores": {"auroc": [0.5, 0.25, 0.75]}}
    said.shown["seen"], seen = set(), said.shown["seen"]
    other = page_of(said, fitted=replace(fitted, facts=facts, calibration=(2.0, 0.5)))
    said.shown["seen"] = seen
    assert UNREAL not in other and SEEN not in other and "not a medical device" in other
    assert "AUROC 0.50 (0.25 to 0.75)" in other and "temperature 2.00 and intercept 0.50" in other


def test_it_says_what_makes_predictions_less_trustworthy(said):
    good = said.table.assign(turned_deg=0.0, eye_distance_px=200.0, note="")
    assert "Nothing stood out." in page_of(said, table=good)
    bad = said.table.assign(turned_deg=30.0, eye_distance_px=20.0)
    bad.loc[0, "note"] = "padded; clip ends before its file says"
    text = Page(page_of(said, table=bad)).text
    assert "turned by more than 15 degrees in 24 of 24 frames with a face" in text
    assert "small in 24 of 24" in text
    assert "1 of 24 frames are marked: clip ends before its file says" in text


def test_photographs_are_shown_most_asymmetric_first_and_without_time(photos):
    table, page = photos.table, page_of(photos)
    text, pictures = Page(page).text, [a for tag, a in Page(page).tags if tag == "img"]
    ours = text.split("The model\n")[0]  # what follows tells of the training data
    assert not re.search(r"\b(time|timeline|frames?|seconds?|clip)\b|\d s\b", ours)
    faces = table[table["found"]].sort_values("asymmetry_mm", ascending=False)
    where = [text.index(name) for name in faces["file"]]
    assert len(where) == 2 and where == sorted(where)
    for row in faces.itertuples():
        assert f"probability {row.probability:.2f}asymmetry {row.asymmetry_mm:.1f} mm" in text
    assert "nobody.png: no face" in text and "4 photographs, 2 without a face" in text
    assert [attrs["alt"] for attrs in pictures[:2]] == [f"Face in {f}" for f in faces["file"]]
    alone = page_of(photos, table=table.iloc[[0]], marked=0)
    text = Page(alone).text
    assert "1 photograph, 0 without" in text and "most asymmetric" not in text.lower()
    assert alone.count("<img") == 1 and f"In photograph {table['file'][0]}" in text


def test_a_long_clip_is_drawn_second_by_second(said):
    long = pd.concat([said.table] * 40, ignore_index=True)
    long["time_s"] = np.arange(len(long)) / 6
    numbers = [column for column in long if column not in ("frame", "time_s", "found", "note")]
    long.loc[60:71, numbers] = np.nan
    long.loc[60:71, "found"] = False
    ax = said.clip_timeline(long, 7).axes[0]
    line = ax.lines[0].get_ydata()
    assert len(line) == len(long) / 6 and np.isnan(line[10:12]).all()
    assert line[5] == pytest.approx(long["probability"][30:36].mean())
    assert len(said.clip_timeline(said.table, 7).axes[0].lines[0].get_ydata()) == len(said.table)
