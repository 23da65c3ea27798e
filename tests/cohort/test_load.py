import itertools
import math
import os
import subprocess
import sys

import pandas as pd
import pytest
from helpers import write_clip, write_labels, write_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from palsy_utils.cohort.load import (
    binary_label,
    frame_labels,
    load_cohort,
    per_patient_counts,
    summary,
)
from palsy_utils.files import PalsyError
from palsy_utils.learning.folds import check_training_classes, fold_names, split

LABEL_HEADER = "patient,video,file,start_s,end_s,label"


@pytest.fixture
def root(tmp_path):
    """A folder with files to make labels of; outside of it lies one more."""
    root = tmp_path / "clinic"
    for name in ("a.mp4", "b.mp4", "Ä c.MOV"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"not looked into")
    write_picture(root / "pictures" / "1.png")
    write_picture(root / "still.jpg")
    (root / "notes.txt").write_text("x")
    write_picture(tmp_path / "outside.jpg")
    (root / "leads_out.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "leads_out").symlink_to(tmp_path)
    (root / "circle.mp4").symlink_to(root / "circle.mp4")
    return root


def frames_of(cohort, times=(0.0, 1.0, 2.0, 3.0)):
    """A table of frames like `load_frames`', with these times in every video."""
    rows = [
        {"patient": v.patient, "video": v.video, "frame": i, "time_s": t, "file": "", "note": ""}
        for v in cohort.videos.itertuples()
        for i, t in enumerate(times)
    ]
    return pd.DataFrame(rows)


# --- labels.csv that is right


def test_labels_with_regions(root):
    rows = [
        "01,left,a.mp4,0,1.5,slight,slight",
        "01,left,a.mp4,1.5,2,normal,slight",
        "01,left,a.mp4,3,,strong,",
        "p-2,b,b.mp4,,,,normal",
        "p-2,folder,pictures,,,normal,normal",
        "p-2,still,still.jpg,,,slight,strong",
        '3,"gone",,,,normal,normal',
        "3,umlaut,Ä c.MOV,,,,",
    ]
    (root / "faces").mkdir()
    (root / "faces" / "gone.parquet").touch()
    cohort = load_cohort(write_labels(root, rows))
    assert (cohort.kind, cohort.group, cohort.name) == ("labels.csv", "patient", "clinic")
    assert cohort.videos.columns.tolist() == ["patient", "video", "file", "kind"]
    assert cohort.videos.values.tolist() == [
        ["01", "left", "a.mp4", "clip"],
        ["p-2", "b", "b.mp4", "clip"],
        ["p-2", "folder", "pictures", "folder"],
        ["p-2", "still", "still.jpg", "image"],
        ["3", "gone", "", "measured"],
        ["3", "umlaut", "Ä c.MOV", "clip"],
    ]
    assert cohort.labels["end_s"].tolist()[:4] == [1.5, 2.0, math.inf, math.inf]
    assert cohort.labels["label"].fillna(9).tolist() == [1, 0, 1, 9, 0, 1, 0, 9]
    assert cohort.notes == ("1 row(s) of labels.csv carry no label.",)

    labelled = frame_labels(cohort, frames_of(cohort))
    left = labelled[labelled["video"] == "left"]
    # [start, end): 2 s is in no interval, 3 s is the start of one without an end.
    assert left["eyes"].tolist() == ["slight", "slight", None, "strong"]
    assert left["mouth"].tolist() == ["slight", "slight", None, None]
    assert left["label"].fillna(9).tolist() == [1, 1, 9, 1]
    assert labelled.loc[labelled["video"] == "gone", "label"].tolist() == [0.0] * 4


def test_boundaries_are_half_open_to_the_millisecond(root):
    rows = ["1,a,a.mp4,1,1.3333333333,,normal", "1,a,a.mp4,1.3333333333,3,,slight"]
    cohort = load_cohort(write_labels(root, rows))
    labelled = frame_labels(cohort, frames_of(cohort, [0.998, 1.0, 1.332, 1.333333, 2.998, 3.0]))
    assert labelled["mouth"].tolist() == [None, "normal", "normal", "slight", "slight", None]


def test_labels_without_regions_as_spreadsheets_write_them(root):
    text = (
        f'{LABEL_HEADER},comment\r\n\r\n 1 , a ,a.mp4,,,1,"x, y"\r\n,,,,,,\r\n2,b,b.mp4,,,0.0,\r\n'
    )
    (root / "labels.csv").write_bytes(text.encode("utf-8-sig"))
    cohort = load_cohort(root)
    assert cohort.labels["label"].tolist() == [1.0, 0.0]
    assert cohort.labels["eyes"].tolist() == [None, None]
    assert cohort.notes == ("Columns of labels.csv that were passed over: 'comment'.",)


@pytest.mark.parametrize(
    "text",
    [
        "Patient,Video,File,Start_s,End_s,Eyes,MOUTH\n1,a,a.mp4,,1.5,Normal,STRONG\n",
        "patient,video,file,start_s,end_s,eyes,mouth,,\n1,a,a.mp4,,1.5,normal,strong,,\n",
        "patient,video,file,start_s,end_s,eyes,mouth\n1,a,a.mp4,,1.5,normal,strong,,\n",
        "patient,video,file,start_s,end_s,eyes,mouth,,\n1,a,a.mp4,,1.5,normal,strong\n",
        "sep=,\r\npatient,video,file,start_s,end_s,eyes,mouth\r\n1,a,a.mp4,,1.5,normal,strong\r\n",
        "patient\tvideo\tfile\tstart_s\tend_s\teyes\tmouth\n1\ta\ta.mp4\t\t1.5\tnormal\tstrong\n",
        "sep=;\npatient;video;file;start_s;end_s;eyes;mouth\n1;a;a.mp4;;1.5;normal;strong\n",
    ],
    ids=["capitals", "two empty columns", "commas", "empty header cells", "sep=", "tabs", "sep=;"],
)
def test_labels_as_other_programs_write_them(root, text):
    (root / "labels.csv").write_text(text, newline="")
    cohort = load_cohort(root)
    assert cohort.videos.values.tolist() == [["1", "a", "a.mp4", "clip"]]
    assert cohort.labels.drop(columns="start_s").values.tolist() == [
        ["1", "a", 1.5, "normal", "strong", 1.0]
    ]
    assert cohort.notes == ()


def test_the_row_of_an_error_is_that_of_the_spreadsheet(root):
    (root / "labels.csv").write_text(f"sep=,\n{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,b,b.mp4,,,2\n")
    with pytest.raises(PalsyError, match="row 3, column label"):
        load_cohort(root)


def test_what_lies_beside_the_labels_and_is_not_read_is_named(root):
    for name in ("palsy/c.mp4", "pictures/2.HEIC", "pictures/3.heic", "pictures/readme"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    rows = ["1,a,a.mp4,,,1", "2,b,pictures,,,0"]
    cohort = load_cohort(write_labels(root, rows, LABEL_HEADER))
    assert cohort.notes == (
        "labels.csv alone says who is in this cohort: what else lies in palsy/ was not read.",
        "3 file(s) or folder(s) were passed over, as neither clip nor image: 2 .heic, "
        "1 without a suffix.",
    )


def test_people_who_are_in_no_video_are_named(root):
    write_labels(root, ["1,a,a.mp4,,,1", "2,b,b.mp4,,,0"], LABEL_HEADER)
    (root / "patients.csv").write_text("Patient,Side\n1,left\n02,right\n")
    assert load_cohort(root).notes == (
        "patients.csv tells of 1 people who are in no video, the first '02': compare how they are "
        "written.",
    )
    (root / "patients.csv").write_text("patient,skin_tone\n1,11\n")
    with pytest.raises(PalsyError, match=r"patients.csv, row 2, column skin_tone: '11'"):
        load_cohort(root)


def test_links_are_followed_where_the_user_says_so(root, tmp_path, monkeypatch):
    rows = ["1,a,leads_out.jpg,,,1", "2,b,b.mp4,,,0"]
    write_labels(root, rows, LABEL_HEADER)
    monkeypatch.setenv("PALSY_LINKS", str(tmp_path / "clinic" / "pictures"))
    with pytest.raises(PalsyError, match="a link that leads out"):
        load_cohort(root)
    monkeypatch.setenv("PALSY_LINKS", str(tmp_path))
    assert load_cohort(root).videos["kind"].tolist() == ["image", "clip"]
    write_labels(root, [rows[0].replace("leads_out", "../outside"), rows[1]], LABEL_HEADER)
    with pytest.raises(PalsyError, match="inside the cohort's folder"):
        load_cohort(root)


def test_frame_labels_keeps_order_index_and_columns(root):
    cohort = load_cohort(write_labels(root, ["1,a,a.mp4,,,1", "2,b,b.mp4,,,0"], LABEL_HEADER))
    frames = frames_of(cohort).sample(frac=1, random_state=0)
    stranger = frames.iloc[[0]].assign(video="x")
    frames = pd.concat([frames, stranger])
    labelled = frame_labels(cohort, frame_labels(cohort, frames))
    assert labelled.index.tolist() == frames.index.tolist()
    assert labelled.columns.tolist() == [*frames.columns, "eyes", "mouth", "label"]
    expected = frames["video"].map({"a": 1.0, "b": 0.0})
    pd.testing.assert_series_equal(labelled["label"], expected, check_names=False)
    assert frame_labels(cohort, frames.iloc[:0])["label"].tolist() == []


# --- labels.csv that is wrong: row 2 is right, the message names row 3 and the column

GOOD = "1,v1,a.mp4,0,1,normal,slight"


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (",v2,b.mp4,,,,", "patient", "is empty"),
        ("../x,v2,b.mp4,,,,", "patient", "../x"),
        ("-x,v2,b.mp4,,,,", "patient", "dash"),
        ("Jürgen,v2,b.mp4,,,,", "patient", "letters a to z"),
        ("NA,v2,b.mp4,,,,", "patient", "empty cell"),
        (f"{'x' * 81},v2,b.mp4,,,,", "patient", "80"),
        ("2,.hidden,b.mp4,,,,", "video", ".hidden"),
        ("2,a/b,b.mp4,,,,", "video", "a/b"),
        ("2,v2,b.mp4,,,strog,", "eyes", "write 'strong'"),
        ("2,v2,b.mp4,,,,7", "mouth", "normal or slight or strong"),
        ('2,v2,b.mp4,"1,5",,,', "start_s", "decimal point"),
        ("2,v2,b.mp4,-1,,,", "start_s", "'-1'"),
        ("2,v2,b.mp4,0,inf,,", "end_s", "'inf'"),
        ("2,v2,b.mp4,nan,1,,", "start_s", "'nan'"),
        ("2,v2,b.mp4,3,2,,", "end_s", "not after its start at 3 s"),
        ("2,v2,b.mp4,3,3,,", "end_s", "not after"),
        ("1,v1,a.mp4,0.5,2,normal,normal", "start_s", "overlaps with the one in row 2"),
        ("1,v1,a.mp4,,,normal,normal", "start_s", "overlaps with the one in row 2"),
        ("1,v1,b.mp4,2,3,,", "file", "'a.mp4' in row 2"),
        ("2,v1,a.mp4,2,3,,", "patient", "'1' in row 2"),
        ("2,v2,a.mp4,,,,", "file", "is the video 'v2' here and 'v1' in row 2"),
        ("2,v2,./a.mp4,,,,", "file", "'v1' in row 2"),
        ("2,V1,b.mp4,,,,", "video", "capital letters"),
        ("2,v2,c.mp4,,,,", "file", "'c.mp4' does not exist"),
        ("2,v2,,,,,", "file", "no file is given"),
        ("2,v2,../outside.jpg,,,,", "file", "inside the cohort's folder"),
        ("2,v2,pictures/../b.mp4,,,,", "file", "without .. in it"),
        ("2,v2,/etc/hostname,,,,", "file", "inside the cohort's folder"),
        ("2,v2,C:\\a.mp4,,,,", "file", "inside the cohort's folder"),
        ("2,v2,leads_out.jpg,,,,", "file", "a link that leads out of the cohort's folder"),
        ("2,v2,leads_out/outside.jpg,,,,", "file", "a link that leads out"),
        ("2,v2,circle.mp4,,,,", "file", "circle.mp4"),
        (f"2,v2,{'x' * 300}.mp4,,,,", "file", "x.mp4"),
        ("2,v2,notes.txt,,,,", "file", "neither a clip nor an image"),
        ("2,v2,frames/b.mp4,,,,", "file", "frames/"),
        ("2,v2,still.jpg,0,1,,", "start_s", "still image"),
    ],
)
def test_a_wrong_cell_is_named_with_row_and_column(root, row, column, told):
    write_labels(root, [GOOD, row])
    with pytest.raises(PalsyError) as error:
        load_cohort(root)
    message = str(error.value)
    assert message.startswith(f"{root / 'labels.csv'}, row 3, column {column}: ")
    assert told in message
    assert message.endswith(".") and "\n" not in message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is empty"),
        ("patient,video,file,start_s,end_s,label\n", "is empty"),
        ("patient,video,file,strat_s,end_s,label\n1,a,a.mp4,,,1", "rename the column 'strat_s'"),
        ("patient,video,file,end_s,label\n1,a,a.mp4,,1", "'start_s' is missing: add it"),
        ("Pateint,video,file,start_s,end_s,label\n1,a,a.mp4,,,1", "rename the column 'pateint'"),
        ("patient,video,file,start_s,end_s,eye,mouth\n1,a,a.mp4,,,,", "rename the column 'eye'"),
        ("patient,video,file,start_s,end_s,lable\n1,a,a.mp4,,,1", "rename the column 'lable'"),
        ("patient,video,file,start_s,end_s\n1,a,a.mp4,,", "row 1: the column 'eyes' is missing"),
        ("patient,video,file,start_s,end_s,eyes\n1,a,a.mp4,,,", "the column 'mouth' is missing"),
        (f"{LABEL_HEADER},eyes\n1,a,a.mp4,,,1,", "keep either"),
        (f"{LABEL_HEADER},label\n1,a,a.mp4,,,1,1", "row 1: the column 'label' is there more"),
        (LABEL_HEADER.replace(",", ";") + "\n1;a;a.mp4;1,5;;1", "column start_s: '1,5'"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,b,b.mp4,,", "row 3: the row has 5 cells"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,1,5", "row 2: the row has 7 cells"),
        (f'{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,"b,b.mp4,,,0', "quotation mark"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,yes", "row 2, column label: 'yes' is no known label"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,2", "write 0 or 1"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,1\n\n2,b,c.mp4,,,1", "row 4, column file"),
    ],
)
def test_a_wrong_table_is_named(root, content, told):
    (root / "labels.csv").write_text(content)
    with pytest.raises(PalsyError) as error:
        load_cohort(root)
    assert str(error.value).startswith(str(root / "labels.csv"))
    assert told in str(error.value)


