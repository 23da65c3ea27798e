import os
import subprocess
import sys
import time

import psutil
import pytest
from helpers import outlive

from palsy_utils.files import PalsyError
from palsy_utils.processes import side_by_side

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux ends children; others cannot")
BUSY = """
import os
from palsy_utils.processes import end_with_parent
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
    code = "from palsy_utils.processes import end_with_parent; end_with_parent(0); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == "" and done.stderr == ""


@pytest.mark.parametrize("workers", [1, 2, None])
def test_all_results_come(workers):
    assert sorted(side_by_side(pow, [(2, 1), (2, 2), (2, 3)], workers)) == [2, 4, 8]


def test_a_worker_that_dies_is_told_in_one_sentence():
    with pytest.raises(PalsyError, match="died, perhaps for want of memory"):
        list(side_by_side(os._exit, [(1,), (1,)], 2))
