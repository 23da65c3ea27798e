import math
import os

import pandas as pd
import pytest
from helpers import write_labels, write_picture

from palsy_utils.cohort.labels_csv import known_sides, load_people
from palsy_utils.cohort.load import frame_labels, load_cohort
from palsy_utils.files import PalsyError

LABEL_HEADER = "patient,video,file,start_s,end_s,label"
TWO = ["1,a,a.mp4,,,1", "2,b,b.mp4,,,0"]


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "clinic"
    root.mkdir()
    for name in ("a.mp4", "b.mp4", "Ä c.MOV"):
        (root / name).write_bytes(b"not looked into")
    write_picture(root / "pictures" / "1.png")
    write_picture(root / "still.jpg")
    write_picture(root / "frames" / "1.jpg")
    (root / "notes.txt").write_text("x")
    write_picture(tmp_path / "outside.jpg")
    (root / "leads_out.jpg").symlink_to(tmp_path / "outside.jpg")
    (root / "leads_out").symlink_to(tmp_path)
    (root / "circle.mp4").symlink_to(root / "circle.mp4")
    (root / "pictures" / "up").symlink_to(root)
    return root


def frames_of(cohort, times=(0.0, 1.0, 2.0, 3.0)):
    """A table of frames like `load_frames`', with these times in every video."""
    times = pd.DataFrame({"frame": range(len(times)), "time_s": times, "file": "", "note": ""})
    return cohort.videos[["patient", "video"]].merge(times, how="cross")


# --- labels.csv that is right


def test_labels_with_regions(root):
    rows = [
        "01,left,a.mp4,0,1.5,slight,slight",
        "01,left,a.mp4,1.5,2,normal,slight",
        "01,left,a.mp4,3,,strong,",
        "p-2,b,B.mp4,,,,normal",
        "p-2,folder,./pictures,,,normal,normal",
        "p-2,still,still.jpg,,,slight,strong",
        "3,gone,gone.mp4,,,normal,normal",
        '3,"gone-2",,,,normal,normal',
        "3,umlaut,A\u0308 c.MOV,,,,",
    ]
    for video in ("gone", "gone-2"):
        write_picture(root / "faces" / "1.png")
        (root / "faces" / f"{video}.parquet").touch()
    cohort = load_cohort(write_labels(root, rows))
    assert (cohort.kind, cohort.group, cohort.name) == ("labels.csv", "patient", "clinic")
    assert cohort.videos.values.tolist() == [
        ["01", "left", "a.mp4", "clip"],
        ["p-2", "b", "b.mp4", "clip"],
        ["p-2", "folder", "pictures", "folder"],
        ["p-2", "still", "still.jpg", "image"],
        ["3", "gone", "gone.mp4", "measured"],
        ["3", "gone-2", "", "measured"],
        ["3", "umlaut", "Ä c.MOV", "clip"],
    ]
    assert set(cohort.sources) == {"left", "b", "folder", "still", "umlaut"}
    assert cohort.labels["end_s"].tolist()[:4] == [1.5, 2.0, math.inf, math.inf]
    assert cohort.labels["label"].fillna(9).tolist() == [1, 0, 1, 9, 0, 1, 0, 0, 9]
    assert cohort.notes[-1] == "1 row(s) of labels.csv carry no label."

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


def test_frame_labels_keeps_order_index_and_columns(root):
    cohort = load_cohort(write_labels(root, TWO, LABEL_HEADER))
    frames = frames_of(cohort).sample(frac=1, random_state=0)
    frames = pd.concat([frames, frames.iloc[[0]].assign(video="x")])  # a stranger
    labelled = frame_labels(cohort, frame_labels(cohort, frames))
    assert labelled.index.tolist() == frames.index.tolist()
    assert labelled.columns.tolist() == [*frames.columns, "eyes", "mouth", "label"]
    expected = frames["video"].map({"a": 1.0, "b": 0.0})
    pd.testing.assert_series_equal(labelled["label"], expected, check_names=False)
    assert frame_labels(cohort, frames.iloc[:0])["label"].tolist() == []