@pytest.mark.parametrize(("encoding", "told"), [("latin-1", "row 3"), ("utf-16", "row 1")])
def test_a_table_in_another_encoding(root, encoding, told):
    text = f"{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,b,Jürgen.mp4,,,0\n"
    (root / "labels.csv").write_bytes(text.encode(encoding))
    with pytest.raises(PalsyError, match=rf"labels\.csv, {told}: this is not UTF-8"):
        load_cohort(root)


def test_a_measured_file_that_is_missing_is_no_error(root):
    (root / "faces").mkdir()
    (root / "faces" / "v2.parquet").touch()
    cohort = load_cohort(write_labels(root, [GOOD, "2,v2,gone.mp4,,,normal,normal"]))
    assert cohort.videos["kind"].tolist() == ["clip", "measured"]


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_any_bytes_as_table_end_in_our_error(tmp_path_factory, content):
    root = tmp_path_factory.mktemp("any")
    header = b"patient,video,file,start_s,end_s,label\n"
    for text in (content, header + content):
        (root / "labels.csv").write_bytes(text)
        with pytest.raises(PalsyError):
            load_cohort(root)


# --- folders per class, and folders that are no cohort


def test_class_folders(tmp_path):
    for name in ("Palsy/anna.mp4", "Palsy/ben/visit 1.mp4", "Palsy/ben/visit 2.mp4"):
        write_clip(tmp_path / name, 3)
    for name in ("Palsy/ben/1.jpg", "Palsy/ben/2.jpg", "HEALTHY/Zoë.png", "HEALTHY/Anna.jpg"):
        write_picture(tmp_path / name)
    for name in ("Palsy/readme.txt", "Palsy/ben/x.docx", "HEALTHY/.DS_Store"):
        (tmp_path / name).touch()
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
    labels = cohort.labels.set_index("video")["label"].to_dict()
    assert labels["palsy-ben"] == labels["palsy-ben-visit-1"] == labels["palsy-anna"] == 1
    assert labels["healthy-Zoe"] == labels["healthy-Anna"] == 0
    labelled = frame_labels(cohort, frames_of(cohort))
    assert labelled["label"].notna().all()
    notes = " ".join(cohort.notes)
    assert "the source" in notes
    assert "1 name(s) occur in both" in notes
    assert "3 file(s) lie directly" in notes
    assert "2 file(s) or folder(s) were passed over" in notes
    assert "1 .txt" in notes and "1 .docx" in notes


