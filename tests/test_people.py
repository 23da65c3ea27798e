import pytest
from conftest import PHANTOM

from palsy_utils.files import PalsyError
from palsy_utils.people import known_sides, load_people


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
    ("text", "message"),
    [
        ("who,side\na,left\n", "no column patient"),
        ("patient,side\na,left\na,right\n", "says two things of a"),
        ("patient,side\na,links\n", "the side 'links': write one of left, none, right"),
    ],
)
def test_faults_are_named(tmp_path, text, message):
    (tmp_path / "patients.csv").write_text(text)
    with pytest.raises(PalsyError, match=message):
        load_people(tmp_path)
