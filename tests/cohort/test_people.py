import pytest
from conftest import PHANTOM

from palsy_utils.cohort.people import known_sides, load_people
from palsy_utils.files import PalsyError


def test_the_phantoms_people_are_known():
    people = load_people(PHANTOM)
    assert len(people) == 8 and {"side", "skin_tone"} <= set(people)
    assert set(known_sides(PHANTOM).values()) == {"left", "right", "none"}


def test_nobody_is_known_without_a_file(tmp_path):
    assert load_people(tmp_path).empty and known_sides(tmp_path) == {}


def test_a_map_of_videos_is_no_news_of_people(tmp_path):
    (tmp_path / "patients.csv").write_text("video,patient\n1,a\n2,a\n3,b\n")
    assert list(load_people(tmp_path).index) == ["a", "b"] and known_sides(tmp_path) == {}


@pytest.mark.parametrize(
    "text",
    [
        "patient,side,skin_tone\na,left,3\nb,,\n",
        "Patient,SIDE,skin_tone,,\n a , Left ,3.0,,\nb,,,,\n",
        "patient,side,skin_tone\na,left,3,\nb,,,\n",  # the last comma is no cell
        "sep=;\r\npatient;side;skin_tone\r\na;left;3\r\nb;;\r\n",
        "skin_tone\tpatient\tside\thair\n3\ta\tleft\tgrey\n\tb\t\t\n",
        "video,patient,side,skin_tone\n1,a,left,\n2,a,,3\n3,b,,\n",
    ],
)
def test_a_table_as_people_write_it(tmp_path, text):
    (tmp_path / "patients.csv").write_text(text, newline="")
    people = load_people(tmp_path)
    assert list(people.index) == ["a", "b"] and set(people) == {"side", "skin_tone"}
    assert people.loc["a", "side"] == "left" and people.loc["a", "skin_tone"] == 3
    assert people.loc["b"].isna().all()
    assert known_sides(tmp_path) == {"a": "left"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who,side\na,left\n", "row 1: the column 'patient' is missing"),
        ("patient,side\na,left\na,right\n", "row 3, column side: 'right' here and 'left' further"),
        ("patient,side\na,links\n", "'links' is no side: write left or none or right"),
        ("patient,side\na,left,right\n", "row 2: the row has 3 cells"),
        ("patient,side\n,left\n", "row 2, column patient: the id '' is empty"),
        ("patient,skin_tone\na,5\nb,pale\n", "row 3, column skin_tone: 'pale' is no number from 1"),
        ("patient,skin_tone\na,0\n", "'0' is no number from 1"),
        ("patient,skin_tone\na,11\n", "'11' is no number from 1"),
        ("patient,skin_tone\na,nan\n", "'nan' is no number from 1"),
    ],
)
def test_faults_are_named(tmp_path, text, message):
    (tmp_path / "patients.csv").write_text(text)
    with pytest.raises(PalsyError, match=message):
        load_people(tmp_path)
