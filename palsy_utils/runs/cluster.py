"""Notebooks as tasks: papermill executes them on a Dask cluster, and results are moved into place.

Every notebook runs in an *attempt* folder of its own and is moved into place by the one process
that started it, so that no half-finished or late-coming attempt is ever taken for a result.
"""

import logging
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path

from palsy_utils.files import NOTEBOOKS, PalsyError, make_folder, progress
from palsy_utils.stamps import read_stamp, stamp_of, write_stamp
from palsy_utils.teaching import without_exercises

CONNECT_TIMEOUT = "20s"


@dataclass(frozen=True)
class Task:
    """One notebook to execute: its parameters, and the folder its results are moved to."""

    notebook: str
    parameters: dict
    folder: Path
    needs: tuple[Path, ...] = ()  # folders of folds that must be done before
    made_from: dict = field(default_factory=dict)  # `stamps.py`


def check_parameters(task: Task) -> None:
    """Check a task's parameter names against its notebook's; papermill lets a typo pass.

    Raises:
        PalsyError: the notebook has no parameter of that name.
    """
    import papermill

    path = NOTEBOOKS / f"{task.notebook}.ipynb"
    unknown = sorted(set(task.parameters) - set(papermill.inspect_notebook(str(path))))
    if unknown:
        raise PalsyError(f"{path.name} has no parameter {', '.join(unknown)}: correct the name.")


