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
from pydantic import BaseModel

from palsy_utils.cohort.cells import check_rows, check_same, read_rows, refuse
from palsy_utils.cohort.labels_csv import GRADES, SPELLING, Id
from palsy_utils.cohort.paths import Files, check_files
from palsy_utils.files import PalsyError

LABEL_TREE = "Image_large_XML"
TREES = ("Image", "Image2", "Image3", "Image4", LABEL_TREE)
FOLDER = rf"({'|'.join(TREES)})(?:/\1)?(?:/([0-9]{{1,4}}))?"  # nested doubly or singly
SOURCE_FPS = 30.0  # of the source videos; frame 1 is their first
BOXES = dict(zip(("Normal", "SlightPalsy", "StrongPalsy"), GRADES, strict=True))
LARGEST_XML = 1 << 20  # bytes; a real file has about a thousand

NOTES = {  # what is said of what was counted
    "repaired": "{} label file(s) were repaired in memory: {counts[missing]} lacked the closing "
    "tag and {counts[misspelt]} had it misspelt.",
    "bad": "{} label file(s) are beyond repair and were left out: {listed}.",
    "unlabelled": "{} frame(s) have no label: they are not healthy but unlabelled, and neither "
    "train nor score a model.",
    "no labels": "{} video(s) have no labelled frame at all.",
    "no image": "{} label file(s) have no image: left out.",
    "no box": "{} label file(s) name no known region.",
    "several": "{} region(s) had several boxes: strongest taken.",
    "unknown": "{} box(es) have unknown names: {names}.",
    "eyes, mouth": "{} folder(s) eyes or mouth passed over.",
    "other": "{} other file(s) among the labels passed over.",
    "empty": "{} video folder(s) hold no frames: left out.",
}


class VideoRow(BaseModel):
    """A row of a YFP database's `patients.csv`: who is in a video."""

    patient: Id
    video: str


def is_yfp(files: Files) -> bool:
    """Tell whether a folder looks like an unpacked YFP database."""
    return any(file.kind == "folder" and file.file in TREES for file in files["."].values())


def read_yfp(
    root: Path, files: Files
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, list], str, list[str]]:
    """Index the frames and read all labels of a YFP tree.

    `root/patients.csv` (video, patient), where there is one, says who is in which video;
    without it every video counts as a patient of its own.

    Returns:
        videos (patient, video, file, kind), labelled frames (patient, video, frame, eyes, mouth),
        sources and group (`load.Cohort`), and notes with the counts of what was repaired or left
        out.

    Raises:
        PalsyError: images or labels are missing as a whole, a folder or frame is there twice, a
            link leads out of the tree, or patients.csv does not fit the videos.
    """
    every = [file for listed in files.values() for file in listed.values()]
    check_files([file for file in every if file.file.split("/")[0] in TREES], root)
    counts, unknown, bad, rows = Counter(), Counter(), [], []
    images = _find_videos(root, files, TREES[:-1], counts)
    labels = _find_videos(root, files, TREES[-1:], counts)
    frames = {v: _number(root, files[folder], "image") for v, folder in images.items()}
    counts["empty"] = sum(not listed for listed in frames.values())
    frames = {video: listed for video, listed in frames.items() if listed}
    if not frames:
        raise PalsyError(f"{root} holds no frames: unpack Image.zip to Image4.zip there.")
    if not labels:
        raise PalsyError(f"{root} holds no labels: unpack {LABEL_TREE}.zip there.")
    for video, folder in labels.items():
        listed = _number(root, files[folder], "other", ".xml")
        counts["other"] += len({*files[folder]} - {"eyes", "mouth"}) - len(listed)
        for frame, file in listed.items():
            found = read_label_file(root / file, counts, unknown)
            if found is None:
                bad.append("/".join(file.split("/")[-2:]))
            elif frame not in frames.get(video, ()):
                counts["no image"] += 1
            elif found:
                rows.append({"video": video, "frame": frame, **found})
    table = pd.DataFrame(rows, columns=["video", "frame", "eyes", "mouth"])
    people = _read_people(root, list(frames))
    videos = pd.DataFrame({"video": list(frames), "file": [images[video] for video in frames]})
    videos.insert(0, "patient", [people.get(video, f"video-{video}") for video in frames])
    table.insert(0, "patient", table["video"].map(videos.set_index("video")["patient"]))
    counts |= {"bad": len(bad), "unknown": unknown.total()}
    counts["repaired"] = counts["missing"] + counts["misspelt"]
    counts["unlabelled"] = sum(map(len, frames.values())) - len(table)
    counts["no labels"] = len(set(frames) - set(table["video"]))
    names = ", ".join(f"{name!r} ({count})" for name, count in unknown.most_common(5))
    listed = ", ".join(bad[:5]) + (", ..." if len(bad) > 5 else "")
    notes = [_note_on_people(people, len(frames))]
    notes += [
        note.format(counts[what], counts=counts, names=names, listed=listed)
        for what, note in NOTES.items()
        if counts[what]
    ]
    sources = {v: [(n, (n - 1) / SOURCE_FPS, f) for n, f in frames[v].items()] for v in frames}
    return videos.assign(kind="folder"), table, sources, "patient" if people else "video", notes


