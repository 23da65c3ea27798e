"""Read the YouTube Facial Palsy database (Hsu, Kang, Huang 2018) as it unpacks, faults included.

The database may not be passed on: nothing of it is ever in this repository. Its layout:
`Image{,2,3,4}/[same name]/<video>/<frame>.bmp`, every fifth frame of a 30 fps video, and
`Image_large_XML/[same name]/<video>/<frame>.xml` with boxes named such as `SlightPalsy_Eyes`.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pandas as pd

from palsy_utils.cohort.paths import (
    check_columns,
    check_id,
    check_inside,
    list_images,
    natural_key,
    read_rows,
)
from palsy_utils.cohort.yfp_labels import read_label_file
from palsy_utils.files import PalsyError

IMAGE_TREES = ("Image", "Image2", "Image3", "Image4")
LABEL_TREE = "Image_large_XML"
SOURCE_FPS = 30.0  # of the source videos; frame 1 is their first


def is_yfp(root: Path) -> bool:
    """Tell whether a folder looks like an unpacked YFP database."""
    return any((root / name).is_dir() for name in (*IMAGE_TREES, LABEL_TREE))


def read_yfp(root: Path) -> tuple[pd.DataFrame, pd.DataFrame, str, list[str]]:
    """Index the frames and read all labels of a YFP tree.

    `root/patients.csv` (video, patient), where there is one, says who is in which video;
    without it every video counts as a patient of its own.

    Returns:
        videos (patient, video, file, kind), labelled frames (patient, video, frame, eyes, mouth),
        what a fold leaves out ("patient" or "video"), and notes with the counts of what was
        repaired or left out.

    Raises:
        PalsyError: images or labels are missing as a whole, a folder or frame is there twice, a
            link leads out of the tree, or patients.csv does not fit the videos.
    """
    counts = Counter()
    images = _numbered(root, IMAGE_TREES, counts)
    frames = {video: list_frames(root, folder) for video, folder in images.items()}
    counts["empty"] = sum(not listed for listed in frames.values())
    frames = {video: {frame for frame, _ in listed} for video, listed in frames.items() if listed}
    if not frames:
        raise PalsyError(f"{root} holds no frames: unpack Image.zip to Image4.zip there.")
    folders = _numbered(root, (LABEL_TREE,), counts)
    if not folders:
        raise PalsyError(f"{root} holds no labels: unpack {LABEL_TREE}.zip there.")
    bad, unknown, rows = [], Counter(), []
    for video, folder in folders.items():
        for frame, file in _list_xml(root, folder, counts):
            labels = read_label_file(root / file, counts, unknown)
            if labels is None:
                bad.append(f"{Path(folder).name}/{frame}.xml")
            elif frame not in frames.get(video, ()):
                counts["no image"] += 1
            elif labels:
                rows.append({"video": video, "frame": frame, **labels})
    labels = pd.DataFrame(rows, columns=["video", "frame", "eyes", "mouth"])
    people = _people(root, list(frames))
    videos = pd.DataFrame({"video": list(frames), "file": [images[video] for video in frames]})
    videos.insert(0, "patient", [people.get(video, f"video-{video}") for video in frames])
    labels.insert(0, "patient", labels["video"].map(videos.set_index("video")["patient"]))
    counts["unlabelled"] = sum(map(len, frames.values())) - len(labels)
    counts["no labels"] = len(set(frames) - set(labels["video"]))
    notes = [_note_on_people(people, len(frames)), *_notes(counts, bad, unknown)]
    return videos.assign(kind="folder"), labels, "patient" if people else "video", notes


def list_frames(root: Path, folder: str) -> list[tuple[int, str]]:
    """List a video's images as (number in the source video, file relative to `root`), in order."""
    files = {}
    for _, file in list_images(root, folder):
        if re.fullmatch("[0-9]{1,15}", Path(file).stem):
            frame = int(Path(file).stem)
            if frame in files:
                raise PalsyError(f"{root}: {files[frame]} and {file} are one frame: keep one.")
            files[frame] = file
    return sorted(files.items())