def open_client(scheduler: str | None, workers: int | None, device: str):
    """Connect to a running Dask scheduler, or start a cluster of threads on this machine.

    Threads are enough, for each notebook has a kernel, a process, of its own.
    """
    import dask
    from dask.distributed import Client, LocalCluster
    from distributed.comm import inproc

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
    workers = workers or (1 if _has_gpu(device) else cores)
    os.environ["OMP_NUM_THREADS"] = str(max(1, cores // workers))  # kernels inherit it
    # Threads of this process cannot be lost, but a laptop that slept, or whose clock jumped, seems
    # to have lost them.
    dask.config.set({"distributed.scheduler.worker-ttl": None})
    inproc.global_manager._ip = "127.0.0.1"  # else Dask finds its own by way of a host far away
    ports = dict.fromkeys(("dashboard_address", "worker_dashboard_address"), "127.0.0.1:0")
    cluster = LocalCluster(n_workers=1, threads_per_worker=workers, processes=False, **ports)
    return Client(cluster)


def _has_gpu(device: str) -> bool:
    if device == "cpu":
        return False
    from palsy_utils.learning.training import pick_device  # torch, which takes seconds to import

    return pick_device(device).type != "cpu"


def remove_attempts(folder: Path) -> None:
    """Remove the attempts of a killed run."""
    for attempt in folder.glob("**/.*.attempt"):
        shutil.rmtree(attempt, ignore_errors=True)


def remove_leftovers(cohort: Path, run: Path) -> None:
    """Remove what a killed run left behind: attempts, and files that were being written."""
    remove_attempts(run)
    for folder in ("frames", "faces", "modalities", "images"):
        for part in (cohort / folder).glob(".*.part"):
            part.unlink(missing_ok=True)


def execute(task: Task) -> tuple[Path, str | None]:
    """Execute a notebook, without its exercises, in an attempt folder of its own, on a worker.

    Returns:
        The attempt's folder, and the error in one line, or None if all went well.
    """
    import nbformat
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from palsy_utils.runs.kernels import Kernel, short_folder

    attempt = task.folder.with_name(f".{task.folder.name}.{uuid.uuid4().hex[:8]}.attempt")
    make_folder(attempt)
    outputs = {"output": str(attempt)} if "fold" in task.parameters else {}
    try:
        with tempfile.TemporaryDirectory(prefix="palsy-", dir=short_folder()) as scratch:
            notebook = Path(scratch) / f"{task.notebook}.ipynb"
            nbformat.write(without_exercises(NOTEBOOKS / notebook.name), notebook)
            # A context of its own: notebooks side by side must not share an event loop.
            Context().run(
                papermill.execute_notebook,
                str(notebook),
                str(attempt / "notebook.ipynb"),
                task.parameters | outputs,
                kernel_name="python3",
                kernel_manager_class=Kernel,
                # Not papermill's own `cwd`, which moves this whole process, all threads with it.
                resources={"metadata": {"path": str(NOTEBOOKS)}},
                progress_bar=False,
                config=_kernel_config(scratch),
                coalesce_streams=True,  # of a progress bar, its last state is kept
            )
    except PapermillExecutionError as error:
        known = error.ename == "PalsyError"
        return attempt, str(error.evalue) if known else f"{error.ename}: {error.evalue}"
    except Exception as error:  # the kernel died, the disk is full, ...
        return attempt, f"{type(error).__name__}: {error}"
    return attempt, None


def _kernel_config(sockets: str):
    """Let a kernel talk over sockets of this user, not over TCP ports open to others.

    It ends with the process that started it, however that ends, and is killed once its notebook is
    done: all is written by then, and saying goodbye takes torch almost two seconds.
    """
    from traitlets.config import Config

    first = f"from palsy_utils import processes; processes.end_with_parent({os.getpid()})"
    options = [f"--IPKernelApp.exec_lines={first}"]
    client = {"shutdown_kernel": "immediate", "extra_arguments": options}
    config = Config({"NotebookClient": client})
    if os.name == "posix":
        config.KernelManager = Config({"transport": "ipc", "ip": f"{sockets}/kernel"})
    return config


def settle(attempt: Path, task: Task, error: str | None) -> None:
    """Move an attempt's files into place, their stamp last; a failed one leaves `failed.ipynb`.

    Each file replaces the one of an earlier attempt, which is there until then. The stamp, which a
    fold's notebook has written, comes to speak of the executed notebook as well.
    """
    folder, notebook = task.folder, attempt / "notebook.ipynb"
    make_folder(folder)
    if notebook.exists():
        notebook.chmod(0o600)  # papermill lets others read it
    if error:
        if notebook.exists():
            os.replace(notebook, folder / "failed.ipynb")
    else:
        product = attempt / "predictions.csv" if "fold" in task.parameters else notebook
        kept = read_stamp(product)
        made_from, _ = kept.pop("made_from") or task.made_from, kept.pop("files")
        files = [path for path in attempt.iterdir() if not path.name.startswith(".")]
        write_stamp(product, made_from, {*files} - {product, stamp_of(product)}, **kept)
        names = {path.name for path in files} | {stamp_of(product).name}
        for old in {path.name for path in folder.iterdir()} - names:
            (folder / old).unlink()
        for name in sorted(names, key=stamp_of(product).name.__eq__):
            os.replace(attempt / name, folder / name)
    shutil.rmtree(attempt, ignore_errors=True)


def _announces_gpu(dask_scheduler) -> bool:
    return any("GPU" in worker.resources for worker in dask_scheduler.workers.values())


def execute_all(client, tasks: Sequence[Task], title: str) -> list[dict]:
    """Execute tasks side by side, each after the folds it needs; one failure stops no other.

    Where a worker announces the resource `GPU`, folds go to such workers, one to each GPU.

    Returns:
        What failed: `notebook`, `model`, `fold`, `error`.
    """
    from dask.distributed import as_completed

    waiting, unfinished = list(tasks), {task.folder for task in tasks}
    running, failed, completed = {}, {}, as_completed()
    has_gpus = client.run_on_scheduler(_announces_gpu)
    bar = progress(title=title, total=len(tasks), unit="notebook", after=0)

    def finish(task: Task, error: str | None) -> None:
        unfinished.discard(task.folder)
        if error:
            failed[task.folder] = error
            bar.write(f"failed: {task.notebook} {task.parameters.get('fold', '')}: {error}")
        bar.update()

    def start() -> None:
        for task in [task for task in waiting if not unfinished.intersection(task.needs)]:
            waiting.remove(task)
            if broken := [str(need) for need in task.needs if need in failed]:
                finish(task, f"not run, because {' and '.join(broken)} failed")
                continue
            resources = {"GPU": 1} if has_gpus and "fold" in task.parameters else None
            future = client.submit(execute, task, pure=False, resources=resources)
            running[future] = task
            completed.add(future)
        side_by_side = min(len(running), sum(client.nthreads().values()))
        watched = sys.stderr.isatty()  # a log has a line for what is done, not for what begins
        bar.set_postfix(running=side_by_side, failed=len(failed), refresh=watched)

    start()
    for future in completed:
        task = running.pop(future)
        if future.status == "finished":
            attempt, error = future.result()
            settle(attempt, task, error)
        else:
            error = f"its worker was lost ({future.exception()!r})"
        finish(task, error)
        start()
    bar.close()
    by_folder = {task.folder: task for task in tasks}
    return [
        {
            "notebook": by_folder[folder].notebook,
            "model": by_folder[folder].parameters.get("model", ""),
            "fold": by_folder[folder].parameters.get("fold", ""),
            "error": error,
        }
        for folder, error in failed.items()
    ]
