import os
import subprocess
import sys

import pytest

from palsy_utils.files import (
    PalsyError,
    publish,
    read_json,
    sha256,
    write_text,
)


def test_what_was_there_survives_a_failure(tmp_path):
    path = tmp_path / "result.txt"
    write_text("old", path)
    with pytest.raises(RuntimeError), publish(path) as part:
        part.write_text("half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_sentence_and_costs_nothing(tmp_path):
    path = tmp_path / "result.txt"
    write_text("old", path)
    code = (
        "import resource, sys, pathlib; from palsy_utils.files import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: write_text('x' * 100_000, pathlib.Path(sys.argv[1]))\n"
        "except PalsyError as error: print(error)"
    )
    said = subprocess.check_output([sys.executable, "-c", code, path], text=True)
    assert "could not be written (File too large)" in said and str(path) in said
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PalsyError, match=r"file/result\.txt could not be written"):
        write_text("new", tmp_path / "file" / "result.txt")


@pytest.fixture
def umask():
    """The usual one, which lets everybody read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(*paths):
    return [oct(path.stat().st_mode & 0o777) for path in paths]


@pytest.mark.usefixtures("umask")
def test_only_the_owner_may_read_unless_it_is_meant_for_everybody(tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    for public, file, folder in [(False, "0o600", "0o700"), (True, "0o644", "0o755")]:
        path = there / str(public) / "deep" / "result.txt"
        for _ in ("new", "again"):
            write_text("result", path, public)
            assert modes(path, path.parent, path.parents[1], there) == [
                file,
                folder,
                folder,
                "0o755",
            ]
    with publish(there / "result.txt") as part:
        assert modes(part) == ["0o600"]  # while it is being written, too


def test_json_comes_back_and_a_damaged_one_is_none(tmp_path):
    write_text('{"a": [1, 2]}', tmp_path / "a.json")
    assert read_json(tmp_path / "a.json") == {"a": [1, 2]}
    (tmp_path / "a.json").write_text('{"a": [1,')
    assert read_json(tmp_path / "a.json") is None
    assert read_json(tmp_path / "b.json") is None


def test_sha256_is_the_known_one(tmp_path):
    (tmp_path / "a").write_bytes(b"ab")
    (tmp_path / "b").write_bytes(b"c")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "a", tmp_path / "b") == abc