@pytest.mark.parametrize(
    "text",
    [
        "Patient,Video,File,Start_s,End_s,Eyes,MOUTH\n1,a,a.mp4,,1.5,Normal,STRONG\n",
        "patient,video,file,start_s,end_s,eyes,mouth\n1,a,a.mp4,,1.5,normal,strong,,\n",
        "patient,video,file,start_s,end_s,eyes,mouth,,\n1,a,a.mp4,,1.5,normal,strong\n",
        "\ufeff patient,video,file,start_s,end_s,eyes,mouth\r\n\r\n 1 ,a,a.mp4,,1.5,normal,strong",
        "patient\tvideo\tfile\tstart_s\tend_s\teyes\tmouth\n1\ta\ta.mp4\t\t1.5\tnormal\tstrong\n",
        "sep=;\npatient;video;file;start_s;end_s;eyes;mouth\n1;a;a.mp4;;1.5;normal;strong\n",
    ],
)
def test_labels_as_other_programs_write_them(root, text):
    (root / "labels.csv").write_text(text, newline="")
    cohort = load_cohort(root)
    assert cohort.videos.values.tolist() == [["1", "a", "a.mp4", "clip"]]
    assert cohort.labels.values.tolist() == [["1", "a", 0.0, 1.5, "normal", "strong", 1.0]]
    assert cohort.notes == ()


