"""Exercises keep their convention, solutions are right, no answer is wrong, handouts hide them."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest
from conftest import PROJECT
from handout import write_handout
from helpers import palsy
from test_explanations import PROOF

from palsy_utils.files import PalsyError
from palsy_utils.teaching import check, has_tag

NOTEBOOKS = {p.stem: p for p in sorted((PROJECT / "notebooks").glob("*.ipynb"))}


def read(name) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS[name], 4)


def exercises(cells) -> list[list]:
    """Return the cells behind `## Exercises`, in threes, without the last one."""
    start = next(i for i, cell in enumerate(cells) if cell.source.startswith("## Exercises"))
    rest = cells[start + 1 : -1]
    assert len(rest) % 3 == 0, "an exercise is a task, a solution and a check"
    return [rest[i : i + 3] for i in range(0, len(rest), 3)]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_exercise_is_a_task_a_hidden_solution_and_a_check(name):
    cells = read(name).cells
    threes = exercises(cells)
    assert len(threes) >= 3
    assert cells[-1].source.startswith("**Next:**")
    for number, (task, solution, checking) in enumerate(threes, start=1):
        answer = f"answer_{number}"
        heading = rf"### Exercise {number} · .+ \((easy|medium|hard)\)\n\n"
        assert re.match(heading, task.source) and f"`{answer}`" in task.source
        assert solution.metadata.tags == ["solution"] and solution.metadata.jupyter.source_hidden
        assert solution.source.startswith("# ")  # JupyterLab shows the first line all the same
        assert len(solution.source.splitlines()) <= 15
        assert re.findall(r"answer_\d+", solution.source)[-1] == answer
        assert checking.metadata.tags == ["check"] and answer in checking.source
        assert checking.source.startswith("check(") and checking.source.count("check(") == 1
        gives_it_away = len(checking.source.splitlines()) > 8
        assert checking.metadata.get("jupyter", {}).get("source_hidden", False) == gives_it_away
    difficulty = [re.search(r"\((\w+)\)\n", task.source)[1] for task, _, _ in threes]
    assert difficulty == sorted(difficulty, key=["easy", "medium", "hard"].index)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_solutions_are_right_and_no_answer_is_wrong(name, answered):
    done = answered(NOTEBOOKS[name], PROOF if name == "10_explanations" else "")
    cells = nbformat.read(done / f"done-{name}.ipynb", 4).cells
    said = ["".join(o.get("text", "") for o in c.outputs) for c in cells if has_tag(c, "check")]
    assert len(said) >= 3 and set(said) == {"Right.\n"}


def test_check_says_what_is_wrong(capsys):
    check(True, "not shown")
    assert capsys.readouterr().out == "Right.\n"
    with pytest.raises(AssertionError, match="Count people"):
        check(False, "Count people, not videos.")
    check(False, "not shown", unless="nobody has graded eyes and mouth.")
    assert capsys.readouterr().out == "Not answerable here: nobody has graded eyes and mouth.\n"


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
                wanted[1] = f"answer_{number} = ...  # your answer"
                assert "jupyter" not in solution.metadata
            assert [cell.source for cell in (task, solution, checking)] == wanted
        if cohort := papermill.inspect_notebook(str(path)).get("cohort"):
            folder = there / cohort["default"].strip('"')
            assert folder.samefile(PROJECT / "data" / "phantom")
        text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
        for link in re.findall(r"\]\((\.\.[^)]*)\)", text):
            assert (there / link).exists(), link
        nbformat.validate(notebook)


def test_a_handout_is_written_again_but_nobodys_work_is_lost(tmp_path):
    first = palsy("handout", tmp_path)
    assert first.exit_code == 0, first.output
    assert first.output.split() == [str(tmp_path / "students"), str(tmp_path / "instructor")]
    write_handout(tmp_path)  # nobody has worked in it
    mine = tmp_path / "students" / "01_frames.ipynb"
    mine.write_text(mine.read_text().replace("answer_1 = ...", "answer_1 = 0.9"))
    (tmp_path / "students" / "00_overview.ipynb").unlink()
    with pytest.raises(PalsyError, match=r"01_frames\.ipynb is not what would be handed out now"):
        write_handout(tmp_path)
    assert "answer_1 = 0.9" in mine.read_text()
    assert not (tmp_path / "students" / "00_overview.ipynb").exists()
