"""The kernel that an executed notebook gets, whatever this machine's Jupyter folders say."""

import os
import tempfile

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter, also where a Jupyter folder has another one called `python3`.

    Pictures go into its notebook, also where the environment names another backend.
    """

    kernel_spec = KernelSpec(
        resource_dir=RESOURCES,
        env={"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        **get_kernel_dict(),
    )


def short_folder() -> str | None:
    """Return a folder for sockets where TMPDIR is too long: their paths end at 103 characters."""
    is_long = os.name == "posix" and len(tempfile.gettempdir()) > 60
    return "/tmp" if is_long else None
