import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from helpers import functions_of
from PIL import Image

from palsy_utils.cohort.load import load_cohort
from palsy_utils.plots import moving_picture, probability_timeline, training_curves, with_cursor


def test_labels_of_regions_cover_the_clips(small_template):
    overview = functions_of(PROJECT / "notebooks" / "00_overview.ipynb")
    ax = overview.label_timeline(load_cohort(small_template).labels, ["p01-1"]).axes[0]
    told = [tick.get_text() for tick in ax.get_yticklabels()]
    assert sorted(told) == ["p01-1 eyes", "p01-1 mouth"]
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(2 * 4.0)


def test_curves_show_every_fold_and_the_mean_and_probabilities_their_order():
    histories = [pd.DataFrame({"epoch": [1, 2], "loss": [k, 0.5 * k]}) for k in (1.0, 2.0)]
    (ax,) = training_curves({"a": histories}).axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[1, 0.5], [2, 1], [1.5, 0.75]]
    columns = {"video": ["v", "v", "w"], "label": [0, 1, 1], "probability": [0.1, 0.9, 0.4]}
    ax = probability_timeline(pd.DataFrame(columns, index=[5, 3, 9]), "p01").axes[0]
    assert list(ax.lines[0].get_ydata()) == columns["probability"]
    assert [patch.get_height() for patch in ax.patches] == columns["label"]


def test_a_cursor_moves_over_a_figure_beside_its_clip():
    figure, ax = plt.subplots(figsize=(4, 2), dpi=50)
    ax.set_xlim(0, 10)
    images = [np.full((10, 20, 3), grey, np.uint8) for grey in (100, 200)]
    frames = list(with_cursor(figure, [2, 8], images))
    assert [frame.shape for frame in frames] == [(100, 300, 3)] * 2 and not plt.get_fignums()
    assert [frame[50, 50, 0] for frame in frames] == [100, 200]
    at = [np.flatnonzero((frame == (0, 158, 115)).all(-1).all(0)).mean() for frame in frames]
    width = 200 * ax.get_position().width
    assert at[1] - at[0] == pytest.approx(0.6 * width, abs=1)
    page = moving_picture(frames, 4, "two moments").data
    assert page.startswith('<img alt="two moments" src="data:image/webp;base64,')
    content = base64.b64decode(page.split("base64,")[1].split('"')[0])
    with Image.open(io.BytesIO(content)) as moving:
        assert moving.n_frames == 2 and moving.load() and moving.info["duration"] == 250
