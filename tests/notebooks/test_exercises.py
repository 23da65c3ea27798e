"""Exercises keep their convention, solutions are right, no answer is wrong, handouts hide them."""

import os
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from conftest import PROJECT
from handout import FOLDERS, without_solution, write_handout
from helpers import palsy, run_notebook, small_parameters
from test_explanations import PROOF

from palsy_utils import teaching
from palsy_utils.files import PalsyError
from palsy_utils.teaching import check, compare, judge

EXERCISES = tomllib.loads(Path(teaching.__file__).with_name("exercises.toml").read_text("utf-8"))
NOTEBOOKS = {p.stem: p for p in sorted((PROJECT / "notebooks").glob("*.ipynb"))}


def read(name) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS[name], 4)


def exercises(cells) -> list[list]:
    """Return the exercises wherever they stand: a task, a solution and `check("...")`."""
    ends = [i for i, cell in enumerate(cells) if cell.source.startswith("check(")]
    return [cells[i - 2 : i + 1] for i in ends]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_exercise_is_a_task_a_hidden_solution_and_a_check(name):
    cells = read(name).cells
    threes = exercises(cells)
    assert len(threes) >= 3
    assert cells[-1].source.startswith("**Next:**")
    for number, (task, solution, checking) in enumerate(threes, start=1):
        assert solution.metadata.tags == ["solution"] and solution.metadata.jupyter.source_hidden
        assert len(solution.source.splitlines()) <= 15
        assert checking.metadata.tags == ["check"]
        assert checking.source == f'check("{name[:2]}.{number}")'
        # JupyterLab shows the first line all the same.
        function = re.match(r"def (\w+)\(", solution.source)[1]
        assert "### BEGIN SOLUTION\n" in solution.source and f"`{function}" in task.source
        assert EXERCISES[f"{name[:2]}.{number}"]["answer"].startswith(f"{function}(")
        points = EXERCISES[f"{name[:2]}.{number}"]["points"]
        kind, s = ["easy", "medium", "hard"][points - 1], "s" * (points > 1)
        heading = rf"### Exercise {number} · .+ \({kind}, {points} point{s}\)\n\n"
        assert re.match(heading, task.source)
        assert "\n\n<details><summary>Hint</summary>\n\n" in task.source


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_solutions_are_right_and_no_answer_is_wrong(name, answered):
    done = answered(NOTEBOOKS[name], PROOF if name == "10_explanations" else "")
    cells = nbformat.read(done / f"done-{name}.ipynb", 4).cells
    said = ["".join(o.get("text", "") for o in c.get("outputs", [])) for c in cells]
    checks = [i for i, cell in enumerate(cells) if cell.source.startswith("check(")]
    assert len(checks) >= 3
    for i in checks:
        assert said[i].startswith("Right."), cells[i].source
        empty, *wrong = said[i + 1].splitlines()
        assert empty.startswith("Not answered") and len(wrong) == 2, (cells[i].source, said[i + 1])
        assert not [line for line in wrong if line.startswith("Right")], cells[i].source


@pytest.mark.parametrize(
    ("answer", "right", "told"),
    [
        (0.25, 0.25, "Right. Your answer:\n0.25$"),
        (25, 0.25, "Nearly: that is in per cent"),
        (0.75, 0.25, "Nearly: that is the share of all others"),
        (-3, 3, "Nearly: the sign"),
        (3.1, 3, "Nearly: that is a few per cent off"),
        ([1, 2], [1, 2, 3], r"Not yet: your answer has the shape \(2,\), and \(3,\) is wanted"),
        ((np.float64(2 / 3), 0.5), [2 / 3, 0.5], r"Right. Your answer:\n\[0.6667 0.5   \]$"),
        ({"b": 2, "a": None}, pd.Series({"a": np.nan, "b": 2}), "Right. Your answer:\na +NaN\nb "),
        ("jaw", "brow", ""),
        ({"p01"}, {"p01"}, "Right. Your answer:\n{'p01'}$"),
        ("0.25", np.True_, "Right."),
    ],
)
def test_an_answer_is_right_or_nearly_or_of_another_shape(answer, right, told):
    assert re.match(f"{told}$" if told in ("", "Right.") else told, compare(answer, right, 1e-8))


def test_check_never_raises_and_names_what_stopped(capsys):
    intervals = pd.DataFrame({"patient": list("aab"), "label": [0, 1, 1]})
    given = {"who": SimpleNamespace(labels=intervals)}

    def people_of_one_class(_):  # `check` would find it if it were a variable of this module
        return {"b"}

    assert judge("00.1", given).startswith("Not answered yet. Nothing here is called people_of_one")
    forgot = {"people_of_one_class": lambda _: None}
    assert "Your function returns nothing so far." in judge("00.1", given | forgot)
    right = {"people_of_one_class": people_of_one_class}
    assert judge("00.1", given | right) == "Right. Your answer:\n{'b'}"
    misspelt = {"people_of_one_class": lambda _: intervalls}  # noqa: F821
    assert "stops with NameError (name 'intervalls' is not" in judge("00.1", given | misspelt)
    listed = {"people_of_one_class": lambda _: ["b"]}
    assert judge("00.1", given | listed).startswith("Right.")
    wrong = {"people_of_one_class": lambda _: {"a"}}
    assert judge("00.1", given | wrong).startswith("Not yet. Take everybody")
    graded = given | {"intervals": intervals.assign(eyes=None, mouth=None)}
    assert judge("00.2", graded).startswith("Not answerable here: nobody has graded eyes")
    check("00.1")
    assert capsys.readouterr().out.startswith("Not answered yet. ")


