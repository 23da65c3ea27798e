"""The module installed from its wheel, without the checkout."""

import os
import shutil
import subprocess
import sys
from zipfile import ZipFile

import pytest
from conftest import PROJECT

IMPORT_ALL = """
import importlib, pkgutil, palsy_utils
for module in pkgutil.walk_packages(palsy_utils.__path__, "palsy_utils."):
    importlib.import_module(module.name)
print(palsy_utils.__file__)
"""


def files(folder):
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if path.suffix != ".pyc"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the module as pip would install it; it is built from a copy."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "source").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder / "source")
    shutil.copytree(PROJECT / "palsy_utils", folder / "source" / "palsy_utils")
    build = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", build, folder]
    subprocess.run(command, check=True, cwd=folder / "source", capture_output=True)
    (wheel,) = folder.glob("*.whl")
    ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def python(installed, tmp_path_factory):
    """A function that runs Python with the installed module, in a folder with nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(installed)},
        )

    run.folder = folder
    return run


def test_every_file_of_the_module_is_in_the_wheel_and_can_be_imported(installed, python):
    assert files(installed / "palsy_utils") == files(PROJECT / "palsy_utils")
    done = python("-c", IMPORT_ALL)
    assert done.stdout.split() == [str(installed / "palsy_utils" / "__init__.py")], done.stderr


COMMANDS = "handout x", "predict clip.mp4 --model x.pt"


@pytest.mark.parametrize("command", COMMANDS)
def test_what_needs_the_notebooks_says_so(python, command):
    done = python("-m", "palsy_utils", *command.split())
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "The notebooks are not installed" in done.stderr
    assert not (python.folder / "x").exists()
