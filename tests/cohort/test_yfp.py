import pytest
from helpers import annotation, write_picture, write_yfp

from palsy_utils.cohort.labels_csv import known_sides
from palsy_utils.cohort.load import find_notes, frame_labels, load_cohort
from palsy_utils.faces.frames import extract_frames, load_frames
from palsy_utils.files import PalsyError

NORMAL = annotation("Normal_Eyes", "Normal_Mouth")
SLIGHT = annotation("SlightPalsy_Eyes", "SlightPalsy_Mouth")
STRONG = annotation("StrongPalsy_Eyes", "Normal_Mouth")
THREE = {video: {1: NORMAL} for video in ("1", "2", "10")}


def labels_of(cohort):
    labels = cohort.labels.set_index("frame")
    return labels[["eyes", "mouth"]].apply(tuple, axis=1).to_dict()


@pytest.mark.parametrize("nested", [True, False])
def test_both_nestings_all_trees_and_numeric_order(tmp_path, nested):
    frames = {10001: NORMAL, 6: SLIGHT, 96: "", 1: STRONG}
    write_yfp(tmp_path, {video: frames for video in ("32", "9", "17", "8")}, nested)
    cohort = load_cohort(tmp_path)
    assert (cohort.kind, cohort.group) == ("YFP tree", "video")
    assert cohort.videos["video"].tolist() == ["8", "9", "17", "32"]
    assert cohort.videos["patient"].tolist() == ["video-8", "video-9", "video-17", "video-32"]
    assert cohort.videos["file"][2] == ("Image3/Image3/17" if nested else "Image3/17")
    of_one = cohort.labels[cohort.labels["video"] == "9"]
    assert of_one[["frame", "label"]].values.tolist() == [[1, 1], [6, 1], [10001, 0]]
    assert any("leave-one-video-out" in note for note in cohort.notes)


def test_from_tree_to_labelled_frames(tmp_path):
    frames = {1: NORMAL, 6: SLIGHT, 7: "", 16: annotation("SlightPalsy_Eyes"), 101: STRONG}
    cohort = load_cohort(write_yfp(tmp_path, {"1": frames, "2": {1: ""}}))
    extract_frames(cohort)
    labelled = frame_labels(cohort, load_frames(cohort))
    assert labelled["frame"].tolist() == [1, 6, 7, 16, 101, 1]
    assert labelled["time_s"].tolist() == pytest.approx([0, 1 / 6, 0.2, 0.5, 10 / 3, 0], abs=1e-5)
    assert labelled["file"][4] == "Image/Image/1/101.bmp"
    assert labelled["label"].fillna(9).tolist() == [0, 1, 9, 9, 1, 9]
    assert labelled["eyes"].tolist() == ["normal", "slight", None, "slight", "strong", None]
    notes = " ".join(find_notes(cohort))
    assert "2 frame(s) have no label: they are not healthy" in notes
    assert "1 video(s) have no labelled frame" in notes


def test_faulty_label_files_are_repaired_in_memory_or_left_out_and_counted(tmp_path):
    names = ("SlightPalsy_Eyes", "StrongPalsy_Mouth")
    endings = ["</annotation>", "", "\n", "</annoatation>", "</annoatation>\r\n", "</annotati"]
    odd = '<?xml version="1.0" encoding="klingon"?>' + NORMAL
    bad = [annotation(*names)[:60], annotation(*names, end="<object></annotation>"), "no XML", odd]
    contents = [annotation(*names, end=end) for end in endings] + bad
    frames = {1 + 5 * i: content for i, content in enumerate(contents)}
    root = write_yfp(tmp_path, {"1": frames})
    files = {path: path.read_bytes() for path in root.rglob("*.xml")}
    cohort = load_cohort(root)
    assert labels_of(cohort) == {frame: ("slight", "strong") for frame in list(frames)[:6]}
    notes = " ".join(cohort.notes)
    assert "5 label file(s) had no whole closing tag and were repaired in memory" in notes
    assert "4 label file(s) are beyond repair and were left out: 1/31.xml, 1/36.xml" in notes
    assert {path: path.read_bytes() for path in root.rglob("*.xml")} == files


def test_boxes(tmp_path):
    frames = {
        1: annotation("Normal_Eyes", "StrongPalsy_Eyes", "SlightPalsy_Eyes", "Normal_Mouth"),
        6: annotation("Normal_Mouth", "SlightPalsy_Mouth"),
        11: annotation("Nose", "Normal_Eyes", "normal_mouth", "Nose"),
        16: annotation(),
        21: annotation("Normal_"),
    }
    cohort = load_cohort(write_yfp(tmp_path, {"1": frames}))
    assert labels_of(cohort) == {
        1: ("strong", "normal"),
        6: (None, "slight"),
        11: ("normal", None),
    }
    notes = " ".join(cohort.notes)
    assert "2 region(s) had several boxes" in notes
    assert "2 box(es) have the unknown name 'Nose'" in notes
    assert "2 frame(s) have no label" in notes


