import re
import subprocess
import sys

import nbformat

from palsy_utils.runs.cluster import Task, execute

SLOWLY = """
import time
from palsy_utils.progress import progress
for _ in progress(range({n}), "counting", unit="sheep", after={after}): time.sleep(0.05)
"""


def run(tmp_path, **numbers):
    program = tmp_path / "count.py"
    program.write_text(SLOWLY.format(**numbers))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_what_is_soon_done_shows_no_bar(tmp_path):
    assert run(tmp_path, n=4, after=2) == ("", "")


def test_a_log_gets_whole_lines_with_the_time_left(tmp_path):
    out, log = run(tmp_path, n=20, after=0)
    assert out == "" and "\r" not in log and log.endswith("\n")
    assert re.fullmatch(
        r"counting: +\d+%\|[^|]*\| \d+/20 \[\d\d:\d\d<[^\]]+\]", log.splitlines()[0]
    )
    assert "20/20" in log.splitlines()[-1]


def test_an_executed_notebook_keeps_the_last_state_alone(tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell("n = 1", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(SLOWLY.format(n=20, after=0))]
    python = {"language_info": {"name": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=python), tmp_path / "bar.ipynb")
    monkeypatch.setattr("palsy_utils.runs.cluster.NOTEBOOKS", tmp_path)
    attempt, error = execute(Task("bar", {"n": 2}, tmp_path / "done"))
    assert error is None
    outputs = nbformat.read(attempt / "notebook.ipynb", 4).cells[-1].outputs
    assert [output.name for output in outputs] == ["stdout"]
    assert outputs[0].text.count("counting") == 1 and "20/20" in outputs[0].text
