import itertools
import math
import subprocess
import sys

import pandas as pd
import pytest
from helpers import write_picture

from palsy_utils.cohort.load import binary_label, find_notes, load_cohort
from palsy_utils.files import PalsyError

# --- folders per class, and folders that are no cohort


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_class_folders(tmp_path):
    touch(tmp_path, "Palsy/anna.mp4", "Palsy/ben/visit 1.mp4", "Palsy/ben/visit 2.mp4")
    touch(tmp_path, "Palsy/ben/2.jpg", "Palsy/ben/1.jpg", "HEALTHY/Zoë.png", "HEALTHY/Anna.jpg")
    touch(tmp_path, "Palsy/readme.txt", "Palsy/ben/x.docx", "HEALTHY/.DS_Store")
    cohort = load_cohort(tmp_path)
    assert (cohort.kind, cohort.group) == ("class folders", "patient")
    assert sorted(cohort.videos.values.tolist()) == [
        ["healthy-Anna", "healthy-Anna", "HEALTHY/Anna.jpg", "image"],
        ["healthy-Zoe", "healthy-Zoe", "HEALTHY/Zoë.png", "image"],
        ["palsy-anna", "palsy-anna", "Palsy/anna.mp4", "clip"],
        ["palsy-ben", "palsy-ben", "Palsy/ben", "folder"],
        ["palsy-ben", "palsy-ben-visit-1", "Palsy/ben/visit 1.mp4", "clip"],
        ["palsy-ben", "palsy-ben-visit-2", "Palsy/ben/visit 2.mp4", "clip"],
    ]
    assert cohort.sources["palsy-ben"] == [
        (1, 0.0, "Palsy/ben/1.jpg"),
        (2, 1 / 6, "Palsy/ben/2.jpg"),
    ]
    labels = cohort.labels.set_index("video")
    assert (labels["start_s"] == 0).all() and (labels["end_s"] == math.inf).all()
    assert labels["label"].to_dict() == {video: video[0] == "p" for video in cohort.videos["video"]}
    notes = " ".join(cohort.notes)
    assert "the source" in notes
    assert "1 name(s) occur in both" in notes
    assert "3 file(s) lie directly" in notes
    assert "2 file(s) or folder(s) were passed over" in notes
    assert "1 .txt" in notes and "1 .docx" in notes


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["palsy/a.jpg"], "has no folder healthy/"),
        (["palsy/a.jpg", "healthy/a.txt"], "with clips or images"),
        (["palsy/a b.jpg", "palsy/a-b.jpg", "healthy/c.jpg"], "the same id 'palsy-a-b'"),
        (["palsy/a/b.mp4", "palsy/a-b.mp4", "healthy/c.jpg"], "the same id 'palsy-a-b.mp4'"),
        (["palsy/患者.jpg", "healthy/c.jpg"], "no id can be made"),
        ([f"palsy/{'x' * 90}.jpg", "healthy/c.jpg"], "80"),
        (["palsy/a.jpg", "Palsy/b.jpg", "healthy/c.jpg"], "keep one"),
        (["clips/a.mp4"], "labels.csv, or the two folders palsy/ and healthy/, or the YFP"),
    ],
)
def test_folders_that_are_no_cohort(tmp_path, files, told):
    touch(tmp_path, *files)
    with pytest.raises(PalsyError, match=str(tmp_path)) as error:
        load_cohort(tmp_path)
    assert told in str(error.value)


def test_no_folder(tmp_path):
    with pytest.raises(PalsyError, match="is not there"):
        load_cohort(tmp_path / "nowhere")
    touch(tmp_path, "file")
    with pytest.raises(PalsyError, match="no folder"):
        load_cohort(str(tmp_path / "file"))


@pytest.mark.parametrize("link", ["palsy", "palsy/b", "palsy/b.jpg", "palsy/c/1.jpg"])
def test_links_out_of_a_class_folder(tmp_path, link):
    write_picture(tmp_path / "elsewhere" / "1.jpg")
    path = tmp_path / "cohort" / link
    touch(tmp_path / "cohort", "healthy/a.jpg", "palsy.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(tmp_path / "elsewhere" / ("1.jpg" if path.suffix else ""))
    with pytest.raises(PalsyError, match="a link that leads out"):
        load_cohort(tmp_path / "cohort")


def test_names_that_differ_in_their_suffix_alone_are_one_person(tmp_path):
    touch(tmp_path, "palsy/a.png", "palsy/a.BMP", "palsy/b/1.jpg", "palsy/b.jpg", "healthy/c/1.jpg")
    touch(tmp_path, "healthy/c/visit.mp4", "healthy/c/visit.mov")
    videos = load_cohort(tmp_path).videos
    assert sorted(videos[["patient", "video", "kind"]].values.tolist()) == [
        ["healthy-c", "healthy-c", "folder"],
        ["healthy-c", "healthy-c-visit.mov", "clip"],
        ["healthy-c", "healthy-c-visit.mp4", "clip"],
        ["palsy-a", "palsy-a.bmp", "image"],
        ["palsy-a", "palsy-a.png", "image"],
        ["palsy-b", "palsy-b", "folder"],
        ["palsy-b", "palsy-b.jpg", "image"],
    ]


def test_the_same_picture_of_two_people_is_named(tmp_path):
    for name in ("palsy/a/1.png", "palsy/a/2.png", "palsy/b.png", "healthy/c.png"):
        write_picture(tmp_path / name, number=7)
    write_picture(tmp_path / "healthy" / "d.png", number=8)
    for name in ("palsy/e.png", "palsy/f.png"):
        write_picture(tmp_path / name, number=9)
    assert find_notes(load_cohort(tmp_path))[-1] == (
        "2 picture(s) or clip(s) are there of two people, 1 of them with different labels, the "
        "first as palsy/a/1.png and palsy/a/2.png: keep one of each."
    )
    for name in ("palsy/b.png", "healthy/c.png", "palsy/f.png"):
        (tmp_path / name).unlink()
    write_picture(tmp_path / "healthy" / "c.png", number=1)
    assert "two people" not in " ".join(find_notes(load_cohort(tmp_path)))


# --- labels and counts


@pytest.mark.parametrize("dtype", [object, "str", "string"])
def test_the_papers_rule(dtype):
    words = ["normal", "slight", "strong", None]
    table = pd.DataFrame(list(itertools.product(words, words)), columns=["eyes", "mouth"])
    table = table.astype(dtype)

    def rule(*regions):
        """True if all ways to fill in what is missing say so."""
        ways = itertools.product(*([region] if region else words[:3] for region in regions))
        labels = {"strong" in way or way == ("slight", "slight") for way in ways}
        return float(labels.pop()) if len(labels) == 1 else None

    found = binary_label(table["eyes"], table["mouth"])
    assert [None if math.isnan(x) else x for x in found] == [
        rule(eyes, mouth) for eyes, mouth in itertools.product(words, words)
    ]
    assert found.dtype == float


def test_importing_is_light():
    code = (
        "import sys, palsy_utils.faces.frames, palsy_utils.learning.folds\n"
        "print([name for name in ('torch', 'mediapipe', 'sklearn') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
