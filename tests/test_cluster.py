"""Notebooks as tasks on a cluster: what goes where."""

import time

import psutil
import pytest

from palsy_utils import cluster
from palsy_utils.cluster import Task, execute_all, open_client


@pytest.mark.parametrize(("resources", "side_by_side"), [({"GPU": 1}, 1), ({}, 2)])
def test_folds_share_no_gpu(resources, side_by_side, monkeypatch, tmp_path):
    from dask.distributed import Client, LocalCluster

    def execute(task):
        start = time.monotonic()
        time.sleep(0.3)
        return (start, time.monotonic()), None

    times = []
    monkeypatch.setattr(cluster, "execute", execute)
    monkeypatch.setattr(cluster, "settle", lambda attempt, *_: times.append(attempt))
    tasks = [Task("03_single_modality", {"fold": f"p{i}"}, tmp_path / f"p{i}") for i in range(4)]
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with (
        LocalCluster(**options, dashboard_address="127.0.0.1:0", resources=resources) as here,
        Client(here) as client,
    ):
        assert execute_all(client, [], "nothing") == []
        assert execute_all(client, tasks, "folds") == []
    at_once = [sum(start <= moment < end for start, end in times) for moment, _ in times]
    assert len(times) == 4 and max(at_once) == side_by_side


def test_a_machine_that_slept_has_lost_no_worker():
    def sleep_an_hour(dask_scheduler):
        for worker in dask_scheduler.workers.values():
            worker.last_seen -= 3600

    async def look_for_the_lost(dask_scheduler):
        await dask_scheduler.check_worker_ttl()
        return len(dask_scheduler.workers)

    with open_client(None, 1, "cpu") as client:
        client.run_on_scheduler(sleep_an_hour)
        if client.cluster.scheduler.worker_ttl:  # else nobody looks
            assert client.run_on_scheduler(look_for_the_lost) == 1
        assert client.submit(abs, -1).result(timeout=30) == 1


def test_a_run_on_this_machine_opens_no_port_to_others():
    def listening():
        own = psutil.Process().net_connections("tcp")
        return {c.laddr for c in own if c.status == psutil.CONN_LISTEN}

    before = listening()
    with open_client(None, 1, "cpu"):
        assert {address.ip for address in listening() - before} <= {"127.0.0.1"}
