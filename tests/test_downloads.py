import hashlib
import shutil

import pytest
from conftest import PROJECT
from helpers import flip

from palsy_utils import downloads
from palsy_utils.downloads import LANDMARKER, Download, find, is_at_hand, starting_weights
from palsy_utils.files import PalsyError, sha256
from palsy_utils.learning.profiles import QUARTER

PRETRAINED = "palsy_utils/learning/pretrained"
CLOSED = "http://127.0.0.1:9/never-there.bin"  # the discard port: nothing answers


@pytest.fixture
def wanted(tmp_path, monkeypatch):
    """A public file that is not at hand, whose address does not answer."""
    monkeypatch.setattr("palsy_utils.downloads.MODELS", tmp_path / "data" / "models")
    monkeypatch.delenv("PALSY_TEST_FILE", raising=False)
    return Download("PALSY_TEST_FILE", CLOSED, hashlib.sha256(b"content").hexdigest())


def store(wanted, content):
    wanted.stored.parent.mkdir(parents=True, exist_ok=True)
    wanted.stored.write_bytes(content)


def test_the_bundle_beside_the_project_is_the_known_one(landmarker_file):
    assert sha256(landmarker_file) == LANDMARKER.sha256


def test_a_local_copy_is_taken_or_the_error_says_how_to_get_it(wanted, tmp_path, monkeypatch):
    with pytest.raises(PalsyError) as error:
        find(wanted)
    for word in (CLOSED, "PALSY_TEST_FILE", "data/models/never-there.bin", "could not be downl"):
        assert word in str(error.value)
    assert not is_at_hand(wanted)
    store(wanted, b"content")
    assert find(wanted) == wanted.stored
    mine = tmp_path / "mine.bin"
    monkeypatch.setenv("PALSY_TEST_FILE", str(mine))
    for content in (None, b"cut off"):
        if content:
            mine.write_bytes(content)
        with pytest.raises(PalsyError, match=f"{mine} is missing, damaged or another file"):
            find(wanted)
    assert mine.read_bytes() == b"cut off"  # it is left
    mine.write_bytes(b"content")
    assert find(wanted) == mine


def test_weights_to_start_from_are_imagenets_the_projects_or_random(wanted, monkeypatch):
    monkeypatch.setattr(downloads, "RESNET50", wanted)
    assert starting_weights("imagenet") == wanted
    assert starting_weights("random") is None and starting_weights("random", QUARTER) is None
    ours = starting_weights("pretrained", QUARTER)
    assert find(ours) == ours.stored and ours.stored.parent == PROJECT / PRETRAINED
    assert ours.stored.stat().st_size < 3.2e6


def test_damaged_weights_of_the_project_are_not_taken(tmp_path, monkeypatch):
    shutil.copytree(PROJECT / PRETRAINED, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(downloads, "PRETRAINED", tmp_path)
    what = starting_weights("pretrained", QUARTER)
    assert find(what) == tmp_path / f"{QUARTER}.pt"
    flip(find(what))
    with pytest.raises(PalsyError, match="damaged or another file"):
        find(what)
    what.stored.unlink()
    with pytest.raises(PalsyError, match="is missing, damaged"):
        find(what)


def test_other_weights_are_torchvisions_and_their_name_tells_how_their_hash_begins(wanted):
    for kind in ("imagenet", "random"):
        with pytest.raises(PalsyError, match="torchvision has no image net 'resnet51'"):
            starting_weights(kind, "resnet51")
    assert starting_weights("random", "mobilenet_v3_large") is None
    other = starting_weights("imagenet", "mobilenet_v3_large")
    assert other.stored.name == f"mobilenet_v3_large-{other.sha256}.pth" and len(other.sha256) >= 8
    store(other, b"cut off")
    with pytest.raises(PalsyError, match="damaged or another file"):
        find(other)
    begin = hashlib.sha256(b"cut off").hexdigest()[:8]
    assert find(other._replace(sha256=begin)) == other.stored
