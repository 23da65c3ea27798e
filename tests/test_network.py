"""Nothing leaves the machine: what a process that measures a face asks of the network."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import pytest
from conftest import PHANTOM

MEASURE = f"""
import cv2
from palsy_utils.faces.pictures import measure_image, open_landmarker
face = cv2.VideoCapture("{PHANTOM / "clips" / "p01-1.mp4"}").read()[1][..., ::-1]
print(measure_image(face)["found"])
open_landmarker.cache_clear()  # which closes it: newer MediaPipes send metrics then
"""
LOOK_UP = """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 53))  # sends nothing
"""
REACHES = r"(?:connect|sendto|sendm+sg)\(.*"
HOST = re.compile(REACHES + r'inet_(?:addr\(|pton\(AF_INET6, )"(?!127\.|::1"|::ffff:127\.)([^"]+)"')
NAMES = re.compile(REACHES + r"(htons\(53\)|io\.systemd\.Resolve)")  # also where loopback answers


def reached(code, folder):
    """Run Python code under strace; return the run, and all lines that reach for a host or name."""
    trace = ["strace", "-f", "-qq", "-s", "100", "-e", "trace=network", "-e", "signal=none"]
    trace += ["-o", folder / "trace"]
    done = subprocess.run(
        [*trace, sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    lines = (folder / "trace").read_text().splitlines()
    return done, [line for line in lines if HOST.search(line) or NAMES.search(line)]


@pytest.fixture
def strace(tmp_path):
    """Skip where no tracer may be used, but not in CI."""
    command = ["strace", "-o", tmp_path / "try", "true"]
    if not shutil.which("strace"):
        why = "no strace: apt-get install strace"
    elif subprocess.run(command, capture_output=True, check=False).returncode:
        why = "no right to trace a process here"
    else:
        return
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)


@pytest.mark.usefixtures("strace", "landmarker_file")
def test_measuring_a_face_looks_no_name_up_and_reaches_no_other_host(tmp_path):
    _, lines = reached(LOOK_UP, tmp_path)
    assert len(lines) == 1 and "192.0.2.1" in lines[0]  # the tracer sees what it should
    done, lines = reached(MEASURE, tmp_path)
    assert done.stdout == "True\n" and done.stderr == ""
    assert lines == []


FIND_PROXY = """
import ctypes
from palsy_utils.faces.pictures import open_landmarker
open_landmarker()
getenv = ctypes.CDLL(None).getenv
getenv.restype = ctypes.c_char_p
print(getenv(b"https_proxy"))
"""


@pytest.mark.usefixtures("landmarker_file")
def test_metrics_find_a_proxy_where_nobody_listens():
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    told = subprocess.check_output([sys.executable, "-c", FIND_PROXY], env=environment, text=True)
    assert told == "b'http://127.0.0.1:9'\n"


DOWNLOAD = """
from contextlib import suppress
from palsy_utils.faces import pictures
from palsy_utils import downloads
from palsy_utils.files import PalsyError
pictures.block_metrics()
with suppress(PalsyError):
    downloads.find(downloads.Download("PALSY_NONE", "https://pooch.invalid/a.bin", "0" * 64))
"""


def test_downloads_go_through_the_users_own_proxy_all_the_same(tmp_path):
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def listen():
            while True:
                try:
                    connection, _ = proxy.accept()
                except OSError:  # closed
                    return
                with connection:
                    asked.append(connection.recv(1000).split(b"\r\n")[0])

        threading.Thread(target=listen, daemon=True).start()
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        mine = {"https_proxy": address, "HTTPS_PROXY": address, "no_proxy": "", "NO_PROXY": ""}
        subprocess.run([sys.executable, "-c", DOWNLOAD], env=os.environ | mine, check=True)
        proxy.shutdown(socket.SHUT_RDWR)
    assert {line.split()[1] for line in asked} == {b"pooch.invalid:443"}