def test_what_lies_beside_the_labels_and_is_not_read_is_named(root):
    for name in ("palsy/c.mp4", "pictures/2.HEIC", "pictures/3.heic", "pictures/readme"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    rows = ["1,a,a.mp4,,,1,", "2,b,pictures,,,0.0,"]
    cohort = load_cohort(write_labels(root, rows, LABEL_HEADER + ",comment"))
    assert cohort.labels["label"].tolist() == [1.0, 0.0]
    assert cohort.notes == (
        "Columns of labels.csv that were passed over: 'comment'.",
        "labels.csv alone says who is in this cohort: what else lies in palsy/ was not read.",
        "4 file(s) or folder(s) were passed over, as neither clip nor image: 2 .heic, "
        "1 no suffix, 1 folder.",
    )


def test_links_are_followed_where_the_user_says_so(root, tmp_path, monkeypatch):
    write_labels(root, ["1,a,leads_out.jpg,,,1", "2,b,b.mp4,,,0"], LABEL_HEADER)
    monkeypatch.setenv("PALSY_LINKS", str(tmp_path / "clinic" / "pictures"))
    with pytest.raises(PalsyError, match="a link that leads out"):
        load_cohort(root)
    monkeypatch.setenv("PALSY_LINKS", str(tmp_path))
    assert load_cohort(root).videos["kind"].tolist() == ["image", "clip"]


@pytest.mark.parametrize("name", ["labels.csv", "patients.csv"])
def test_a_table_that_is_a_link_out_is_not_read(root, tmp_path, name):
    write_labels(root, TWO, LABEL_HEADER)
    (tmp_path / "secret.csv").write_text("patient,side\nsecret,left\n")
    (root / name).unlink(missing_ok=True)
    (root / name).symlink_to(tmp_path / "secret.csv")
    with pytest.raises(PalsyError, match="a link that leads out of the cohort's folder"):
        load_cohort(root)


def test_a_folder_that_cannot_be_read_matters_where_it_is_labelled(root, monkeypatch):
    listdir = os.listdir

    def closed(path):
        if path == root / "pictures":
            raise PermissionError(13, "Permission denied", str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", closed)
    assert len(load_cohort(write_labels(root, TWO, LABEL_HEADER)).videos) == 2
    for file in ("pictures", "pictures/1.png"):
        with pytest.raises(PalsyError, match=r"row 2, column file: 'pictures' cannot be read"):
            load_cohort(write_labels(root, [f"1,a,{file},,,1"], LABEL_HEADER))


# --- labels.csv that is wrong: row 2 is right, the message names row 3 and the column

GOOD = "1,v1,a.mp4,0,1,normal,slight"


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (",v2,b.mp4,,,,", "patient", "'' is no id"),
        ("Jürgen,v2,b.mp4,,,,", "patient", "letters a to z"),
        ("NA,v2,b.mp4,,,,", "patient", "empty cell"),
        (f"{'x' * 81},v2,b.mp4,,,,", "patient", "80"),
        ("2,a/b,b.mp4,,,,", "video", "a/b"),
        ("2,v2,b.mp4,,,strog,", "eyes", "write normal, slight or strong"),
        ('2,v2,b.mp4,"1,5",,,', "start_s", "decimal point"),
        ("2,v2,b.mp4,-1,,,", "start_s", "'-1'"),
        ("2,v2,b.mp4,3,2,,", "end_s", "starts at 3 s and ends at 2 s"),
        ("1,v1,a.mp4,0.5,2,normal,normal", "start_s", "overlaps with the one in row 2"),
        ("1,v1,b.mp4,2,3,,", "file", "'a.mp4' in row 2"),
        ("2,v1,a.mp4,2,3,,", "patient", "'1' in row 2"),
        ("2,v2,a.mp4,,,,", "video", "is the video 'v2' here and 'v1' in row 2"),
        ("2,v2,pictures/up/a.mp4,,,,", "video", "'v1' in row 2"),
        ("2,V1,b.mp4,,,,", "video", "capital letters"),
        ("2,v2,c.mp4,,,,", "file", "'c.mp4' does not exist in the cohort's folder"),
        ("2,v2,,,,,", "file", "'' does not exist"),
        ("2,v2,../outside.jpg,,,,", "file", "does not exist in the cohort's folder"),
        ("2,v2,leads_out/outside.jpg,,,,", "file", "a link that leads out"),
        ("2,v2,circle.mp4,,,,", "file", "circle.mp4"),
        ("2,v2,notes.txt,,,,", "file", "neither a clip nor an image"),
        ("2,v2,frames/1.jpg,,,,", "file", "frames/"),
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
        ("patient,video,file,end_s,label\n1,a,a.mp4,,1", "'start_s' is missing among"),
        ("patient,video,file,start_s,end_s,eye,mouth\n1,a,a.mp4,,,,", "'eyes' is missing among"),
        ("patient,video,file,start_s,end_s\n1,a,a.mp4,,", "row 1: the column 'label' is missing"),
        (f"{LABEL_HEADER},eyes\n1,a,a.mp4,,,1,", "keep either"),
        (f"{LABEL_HEADER},label\n1,a,a.mp4,,,1,1", "row 1: the column 'label' is there twice"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,b,b.mp4,,", "row 3: the row has 5 cells"),
        (f'{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,"b,b.mp4,,,0', "quotation mark"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,2", "write 0 or 1"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,b,Jürgen.mp4,,,0\n", "row 3: this is not UTF-8"),
        (f"{LABEL_HEADER}\n1,a,a.mp4,,,1\n\n2,b,c.mp4,,,1", "row 4, column file"),
        # Excel does not show this line, and counts its rows without it.
        (f"sep=,\n{LABEL_HEADER}\n1,a,a.mp4,,,1\n2,b,b.mp4,,,2\n", "row 3, column label"),
    ],
)
def test_a_wrong_table_is_named(root, content, told):
    (root / "labels.csv").write_text(content, encoding="latin-1")
    with pytest.raises(PalsyError) as error:
        load_cohort(root)
    assert str(error.value).startswith(str(root / "labels.csv"))
    assert told in str(error.value)


# --- patients.csv, by the same reader


def test_people_who_are_in_no_video_are_named(root):
    write_labels(root, TWO, LABEL_HEADER)
    assert load_people(root).empty and known_sides(root) == {}
    (root / "patients.csv").write_text("Patient,Side\n1,left\n02,right\n")
    assert load_cohort(root).notes == (
        "patients.csv tells of 1 people who are in no video, the first '02': compare how they are "
        "written.",
    )
    (root / "patients.csv").write_text("patient,skin_tone\n1,11\n")
    with pytest.raises(PalsyError, match=r"patients.csv, row 2, column skin_tone: '11'"):
        load_cohort(root)
    (root / "patients.csv").write_text("video,patient\n1,a\n2,a\n3,b\n")  # no news of people
    assert list(load_people(root).index) == ["a", "b"] and known_sides(root) == {}


@pytest.mark.parametrize(
    "text",
    [
        "Patient,SIDE,skin_tone,,\n a , Left ,3.0,,\nb,,,,\n",
        "skin_tone\tpatient\tside\thair\n3\ta\tleft\tgrey\n\tb\t\t\n",
        "video,patient,side,skin_tone\n1,a,left,\n2,a,,3\n3,b,,\n",
    ],
)
def test_a_table_of_people_as_they_write_it(tmp_path, text):
    (tmp_path / "patients.csv").write_text(text, newline="")
    people = load_people(tmp_path)
    assert list(people.index) == ["a", "b"] and set(people) == {"side", "skin_tone"}
    assert people.loc["a", "side"] == "left" and people.loc["a", "skin_tone"] == 3
    assert people.loc["b"].isna().all()
    assert known_sides(tmp_path) == {"a": "left"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient,side\na,left\na,right\n", "row 3, column side: 'right' here and 'left' in row 2"),
        ("patient,side\na,links\n", "'links' is no side: write left, none or right"),
        ("patient,skin_tone\na,5\nb,pale\n", "row 3, column skin_tone: 'pale' is no number from 1"),
    ],
)
def test_faults_among_people_are_named(tmp_path, text, message):
    (tmp_path / "patients.csv").write_text(text)
    with pytest.raises(PalsyError, match=message):
        load_people(tmp_path)
