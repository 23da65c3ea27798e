import itertools
import math

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
    labels = cohort.labels.set_index("video")
    assert (labels["start_s"] == 0).all() and (labels["end_s"] == math.inf).all()
    assert labels["label"].to_dict() == {video: video[0] == "p" for video in cohort.videos["video"]}
    notes = " ".join(cohort.notes)
    for told in ("1 name(s) occur in both", "3 file(s) lie directly", "1 .txt", "1 .docx"):
        assert told in notes, notes


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
    with pytest.raises(PalsyError, match="no folder"):
        load_cohort(str(tmp_path / files[0]))


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


# --- labels and counts


@pytest.mark.parametrize("dtype", [object, "str"])
def test_the_papers_rule(dtype):
    words = ["normal", "slight", "strong", None]
    pairs = list(itertools.product(words, words))
    table = pd.DataFrame(pairs, columns=["eyes", "mouth"], dtype=dtype)

    def rule(*regions):
        """True if all ways to fill in what is missing say so."""
        ways = itertools.product(*([region] if region else words[:3] for region in regions))
        labels = {"strong" in way or way == ("slight", "slight") for way in ways}
        return float(labels.pop()) if len(labels) == 1 else None

    found = binary_label(table["eyes"], table["mouth"])
    assert [None if math.isnan(x) else x for x in found] == [rule(*pair) for pair in pairs]
