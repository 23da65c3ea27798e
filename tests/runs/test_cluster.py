"""Notebooks as tasks on a cluster: what goes where, and in which kernel."""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from threading import Thread

import nbformat
import psutil
import pytest
from conftest import PROJECT

from palsy_utils.runs import cluster
from palsy_utils.runs.cluster import Task, execute, execute_all, open_client, publish_attempt

EXERCISE = ("solution", "check")  # a batch leaves them out


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """A function that executes a cell in a small notebook, and returns what it shows."""
    monkeypatch.setattr(cluster, "NOTEBOOKS", tmp_path)

    def run(source):
        cells = [nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})]
        cells += [nbformat.v4.new_code_cell("1 / 0", metadata={"tags": [tag]}) for tag in EXERCISE]
        cells += [nbformat.v4.new_code_cell(source)]
        python = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=python)
        nbformat.write(notebook, tmp_path / "small.ipynb")
        attempt, error = execute(Task("small", {"x": 2, "other": 3}, tmp_path / "done"), {})
        assert error is None, error
        return nbformat.read(attempt / "notebook.ipynb", 4).cells[-1].outputs

    return run


def test_a_kernel_has_this_interpreter_and_a_folder_of_its_own(executed, tmp_path, monkeypatch):
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["false"], "display_name": "", "language": ""}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    source, outputs, folders = "import os, sys; print(sys.executable, os.getcwd(), x)", [], set()
    thread = Thread(target=lambda: outputs.extend(executed(source)))
    thread.start()
    while thread.is_alive():
        folders.add(os.getcwd())
        thread.join(0.001)
    assert outputs[0].text.split() == [sys.executable, str(PROJECT / "notebooks"), "2"]
    assert folders == {os.getcwd()}


def test_a_kernel_stays_and_forgets_and_a_dead_one_is_replaced(executed):
    source = "import os, signal; print(os.getpid(), 'y' in globals()); y = 1; {}"
    first, second = (executed(source.format(""))[0].text.split() for _ in range(2))
    assert first == second and first[1] == "False"
    os.kill(int(first[0]), signal.SIGKILL)
    assert executed(source.format(""))[0].text.split()[0] != first[0]
    with pytest.raises(AssertionError, match="Kernel died"):
        executed(source.format("os.kill(os.getpid(), signal.SIGKILL)"))
    assert executed(source.format(""))[0].text.split()[1] == "False"


def test_neither_another_backend_nor_a_long_tmpdir_takes_the_pictures(
    executed, tmp_path, monkeypatch, new_kernel
):
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setenv("MPLBACKEND", "agg")
    outputs = executed("import matplotlib.pyplot as plt; plt.plot([0, 1]); plt.show()")
    assert "image/png" in outputs[0].data


def test_an_executed_notebook_keeps_the_last_state_of_a_bar_alone(executed):
    bar = "from palsy_utils.files import progress\nimport time\n"
    bar += "for _ in progress(range(20), 'counting', after=0): time.sleep(0.05)"
    (output,) = executed(bar)
    assert output.name == "stdout" and output.text.count("counting") == 1
    assert "20/20" in output.text


@pytest.mark.parametrize(("resources", "side_by_side"), [({"GPU": 1}, 1), ({}, 2)])
def test_folds_share_no_gpu(resources, side_by_side, monkeypatch, tmp_path):
    from dask.distributed import Client, LocalCluster

    def execute(task, before):
        start = time.monotonic()
        time.sleep(0.3)
        return start, time.monotonic()

    monkeypatch.setattr("distributed.comm.inproc.global_manager._ip", "127.0.0.1")
    monkeypatch.setattr(cluster, "execute", execute)
    monkeypatch.setattr(cluster, "publish_attempt", lambda attempted, task: attempted)
    tasks = [Task("03_single_modality", {"fold": f"p{i}"}, tmp_path / f"p{i}") for i in range(4)]
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with (
        LocalCluster(**options, dashboard_address="127.0.0.1:0", resources=resources) as here,
        Client(here) as client,
    ):
        assert execute_all(client, [], "nothing") == []
        times = [one["error"] for one in execute_all(client, tasks, "folds")]
    at_once = [sum(start <= moment < end for start, end in times) for moment, _ in times]
    assert len(times) == 4 and max(at_once) == side_by_side


def test_what_needs_a_failed_fold_is_not_run_and_a_late_attempt_changes_nothing(tmp_path):
    task = Task("04_early_fusion", {"fold": "p01"}, tmp_path / "p01", (tmp_path / "need",))
    found = execute(task, {str(need): "no memory" for need in task.needs})
    assert found == (None, f"not run, because {tmp_path / 'need'} failed")
    assert publish_attempt(found, task) == found[1]
    for text in ("first", "second"):
        attempt = tmp_path / f".p01.{text}.attempt"
        attempt.mkdir()
        (attempt / "predictions.csv").write_text(text)
        (attempt / f"{text}.csv").touch()
        for _ in range(2):  # by a worker that was lost, and by another one
            assert publish_attempt((attempt, None), task) is None
        files = {path.name for path in task.folder.iterdir()}
        assert files == {"predictions.csv", "predictions.csv.stamp", f"{text}.csv"}
    assert [path.name for path in tmp_path.iterdir()] == ["p01"]


def test_a_fold_that_cannot_be_replaced_stays(tmp_path, monkeypatch):
    task = Task("04_early_fusion", {"fold": "p01"}, tmp_path / "p01")
    attempt = tmp_path / ".attempt"
    for folder in (task.folder, attempt):
        folder.mkdir()
        (folder / "predictions.csv").write_text(folder.name)
    rename = Path.rename

    def fail(path, target):
        if path == attempt:
            raise OSError(28, "No space left on device")
        rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    assert "No space left on device" in publish_attempt((attempt, None), task)
    assert (task.folder / "predictions.csv").read_text() == "p01"
    assert list(tmp_path.iterdir()) == [task.folder]


def test_a_machine_that_slept_has_lost_no_worker_and_no_port_is_open_to_others():
    def sleep_an_hour(dask_scheduler):
        for worker in dask_scheduler.workers.values():
            worker.last_seen -= 3600

    async def look_for_the_lost(dask_scheduler):
        await dask_scheduler.check_worker_ttl()
        return len(dask_scheduler.workers)

    def listening():
        own = psutil.Process().net_connections("tcp")
        return {c.laddr for c in own if c.status == psutil.CONN_LISTEN}

    before = listening()
    with open_client(None, 1, "cpu") as client:
        assert {address.ip for address in listening() - before} <= {"127.0.0.1"}
        client.run_on_scheduler(sleep_an_hour)
        if client.cluster.scheduler.worker_ttl:  # else nobody looks
            assert client.run_on_scheduler(look_for_the_lost) == 1
        assert client.submit(abs, -1).result(timeout=30) == 1
