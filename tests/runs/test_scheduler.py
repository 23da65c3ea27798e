"""The batch on a real Dask scheduler: workers in processes and folders of their own."""

import filecmp
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROW = ("expressions-fnn", "p01", "p02", "p04")


def dask(*arguments, cwd):
    cwd.mkdir()
    command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def scheduler(tmp_path):
    address, processes = tmp_path / "scheduler.json", []
    options = ("--scheduler-file", str(address), "--no-dashboard")
    processes.append(
        dask("dask_scheduler", *options, "--host", "127.0.0.1", "--port", "0", cwd=tmp_path / "s")
    )
    for name in ("one", "two"):
        worker = ("dask_worker", *options, "--nthreads", "1", "--name", name)
        processes.append(dask(*worker, cwd=tmp_path / name))
    yield address
    for process in reversed(processes):
        process.terminate()
        process.wait(30)


def test_workers_elsewhere_predict_the_same(small, smoke, scheduler, tmp_path):
    row = Path("runs") / "smoke" / ROW[0]
    shutil.copytree(smoke.root / row / ROW[1], small / row / ROW[1])  # one fold for each worker
    for _ in range(300):
        if scheduler.exists() and scheduler.read_text():
            break
        time.sleep(0.1)
    address = json.loads(scheduler.read_text())["address"]
    command = [*smoke.command, "--models", ROW[0], "--scheduler", address]
    command[command.index("--cohort") + 1] = small
    command[command.index("--figures") + 1] = tmp_path / "figures"
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    for fold in ROW[2:]:
        here, there = (root / row / fold for root in (smoke.root, small))
        assert filecmp.cmp(here / "predictions.csv", there / "predictions.csv", shallow=False)
        assert not list(there.parent.glob(".*.attempt"))
