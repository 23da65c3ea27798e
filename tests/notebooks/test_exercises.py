"""Exercises keep their convention, solutions are right, no answer is wrong, handouts hide them."""

import re
from pathlib import Path
from textwrap import indent

import nbformat
import papermill
import pytest
from conftest import PROJECT
from handout import write_handout
from helpers import small_parameters

from palsy_utils.cli import main
from palsy_utils.files import PalsyError
from palsy_utils.runs.cluster import Task, execute
from palsy_utils.runs.kernels import execute_notebook
from palsy_utils.teaching import check, has_tag

NOTEBOOKS = {p.stem: p for p in sorted((PROJECT / "notebooks").glob("*.ipynb"))}
HAS_EXERCISES = {name: p for name, p in NOTEBOOKS.items() if "## Exercises\\n" in p.read_text()}
# What a student leaves who has done nothing: the check must say so.
WITHOUT_ANSWER = """
kept, {answer} = {answer}, ...
try:
{check}
except Exception:
    {answer} = kept
else:
    raise SystemError("the check takes `...` for an answer")
"""


def read(name) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS[name], 4)


def exercises(cells) -> list[list]:
    """Return the cells behind `## Exercises`, in threes, without the last one."""
    start = next(i for i, cell in enumerate(cells) if cell.source.startswith("## Exercises"))
    rest = cells[start + 1 : -1]
    assert len(rest) % 3 == 0, "an exercise is a task, a solution and a check"
    return [rest[i : i + 3] for i in range(0, len(rest), 3)]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_has_at_least_three_exercises(name):
    assert name in HAS_EXERCISES and len(exercises(read(name).cells)) >= 3


@pytest.mark.parametrize("name", HAS_EXERCISES)
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


@pytest.mark.parametrize("name", HAS_EXERCISES)
def test_solutions_are_right_and_no_answer_is_wrong(name, beyond, tmp_path):
    notebook, cells = read(name), []
    for cell in notebook.cells:
        cells.append(cell)
        if has_tag(cell, "check"):
            answer = re.search(r"answer_\d+", cell.source)[0]
            again = WITHOUT_ANSWER.format(answer=answer, check=indent(cell.source, "    "))
            cells.append(nbformat.v4.new_code_cell(again))
    notebook.cells = cells
    nbformat.write(notebook, tmp_path / "with_proof.ipynb")
    parameters = small_parameters(NOTEBOOKS[name], beyond / "small", tmp_path)
    paths = tmp_path / "with_proof.ipynb", tmp_path / "done.ipynb"
    done = execute_notebook(*paths, parameters, exercises=True)
    said = [
        "".join(o.get("text", "") for o in c.outputs) for c in done.cells if has_tag(c, "check")
    ]
    assert len(said) >= 3 and set(said) == {"Right.\n"}


def test_check_says_what_is_wrong(capsys):
    check(True, "not shown")
    assert capsys.readouterr().out == "Right.\n"
    with pytest.raises(AssertionError, match="Count people"):
        check(False, "Count people, not videos.")
    check(False, "not shown", unless="nobody has graded eyes and mouth.")
    assert capsys.readouterr().out == "Not answerable here: nobody has graded eyes and mouth.\n"


def test_a_batch_leaves_solutions_and_checks_out(tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["solution"]})]
    cells += [nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["check"]})]
    python = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=python), tmp_path / "small.ipynb")
    monkeypatch.setattr("palsy_utils.runs.cluster.NOTEBOOKS", tmp_path)
    attempt, error = execute(Task("small", {"x": 2}, tmp_path / "done"), {})
    assert error is None
    sources = [cell.source for cell in nbformat.read(attempt / "notebook.ipynb", 4).cells]
    assert sources[0] == "x = 1" and "x = 2" in sources[1] and len(sources) == 2


@pytest.fixture(scope="module")
def handout(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("handout")
    write_handout(folder)
    return folder


@pytest.mark.parametrize("name", HAS_EXERCISES)
def test_students_get_no_solution_and_the_instructor_all(handout, name):
    ours = exercises(read(name).cells)
    for audience in ("students", "instructor"):
        cells = nbformat.read(handout / audience / f"{name}.ipynb", 4).cells
        for number, (task, solution, checking) in enumerate(exercises(cells), start=1):
            theirs = [cell.source for cell in (task, solution, checking)]
            wanted = [cell.source for cell in ours[number - 1]]
            if audience == "students":
                wanted[1] = f"answer_{number} = ...  # your answer"
                assert "jupyter" not in solution.metadata
            assert theirs == wanted


def test_a_handout_has_every_notebook_and_its_data_and_pictures(handout):
    for audience in ("students", "instructor"):
        there = handout / audience
        assert {path.stem for path in there.iterdir()} == set(NOTEBOOKS)
        for path in there.iterdir():
            notebook = nbformat.read(path, 4)
            cohort = papermill.inspect_notebook(str(path)).get("cohort", {}).get("default", "")
            if name := cohort.strip('"'):  # 16 may have none
                folder = there / name
                assert folder.samefile(PROJECT / "data" / "phantom")
            text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
            for link in re.findall(r"\]\((\.\.[^)]*)\)", text):
                assert (there / link).exists(), link
            nbformat.validate(notebook)


def test_a_handout_is_written_again_but_nobodys_work_is_lost(tmp_path):
    from click.testing import CliRunner

    first = CliRunner().invoke(main, ["handout", str(tmp_path)])
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
