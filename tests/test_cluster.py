"""Notebooks as tasks on a cluster: what goes where."""

import time

import pytest

from palsy_utils import cluster
from palsy_utils.cluster import Task, execute_all


@pytest.mark.parametrize(("resources", "side_by_side"), [({"GPU": 1}, 1), ({}, 2)])
def test_folds_share_no_gpu(resources, side_by_side, monkeypatch, tmp_path):
    from dask.distributed import Client, LocalCluster

    started, ended = {}, {}

    def execute(task):
        started[task.folder] = time.monotonic()
        time.sleep(0.3)
        ended[task.folder] = time.monotonic()
        return task.folder, None

    monkeypatch.setattr(cluster, "execute", execute)
    monkeypatch.setattr(cluster, "settle", lambda *_: None)
    tasks = [Task("03_single_modality", {"fold": f"p{i}"}, tmp_path / f"p{i}") for i in range(4)]
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with (
        LocalCluster(**options, dashboard_address=None, resources=resources) as here,
        Client(here) as client,
    ):
        assert execute_all(client, tasks, "folds") == []
    at_once = [sum(started[b] <= started[a] < ended[b] for b in ended) for a in started]
    assert max(at_once) == side_by_side
