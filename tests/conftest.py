"""Fixtures: the test data that lies beside the project, and small drawn cohorts."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
TEST_DATA = Path(os.environ.get("PALSY_TEST_DATA", PROJECT.parent / "shared"))
LANDMARKER = TEST_DATA / "models" / "face_landmarker.task"

if LANDMARKER.exists():
    os.environ.setdefault("PALSY_FACE_LANDMARKER", str(LANDMARKER))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real videos and measurements of real faces."""
    if not (TEST_DATA / "real").is_dir():
        pytest.skip(f"no test data in {TEST_DATA}: set PALSY_TEST_DATA to a folder that has them")
    return TEST_DATA


@pytest.fixture(scope="session")
def landmarker_file() -> Path:
    """MediaPipe's Face Landmarker bundle."""
    path = os.environ.get("PALSY_FACE_LANDMARKER")
    if not path:
        pytest.skip("no Face Landmarker bundle: set PALSY_FACE_LANDMARKER to its path")
    return Path(path)