@pytest.fixture(scope="module")
def handout(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("handout")
    write_handout(folder)
    return folder


@pytest.mark.parametrize("audience", ["students", "instructor"])
def test_students_get_no_solution_and_all_find_their_data_and_pictures(handout, audience):
    there = handout / audience
    assert {path.stem for path in there.iterdir()} == set(NOTEBOOKS)
    for path in there.iterdir():
        notebook, ours = nbformat.read(path, 4), exercises(read(path.stem).cells)
        for number, (task, solution, checking) in enumerate(exercises(notebook.cells), start=1):
            wanted = [cell.source for cell in ours[number - 1]]
            if audience == "students":
                wanted[1] = without_solution(wanted[1])
                assert "...  # your answer" in wanted[1] and "# Solution" not in wanted[1]
                assert "jupyter" not in solution.metadata
            assert [solution.source, checking.source] == wanted[1:]
            assert task.source.partition("](")[0] == wanted[0].partition("](")[0]  # the first link
        if cohort := papermill.inspect_notebook(str(path)).get("cohort"):
            folder = there / cohort["default"].strip('"')
            assert folder.samefile(PROJECT / "data" / "phantom")
        text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        for link in re.findall(r"\]\((\.\.[^)]*)\)", text):
            assert (there / link.partition("#")[0]).exists(), link
        nbformat.validate(notebook)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_students_version_runs_to_the_end_and_can_be_answered_then(
    name, handout, beyond, tmp_path
):
    there = handout / "students"  # where JupyterLab starts it, and its paths lead from
    notebook, known = nbformat.read(there / f"{name}.ipynb", 4), exercises(read(name).cells)
    for _, solution, checking in known:
        notebook.cells += [solution, checking]
    go = [nbformat.v4.new_code_cell(f"%cd -q {to}") for to in (there, PROJECT / "notebooks")]
    notebook.cells = [go[0], *notebook.cells, go[1]]  # the kernel is used again
    for number, cell in enumerate(notebook.cells):
        cell.id = str(number)
    nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    cohort = Path(os.path.relpath(beyond / "small", there))
    given = small_parameters(NOTEBOOKS[name], cohort, tmp_path)
    done = run_notebook(tmp_path / f"{name}.ipynb", given, tmp_path)
    checks = [cell for cell in done.cells if cell.source.startswith("check(")]
    said = ["".join(output.text for output in cell.outputs) for cell in checks]
    n, no_answer = len(known), "Not answerable here: "
    assert len(said) == 2 * n and n >= 3
    assert all(s.startswith(("Not answered yet. ", no_answer)) for s in said[:n]), said
    assert all(s.startswith(("Right.", no_answer)) for s in said[n:]), said


def test_in_nbgrader_every_check_gives_its_points_and_every_solution_is_the_students_own(handout):
    """As tried with nbgrader 0.9: the instructor's version gets all points, an empty one none."""
    points = 0
    for path in (handout / FOLDERS["nbgrader"]).iterdir():
        cells = nbformat.read(path, 4).cells
        marked = [cell.metadata.get("nbgrader") for cell in cells]
        ids = [mark["grade_id"] for mark in filter(None, marked)]
        assert len(set(ids)) == len(ids) and all(re.fullmatch("[a-z0-9-]+", name) for name in ids)
        for cell, mark, before in zip(cells, marked, [None, *marked], strict=False):
            if cell.source.startswith("check("):
                assert before["solution"] and mark["grade"] and mark["points"] in (1, 2, 3)
                assert cell.source.count(f'"{mark["grade_id"][6:].replace("-", ".")}"') == 2
                points += mark["points"]
    assert points > 80


def test_a_handout_is_written_again_but_nobodys_work_is_lost(tmp_path):
    first = palsy("handout", tmp_path)
    assert first.exit_code == 0, first.output
    assert first.output.split() == [str(tmp_path / below) for below in FOLDERS.values()]
    write_handout(tmp_path)  # nobody has worked in it
    mine = tmp_path / "students" / "01_frames.ipynb"
    mine.write_text(mine.read_text().replace("...  # your answer", "return 0.9"))
    (tmp_path / "students" / "00_overview.ipynb").unlink()
    with pytest.raises(PalsyError, match=r"01_frames\.ipynb is not what would be handed out now"):
        write_handout(tmp_path)
    assert "return 0.9" in mine.read_text()
    assert not (tmp_path / "students" / "00_overview.ipynb").exists()
