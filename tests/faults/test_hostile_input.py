"""Whatever is in a cohort's folder, reading it ends well or in our one sentence.

Each test runs a few cases by default and thousands with `make test-faults`.
"""

import os
import resource
import struct
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

import cv2
import numpy as np
import pandas as pd
import pytest
from helpers import annotation, write_clip, write_labels, write_picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palsy_utils.cohort.labels_csv import load_people
from palsy_utils.cohort.load import load_cohort
from palsy_utils.cohort.yfp import LARGEST_XML, read_label_file
from palsy_utils.faces.frames import BadVideoError, extract_clip, extract_frames, load_frames
from palsy_utils.faces.modalities import load_faces, write_faces
from palsy_utils.faces.pictures import read_image
from palsy_utils.files import PalsyError, write_csv
from palsy_utils.runs.results import read_predictions
from palsy_utils.stamps import stamp_of, write_stamp

LABEL_HEADER = "patient,video,file,start_s,end_s,label"


def cases(full, short=25):
    """Run a test at two sizes: short by default, full only where it is asked for."""
    sizes = [
        pytest.param(short, id="short"),
        pytest.param(full, id="full", marks=pytest.mark.faults),
    ]
    return pytest.mark.parametrize("n", sizes)


def hold(check, n, *strategies):
    """Let hypothesis look for a case in which `check` fails."""
    quiet = settings(
        max_examples=n, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    quiet(given(*strategies)(check))()


@contextmanager
def well_or_in_one_sentence(error=PalsyError):
    """Let an error pass that is fit for people: names in it are quoted, line breaks and all."""
    try:
        yield
    except error as told:
        assert "\n" not in str(told)


@st.composite
def damaged(draw, whole):
    """A file that was whole: cut off, some bytes changed, a piece repeated, lost or replaced."""
    content = bytearray(draw(st.sampled_from(whole)) if isinstance(whole, list) else whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 64))
        kind = draw(st.sampled_from(["cut", "bytes", "repeat", "lose", "number"]))
        if kind == "cut":
            del content[at:]
        elif kind == "bytes":
            content[at : at + length] = draw(st.binary(min_size=1, max_size=length))
        elif kind == "repeat":
            content[at:at] = content[at : at + length] * draw(st.integers(1, 20))
        elif kind == "lose":
            del content[at : at + length]
        else:
            content[at : at + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
            )
    return bytes(content)


# --- where things are read and written

_opened, _watching = [], []


def _listen(event, arguments):
    if get_ident() in _watching and event in (
        "open",
        "os.listdir",
        "os.scandir",
        "os.rename",
        "os.remove",
    ):
        _opened.extend(os.fsdecode(a) for a in arguments[:2] if isinstance(a, bytes | os.PathLike))
        _opened.extend(a for a in arguments[:2] if isinstance(a, str) and "/" in a)


sys.addaudithook(_listen)


@contextmanager
def only_inside(folder):
    """Fail if anything outside a folder is opened, listed, moved or removed meanwhile."""
    _watching.append(get_ident())  # other threads, of libraries, look after themselves
    try:
        yield
    finally:
        _watching.clear()
        paths = {os.path.realpath(path) for path in _opened}
        _opened.clear()
    inside = os.path.realpath(folder)
    assert not [path for path in paths if not Path(path).is_relative_to(inside)]


# --- tables

CELLS = st.one_of(
    st.sampled_from(
        ["1", "2", "a.mp4", "b.mp4", "pictures", "0", "0.5", "1e308", "1e400", "-0.0", "nan", "٣"]
        + ["../secret.mp4", "leads_out.mp4", "leads_out/secret.mp4", "/etc/passwd", "a.mp4/..", "."]
        + ["", " ", "NA", "=1+1", "a\nb.mp4", "🙂.mp4", "x" * 300, "x" * 5000, "9" * 5000, "1_0"]
        + ["normal", "strong", "C:\\a.mp4", "a\0.mp4", "a\r.mp4", "\ufeff", "_", "1,5", '"', "'"]
    ),
    st.text(max_size=12),
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory):
    """A cohort's folder with two clips and a few links; beside it lies a secret."""
    above = tmp_path_factory.mktemp("clinic")
    root = above / "clinic"
    write_picture(root / "pictures" / "1.png")
    (above / "secret.mp4").write_bytes(b"secret")
    for name in ("a.mp4", "b.mp4", "🙂.mp4"):
        (root / name).write_bytes(b"not looked into")
    (root / "leads_out.mp4").symlink_to(above / "secret.mp4")
    (root / "leads_out").symlink_to(above)
    return root


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


