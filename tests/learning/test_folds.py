import pandas as pd
import pytest
from helpers import write_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from palsy_utils.cohort.load import load_cohort
from palsy_utils.files import PalsyError
from palsy_utils.learning.folds import check_training_classes, fold_names, split


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


def test_people_without_labels_make_no_fold(tmp_path):
    table = pd.concat([table_of({"a": (1, 0), "b": (0, 1)}), pd.DataFrame({"patient": ["c"]})])
    assert list(fold_names(table)) == ["a", "b"]
    training, test = split(table, ("a",))
    assert (training.sum(), test.sum()) == (1, 1)
    for name in ("palsy/1.png", "healthy/2.png"):
        write_picture(tmp_path / name)
    assert list(fold_names(load_cohort(tmp_path))) == ["healthy-2", "palsy-1"]


def test_one_person_cannot_be_split():
    with pytest.raises(PalsyError, match=r"1 person.*two or more"):
        fold_names(table_of({"a": (1, 1)}))
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