def test_class_folder_notes_say_only_what_happened(tmp_path):
    write_picture(tmp_path / "palsy" / "a" / "1.jpg")
    write_picture(tmp_path / "healthy" / "b" / "1.jpg")
    cohort = load_cohort(tmp_path)
    assert len(cohort.notes) == 1
    assert "source" in cohort.notes[0]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["palsy/a.jpg"], "has no folder healthy/"),
        (["healthy/a.jpg"], "has no folder palsy/"),
        (["palsy/a.jpg", "healthy/a.txt"], "holds no clips and no images"),
        (["palsy/a b.jpg", "palsy/a-b.jpg", "healthy/c.jpg"], "the same id 'palsy-a-b'"),
        (["palsy/a.jpg", "palsy/A.png", "healthy/c.jpg"], "the same id"),
        (["palsy/a/b.mp4", "palsy/a-b.mp4", "healthy/c.jpg"], "the same id 'palsy-a-b.mp4'"),
        (["palsy/患者.jpg", "healthy/c.jpg"], "no id can be made"),
        ([f"palsy/{'x' * 90}.jpg", "healthy/c.jpg"], "80"),
        (["palsy/a.jpg", "Palsy/b.jpg", "healthy/c.jpg"], "keep one"),
        (["clips/a.mp4"], "labels.csv, or the two folders palsy/ and healthy/, or the YFP"),
        (["Palsy patients/a.mp4", "healthy people/a.mp4"], "is no cohort"),
    ],
)
def test_folders_that_are_no_cohort(tmp_path, files, told):
    for file in files:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with pytest.raises(PalsyError, match=str(tmp_path)) as error:
        load_cohort(tmp_path)
    assert told in str(error.value)


