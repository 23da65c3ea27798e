import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palsy_utils.files import PalsyError
from palsy_utils.learning.folds import check_classes, fold_names, split


def table_of(people: dict[str, tuple[int, int]]) -> pd.DataFrame:
    """Samples of people with so many palsy and healthy ones."""
    rows = [(p, label) for p, (ill, well) in people.items() for label in [1.0] * ill + [0.0] * well]
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
        assert name == group[0] or k
        training, test = split(table, group)
        assert not set(table.loc[training, "patient"]) & set(table.loc[test, "patient"])
        assert (training ^ test).all()
    assert folds == fold_names(table, k)  # whatever the order of the samples


def test_folds_are_named_in_natural_order_and_people_without_labels_make_none():
    table = table_of({"p10": (1, 0), "p9": (0, 1), "p1": (1, 1)})
    table = pd.concat([table, pd.DataFrame({"patient": ["p2"]})])
    assert list(fold_names(table).items()) == [("p1", ("p1",)), ("p9", ("p9",)), ("p10", ("p10",))]
    assert list(fold_names(table, 2)) == ["fold-1-of-2", "fold-2-of-2"]
    assert [side.sum() for side in split(table, ("p1",))] == [2, 2]


def test_groups_are_alike_in_size_and_classes():
    people = {f"ill{i}": (100, 0) for i in range(9)} | {f"well{i}": (0, 30) for i in range(6)}
    for group in fold_names(table_of(people), 3).values():
        assert [person[:3] for person in group] == ["ill"] * 3 + ["wel"] * 2
    people = {f"ill{i}": (n, 0) for i, n in enumerate([9, 8, 7, 6, 5, 4, 3, 2])}
    totals = [sum(people[p][0] for p in g) for g in fold_names(table_of(people), 2).values()]
    assert totals == [22, 22]


@pytest.mark.parametrize(
    ("people", "folds", "message"),
    [
        ("a", 0, r"1 person.*two or more"),
        ("abc", 1, "^1 folds cannot be made of 3 people"),
        ("abc", 4, "^4 folds cannot be made of 3 people"),
    ],
)
def test_folds_that_cannot_be_made(people, folds, message):
    with pytest.raises(PalsyError, match=message):
        fold_names(table_of(dict.fromkeys(people, (1, 1))), folds)


def test_a_training_side_with_one_class_is_refused():
    table = table_of({"a": (5, 0), "b": (5, 0), "c": (3, 4)})
    with pytest.raises(PalsyError, match=r"2 person.* palsy and 0 .* once c is held out"):
        check_classes(table, fold_names(table).values())
    both = table_of({"a": (5, 0), "b": (5, 1), "c": (3, 4)})
    check_classes(both, fold_names(both).values())
