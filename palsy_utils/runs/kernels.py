"""Kernels for notebooks; on Linux, forked from one process that has imported what notebooks import.

Imports take a new kernel longer than a small fold takes to train.
"""

import os
import runpy
import sys
from importlib.metadata import EntryPoint
from multiprocessing import get_context
from typing import Any

import matplotlib
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from palsy_utils.processes import end_with_parent

IMPORTED = ["ipykernel.kernelapp", "palsy_utils.runs.one_fold", "palsy_utils.plots"]
IMPORTED += ["torchvision.models", "sklearn.metrics", "seaborn"]
FORKED = "palsy-forked"
CAN_FORK = sys.platform == "linux"  # elsewhere a process of several threads may not
INLINE = "module://matplotlib_inline.backend_inline"


class Forked(get_context("forkserver" if CAN_FORK else None).Process):
    """A process with the methods of `subprocess.Popen` that `LocalProvisioner` calls."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """Return how it ended, or None if it runs."""
        return self.exitcode

    def wait(self) -> int | None:
        """Wait for its end."""
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)


class ForkProvisioner(LocalProvisioner):
    """Starts kernels by forking."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork a kernel, with the command's arguments."""
        get_context("forkserver").set_forkserver_preload(IMPORTED)  # heard before the first one
        self.process = Forked(target=run_kernel, args=(cmd[3:], kwargs["env"], kwargs.get("cwd")))
        self.process.start()
        self.pid = self.pgid = self.process.pid
        return self.connection_info


def run_kernel(arguments: list[str], environment: dict[str, str], folder: str | None) -> None:
    """Be a kernel, in a forked process; it ends with the process that it was forked from."""
    os.setsid()
    end_with_parent(os.getppid())
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder or ".")
    matplotlib.rcParams["backend"] = INLINE  # was read from the environment by the import
    sys.argv = ["ipykernel_launcher", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    runpy.run_module("ipykernel_launcher", run_name="__main__")


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter, also where a Jupyter folder has another one called `python3`.

    Pictures go into its notebook, also where the environment names another backend.
    """

    kernel_spec = KernelSpec(
        resource_dir=RESOURCES, env={"MPLBACKEND": INLINE}, **get_kernel_dict()
    )
    if CAN_FORK:
        kernel_spec.metadata["kernel_provisioner"] = {"provisioner_name": FORKED}


KernelProvisionerFactory.provisioners[FORKED] = EntryPoint(
    FORKED, f"{__name__}:{ForkProvisioner.__name__}", KernelProvisionerFactory.GROUP_NAME
)