def test_links_out_of_a_class_folder(tmp_path):
    write_picture(tmp_path / "outside.jpg")
    root = tmp_path / "cohort"
    write_picture(root / "healthy" / "a.jpg")
    (root / "palsy" / "b").mkdir(parents=True)
    (root / "palsy" / "b" / "1.jpg").symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(PalsyError, match="a link that leads out"):
        load_cohort(root)


def test_names_that_differ_in_their_suffix_alone_are_one_person(tmp_path):
    for name in ("palsy/a.png", "palsy/a.BMP", "palsy/b/1.jpg", "palsy/b.jpg", "healthy/c/1.jpg"):
        write_picture(tmp_path / name)
    for name in ("healthy/c/visit.mp4", "healthy/c/visit.mov"):
        (tmp_path / name).touch()
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
    notes = list(summary(load_cohort(tmp_path))["notes"]["note"])
    assert notes[-1] == (
        "2 picture(s) or clip(s) are there of two people, 1 of them with different labels, the "
        "first as palsy/a/1.png and palsy/a/2.png: keep one of each."
    )
    for name in ("palsy/b.png", "healthy/c.png", "palsy/f.png"):
        (tmp_path / name).unlink()
    write_picture(tmp_path / "healthy" / "c.png", number=1)
    assert not summary(load_cohort(tmp_path))["notes"]["note"].str.contains("two people").any()


