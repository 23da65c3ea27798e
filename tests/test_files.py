"""Files that are written whole or not at all, bars, and work side by side."""

import os
import re
import subprocess
import sys
import time

import psutil
import pytest
from helpers import outlive

from palsy_utils.files import PalsyError, publish, side_by_side, write_text


def python(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


FULL_DISK = """
import resource, sys, pathlib
from palsy_utils.files import *
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try: write_text('x' * 100_000, pathlib.Path(sys.argv[1]))
except PalsyError as error: print(error)
"""


def test_what_was_there_survives_an_error_and_a_full_disk(tmp_path):
    path = tmp_path / "result.txt"
    write_text("old", path)
    with pytest.raises(RuntimeError), publish(path) as part:
        part.write_text("half of the new")
        raise RuntimeError
    said = python(FULL_DISK, path).stdout
    assert f"{path} could not be written (File too large)" in said and said.count("\n") == 1
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(PalsyError, match=r"result\.txt/new\.txt could not be written"):
        write_text("new", path / "new.txt")


@pytest.mark.parametrize(
    ("public", "file", "folder"), [(False, 0o600, 0o700), (True, 0o644, 0o755)]
)
def test_only_the_owner_may_read_unless_it_is_meant_for_everybody(tmp_path, public, file, folder):
    before, path = os.umask(0o022), tmp_path / "there" / "deep" / "result.txt"
    try:
        (tmp_path / "there").mkdir()
        for _ in ("new", "again"):
            with publish(path, public) as part:
                found = [part.stat().st_mode & 0o777]  # while it is being written, too
            found += [p.stat().st_mode & 0o777 for p in (path, path.parent, path.parents[1])]
            assert found == [file, file, folder, 0o755]
    finally:
        os.umask(before)


SLOWLY = """
import sys, time
from palsy_utils.files import progress
for _ in progress(range(int(sys.argv[1])), "counting", after=float(sys.argv[2])): time.sleep(0.05)
"""


def test_a_log_gets_whole_lines_with_the_time_left_of_what_takes_long():
    soon, long = python(SLOWLY, "4", "2"), python(SLOWLY, "20", "0")
    assert (soon.stdout, soon.stderr) == ("", "") and long.stdout == ""
    assert "\r" not in long.stderr and long.stderr.endswith("\n")
    first, *_, last = long.stderr.splitlines()
    assert re.fullmatch(r"counting: +\d+%\|[^|]*\| \d+/20 \[\d\d:\d\d<[^\]]+\]", first)
    assert "20/20" in last


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux ends children; others cannot")
BUSY = """
import os
from palsy_utils.files import end_with_parent
end_with_parent(os.getppid())
print(os.getpid(), flush=True)
pow(3, 10**9, 10**4_000_000)  # minutes in which no line of Python runs
"""
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@on_linux
def test_a_child_that_is_deep_in_a_computation_ends_with_its_parent():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.5)
    assert child.is_running()
    parent.kill()
    parent.wait()
    assert outlive([child]) == []


@on_linux
def test_a_child_whose_parent_has_ended_already_ends_at_once():
    done = python("from palsy_utils.files import end_with_parent; end_with_parent(0); print(1)")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("workers", [1, 2])
def test_all_results_come(workers):
    assert sorted(side_by_side(pow, [(2, 1), (2, 2), (2, 3)], workers)) == [2, 4, 8]


def test_a_worker_that_dies_is_told_in_one_sentence():
    with pytest.raises(PalsyError, match="died, perhaps for want of memory"):
        list(side_by_side(os._exit, [(1,), (1,)], 2))
