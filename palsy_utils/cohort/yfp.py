"""Read the YouTube Facial Palsy database (Hsu, Kang, Huang 2018) as it unpacks, faults included.

The database may not be passed on: nothing of it is ever in this repository. Its layout:
`Image{,2,3,4}/[same name]/<video>/<frame>.bmp`, every fifth frame of a 30 fps video, and
`Image_large_XML/[same name]/<video>/<frame>.xml` with boxes named such as `SlightPalsy_Eyes`.
"""

import re
from collections import Counter
from pathlib import Path
from xml.etree.ElementTree import ParseError

import pandas as pd
from defusedxml.ElementTree import fromstring

from palsy_utils.cohort.cells import check_cells, check_same, read_table, refuse
from palsy_utils.cohort.labels_csv import GRADES, SPELLING, PatientRow
from palsy_utils.cohort.paths import Files, check_files
from palsy_utils.files import PalsyError

LABEL_TREE = "Image_large_XML"
TREES = ("Image", "Image2", "Image3", "Image4", LABEL_TREE)
FOLDER = rf"({'|'.join(TREES)})(?:/\1)?/([0-9]{{1,4}})"  # nested doubly or singly
SOURCE_FPS = 30.0  # of the source videos; frame 1 is their first
BOXES = dict(zip(("Normal", "SlightPalsy", "StrongPalsy"), GRADES, strict=True))
LARGEST_XML = 1 << 20  # bytes; a real file has about a thousand


def read_yfp(
    root: Path, files: Files
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list], str, list[str]]:
    """Index the frames and read all labels of a YFP tree.

    `root/patients.csv` (video, patient), where there is one, says who is in which video;
    without it every video counts as a patient of its own.

    Returns videos and sources (`load.Cohort`), labelled frames (patient, video, frame, eyes,
    mouth), the group, and notes with the counts of what was repaired or left out.
    """
    every = [file for listed in files.values() for file in listed.values()]
    check_files([file for file in every if file.file.split("/")[0] in TREES], root)
    frames, label_files = _find_frames(root, files, "image"), _find_frames(root, files, ".xml")
    if not frames:
        raise PalsyError(f"{root} holds no frames: unpack Image.zip to Image4.zip there.")
    if not label_files:
        raise PalsyError(f"{root} holds no labels: unpack {LABEL_TREE}.zip there.")
    people = _read_people(root, list(frames))
    patient = {video: people.get(video, f"video-{video}") for video in frames}
    folders = [next(iter(listed.values())).rpartition("/")[0] for listed in frames.values()]
    videos = pd.DataFrame({"patient": patient.values(), "video": list(frames), "file": folders})
    counts, rows, bad = Counter(), [], []
    for video, listed in label_files.items():
        for frame, file in listed.items():
            found = read_label_file(root / file, counts)
            if found is None:
                bad.append("/".join(file.split("/")[-2:]))
            elif frame not in frames.get(video, ()):
                counts["label file(s) have no image and were left out"] += 1
            elif found:
                about = {"patient": patient[video], "video": video, "frame": frame}
                rows.append(about | found)
    table = pd.DataFrame(rows, columns=["patient", "video", "frame", "eyes", "mouth"])
    listed = ", ".join(bad[:5] + ["..."] * (len(bad) > 5))
    unlabelled = sum(map(len, frames.values())) - len(table)
    counts |= {
        f"label file(s) are beyond repair and were left out: {listed}": len(bad),
        "video(s) have no labelled frame at all": len({*frames} - {*table["video"]}),
        "frame(s) have no label: they are not healthy but unlabelled, and neither train nor score "
        "a model": unlabelled,
    }
    notes = [
        f"patients.csv maps {len(frames)} videos to {len({*people.values()})} people."
        if people
        else f"Nothing says which of the {len(frames)} videos show the same person, so each counts "
        "as a patient and all results are leave-one-video-out: a patients.csv (video,patient) "
        "makes them leave-one-patient-out."
    ]
    notes += [f"{number} {told}." for told, number in counts.most_common(20) if number]
    sources = {v: [(n, (n - 1) / SOURCE_FPS, f) for n, f in frames[v].items()] for v in frames}
    return videos.assign(kind="folder"), table, sources, "patient" if people else "video", notes


def _find_frames(root: Path, files: Files, wanted: str) -> dict[str, dict[int, str]]:
    """Return the images, or else the label files, by video and frame, in the order of numbers."""
    found, folders = {}, {}
    for folder, listed in sorted(files.items()):
        place = re.fullmatch(FOLDER, folder)
        if not place or (place[1] == LABEL_TREE) != (wanted == ".xml"):
            continue
        if (first := folders.setdefault(int(place[2]), folder)) != folder:
            raise PalsyError(
                f"{root}: the video {int(place[2])} is in {first} and in {folder}: keep one."
            )
        for file in listed.values():
            if wanted in (file.kind, file.suffix) and re.fullmatch("[0-9]{1,15}", file.stem):
                frames = found.setdefault(int(place[2]), {})
                if (first := frames.setdefault(int(file.stem), file.file)) != file.file:
                    raise PalsyError(f"{root}: {first} and {file.file} are one frame: keep one.")
    return {str(video): dict(sorted(found[video].items())) for video in sorted(found)}


def read_label_file(path: Path, counts: Counter) -> dict[str, str] | None:
    """Read the strongest label of each region from Pascal-VOC XML, mending its end in memory.

    Returns eyes and mouth as far as there are boxes, None if it is beyond repair or defines
    entities; adds to `counts` what was met.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_XML)
        try:
            tree = fromstring(content)
        except ParseError:
            mended = re.sub(rb"</\s*ann\w*\s*>?\Z", b"", content.rstrip()) + b"</annotation>"
            tree = fromstring(mended)
            counts["label file(s) had no whole closing tag and were repaired in memory"] += 1
    except (OSError, ParseError, LookupError, ValueError):
        return None
    found = {}
    for box in tree.iter("object"):
        name = (box.findtext("name") or "").strip()
        grade, _, region = name.partition("_")
        if grade in BOXES and region in ("Eyes", "Mouth"):
            found.setdefault(region.lower(), []).append(BOXES[grade])
        else:
            counts[f"box(es) have the unknown name {name[:40]!r}"] += 1
    several = sum(len(boxes) > 1 for boxes in found.values())
    counts["region(s) had several boxes: strongest taken"] += several
    return {region: max(boxes, key=GRADES.index) for region, boxes in found.items()}


def _read_people(root: Path, videos: list[str]) -> dict[str, str]:
    """Read patients.csv: video -> patient; empty if there is no such file."""
    path = root / "patients.csv"
    if not path.exists():
        return {}
    table = check_cells(path, read_table(path), PatientRow, ["video", "patient"])
    check_same(path, table, table["patient"].str.lower(), "patient", SPELLING)
    odd = table[~table["video"].isin(videos) | table["video"].duplicated()]
    told = "the video {row.video!r} is not in the database or is there twice: give each of "
    refuse(path, odd, "video", f"{told}{', '.join(videos)} one row")
    if missing := [video for video in videos if video not in {*table["video"]}]:
        raise PalsyError(f"{path} has no row for the video(s) {', '.join(missing)}: add them.")
    return dict(zip(table["video"], table["patient"], strict=True))
