"""Runs that are killed, starved and damaged: the same command then ends as if nothing had been.

The short forms run with every `make test`; the long ones with `make test-faults`.
"""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import psutil
import pytest
from helpers import PALSY, outlive, run_small, small_run
from test_model_file import play_small

from palsy_utils.learning.experiments import PAPER_MODELS

ROW = "coordinates-fnn"  # what a test trains; the other rows are there already
RUN = Path("runs") / "smoke"
PATIENCE = 600  # s


@pytest.fixture
def unfinished(smoke, tmp_path):
    """The run of `smoke`, without one row and without its table."""
    root = shutil.copytree(smoke.root, tmp_path / "small")
    shutil.rmtree(root / RUN / ROW)
    return SimpleNamespace(root=root, command=small_run(root))


def run(command, **options):
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=PATIENCE, **options
    )


def hear_ctrl_c():
    """Undo what a shell does to commands in its background: they ignore Ctrl-C, as does `palsy`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(command, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    options |= {"start_new_session": True, "preexec_fn": hear_ctrl_c}
    return subprocess.Popen(command, **pipes, **options)


def wait_for(what, process):
    """Wait until `what()` holds, as long as the process runs."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def attempts(root, stage=ROW):
    return list((root / RUN / stage).glob(".*.attempt/*"))


