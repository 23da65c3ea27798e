"""The moving picture of the README, after `make run`: `make picture`.

A clip of the synthetic cohort six times a second, as the networks see it: the face, the lines
between its landmarks, and the probability of palsy by a model that has never seen this person.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter

from palsy_utils.cohort.load import load_cohort
from palsy_utils.cohort.paths import RATE
from palsy_utils.faces.frames import load_frames
from palsy_utils.faces.landmarks import crop_rgb, draw_lines, to_pixels
from palsy_utils.faces.modalities import load_faces
from palsy_utils.faces.pictures import read_image
from palsy_utils.files import PROJECT
from palsy_utils.plots import use_style
from palsy_utils.runs.results import read_predictions

COHORT, VIDEO, MODEL = PROJECT / "data" / "phantom", "p02-1", "late-fusion"
SIZE, PALSY, LINE = 224, "#D55E00", "#0072B2"


def main() -> None:
    """Write `figures/phantom/face.gif`."""
    cohort = load_cohort(COHORT)
    table, landmarks, _ = load_faces(cohort)
    table = table.merge(load_frames(cohort)[["video", "frame", "file"]], validate="1:1")
    shown = (table["video"] == VIDEO) & table["found"]
    faces, landmarks = table[shown], landmarks[shown]
    points = to_pixels(landmarks, *faces[["height", "width"]].to_numpy().T)
    frames = [read_image(COHORT / file)[0] for file in faces["file"]]
    pictures = [crop_rgb(*seen, SIZE) for seen in zip(frames, points, strict=True)]
    lines = [draw_lines(some, SIZE) for some in points]
    patient = VIDEO.split("-", maxsplit=1)[0]
    told = read_predictions(COHORT / "runs" / "phantom" / MODEL / patient)
    told = told[told["video"] == VIDEO].set_index("frame").reindex(faces["frame"])
    times, palsy = np.arange(len(faces)) / RATE, told["label"].to_numpy() == 1

    use_style()
    figure, axes = plt.subplot_mosaic("abcc", figsize=(9.6, 2.7), layout="constrained")
    face, drawing = axes["a"].imshow(pictures[0]), axes["b"].imshow(lines[0], cmap="gray")
    for name, title in {"a": "synthetic face", "b": "line image"}.items():
        axes[name].set(title=title, xticks=[], yticks=[])
    labelled = {"color": PALSY, "alpha": 0.25, "step": "mid", "label": "labelled as palsy"}
    axes["c"].fill_between(times, palsy, **labelled)
    axes["c"].set(xlim=(0, times[-1]), ylim=(0, 1), xlabel="seconds", ylabel="probability of palsy")
    (line,) = axes["c"].plot([], [], color=LINE, marker="o", markevery=[-1], label=MODEL)
    axes["c"].legend(loc="upper right")

    def show(i: int) -> None:
        face.set_data(pictures[i])
        drawing.set_data(lines[i])
        line.set_data(times[: i + 1], told["probability"].to_numpy()[: i + 1])

    path = PROJECT / "figures" / "phantom" / "face.gif"
    FuncAnimation(figure, show, len(faces)).save(path, PillowWriter(RATE), dpi=90)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
