"""Frames to faces: MediaPipe's 478 landmarks and 52 expression scores of every frame."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from palsy_utils import stamps
from palsy_utils.cohort.load import Cohort
from palsy_utils.downloads import LANDMARKER, find
from palsy_utils.faces.frames import frames_of, load_frames
from palsy_utils.faces.pictures import measure_image, read_image
from palsy_utils.files import PalsyError, progress, publish
from palsy_utils.processes import side_by_side
from palsy_utils.stamps import DONE, Product

MEASURING = "measuring faces"
COLUMNS = ["patient", "video", "frame", "time_s", "found", "n_faces", "note", "height", "width"]
STORED = [*COLUMNS, "landmarks", "expressions"]
UNREADABLE = {"found": False, "n_faces": 0, "note": "", "height": 0, "width": 0}
UNREADABLE |= {"landmarks": None, "expressions": None}


def measure_faces(cohort: Cohort, workers: int | None = None) -> None:
    """Measure every frame of a cohort into `faces/<video>.parquet`, frames without a face too.

    Its frames must have been extracted. A video whose measurements are up to date (`stamps.py`) is
    not measured again. `workers` are processes; None for one a core.
    """
    products = [faces_of(cohort, video) for video in cohort.videos.itertuples(index=False)]
    missing = [p for p in products if not p.is_source and p.state().kind != DONE]
    if not missing:
        return
    frames = dict(list(load_frames(cohort).groupby("video")))
    find(LANDMARKER)  # one clear error, early
    alone = len(missing) == 1  # then its frames are counted, else the videos
    jobs = [(product, frames[product.path.stem], alone) for product in missing]
    running = side_by_side(_measure_video, jobs, workers)
    for _ in running if alone else progress(running, MEASURING, len(missing), "video"):
        pass


def faces_of(cohort: Cohort, video: tuple) -> Product:
    """Return the measurements of a video, and what they are made from (`stamps.py`).

    Where the video itself is not at hand, its measurements are the source.
    """
    root, path = cohort.root, cohort.root / "faces" / f"{video.video}.parquet"
    if video.kind == "measured":
        made_from = {"measured": stamps.content(path, root)} if path.exists() else None
        return Product(path, made_from, root, is_source=True)
    made_from = {"code": stamps.CODE["faces"], "landmarker": LANDMARKER.sha256}
    frames = frames_of(cohort, video).made_from
    return Product(path, frames and made_from | {"frames": stamps.identity(frames)}, root)


def _measure_video(product: Product, frames: pd.DataFrame, show: bool) -> None:
    rows, each = [], frames.itertuples()
    for frame in progress(each, MEASURING, len(frames), "frame") if show else each:
        image, note = read_image(product.root / frame.file)
        measured = UNREADABLE if image is None else measure_image(image)
        identity = {k: getattr(frame, k) for k in ("patient", "video", "frame", "time_s")}
        notes = dict.fromkeys(filter(None, [frame.note, note, measured["note"]]))
        rows.append(measured | identity | {"note": "; ".join(notes)})
    write_faces(pd.DataFrame(rows)[STORED], product.path)
    stamps.write_stamp(product.path, product.made_from, mediapipe=version("mediapipe"))


def write_faces(table: pd.DataFrame, path: Path) -> None:
    """Write the measurements of one video (`COLUMNS`, landmarks, expressions) as parquet."""
    with publish(path) as part:
        table.to_parquet(part, compression="zstd", use_dictionary=False, index=False)


def load_faces(cohort: Cohort) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Load what was measured on a cohort, if it is up to date, by patient, video, frame.

    Returns the table (`COLUMNS`), landmarks (n, 478, 3) and expression scores (n, 52), both
    float32; NaN where no face was found.
    """
    tables, advice = (
        [],
        (
            "run notebook 02 (faces and modalities) on this cohort; put another copy there if its "
            "video is not at hand"
        ),
    )
    for video in cohort.videos.itertuples(index=False):
        product = faces_of(cohort, video)
        product.check(advice)
        try:
            tables.append(pd.read_parquet(product.path, columns=STORED))
        except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
            told = f"{product.path} is no table of measurements"
            raise PalsyError(f"{told}: {advice}.") from error
    table = pd.concat(tables)
    # Who is in a video is the cohort's word: a table of patients may have come after measuring.
    table["patient"] = table["video"].map(cohort.videos.set_index("video")["patient"])
    table = table.sort_values(["patient", "video", "frame"], ignore_index=True)
    arrays = []
    for name, numbers in (("landmarks", 478 * 3), ("expressions", 52)):
        missing = np.full(numbers, np.nan, np.float32)
        rows = [missing if row is None else row for row in table[name]]
        arrays.append(np.stack(rows).astype(np.float32))
    return table[COLUMNS], arrays[0].reshape(-1, 478, 3), arrays[1]