def test_other_things_in_the_tree_are_passed_over(tmp_path):
    root = write_yfp(tmp_path, {"1": {1: NORMAL, 6: ""}, "9": {1: SLIGHT}})
    xml = root / "Image_large_XML" / "Image_large_XML"
    for folder in (xml / "eyes" / "1", xml / "mouth", xml / "1" / "eyes", xml / "1" / "mouth"):
        folder.mkdir(parents=True)
        (folder / "6.xml").write_text(STRONG)
    for name in ("Thumbs.db", "a.xml", "._1.xml"):
        (xml / "1" / name).touch()
    for video, frame in (("1", "9996"), ("1", "9" * 200), ("30", "1")):
        (xml / video).mkdir(exist_ok=True)
        (xml / video / f"{frame}.xml").write_text(STRONG)
    write_picture(root / "Image" / "Image" / "1" / "cover.bmp")
    (root / "Image" / "Image" / "7").mkdir()
    (root / "Image" / "__MACOSX").mkdir()
    cohort = load_cohort(root)
    assert cohort.labels[["video", "frame"]].values.tolist() == [["1", 1], ["9", 1]]
    assert cohort.videos["video"].tolist() == ["1", "9"]
    notes = " ".join(cohort.notes)
    assert "2 label file(s) have no image" in notes
    assert "1 frame(s) have no label" in notes


def test_patients_and_no_note_on_what_did_not_happen(tmp_path):
    root = write_yfp(tmp_path, THREE)
    assert len(load_cohort(root).notes) == 1
    (root / "patients.csv").write_text("video,patient,side\n1,anna,left\n10,anna,left\n2,ben,\n")
    cohort = load_cohort(root)
    assert cohort.group == "patient"
    assert cohort.videos["patient"].tolist() == ["anna", "ben", "anna"]
    assert cohort.labels["patient"].tolist() == ["anna", "ben", "anna"]
    assert cohort.notes == ("patients.csv maps 3 videos to 2 people.",)
    assert known_sides(root) == {"anna": "left"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("video,patient\n1,anna\n", "no row for the video(s) 2, 10"),
        ("video,patient\n1,a\n2,b\n10,c\n33,d\n", "row 5, column video: the video '33' is not in"),
        ("video,patient\n1,a\n2,A\n10,c\n", "row 3, column patient: 'A' here and 'a' in row 2"),
        ("video,person\n1,a\n2,b\n10,c\n", "row 1: the column 'patient' is missing"),
    ],
)
def test_wrong_patients(tmp_path, content, told):
    root = write_yfp(tmp_path, THREE)
    (root / "patients.csv").write_text(content)
    with pytest.raises(PalsyError) as error:
        load_cohort(root)
    assert str(error.value).startswith(str(root / "patients.csv"))
    assert told in str(error.value)


def test_a_video_or_frame_that_is_there_twice(tmp_path):
    root = write_yfp(tmp_path, {"1": {1: NORMAL}})
    write_picture(root / "Image" / "Image" / "1" / "01.bmp")
    with pytest.raises(PalsyError, match=r"01\.bmp and .*1\.bmp are one frame"):
        load_cohort(root)
    (root / "Image" / "Image" / "1" / "01.bmp").unlink()
    write_picture(root / "Image2" / "1" / "1.bmp")
    with pytest.raises(PalsyError, match=r"the video 1 is in Image/Image/1 and in Image2/1"):
        load_cohort(root)


def test_half_a_database(tmp_path):
    write_picture(tmp_path / "images" / "Image" / "1" / "1.bmp")
    with pytest.raises(PalsyError, match=r"holds no labels: unpack Image_large_XML\.zip"):
        load_cohort(tmp_path / "images")
    (tmp_path / "labels" / "Image_large_XML" / "1").mkdir(parents=True)
    with pytest.raises(PalsyError, match=r"holds no frames: unpack Image\.zip"):
        load_cohort(tmp_path / "labels")


LABELS = "Image_large_XML/Image_large_XML"


@pytest.mark.parametrize(
    "link", ["Image2", "Image/Image/1/6.bmp", f"{LABELS}/1/6.xml", "patients.csv"]
)
def test_links_out_of_the_tree_are_refused(tmp_path, link):
    root = write_yfp(tmp_path / "yfp", {"1": {1: NORMAL}})
    elsewhere = write_yfp(tmp_path / "elsewhere", {"1": {1: STRONG, 6: STRONG}})
    write_picture(elsewhere / "Image2" / "9" / "1.bmp")
    (elsewhere / "patients.csv").write_text("video,patient\n1,a\n")
    (root / link).symlink_to(elsewhere / link)
    with pytest.raises(PalsyError, match="a link that leads out"):
        load_cohort(root)
