"""Fixtures: the test data that lies beside the project, and small synthetic cohorts."""

import os
import pickle
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from helpers import run_notebook, run_small, small_parameters
from jupyter_core.utils import run_sync
from nbformat.v4 import new_code_cell

from palsy_utils import downloads
from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import extract_frames
from palsy_utils.faces.landmarks import to_pixels
from palsy_utils.faces.modalities import build_modalities, load_faces
from palsy_utils.faces.pictures import read_image
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.runs import kernels

PROJECT = Path(__file__).parents[1]
PHANTOM = PROJECT / "data" / "phantom"
TEST_DATA = Path(os.environ.get("PALSY_TEST_DATA", PROJECT.parent / "shared"))
LANDMARKER = TEST_DATA / "models" / "face_landmarker.task"

if LANDMARKER.exists():
    os.environ.setdefault("PALSY_FACE_LANDMARKER", str(LANDMARKER))
# Whatever a kernel or command would download goes to a closed port of this machine, and fails.
os.environ["https_proxy"] = "http://127.0.0.1:9"
# One thread each, as in kernels of `palsy run`, which give the same sums only then.
os.environ["OMP_NUM_THREADS"] = "1"
# Notebooks that tests execute by papermill run in this interpreter, and keep their pictures.
os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
os.environ.pop("JUPYTER_PATH", None)
os.environ.pop("MPLBACKEND", None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real videos and measurements of real faces."""
    if not (TEST_DATA / "real").is_dir():
        pytest.skip(f"no test data in {TEST_DATA}: set PALSY_TEST_DATA to a folder that has them")
    return TEST_DATA


@pytest.fixture(scope="session")
def landmarker_file() -> Path:
    """MediaPipe's Face Landmarker bundle."""
    if not downloads.is_at_hand(downloads.LANDMARKER):
        pytest.skip("no Face Landmarker bundle: set PALSY_FACE_LANDMARKER to its path")
    return downloads.find(downloads.LANDMARKER)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Mark what needs more than the checkout, so that it can be run alone.

    One process makes the runs that many tests read, the others meanwhile test what needs none.
    """
    for item in items:
        if {"shared", "landmarker_file"}.intersection(item.fixturenames):
            item.add_marker("shared")
    reads = {id(item): {"smoke", "beyond"}.intersection(item.fixturenames) for item in items}
    # Of what reads them, the longest begins: else a process works on it alone at the end.
    is_short = {id(i): not re.search("test_interrupted_runs|test_series", i.nodeid) for i in items}
    items.sort(key=lambda item: (bool(reads[id(item)]), is_short[id(item)]))
    if first := next((item for item in items if "beyond" in reads[id(item)]), None):
        items.insert(0, items.pop(items.index(first)))


@pytest.fixture(autouse=True)
def close_figures():
    """Close what a test has drawn."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture
def new_kernel():
    """Let notebooks run in a kernel that sees the environment as the test sets it, and no later."""
    yield end_kernel()
    end_kernel()


def end_kernel():
    if kernel := vars(kernels.HERE).pop("kernel", None):
        run_sync(kernel.shutdown_kernel)(now=True)


@pytest.fixture(scope="session", autouse=True)
def close_landmarker():
    """Close it while Python is whole; at its end that is an error."""
    yield
    if landmarker := sys.modules.get("palsy_utils.faces.pictures"):
        landmarker.open_landmarker.cache_clear()


FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def browser():
    """A chromium that is there already, driven by playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


SMALL = ("p01-1", "p02-1", "p04-1")  # clips of three synthetic patients


@pytest.fixture(scope="session")
def small_template(tmp_path_factory) -> Path:
    """A cohort of three synthetic patients, one clip each, with what was measured on them."""

    def make(folder):
        root = folder / "small"
        for name in ("clips", "faces"):
            (root / name).mkdir(parents=True)
            for path in (p for video in SMALL for p in (PHANTOM / name).glob(f"{video}.*")):
                shutil.copy(path, root / name)
        labels = pd.read_csv(PHANTOM / "labels.csv", dtype=str)
        labels[labels["video"].isin(SMALL)].to_csv(root / "labels.csv", index=False)
        shutil.copy(PHANTOM / "truth.csv", root)
        cohort = load_cohort(root)
        extract_frames(cohort, workers=1)
        build_modalities(cohort, PROFILES["smoke"].image_size)

    return once(tmp_path_factory, "template", make)[0] / "small"


@pytest.fixture(scope="session")
def face(small_template) -> np.ndarray:
    """A synthetic face, RGB."""
    return read_image(sorted((small_template / "frames" / "p01-1").glob("*.jpg"))[0])[0]


@pytest.fixture(scope="session")
def measured_faces() -> SimpleNamespace:
    """What was measured of the shipped faces that were found, and in `table` the ground truth."""
    table, landmarks, scores = load_faces(load_cohort(PHANTOM))
    seen = table["found"].to_numpy(bool)
    truth = pd.read_csv(PHANTOM / "truth.csv").drop(columns="patient")
    table = table[seen].merge(truth, on=["video", "frame"], validate="1:1")
    points = to_pixels(landmarks[seen], table["height"], table["width"])
    few = points[table["video"].isin(SMALL)][::12]
    return SimpleNamespace(
        table=table, landmarks=landmarks[seen], scores=scores[seen], points=points, few=few
    )


@pytest.fixture
def small(small_template, tmp_path) -> Path:
    """A copy of the small cohort that a test may change."""
    return Path(shutil.copytree(small_template, tmp_path / "small"))


def once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> tuple[Path, object]:
    """Make a folder of files once for all processes that test, and tell what `make` returned."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(folder.with_suffix(".lock")):
        returned = folder / "returned"
        if not returned.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a process that failed
            folder.mkdir()
            returned.write_bytes(pickle.dumps(make(folder)))
    return folder, pickle.loads(returned.read_bytes())


@pytest.fixture(scope="session")
def smoke(small_template, tmp_path_factory) -> SimpleNamespace:
    """The whole series, run once by the command at smoke size: its cohort, figures, output."""

    def make(folder):
        done = run_small(shutil.copytree(small_template, folder / "small"))
        assert done.exit_code == 0, done.output[-3000:]
        return done.output

    folder, output = once(tmp_path_factory, "smoke", make)
    figures = folder / "figures" / "small" / "smoke"
    return SimpleNamespace(root=folder / "small", figures=figures, output=output)


@pytest.fixture(scope="session")
def beyond(smoke, tmp_path_factory) -> Path:
    """The same with the rows beyond the paper, and what is known of the people.

    A folder with the cohort `small` and `figures`.
    """

    def make(folder):
        root = shutil.copytree(smoke.root, folder / "small", copy_function=os.link)
        shutil.copy(PHANTOM / "patients.csv", root)
        done = run_small(root, "--models", "beyond")
        assert done.exit_code == 0, done.output[-3000:]

    return once(tmp_path_factory, "beyond", make)[0]


# What a check says to a student who has done nothing, and to two whose answers are wrong.
OTHER_ANSWERS = """
from palsy_utils.teaching import judge
for other in (..., -12345.678, "wrong"):
    there = {{name: lambda *_, **__: other for name in {functions}}}
    print(judge("{name}", globals() | there))
"""


def other_answers(solution: str, checking: str) -> nbformat.NotebookNode:
    """Return a cell that gives an exercise other answers than its solution does."""
    name = re.search('"(.+)"', checking)[1]
    functions = re.findall(r"^def (\w+)", solution, re.MULTILINE)
    return new_code_cell(OTHER_ANSWERS.format(name=name, functions=functions))


@pytest.fixture(scope="session")
def answered(beyond, tmp_path_factory) -> Callable[..., Path]:
    """A function that executes a notebook, its exercises with and without an answer, once.

    It returns a folder with the notebook, `done-<name>`, and the figures, `drawn`. `proof` is a
    further cell, the last one.
    """

    def execute(path, proof=""):
        def make(folder):
            notebook, cells = nbformat.read(path, 4), []
            for cell in notebook.cells:
                cells.append(cell)
                if cell.source.startswith("check("):
                    cells.append(other_answers(cells[-2].source, cell.source))
            notebook.cells = [*cells, new_code_cell(proof)]
            nbformat.write(notebook, folder / path.name)
            run_notebook(
                folder / path.name, small_parameters(path, beyond / "small", folder), folder
            )

        return once(tmp_path_factory, path.stem, make)[0]

    return execute
