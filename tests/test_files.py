import os
import re
import subprocess
import sys

import nbformat
import pytest

from palsy_utils.files import PalsyError, publish, sha256, write_text
from palsy_utils.runs.cluster import Task, execute


def test_what_was_there_survives_a_failure(tmp_path):
    path = tmp_path / "result.txt"
    write_text("old", path)
    with pytest.raises(RuntimeError), publish(path) as part:
        part.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_sentence_and_costs_nothing(tmp_path):
    path = tmp_path / "result.txt"
    write_text("old", path)
    code = (
        "import resource, sys, pathlib; from palsy_utils.files import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_text('x' * 100_000, pathlib.Path(sys.argv[1]))\n"
        "except PalsyError as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, path], text=True)
    assert "could not be written (File too large)" in said and str(path) in said
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PalsyError, match=r"file/result\.txt could not be written"):
        write_text("new", tmp_path / "file" / "result.txt")


@pytest.fixture
def umask():
    """The usual one, which lets everybody read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(*paths):
    return [oct(path.stat().st_mode & 0o777) for path in paths]


@pytest.mark.usefixtures("umask")
def test_only_the_owner_may_read_unless_it_is_meant_for_everybody(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    for public, file, folder in [(False, "0o600", "0o700"), (True, "0o644", "0o755")]:
        path = there / str(public) / "deep" / "result.txt"
        for _ in ("new", "again"):
            write_text("result", path, public)
            assert modes(path, path.parent, path.parents[1], there) == [
                file,
                folder,
                folder,
                "0o755",
            ]
    with publish(there / "result.txt") as part:
        assert modes(part) == ["0o600"]  # while it is being written, too


def test_sha256_is_the_known_one(tmp_path):
    (tmp_path / "a").write_bytes(b"ab")
    (tmp_path / "b").write_bytes(b"c")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "a", tmp_path / "b") == abc


SLOWLY = """
import time
from palsy_utils.files import progress
for _ in progress(range({n}), "counting", unit="sheep", after={after}): time.sleep(0.05)
"""


def count(tmp_path, **numbers):
    program = tmp_path / "count.py"
    program.write_text(SLOWLY.format(**numbers))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_what_is_soon_done_shows_no_bar(tmp_path):
    assert count(tmp_path, n=4, after=2) == ("", "")


def test_a_log_gets_whole_lines_with_the_time_left(tmp_path):
    out, log = count(tmp_path, n=20, after=0)
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
    attempt, error = execute(Task("bar", {"n": 2}, tmp_path / "done"), {})
    assert error is None
    outputs = nbformat.read(attempt / "notebook.ipynb", 4).cells[-1].outputs
    assert [output.name for output in outputs] == ["stdout"]
    assert outputs[0].text.count("counting") == 1 and "20/20" in outputs[0].text