def _numbered(root: Path, trees: tuple[str, ...], counts: Counter) -> dict[str, str]:
    """Find the numbered folders of the trees, nested doubly or singly: video -> relative path."""
    found = {}
    for parent in (f"{tree}{nested}" for tree in trees for nested in ("", f"/{tree}")):
        if not (root / parent).is_dir():
            continue
        for entry in sorted(os.scandir(check_inside(root, parent, parent)), key=lambda e: e.name):
            file = f"{parent}/{entry.name}"
            if not re.fullmatch("[0-9]{1,4}", entry.name) or not entry.is_dir():
                counts["eyes, mouth"] += entry.name in ("eyes", "mouth")
                continue
            check_inside(root, file, str(root))
            if (video := str(int(entry.name))) in found:
                raise PalsyError(
                    f"{root}: the video {video} is in {found[video]} and in {file}: keep one."
                )
            found[video] = file
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def _list_xml(root: Path, folder: str, counts: Counter) -> list[tuple[int, str]]:
    files = {}
    with os.scandir(root / folder) as entries:
        for entry in entries:
            stem, suffix = os.path.splitext(entry.name)
            if suffix.lower() != ".xml" or not re.fullmatch("[0-9]{1,15}", stem):
                counts["eyes, mouth"] += entry.name in ("eyes", "mouth")
                counts["other"] += entry.name not in ("eyes", "mouth")
                continue
            file = f"{folder}/{entry.name}"
            if entry.is_symlink():
                check_inside(root, file, str(root))
            if int(stem) in files:
                raise PalsyError(f"{root}: {files[int(stem)]} and {file} are one frame: keep one.")
            files[int(stem)] = file
    return sorted(files.items())


def _people(root: Path, videos: list[str]) -> dict[str, str]:
    """Read patients.csv: video -> patient; empty if there is no such file."""
    path = root / "patients.csv"
    if not path.exists():
        return {}
    check_inside(root, path.name, str(path))
    header, rows = read_rows(path)
    check_columns(path, header, ["video", "patient"])
    people, spelling = {}, {}
    for number, row in rows:
        video, where = row["video"], f"{path}, row {number}, column"
        patient = check_id(row["patient"], f"{where} patient")
        if video not in videos or video in people:
            problem = "is there twice" if video in people else "is not in the database"
            raise PalsyError(
                f"{where} video: the video {video!r} {problem}: give each of "
                f"{', '.join(videos)} one row."
            )
        if spelling.setdefault(patient.lower(), patient) != patient:
            raise PalsyError(
                f"{where} patient: {patient!r} and {spelling[patient.lower()]!r} differ only in "
                "small and capital letters: write one id in one way."
            )
        people[video] = patient
    if missing := sorted(set(videos) - set(people), key=natural_key):
        raise PalsyError(f"{path} has no row for the video(s) {', '.join(missing)}: add them.")
    return people


def _note_on_people(people: dict[str, str], videos: int) -> str:
    if people:
        return f"patients.csv maps {videos} videos to {len(set(people.values()))} people."
    return (
        f"Nothing says which of the {videos} videos show the same person, so each counts as a "
        "patient and all results are leave-one-video-out: a patients.csv (video,patient) makes "
        "them leave-one-patient-out."
    )


def _notes(counts: Counter, bad: list[str], unknown: Counter) -> list[str]:
    """Say in one sentence each what was repaired or left out; nothing that did not happen."""
    names = ", ".join(f"{name!r} ({count})" for name, count in unknown.most_common(5))
    listed = ", ".join(bad[:5]) + (", ..." if len(bad) > 5 else "")
    repaired = counts["missing"] + counts["misspelt"]
    sentences = [
        (
            repaired,
            f"{repaired} label file(s) were repaired in memory: {counts['missing']} lacked the "
            f"closing tag and {counts['misspelt']} had it misspelt.",
        ),
        (bad, f"{len(bad)} label file(s) are beyond repair and were left out: {listed}."),
        (
            counts["unlabelled"],
            f"{counts['unlabelled']} frame(s) have no label: they are not healthy but unlabelled, "
            "and neither train nor score a model.",
        ),
        (counts["no labels"], f"{counts['no labels']} video(s) have no labelled frame at all."),
        (counts["no image"], f"{counts['no image']} label file(s) have no image: left out."),
        (counts["no box"], f"{counts['no box']} label file(s) name no known region."),
        (counts["several"], f"{counts['several']} region(s) had several boxes: strongest taken."),
        (unknown, f"{sum(unknown.values())} box(es) have unknown names: {names}."),
        (counts["eyes, mouth"], f"{counts['eyes, mouth']} folder(s) eyes or mouth passed over."),
        (counts["other"], f"{counts['other']} other file(s) among the labels passed over."),
        (counts["empty"], f"{counts['empty']} video folder(s) hold no frames: left out."),
    ]
    return [sentence for happened, sentence in sentences if happened]
