"""Notebooks as tasks: papermill executes them on a Dask cluster, each in a kernel of its own.

A notebook runs in an *attempt* folder of its own. A second task, which gets the attempt that the
scheduler has accepted, renames it into place, so that no half-finished or late-coming attempt is
ever taken for a result.
"""

import logging
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import dask
from dask.distributed import Client, LocalCluster, as_completed
from distributed.comm import inproc
from papermill.exceptions import PapermillExecutionError

from palsy_utils.files import NOTEBOOKS, PalsyError, make_folder, progress
from palsy_utils.runs.kernels import execute_notebook
from palsy_utils.stamps import DONE, Product, read_stamp, stamp_of, write_stamp

CONNECT_TIMEOUT = "20s"


@dataclass(frozen=True)
class Task:
    """One notebook to execute: what to set of its parameters, and the folder of its results."""

    notebook: str
    parameters: dict
    folder: Path
    needs: tuple[Path, ...] = ()  # folders of tasks that must be done before
    made_from: dict = field(default_factory=dict)  # `stamps.py`

    @property
    def is_fold(self) -> bool:
        """Whether its notebook writes predictions and their stamp."""
        return "fold" in self.parameters

    @property
    def product(self) -> Product:
        """The main file in its folder, beside which the stamp lies."""
        name = "predictions.csv" if self.is_fold else "notebook.ipynb"
        return Product(self.folder / name, self.made_from)


def open_client(scheduler: str | None, workers: int | None, device: str) -> Client:
    """Connect to a running Dask scheduler, or start a cluster of threads on this machine.

    Threads are enough, for each notebook has a kernel, a process, of its own.
    """
    if scheduler:
        # What Dask logs of a lost scheduler, tracebacks and all, `batch.run` says in one sentence.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        try:
            return Client(scheduler, timeout=CONNECT_TIMEOUT)
        except (OSError, ValueError, TypeError) as error:  # TypeError: tls:// without certificates
            raise PalsyError(
                f"No Dask scheduler answers at {scheduler}: start one (`dask scheduler`), or "
                "correct the address, and for tls:// Dask's settings."
            ) from error
    cores = os.cpu_count() or 1
    if not workers and device != "cpu":
        from palsy_utils.learning.training import pick_device  # torch, which takes seconds

        workers = 1 if pick_device(device).type != "cpu" else None
    workers = workers or cores
    os.environ["OMP_NUM_THREADS"] = str(max(1, cores // workers))  # kernels inherit it
    # Threads of this process cannot be lost, but a laptop that slept, or whose clock jumped, seems
    # to have lost them.
    dask.config.set({"distributed.scheduler.worker-ttl": None})
    inproc.global_manager._ip = "127.0.0.1"  # else Dask finds its own by way of a host far away
    ports = dict.fromkeys(("dashboard_address", "worker_dashboard_address"), "127.0.0.1:0")
    return Client(LocalCluster(1, threads_per_worker=workers, processes=False, **ports))


def remove_attempts(folder: Path) -> None:
    """Remove the attempts of a killed run."""
    for attempt in folder.glob("**/.*.attempt"):
        shutil.rmtree(attempt, ignore_errors=True)


def execute(task: Task, before: dict[str, str | None]) -> tuple[Path | None, str | None]:
    """Execute a notebook, without its exercises, in an attempt folder of its own, on a worker.

    `before` tells, of each folder that was waited for, what `publish_attempt` said. Returns the
    attempt's folder, and the error in one line, or None if all went well.
    """
    if broken := [folder for folder, error in before.items() if error]:
        return None, f"not run, because {' and '.join(broken)} failed"
    if task.is_fold and not before and task.product.state().kind == DONE:
        return None, None  # a worker that was lost has done it
    attempt = task.folder.with_name(f".{task.folder.name}.{uuid.uuid4().hex[:8]}.attempt")
    given = task.parameters | ({"output": str(attempt)} if task.is_fold else {})
    try:
        make_folder(attempt)
        source = NOTEBOOKS / f"{task.notebook}.ipynb"
        execute_notebook(source, attempt / "notebook.ipynb", given)
    except PapermillExecutionError as error:
        is_ours = error.ename == "PalsyError"
        return attempt, str(error.evalue) if is_ours else f"{error.ename}: {error.evalue}"
    except Exception as error:  # the kernel died, the disk is full, ...
        return attempt, f"{type(error).__name__}: {error}"
    return attempt, None


def publish_attempt(attempted: tuple[Path | None, str | None], task: Task) -> str | None:
    """Make what `execute` returned the result of its task, or leave `failed.ipynb`; say why.

    The stamp, which a fold's notebook has written, comes to speak of the executed notebook too.
    """
    attempt, error = attempted
    if attempt is None or not attempt.exists():  # a worker that was lost has published it
        return error
    notebook, product = attempt / "notebook.ipynb", attempt / task.product.path.name
    old = attempt.with_suffix(".old.attempt")
    try:
        if notebook.exists():
            notebook.chmod(0o600)  # papermill lets others read it
        if error:
            if notebook.exists():
                make_folder(task.folder)
                os.replace(notebook, task.folder / "failed.ipynb")
            return error
        kept = read_stamp(product)
        made_from, _ = kept.pop("made_from") or task.made_from, kept.pop("files")
        others = {*attempt.glob("[!.]*")} - {product, stamp_of(product)}
        write_stamp(product, made_from, others, **kept)
        if task.folder.exists():
            task.folder.rename(old)
        attempt.rename(task.folder)
    except (OSError, PalsyError) as failure:
        with suppress(OSError):  # there is none, or it cannot be moved
            old.rename(task.folder)
        return str(failure)
    finally:
        shutil.rmtree(attempt, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return None


def execute_all(client: Client, tasks: Sequence[Task], title: str) -> list[dict]:
    """Execute tasks side by side, each after those that it needs, which stand before it.

    One failure stops no other. Where a worker announces the resource `GPU`, folds go to such
    workers, one to each GPU. Returns what failed (`notebook`, `model`, `fold`, `error`); raises an
    OSError if the scheduler is lost.
    """
    has_gpu = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.resources.get("GPU"))
    published, failed = {}, []
    for task in tasks:
        before = {str(need): published[need] for need in task.needs if need in published}
        gpu = {"GPU": 1} if has_gpu and task.is_fold else None
        attempt = client.submit(execute, task, before, pure=False, resources=gpu)
        published[task.folder] = client.submit(publish_attempt, attempt, task, pure=False)
    task_of = {published.pop(task.folder): task for task in tasks}
    bar = progress(title=title, total=len(tasks), unit="notebook", after=0)
    for future in as_completed(list(task_of)):
        task = task_of.pop(future)  # Dask may forget what nobody needs any more
        if future.status == "cancelled":
            raise ConnectionError("the scheduler is lost")
        lost = future.status == "error"
        error = f"its worker was lost ({future.exception()!r})" if lost else future.result()
        if error:
            model, fold = (task.parameters.get(name, "") for name in ("model", "fold"))
            failed.append({"notebook": task.notebook, "model": model, "fold": fold, "error": error})
            bar.write(f"failed: {task.notebook} {fold}: {error}")
        bar.update()
    bar.close()
    return failed