def children_of(process, word):
    """Return the processes under one in whose command a word stands."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.Error):  # it has ended
            found += [child] * (word in " ".join(child.cmdline()))
    return found


def kernels_of(process):
    return children_of(process, "launch_new_instance")


def assert_whole(smoke, root, models=None):
    """Every prediction and the table are those of the undisturbed run; nothing else is left."""
    for path in (smoke.root / RUN).rglob("predictions.csv"):
        if not models or path.parts[-3] in models:
            again = root / path.relative_to(smoke.root)
            assert again.read_bytes() == path.read_bytes(), again
    table, expected = (
        pd.read_csv(figures / "table_1.csv", index_col="model")
        for figures in (root.parent / "figures" / "small" / "smoke", smoke.figures)
    )
    rows = [*(models or PAPER_MODELS), "always-palsy", "always-healthy", "untrained-asymmetry"]
    pd.testing.assert_frame_equal(table.loc[rows], expected.loc[rows], check_dtype=False)
    assert not [p for p in root.rglob(".*") if p.suffix in (".part", ".attempt")]


def assert_one_sentence(done, *words):
    assert done.returncode == 1, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in words), done.stderr[-3000:]


def assert_refused(root, *words):
    done = run_small(root)
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert all(word in done.output for word in words), done.output


@pytest.mark.slow
def test_one_run_after_another_is_stopped(smoke, unfinished):
    """A folder in the way, a full disk, a second run, kill -9, a dead kernel: then all is well."""
    root, command = unfinished.root, unfinished.command

    # The results' folder cannot be written: a file stands in its place.
    (root / "runs").rename(root / "kept")
    (root / "runs").touch()
    assert_refused(root, "cannot be written")
    (root / "runs").unlink()
    (root / "kept").rename(root / "runs")

    # No file may grow, as on a full disk.
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (50_000, 50_000))
    assert_one_sentence(run(command, preexec_fn=full), "File too large")

    # While it trains, a second run is refused; then the first is killed, kernels live on a while.
    first = start(command)
    wait_for(lambda: attempts(root), first)
    assert_refused(root, "Another `palsy run` is working on", str(root))
    time.sleep(random.uniform(0, 3))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    shutil.rmtree(root / RUN / ROW / "p04", ignore_errors=True)  # a quick first left nothing to do

    # A kernel dies in the middle.
    second = start(command)
    wait_for(lambda: attempts(root), second)
    random.choice(wait_for(lambda: kernels_of(second), second)).kill()
    said = second.communicate(timeout=PATIENCE)[1]
    assert second.returncode == 1 and "1 notebook(s) failed" in said and "Kernel died" in said

    done = run_small(root)
    assert done.exit_code == 0, done.output[-3000:]
    assert_whole(smoke, root)


def assert_tidy(process, number, children, scratch):
    """A stopped command says so in one line, and leaves neither children nor temporary files."""
    assert outlive(children) == []
    said = process.communicate(timeout=5)[1]  # nobody holds its pipe
    if number == signal.SIGKILL:
        return
    assert process.returncode == 128 + number
    assert said.count("Stopped: the same command, given again, goes on from there.") == 1
    assert "Traceback" not in said and "WARNING" not in said, said[-3000:]
    assert list(scratch.glob("palsy-*")) == []


KILLED = [pytest.param(s, "SIGKILL", marks=pytest.mark.slow) for s in ("frames", "faces")]


@pytest.mark.parametrize(("stage", "number"), [*KILLED, (ROW, "SIGINT")])
def test_children_end_with_a_run_that_is_stopped(small, stage, number, request, tmp_path):
    scratch = tmp_path / "t"
    scratch.mkdir()
    if stage != ROW:
        request.getfixturevalue("landmarker_file")
        shutil.rmtree(small / stage)
    process = start(small_run(small, "--models", ROW), env=os.environ | {"TMPDIR": str(scratch)})
    # The workers of joblib are there from the first clip or video on until the notebook's end.
    workers = partial(children_of, process, "--process-name")
    wait_for(partial(attempts, small) if stage == ROW else workers, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.Signals[number])
    process.wait(PATIENCE)
    assert_tidy(process, signal.Signals[number], children, scratch)


@pytest.mark.slow
def test_a_stopped_prediction_leaves_no_picture(small_template, landmarker_file, tmp_path):
    scratch, model = tmp_path / "t", tmp_path / "net.pt"
    scratch.mkdir()
    play_small(small_template, write_to=model)
    command = [*PALSY, "predict", small_template / "clips" / "p01-1.mp4", "--model", model]
    process = start([*command, "--output", tmp_path], env=os.environ | {"TMPDIR": str(scratch)})
    wait_for(lambda: list(scratch.rglob("frames/*/*.jpg")), process)
    for number in (signal.SIGTERM, signal.SIGHUP):  # nor if the second comes while it tidies up
        process.send_signal(number)
        time.sleep(0.01)
    told = process.wait(PATIENCE) - 128
    assert told in (signal.SIGTERM, signal.SIGHUP)  # of two that wait, the lower comes first
    assert_tidy(process, told, [], scratch)


@pytest.mark.faults
def test_twenty_kills_at_any_moment(smoke, unfinished):
    moments = [random.uniform(0, 30) for _ in range(20)]
    print("killed after", moments)
    for moment in moments:
        process = start(unfinished.command)
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = run(unfinished.command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_whole(smoke, unfinished.root)


@pytest.fixture
def little_disk(smoke, tmp_path):
    """A disk of a few megabytes with a cohort of which nothing is trained."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", disk]
    if not shutil.which("mount") or run(mount).returncode:
        pytest.skip("no right to mount a disk here: run as root")
    skip = shutil.ignore_patterns("runs", "images")
    shutil.copytree(smoke.root, disk / "small", ignore=skip)
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.faults
def test_a_disk_that_fills_up_or_is_read_only(smoke, little_disk):
    root = little_disk / "small"
    command = small_run(root, "--models", ROW)

    def remount(how):
        subprocess.run(["mount", "-o", f"remount,{how}", str(little_disk)], check=True)

    remount("ro")
    assert_one_sentence(run(command), "cannot be written", "Read-only file system")
    remount("rw")
    rest = little_disk / "others"
    rest.write_bytes(bytes(shutil.disk_usage(little_disk).free - 1_750_000))
    assert_one_sentence(run(command), "No space left on device")
    rest.unlink()
    done = run(command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_whole(smoke, root, [ROW])


# --- a cluster of its own: scheduler and workers are processes


def kill_family(process):
    """Kill a process and what it has started."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for one in family:
        with suppress(psutil.Error):  # it has ended
            one.kill()
    process.wait()


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler and two workers, each a process that a test may kill."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    file = folder / "scheduler.json"
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

    def begin(what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--no-dashboard"]
        return subprocess.Popen([*command, "--scheduler-file", file, *options], **quiet)

    scheduler = begin("scheduler", "--host", "127.0.0.1", "--port", "0")
    wait_for(lambda: file.exists() and file.read_text(), scheduler)
    workers = [begin("worker", "--nthreads", "1") for _ in range(2)]
    address = json.loads(file.read_text())["address"]
    yield SimpleNamespace(scheduler=scheduler, workers=workers, address=address)
    for process in (*workers, scheduler):
        if process.poll() is None:
            kill_family(process)


def lose(unfinished, cluster, lost):
    """Kill one of a cluster's processes while it trains; say what the command then said."""
    process = start([*unfinished.command, "--scheduler", cluster.address])
    wait_for(lambda: attempts(unfinished.root), process)
    kill_family(lost)
    return process.communicate(timeout=PATIENCE)[1], process


@pytest.mark.slow
def test_workers_elsewhere_predict_the_same(smoke, unfinished, cluster, tmp_path):
    done = run([*unfinished.command, "--scheduler", cluster.address], cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_whole(smoke, unfinished.root)


@pytest.mark.faults
def test_a_lost_worker_is_made_up_for(smoke, unfinished, cluster):
    said, process = lose(unfinished, cluster, random.choice(cluster.workers))
    assert process.returncode == 0, said[-3000:]
    for late in unfinished.root.rglob(".*.attempt"):  # of the kernel that nobody waits for
        shutil.rmtree(late)
    assert_whole(smoke, unfinished.root)


@pytest.mark.faults
def test_a_lost_scheduler_is_told(smoke, unfinished, cluster):
    said, process = lose(unfinished, cluster, cluster.scheduler)
    assert process.returncode == 1 and "Traceback" not in said, said[-3000:]
    assert f"The Dask scheduler at {cluster.address} is lost" in said
    done = run(unfinished.command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_whole(smoke, unfinished.root)