def _find_videos(root: Path, files: Files, trees: tuple, counts: Counter) -> dict[str, str]:
    """Find the numbered folders of the trees, in the order of their numbers: video -> folder."""
    found = {}
    for folder in sorted(files):
        place = re.fullmatch(FOLDER, folder)
        if not place or place[1] not in trees:
            continue
        counts["eyes, mouth"] += len({*files[folder]} & {"eyes", "mouth"})
        if place[2] and found.setdefault(video := str(int(place[2])), folder) != folder:
            raise PalsyError(
                f"{root}: the video {video} is in {found[video]} and in {folder}: keep one."
            )
    return dict(sorted(found.items(), key=lambda item: int(item[0])))


def _number(root: Path, listed: dict, kind: str, suffix: str = "") -> dict[int, str]:
    """Return the files that are named with a number, in the order of their numbers."""
    found = {}
    for file in listed.values():
        fits = file.kind == kind and suffix in ("", file.suffix)
        if fits and re.fullmatch("[0-9]{1,15}", file.stem):
            first = found.setdefault(int(file.stem), file.file)
            if first != file.file:
                raise PalsyError(f"{root}: {first} and {file.file} are one frame: keep one.")
    return dict(sorted(found.items()))


def read_label_file(path: Path, counts: Counter, unknown: Counter) -> dict[str, str] | None:
    """Read the strongest label of each region from Pascal-VOC XML, mending its end in memory.

    Adds to `counts` what was met ("missing", "misspelt", "several" boxes, "no box") and to
    `unknown` the names that mean nothing.

    Returns:
        eyes, mouth as far as there are boxes; None if beyond repair or if it defines entities.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_XML)
        try:
            tree = fromstring(content)
        except ParseError:
            mended, misspelt = re.subn(rb"</\s*ann\w*\s*>?\Z", b"", content.rstrip())
            tree = fromstring(mended + b"</annotation>")
            counts["misspelt" if misspelt else "missing"] += 1
    except (OSError, ParseError, LookupError, ValueError):
        return None
    found = {}
    for box in tree.iter("object"):
        name = (box.findtext("name") or "").strip()
        grade, _, region = name.partition("_")
        if grade in BOXES and region in ("Eyes", "Mouth"):
            found.setdefault(region.lower(), []).append(BOXES[grade])
        else:
            unknown[name] += 1
    counts["several"] += sum(len(boxes) > 1 for boxes in found.values())
    counts["no box"] += not found
    return {region: max(boxes, key=GRADES.index) for region, boxes in found.items()}


def _read_people(root: Path, videos: list[str]) -> dict[str, str]:
    """Read patients.csv: video -> patient; empty if there is no such file."""
    path = root / "patients.csv"
    if not path.exists():
        return {}
    table = check_rows(path, read_rows(path), VideoRow, ["video", "patient"])
    advice = f": give each of {', '.join(videos)} one row"
    told = "the video {row.video!r} is not in the database" + advice
    refuse(path, table[~table["video"].isin(videos)], "video", told)
    told = "the video {row.video!r} is there twice" + advice
    refuse(path, table[table["video"].duplicated()], "video", told)
    check_same(path, table, table["patient"].str.lower(), "patient", SPELLING)
    if missing := [video for video in videos if video not in {*table["video"]}]:
        raise PalsyError(f"{path} has no row for the video(s) {', '.join(missing)}: add them.")
    return dict(zip(table["video"], table["patient"], strict=True))


def _note_on_people(people: dict[str, str], videos: int) -> str:
    if people:
        return f"patients.csv maps {videos} videos to {len(set(people.values()))} people."
    return (
        f"Nothing says which of the {videos} videos show the same person, so each counts as a "
        "patient and all results are leave-one-video-out: a patients.csv (video,patient) makes "
        "them leave-one-patient-out."
    )
