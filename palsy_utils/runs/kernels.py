"""Notebooks, executed by papermill in a kernel that stays for those that follow.

Imports take a new kernel longer than a small fold takes to train. So every thread keeps its kernel,
which forgets all variables before the next notebook.
"""

import os
import sys
import tempfile
import threading
from contextvars import Context
from pathlib import Path
from typing import Any

import nbformat
import papermill
from ipykernel.kernelspec import RESOURCES
from jupyter_client import AsyncKernelManager, BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_core.utils import run_sync
from papermill.exceptions import PapermillExecutionError

from palsy_utils.files import NOTEBOOKS, PalsyError, check_checkout
from palsy_utils.teaching import CHECK, RESET, SOLUTION, TOLD, has_tag

START = "import os; from palsy_utils.files import end_with_parent; "
START += "end_with_parent(int(os.environ['JPY_PARENT_PID'])); "
START += "from ipykernel.kernelapp import launch_new_instance; launch_new_instance()"
HERE = threading.local()  # `context`, `kernel` and `folder` (of its sockets) of each thread


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter, also where a Jupyter folder has another one called `python3`.

    Pictures go into its notebook, also where the environment names another backend. It ends with
    the thread that has started it (on Linux; elsewhere with the process).
    """

    kernel_spec = KernelSpec(
        argv=[sys.executable, "-c", START, "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
        resource_dir=RESOURCES,
        env={"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    )
    last_client = None  # papermill leaves it open

    def client(self, **given: Any) -> Any:
        """Make a client, and keep it as `last_client`."""
        self.last_client = super().client(**given)
        return self.last_client


def find_kernel() -> Kernel:
    """Return this thread's kernel, without variables; a new one if there is none, or it died."""
    kernel = getattr(HERE, "kernel", None)
    if kernel and run_sync(kernel.is_alive)():
        client = BlockingKernelClient(connection_file=kernel.connection_file)
        client.load_connection_file()
        client.start_channels()
        try:
            client.execute(RESET, silent=True, reply=True, timeout=3)
            return kernel
        except TimeoutError:  # it has died this very moment, or does not answer
            run_sync(kernel.shutdown_kernel)(now=True)
        finally:
            client.stop_channels()
    posix = os.name == "posix"  # not in TMPDIR: paths of its sockets end at 103 characters
    HERE.folder = tempfile.TemporaryDirectory(prefix="palsy-", dir="/tmp" if posix else None)
    own = f"{HERE.folder.name}/kernel"  # this user's, not ports open to others
    sockets = {"transport": "ipc", "ip": own} if posix else {}
    HERE.kernel = Kernel(connection_file=f"{own}.json", **sockets)
    return HERE.kernel


def execute_notebook(
    source: Path, target: Path, parameters: dict, exercises: bool = False
) -> nbformat.NotebookNode:
    """Execute a notebook, with those of the parameters that it knows, with or without `exercises`.

    Returns it as it is executed. After any error but a PalsyError the next notebook gets a new
    kernel.
    """
    notebook = nbformat.read(source, 4)
    if not exercises:
        notebook.cells = [c for c in notebook.cells if not has_tag(c, SOLUTION, CHECK)]
    nbformat.write(notebook, target)
    known = papermill.inspect_notebook(str(target))
    # A context of each thread's own: notebooks side by side must not share an event loop.
    context = vars(HERE).setdefault("context", Context())
    kernel = context.run(find_kernel)
    try:
        return context.run(
            papermill.execute_notebook,
            str(target),
            str(target),
            {name: value for name, value in parameters.items() if name in known},
            km=kernel,
            # Not papermill's own `cwd`, which moves this whole process, all threads with it.
            resources={"metadata": {"path": str(NOTEBOOKS)}},
            progress_bar=False,
            coalesce_streams=True,  # of a progress bar, its last state is kept
        )
    except BaseException as error:
        if getattr(error, "ename", "") != "PalsyError":  # a GPU, say, may not answer any more
            del HERE.kernel
            context.run(run_sync(kernel.shutdown_kernel), now=True)
        raise
    finally:
        if kernel.last_client:
            kernel.last_client.stop_channels()


def run_notebook(name: str, parameters: dict) -> str:
    """Execute a notebook of the series for what it writes; a PalsyError in it is raised here.

    Returns what its cells tagged `told` have printed.
    """
    check_checkout()
    with tempfile.TemporaryDirectory(prefix="palsy-") as work:
        given = parameters | {"scratch": work}  # so nothing is left if this process is stopped
        try:
            done = execute_notebook(NOTEBOOKS / f"{name}.ipynb", Path(work) / "done.ipynb", given)
        except PapermillExecutionError as error:
            if error.ename == "PalsyError":
                raise PalsyError(error.evalue) from None
            raise
    return "".join(o.text for cell in done.cells if has_tag(cell, TOLD) for o in cell.outputs)
