"""Kernels for notebooks; on Linux, forked from one process that has imported what notebooks import.

Imports take a new kernel longer than a small fold takes to train.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.metadata import EntryPoint
from typing import Any

import psutil
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from palsy_utils.files import end_with_parent

IMPORTED = ("ipykernel.kernelapp", "palsy_utils.runs.one_fold", "palsy_utils.plots")
IMPORTED += ("torchvision.models", "sklearn.metrics", "seaborn")
FORKED = "palsy-forked"
INLINE = "module://matplotlib_inline.backend_inline"
FORKING = threading.Lock()
LASTING = ThreadPoolExecutor(1)  # what a thread has started would end with that thread


class Forked:
    """A forked kernel; it has the methods of `subprocess.Popen` that `LocalProvisioner` calls."""

    server = stdin = stdout = stderr = None

    def __init__(self, *order: Any) -> None:
        with FORKING:
            if not Forked.server or Forked.server.poll() is not None:
                command = [sys.executable, "-m", __name__, str(os.getpid())]
                pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
                pipes["start_new_session"] = True  # Ctrl-C is not for it
                Forked.server = LASTING.submit(subprocess.Popen, command, **pipes).result()
            Forked.server.stdin.write(json.dumps(order) + "\n")
            Forked.server.stdin.flush()
            if not (said := Forked.server.stdout.readline()):
                raise OSError("the process that forks kernels was killed")
            self.pid = int(said)

    def poll(self) -> int | None:
        """Return None while it runs."""
        return None if psutil.pid_exists(self.pid) else 1

    wait = poll  # it has ended when `LocalProvisioner` asks this

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def serve() -> None:
    """Import what notebooks import; then fork a kernel for every line that comes in."""
    end_with_parent(int(sys.argv[1]))
    for module in IMPORTED:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for kernels
    while order := sys.stdin.readline():
        if not (kernel := os.fork()):
            return run_kernel(*json.loads(order))
        print(kernel, flush=True)


def run_kernel(arguments: list[str], environment: dict[str, str], folder: str | None) -> None:
    """Be a kernel, in a forked process; it ends with the process that it was forked from."""
    import matplotlib

    os.setsid()
    end_with_parent(os.getppid())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder or ".")
    matplotlib.rcParams["backend"] = INLINE  # the import has read it from the environment
    sys.argv = ["ipykernel_launcher", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    runpy.run_module("ipykernel_launcher", run_name="__main__")


class ForkProvisioner(LocalProvisioner):
    """Starts kernels by forking."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel, with the command's arguments."""
        self.process = Forked(cmd[3:], kwargs["env"], kwargs.get("cwd"))
        self.pid = self.pgid = self.process.pid
        return self.connection_info


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter, also where a Jupyter folder has another one called `python3`.

    Pictures go into its notebook, also where the environment names another backend.
    """

    kernel_spec = KernelSpec(
        resource_dir=RESOURCES, env={"MPLBACKEND": INLINE}, **get_kernel_dict()
    )
    if sys.platform == "linux":  # elsewhere libraries do not stand it
        kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": FORKED}


KernelProvisionerFactory.provisioners[FORKED] = EntryPoint(
    FORKED, f"{__name__}:{ForkProvisioner.__name__}", KernelProvisionerFactory.GROUP_NAME
)

if __name__ == "__main__":
    serve()
