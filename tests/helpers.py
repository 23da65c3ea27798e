"""Small synthetic pictures, clips and whole cohorts on disk for tests; nobody real is in them."""

import ast
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import cv2
import nbformat
import numpy as np
import papermill
import psutil
from click.testing import CliRunner, Result
from IPython.display import display

from palsy_utils.cli import main
from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.frames import extract_frames
from palsy_utils.faces.modalities import build_modalities, measure_faces
from palsy_utils.learning.profiles import PROFILES, Profile
from palsy_utils.runs.kernels import execute_notebook
from palsy_utils.teaching import CHECK, SOLUTION, has_tag

PALSY = [sys.executable, "-m", "palsy_utils"]
BOXES = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"}  # MP4 boxes that hold boxes


def picture(number: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """Draw number `number` in 16 bars, so that it can be read again after compression."""
    height, width = size
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(16):
        left, right = bit * width // 16, (bit + 1) * width // 16
        image[height // 2 :, left:right] = 255 if number >> bit & 1 else 0
    return image


def read_picture(image: np.ndarray) -> int:
    """Return the number that `picture` drew."""
    height, width = image.shape[:2]
    bars = image[height // 2 :].mean(axis=(0, 2)).reshape(16, width // 16).mean(axis=1)
    return sum(1 << bit for bit, bar in enumerate(bars) if bar > 128)


def write_picture(path: Path, number: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, picture(number))[1])
    return path


def write_clip(path: Path, frames: int, fps: float = 30.0) -> Path:
    """Write a clip whose pictures carry their number: .mp4 (MPEG-4) or .avi (MJPEG)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter_fourcc(*("mp4v" if path.suffix == ".mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, (256, 192))
    assert writer.isOpened()
    for number in range(frames):
        writer.write(picture(number, (192, 256)))
    writer.release()
    return path


def edit_mp4(path: Path, name: bytes, edit: Callable[[bytes], bytes]) -> None:
    """Put the content of the MP4's boxes called `name` through `edit`; they may grow."""

    def rebuild(content: bytes) -> bytes:
        parts, at = [], 0
        while at < len(content):
            length, kind = struct.unpack_from(">I4s", content, at)
            inside = content[at + 8 : at + length]
            inside = rebuild(inside) if kind in BOXES else inside
            inside = edit(inside) if kind == name else inside
            parts.append(struct.pack(">I4s", len(inside) + 8, kind) + inside)
            at += length
        return b"".join(parts)

    path.write_bytes(rebuild(path.read_bytes()))


def set_rotation(path: Path) -> None:
    """Mark an MP4 as one that players turn by a quarter, as phones do."""
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    edit_mp4(path, b"tkhd", lambda box: box[:40] + matrix + box[76:])


def set_durations(path: Path, durations: list[tuple[int, float]]) -> None:
    """Give an MP4 a variable frame rate: (number of frames, their length as a multiple), ..."""

    def edit(box: bytes) -> bytes:
        usual = struct.unpack_from(">I", box, 12)[0]
        entries = [struct.pack(">II", n, int(times * usual)) for n, times in durations]
        return box[:4] + struct.pack(">I", len(entries)) + b"".join(entries)

    edit_mp4(path, b"stts", edit)
    set_shown(path, sum(n * times for n, times in durations) / sum(n for n, _ in durations))


def set_shown(path: Path, times: float) -> None:
    """Change how much of an MP4 players show, as a multiple: phones trim clips that way."""

    def edit(box: bytes) -> bytes:
        usual = struct.unpack_from(">I", box, 8)[0]
        return box[:8] + struct.pack(">I", round(usual * times)) + box[12:]

    edit_mp4(path, b"elst", edit)


def set_delay(path: Path, seconds: float) -> None:
    """Let an MP4's first picture come late, by an empty piece before it."""

    def edit(box: bytes) -> bytes:
        number = struct.pack(">I", struct.unpack_from(">I", box, 4)[0] + 1)
        return box[:4] + number + struct.pack(">IiI", round(1000 * seconds), -1, 1 << 16) + box[8:]

    edit_mp4(path, b"elst", edit)


def moov_first(path: Path) -> None:
    """Put an MP4's index before its pictures, as for streaming."""
    content, boxes, at = path.read_bytes(), {}, 0
    while at < len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        boxes[kind], at = content[at : at + length], at + length
    shift = len(boxes[b"moov"])

    def edit(box: bytes) -> bytes:
        places = struct.iter_unpack(">I", box[8:])
        return box[:8] + b"".join(struct.pack(">I", at + shift) for (at,) in places)

    order = [b"ftyp", b"moov", *(kind for kind in boxes if kind not in (b"ftyp", b"moov"))]
    path.write_bytes(b"".join(boxes[kind] for kind in order))
    edit_mp4(path, b"stco", edit)


def flip(path: Path) -> None:
    """Change a bit in the middle of a file; a hard link to it elsewhere stays as it was."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def cut_off(path: Path, part: float = 0.5) -> Path:
    """Keep only the first part of a file, like a broken download."""
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    return path


def write_labels(root: Path, rows: list[str], header: str = "") -> Path:
    """Write a labels.csv with these rows, by default with the columns of regions."""
    header = header or "patient,video,file,start_s,end_s,eyes,mouth"
    root.mkdir(parents=True, exist_ok=True)
    (root / "labels.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return root


def annotation(*names: str, end: str = "</annotation>") -> str:
    """Return a label file of the YFP database with one box for each name."""
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
    boxes = "".join(f"<object><name>{name}</name>{box}</object>" for name in names)
    size = "<size><width>64</width><height>48</height></size>"
    return f"<annotation><filename>1.bmp</filename>{size}{boxes}{end}"


def write_yfp(root: Path, labels: dict[str, dict[int, str]], nested: bool = True) -> Path:
    """Write a tree like the YFP database's.

    `labels`: video -> frame -> content of its XML file, "" for a frame without one. If `nested`,
    folder names are doubled, as the zip files unpack.
    """
    for video, frames in labels.items():
        tree = "Image" if int(video) < 9 else f"Image{(int(video) - 1) // 8 + 1}"
        for frame, content in frames.items():
            write_picture(
                root / tree / (tree if nested else "") / video / f"{frame}.bmp", frame % 1000
            )
            xml = root / "Image_large_XML" / ("Image_large_XML" if nested else "") / video
            xml.mkdir(parents=True, exist_ok=True)
            if content:
                (xml / f"{frame}.xml").write_text(content)
    return root


def small_parameters(notebook: Path, cohort: Path, folder: Path) -> dict:
    """Return the parameters with which a notebook runs at smoke size, and writes into a folder."""
    values = {"cohort": cohort, "profile": "smoke", "fold": "p01", "device": "cpu"}
    values |= {"output": folder / "out", "figures": folder / "drawn"}
    values |= {"n_faces": 24, "epochs": 1, "random_nets": 1, "clip": cohort / "clips" / "p01-1.mp4"}
    values |= {"beforehand": notebook.with_name("faces_on_sliders.npz")}
    values |= {"painted": notebook.with_name("faces_to_learn_from.npz")}
    known = papermill.inspect_notebook(str(notebook))
    values = {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}
    return {name: value for name, value in values.items() if name in known}


def run_notebook(notebook: Path, parameters: dict, folder: Path) -> nbformat.NotebookNode:
    """Execute a notebook, its exercises too, into a folder; return it with its outputs."""
    given = {name: str(v) if isinstance(v, Path) else v for name, v in parameters.items()}
    return execute_notebook(notebook, folder / f"done-{notebook.name}", given, exercises=True)


def palsy(*arguments: object) -> Result:
    """Give a `palsy` command, in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def small_run(cohort: Path, *more: object) -> list[str]:
    """Return the command that runs the series at smoke size; figures lie beside the cohort."""
    options = ["--profile", "smoke", "--figures", cohort.parent / "figures", "--device", "cpu"]
    return [*PALSY, *map(str, ["run", "--cohort", cohort, *options, *more])]


def run_small(cohort: Path, *more: object) -> Result:
    """Run the series in this process, which has imported most of what it needs."""
    return palsy(*small_run(cohort, *more)[len(PALSY) :])


def functions_of(notebook: Path) -> SimpleNamespace:
    """Return what a notebook imports and defines, constants (`UPPER = ...`) included."""
    kinds = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    names = {}
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            tree.body = [
                node
                for node in tree.body
                if isinstance(node, kinds)
                or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper())
            ]
            exec(compile(tree, notebook.name, "exec"), names)
    return SimpleNamespace(**names)


def measure(root: Path, profile: Profile = PROFILES["smoke"]) -> None:
    """Bring frames, faces and modalities of a cohort up to date."""
    cohort = load_cohort(root)
    extract_frames(cohort)
    measure_faces(cohort)
    build_modalities(cohort, profile.image_size, profile.inputs)


def play(notebook: Path, **parameters) -> SimpleNamespace:
    """Execute a notebook's cells in this process, without exercises; return all its variables."""
    names = {"display": display}  # as every kernel has it
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type == "code" and not has_tag(cell, SOLUTION, CHECK):
            exec(compile(cell.source, notebook.name, "exec"), names)
        if has_tag(cell, "parameters"):
            names |= {name: str(v) if isinstance(v, Path) else v for name, v in parameters.items()}
    return SimpleNamespace(**names)


def outlive(processes: list[psutil.Process], seconds: float = 5) -> list[psutil.Process]:
    """Return which processes still run after some seconds, and kill them.

    One that has ended, and that a lazy init has not put away yet, does not run.
    """
    alive = []
    for process in psutil.wait_procs(processes, timeout=seconds)[1]:
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
                process.kill()
    return alive