@cases(2500)
def test_labels_csv(clinic, n):
    load_cohort(write_labels(clinic, ["1,v1,a.mp4,0,1,1"], LABEL_HEADER))  # imports what it needs

    def check(rows, header, parted):
        lines = [header.split(","), *(map(quoted, row) for row in rows)]
        text = "\n".join(map(parted.join, lines))
        (clinic / "labels.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
        with well_or_in_one_sentence():
            with only_inside(clinic):
                cohort = load_cohort(clinic)
            files = [(clinic / file).resolve() for file in cohort.videos["file"]]
            assert all(file.is_relative_to(clinic.resolve()) for file in files)
            assert (cohort.labels["start_s"] < cohort.labels["end_s"]).all()

    good = st.tuples(*map(st.just, ("1", "v1", "a.mp4", "0", "1", "1"))).map(list)
    row = st.lists(CELLS, min_size=6, max_size=6)
    # Most rows have a single odd cell, so that the checks behind the first are reached as well.
    odd = st.builds(
        lambda row, at, cell: row[:at] + [cell] + row[at + 1 :], good, st.integers(0, 5), CELLS
    )
    header = st.sampled_from([LABEL_HEADER, LABEL_HEADER.replace("label", "eyes")])
    hold(check, n, st.lists(odd | row, max_size=4), header, st.sampled_from(",,;\t"))


@cases(500)
def test_patients_csv(tmp_path, n):
    """Beside labels, as a cohort's: what is read of people fits into tables and the notes."""
    root = tmp_path / "clinic"
    write_picture(root / "a.png")
    write_picture(root / "b.png")
    write_labels(root, ["1,v1,a.png,,,1", "2,v2,b.png,,,0"], LABEL_HEADER)

    def check(content):
        (root / "patients.csv").write_bytes(content)
        with well_or_in_one_sentence():
            with only_inside(root):
                people, cohort = load_people(root), load_cohort(root)
            assert people.index.is_unique and set(people) <= {"side", "skin_tone"}
            assert all("\n" not in note for note in cohort.notes)
            if "skin_tone" in people:
                assert people["skin_tone"].dropna().between(1, 10).all()

    wholes = [
        b"patient,side,skin_tone\n1,left,3\n2,none,7\n",
        b"sep=;\r\nPatient;SIDE;video\r\n1;Left;v1\r\n2;;v2\r\n",
        b"patient\tskin_tone\t\t\n1\t3\t\t\n9\t\t\t\n",
    ]
    hold(check, n, st.one_of(damaged(wholes), st.binary(max_size=100)))


@cases(2000)
def test_predictions_that_pass_for_whole_are_whole(tmp_path, n):
    samples = pd.DataFrame(
        {"patient": "01", "video": "v", "frame": range(0, 30, 5), "label": [0, 1] * 3}
    )
    said = {"probability": np.linspace(0, 1, 6), "model": "m", "fold": "01", "seed": 0}
    ours, path = samples.assign(**said), tmp_path / "predictions.csv"
    write_csv(ours, path)
    write_stamp(path, {})
    whole, stamp = path.read_bytes(), stamp_of(path).read_bytes()

    def check(content, of_stamp):
        path.write_bytes(whole if of_stamp else content)
        stamp_of(path).write_bytes(content if of_stamp else stamp)
        with well_or_in_one_sentence():
            assert read_predictions(tmp_path).equals(ours)

    hold(check, n, st.one_of(damaged(whole), damaged(stamp)), st.booleans())


# --- label files of the YFP database

BOMB = (
    b"<!DOCTYPE x [<!ENTITY a 'ha'>"
    + b"".join(b"<!ENTITY %c '&%c;&%c;'>" % (i + 1, i, i) for i in range(97, 110))
    + b"]><annotation>&m;</annotation>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>'
LABEL_FILE = annotation("StrongPalsy_Eyes", "Normal_Mouth").encode()


@cases(2500)
def test_yfp_label_files(tmp_path, n):
    path = tmp_path / "1.xml"

    def check(content):
        path.write_bytes(content)
        found = read_label_file(path, Counter()) or {}
        assert set(found) <= {"eyes", "mouth"}
        assert set(found.values()) <= {"normal", "slight", "strong", None}

    huge = LABEL_FILE.replace(b"30", b"9" * 5000)
    noise = st.binary(max_size=200)
    hold(check, n, st.one_of(damaged([LABEL_FILE, huge, BOMB, OUTSIDE]), noise))


def test_label_files_made_to_cost(tmp_path):
    blanks = b"</ann" + b" " * (LARGEST_XML - 6) + b"x"  # costs hours if they are tried in two ways
    for content in (BOMB, OUTSIDE, blanks, b"</ann" * (LARGEST_XML // 5), b"<a>" * 50_000):
        (tmp_path / "1.xml").write_bytes(content)
        assert read_label_file(tmp_path / "1.xml", Counter()) is None


# --- names

ODD = ["a\nb", "a\rb", "🙂", "👩‍⚕️", "..a", "-rf", "a b", "x" * 250, "é" * 100, "9" * 200]
ODD += ["<script>", "a,b", '"', "%s", "\u2028", "\x1b[31m", "NA", "con", "$(ls)", "~", ".hidden"]
NAMES = st.one_of(
    st.sampled_from([b"1", b"2", b"\xff\xfe", *map(str.encode, ODD)]),
    st.binary(min_size=1, max_size=12).filter(lambda name: not {0, 47} & {*name}),
)


@cases(600, short=10)
def test_names_on_disk(tmp_path, n):
    picture = write_picture(tmp_path / "first" / "palsy" / "1.jpg").read_bytes()
    write_picture(tmp_path / "first" / "healthy" / "1.jpg")
    first = load_cohort(tmp_path / "first")
    extract_frames(first)  # imports what it needs
    load_frames(first)
    number = iter(range(10**6))

    def check(names):
        root = tmp_path / str(next(number)) / "cohort"
        folders = {"palsy": root / "palsy", "healthy": root / "healthy" / "p"}
        for i, name in enumerate(names):
            folder = os.fsencode([*folders.values()][i % 2])
            os.makedirs(folder, exist_ok=True)
            with open(folder + b"/" + name[:250] + b".jpg", "wb") as file:
                file.write(picture)
        with well_or_in_one_sentence():
            with only_inside(root):
                cohort = load_cohort(root)
                extract_frames(cohort)
                frames = load_frames(cohort)
            assert all((root / file).is_file() for file in frames["file"])
        assert {path.name for path in root.parent.iterdir()} == {"cohort"}

    hold(check, n, st.lists(NAMES, min_size=2, max_size=4, unique=True))


# --- pictures

ENCODED = [
    cv2.imencode(suffix, image)[1].tobytes()
    for suffix in (".jpg", ".png", ".bmp", ".tiff", ".webp")
    for image in (
        np.zeros((1, 1, 3), np.uint8),
        np.arange(48 * 64 * 3, dtype=np.uint8).reshape(48, 64, 3),
    )
]


@cases(2500)
def test_pictures(tmp_path, n):
    for content in ENCODED[::2]:  # of one pixel
        (tmp_path / "a.png").write_bytes(content)
        assert read_image(tmp_path / "a.png")[0].shape == (1, 1, 3)

    def check(content, suffix):
        path = tmp_path / f"picture{suffix}"
        path.write_bytes(content)
        image, note = read_image(path)
        if image is None:
            assert note in ("unreadable", "too large")
        else:
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3

    content = st.one_of(st.sampled_from(ENCODED), damaged(ENCODED), st.binary(max_size=300))
    hold(check, n, content, st.sampled_from([".jpg", ".png", ".tif"]))


MEMORY = """
import pathlib, resource, sys
from palsy_utils.faces.pictures import read_image
print(read_image(pathlib.Path(sys.argv[1]))[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_picture_of_400_million_pixels_is_refused_before_it_is_decoded(tmp_path):
    header, side = "<2sIIIIiiHHIIiiII", 20_000
    huge = struct.pack(header, b"BM", 54, 0, 54, 40, side, side, 1, 24, *[0] * 6)
    found = []
    for content in (huge, ENCODED[0]):
        (tmp_path / "picture.bmp").write_bytes(content)
        command = [sys.executable, "-c", MEMORY, tmp_path / "picture.bmp"]
        said, peak = subprocess.check_output(command, text=True).splitlines()
        found.append((said, int(peak)))
    assert found[0][0] == "too large" and found[0][1] < found[1][1] + 50  # MB


# --- clips


@cases(600, short=10)
def test_clips(tmp_path, n):
    whole = [
        write_clip(tmp_path / f"whole{suffix}", 12).read_bytes() for suffix in (".mp4", ".avi")
    ]
    usual = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def check(content, suffix):
        (tmp_path / f"clip{suffix}").write_bytes(content)
        with well_or_in_one_sentence(BadVideoError):
            rows = extract_clip(tmp_path, f"clip{suffix}", "frames/v")
            assert all((tmp_path / row[2]).is_file() for row in rows)
            assert [row[1] for row in rows] == sorted(row[1] for row in rows)

    content = st.one_of(damaged(whole), st.binary(max_size=2000))
    hold(check, n, content, st.sampled_from([".mp4", ".avi", ".mkv"]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak - usual < 2_000_000  # kB


# --- measurements


@cases(1000)
def test_measurements(tmp_path, n):
    (tmp_path / "faces").mkdir()
    path = tmp_path / "faces" / "v1.parquet"
    path.touch()
    cohort = load_cohort(write_labels(tmp_path, ["1,v1,gone.mp4,,,1"], LABEL_HEADER))
    numbers = np.zeros(1434, np.float32), np.ones(52, np.float32)
    rows = [
        ("1", "v1", 0, 0.0, True, 1, "", 48, 64, *numbers),
        ("1", "v1", 5, 0.2, False, 0, "no face", 48, 64, None, None),
    ]
    names = "patient video frame time_s found n_faces note height width landmarks expressions"
    write_faces(pd.DataFrame(rows, columns=names.split()), path)
    whole = path.read_bytes()
    assert len(load_faces(cohort)[0]) == 2

    def check(content):
        path.write_bytes(content)
        with well_or_in_one_sentence():
            table, landmarks, expressions = load_faces(cohort)
            assert len(table) == len(landmarks) == len(expressions)

    hold(check, n, damaged(whole))
