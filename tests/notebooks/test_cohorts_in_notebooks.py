"""Notebooks 00 to 03 on cohorts as people have them: every cell runs, every exercise answers."""

import shutil
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
from conftest import PHANTOM, PROJECT
from helpers import run_notebook

from palsy_utils.cohort.load import frame_labels, load_cohort
from palsy_utils.faces.frames import extract_frames, load_frames
from palsy_utils.faces.modalities import faces_of, write_faces
from palsy_utils.stamps import write_stamp
from palsy_utils.teaching import has_tag

NOTEBOOKS = PROJECT / "notebooks"
THREE = ["p01-1", "p02-1", "p04-1"]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The synthetic cohort with its frames, to take pictures and measurements from."""
    root = tmp_path_factory.mktemp("source") / "phantom"
    for name in ("clips", "faces"):
        shutil.copytree(PHANTOM / name, root / name)
    shutil.copy(PHANTOM / "labels.csv", root)
    extract_frames(load_cohort(root), workers=1)
    return root


def add_video(root: Path, file: str, video: str, source: Path, clip: str, frame=None) -> None:
    """Put a clip of `source`, or a frame of it as a photograph, into a cohort, measured.

    `file` is where it goes, "" for measurements alone; `video` is the id that the cohort gives it.
    """
    table = pd.read_parquet(source / "faces" / f"{clip}.parquet").assign(video=video)
    path = source / "clips" / f"{clip}.mp4"
    if frame is not None:
        table = table[table["frame"] == frame].assign(frame=0, time_s=0.0)
        path = source / "frames" / clip / f"{frame}.jpg"
    if file:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / file)
    write_faces(table, root / "faces" / f"{video}.parquet")


def labelled_frames(source: Path) -> pd.DataFrame:
    cohort = load_cohort(source)
    return frame_labels(cohort, load_frames(cohort)).dropna(subset=["label"])


def moments(root: Path, source: Path) -> str:
    """Clips with intervals, palsy or not, no regions."""
    labels = load_cohort(source).labels.query("video in @THREE").drop(columns=["eyes", "mouth"])
    for video in THREE:
        add_video(root, f"{video}.mp4", video, source, video)
    labels.insert(2, "file", labels["video"] + ".mp4")
    labels.astype({"label": int}).to_csv(root / "labels.csv", index=False)
    return "p02"


def photographs(root: Path, source: Path) -> str:
    """Five people with a photograph each: whole-file labels, fewer than six to train on."""
    frames, rows = labelled_frames(source), ["patient,video,file,start_s,end_s,label"]
    for i, patient in enumerate(("p01", "p02", "p03", "p04", "p08")):
        frame = frames[(frames["label"] == i % 2) & (frames["patient"] == patient)].iloc[0]
        place = (f"photos/{i}.jpg", f"photo-{i}", source, frame["video"], frame["frame"])
        add_video(root, *place)
        rows.append(f"person-{i},photo-{i},photos/{i}.jpg,,,{i % 2}")
    (root / "labels.csv").write_text("\n".join(rows))
    return "person-3"


def album(root: Path, source: Path) -> str:
    """A folder per class, a photograph a person, more than a hundred of them."""
    for number, row in enumerate(labelled_frames(source).iloc[::2].itertuples()):
        place, of = "palsy" if row.label else "healthy", (source, row.video, row.frame)
        add_video(root, f"{place}/{number}.jpg", f"{place}-{number}", *of)
    assert number >= 100
    return "palsy-5" if (root / "palsy" / "5.jpg").exists() else "healthy-5"


def clips_by_class(root: Path, source: Path) -> str:
    """A folder per class, a clip a person."""
    for place in ("palsy/p01-1", "palsy/p03-1", "healthy/p05-1", "healthy/p08-1"):
        add_video(root, f"{place}.mp4", place.replace("/", "-"), source, place.split("/")[1])
    return "palsy-p01-1"


def measurements(root: Path, source: Path) -> str:
    """Graded regions, and measurements of clips that are not at hand."""
    for video in THREE:
        add_video(root, "", video, source, video)
    labels = pd.read_csv(source / "labels.csv").query("video in @THREE")
    labels.to_csv(root / "labels.csv", index=False)
    return "p01"


SHAPES = {  # of notebooks 00 to 03, exercise by exercise, those that have no answer
    moments: [2],
    photographs: [2, 5],
    album: [2, 5],
    clips_by_class: [2],
    measurements: [5, 6],
}


def execute(names: tuple[str, ...], parameters: dict, folder: Path) -> list:
    """Execute notebooks one after the other in one kernel; return their code cells."""
    cells = []
    for name in names:
        path = next(NOTEBOOKS.glob(f"{name}_*.ipynb"))
        known = papermill.inspect_notebook(str(path))
        ours = [f"{key} = {value!r}" for key, value in parameters.items() if key in known]
        for cell in nbformat.read(path, 4).cells:
            if cell.cell_type == "code":
                cells.append(cell)
            if has_tag(cell, "parameters"):
                cells.append(nbformat.v4.new_code_cell("\n".join(ours)))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    python = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    together = folder / f"{'-'.join(names)}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=python), together)
    return run_notebook(together, {}, folder).cells


@pytest.mark.parametrize("shape", SHAPES)
def test_every_cell_runs_and_every_exercise_is_answered_or_says_why_not(shape, source, tmp_path):
    root = tmp_path / shape.__name__
    root.mkdir()
    parameters = {"fold": shape(root, source), "cohort": str(root), "profile": "smoke"}
    parameters |= {"model": "coordinates-fnn", "device": "cpu"}
    cohort = load_cohort(root)
    for faces in (faces_of(cohort, video) for video in cohort.videos.itertuples(index=False)):
        write_stamp(faces.path, faces.made_from)
    cells = execute(("00", "01"), parameters, tmp_path)  # 01 may skip what follows in its kernel
    said = []
    for cell in cells + execute(("02", "03"), parameters, tmp_path):
        streams = [o for o in cell.outputs if o.output_type == "stream"]
        assert not [o.text for o in streams if "Warning" in o.text], cell.source
        if "alt" in cell.metadata:  # a picture, or words in its place
            assert cell.outputs, cell.source
        if cell.source.startswith("check("):
            said.append("".join(o.text for o in streams))
    assert len(said) == 12
    unanswered = [i for i, text in enumerate(said, start=1) if not text.startswith("Right.")]
    assert unanswered == SHAPES[shape], said
    assert all(said[i - 1].startswith(("Not answerable here: ", "Skipped, ")) for i in unanswered)