def test_no_folder(tmp_path):
    with pytest.raises(PalsyError, match="is not there"):
        load_cohort(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(PalsyError, match="is a file"):
        load_cohort(str(tmp_path / "file"))


# --- labels, counts, summary


@pytest.mark.parametrize("dtype", [object, "str", "string"])
def test_the_papers_rule(dtype):
    words = ["normal", "slight", "strong", None]
    table = pd.DataFrame(list(itertools.product(words, words)), columns=["eyes", "mouth"])
    table = table.astype(dtype)

    def rule(eyes, mouth):
        """True if all ways to fill in what is missing say so."""
        ways = itertools.product(
            [eyes] if eyes in words[:3] else words[:3], [mouth] if mouth in words[:3] else words[:3]
        )
        answers = {"strong" in way or way == ("slight", "slight") for way in ways}
        return float(answers.pop()) if len(answers) == 1 else None

    expected = [rule(eyes, mouth) for eyes, mouth in itertools.product(words, words)]
    found = binary_label(table["eyes"], table["mouth"])
    assert [None if math.isnan(x) else x for x in found] == expected
    assert found.dtype == float


def test_counts_per_patient():
    rows = [
        ("p10", "a", "normal", "slight", 0.0),
        ("p10", "b", "strong", None, 1.0),
        ("p10", "b", None, None, math.nan),
        ("p2", "c", "slight", "slight", 1.0),
    ]
    table = pd.DataFrame(rows, columns=["patient", "video", "eyes", "mouth", "label"])
    counts = per_patient_counts(table)
    assert counts.columns.tolist() == [
        *("patient", "videos", "frames", "unlabelled", "eyes_normal", "eyes_slight"),
        *("eyes_strong", "mouth_normal", "mouth_slight", "mouth_strong", "palsy", "healthy"),
    ]
    assert counts.values.tolist() == [
        ["p2", 1, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0],
        ["p10", 2, 3, 1, 1, 0, 1, 0, 1, 0, 1, 1],
    ]


def test_summary_with_and_without_frames(root):
    rows = ["1,a,a.mp4,0,1.5,slight,slight", "1,a,a.mp4,90,95,slight,slight", "2,b,b.mp4,,,,"]
    cohort = load_cohort(write_labels(root, rows))
    tables = summary(cohort)
    assert set(tables) == {"overview", "people", "notes"}
    assert tables["people"][["patient", "label_rows"]].values.tolist() == [["1", 2], ["2", 1]]
    frames = frames_of(cohort)
    frames.loc[3, "note"] = "clip ends early"
    tables = summary(cohort, frames)
    overview = tables["overview"].set_index("quantity")["number"].to_dict()
    assert overview == {
        **{"people": 2, "videos": 2, "of these: clip": 2, "rows of labels": 3},
        **{"frames": 8, "unlabelled": 6, "palsy": 2, "healthy": 0},
    }
    assert tables["people"]["frames"].tolist() == [4, 4]
    notes = " ".join(tables["notes"]["note"])
    assert "1 row(s) of labels have no frame, the first in video 'a' from 90 s" in notes
    assert "1 frame(s) are marked: clip ends early." in notes


# --- folds


def table_of(people: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Samples of people with so many palsy and healthy ones."""
    rows = [
        (person, label)
        for person, (palsy, healthy) in people.items()
        for label, n in ((1.0, palsy), (0.0, healthy))
        for _ in range(n)
    ]
    return pd.DataFrame(rows, columns=["patient", "label"])


cohorts_of_people = st.dictionaries(
    st.from_regex(r"[A-Za-z0-9]{1,4}", fullmatch=True),
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(any),
    min_size=2,
    max_size=12,
)


@given(cohorts_of_people, st.data())
@settings(max_examples=40, deadline=None)
def test_nobody_is_on_both_sides_of_a_fold(people, data):
    table = table_of(people)
    k = data.draw(st.sampled_from([0, *range(2, len(people) + 1)]))
    folds = fold_names(table.sample(frac=1, random_state=len(people)), k)
    assert len(folds) == (k or len(people))
    held = [person for group in folds.values() for person in group]
    assert sorted(held) == sorted(people)  # everyone once, in one fold
    for name, group in folds.items():
        assert group
        assert name == group[0] or k
        training, test = split(table, group)
        assert not set(table.loc[training, "patient"]) & set(table.loc[test, "patient"])
        assert (training ^ test).all()
    assert folds == fold_names(table, k)  # whatever the order of the samples


def test_fold_names():
    table = table_of({"p10": (1, 0), "p9": (0, 1), "p1": (1, 1)})
    assert list(fold_names(table).items()) == [("p1", ("p1",)), ("p9", ("p9",)), ("p10", ("p10",))]
    assert list(fold_names(table, 2)) == ["fold-1-of-2", "fold-2-of-2"]


def test_groups_are_alike_in_size_and_classes():
    people = {f"ill{i}": (100, 0) for i in range(9)} | {f"well{i}": (0, 30) for i in range(6)}
    for group in fold_names(table_of(people), 3).values():
        assert [person[:3] for person in group] == ["ill"] * 3 + ["wel"] * 2
    people = {f"ill{i}": (n, 0) for i, n in enumerate([9, 8, 7, 6, 5, 4, 3, 2])}
    totals = [sum(people[p][0] for p in g) for g in fold_names(table_of(people), 2).values()]
    assert totals == [22, 22]


def test_people_without_labels_make_no_fold(root):
    table = pd.concat([table_of({"a": (1, 0), "b": (0, 1)}), pd.DataFrame({"patient": ["c"]})])
    assert list(fold_names(table)) == ["a", "b"]
    training, test = split(table, ("a",))
    assert (training.sum(), test.sum()) == (1, 1)
    cohort = load_cohort(write_labels(root, ["1,a,a.mp4,,,1", "2,b,b.mp4,,,0"], LABEL_HEADER))
    assert list(fold_names(cohort)) == ["1", "2"]


def test_one_person_can_be_looked_at_but_not_split(root):
    cohort = load_cohort(write_labels(root, ["1,a,a.mp4,,,1"], LABEL_HEADER))
    assert summary(cohort)["people"]["patient"].tolist() == ["1"]
    with pytest.raises(PalsyError, match=r"1 person.*two or more"):
        fold_names(cohort)
    with pytest.raises(PalsyError, match="0 person"):
        fold_names(table_of({}))


@pytest.mark.parametrize("folds", [-1, 1, 4])
def test_a_number_of_folds_that_does_not_fit(folds):
    with pytest.raises(PalsyError, match=rf"^{folds} folds cannot be made of 3 people"):
        fold_names(table_of({"a": (1, 1), "b": (1, 1), "c": (1, 1)}), folds)


def test_a_training_side_with_one_class_names_the_fold():
    table = table_of({"a": (5, 0), "b": (5, 0), "c": (3, 4)})
    with pytest.raises(PalsyError, match="Fold 'c' has no two classes"):
        check_training_classes(table, fold_names(table))
    both = table_of({"a": (5, 0), "b": (5, 1), "c": (3, 4)})
    check_training_classes(both, fold_names(both))


def test_importing_is_light():
    code = (
        "import sys, palsy_utils.faces.frames, palsy_utils.learning.folds\n"
        "print([name for name in ('torch', 'mediapipe', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ}
    )
    assert done.stdout.strip() == "[]"
