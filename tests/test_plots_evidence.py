"""Every picture of the evidence has in it what it says."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from test_calibration import inner_of
from test_evidence import people

from palsy_utils import plots_evidence as draw
from palsy_utils.calibration import calibrate
from palsy_utils.comparison import compare_with
from palsy_utils.evidence import mean_over_seeds, model_table, seed_scores
from palsy_utils.subgroups import dose_response, subgroup_table

mpl.use("Agg")
MODELS = ("expressions-fnn", "asymmetry-fnn", "clip-fusion")


@pytest.fixture(scope="module")
def predictions():
    rows = [people(6, seed=i, model=model) for i, model in enumerate(MODELS)]
    return pd.concat([*rows, rows[0].assign(seed=1, probability=rows[1]["probability"])])


def labels(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def dots(ax):
    return sum(len(c.get_offsets()) for c in ax.collections if hasattr(c, "get_sizes"))


def test_a_dot_for_every_seed(predictions):
    ax = draw.seeds_plot(seed_scores(predictions)).axes[0]
    assert labels(ax) == [
        f"{m} ({n})" for m, n in zip(MODELS, ("2 seeds", "1 seed", "1 seed"), strict=True)
    ]
    assert dots(ax) == 4


def test_intervals_and_always_palsy(predictions):
    figure = draw.intervals_plot(model_table(predictions), 0.66)
    assert labels(figure.axes[0]) == list(MODELS)
    assert [dots(ax) for ax in figure.axes] == [3, 3]
    assert any(0.66 in line.get_xdata() for line in figure.axes[1].lines)


def test_differences_name_their_p(predictions):
    table = compare_with(predictions, MODELS[0])
    ax = draw.differences_plot(table, MODELS[0]).axes[0]
    assert labels(ax) == [f"{r.model} (p = {r.p_holm:.2g})" for r in table.itertuples()]
    assert MODELS[0] in ax.get_xlabel()


def test_a_panel_for_every_model_and_no_second_curve_without_calibration(predictions):
    mean = mean_over_seeds(predictions)
    frames = calibrate(mean, inner_of(mean[mean["model"] == MODELS[0]]))
    figure = draw.reliability_panels(frames)
    assert [ax.get_title() for ax in figure.axes] == list(MODELS)
    assert [len(ax.lines) for ax in figure.axes] == [3, 2, 2]
    risks = draw.abstention_panels(frames)
    assert [len(ax.lines) for ax in risks.axes] == [2, 2, 2]
    for ax in risks.axes:
        curve, chance = ax.lines
        assert curve.get_ydata()[-1] == chance.get_ydata()[0]


def test_groups_and_severity(predictions):
    mean = mean_over_seeds(predictions)
    parts = {m: mean[mean["model"] == m] for m in MODELS[:2]}
    number = parts[MODELS[0]]["patient"].str[1:].astype(int).to_numpy()
    group = pd.Series(np.where(number < 2, "few", "many")).astype(
        pd.CategoricalDtype(["few", "many"])
    )
    tables = {m: subgroup_table(part, {"size": group}) for m, part in parts.items()}
    figure = draw.subgroup_plot(tables)
    assert labels(figure.axes[0]) == ["few (2 people)", "many (4 people)"]
    severity = pd.Series(np.random.default_rng(0).random(len(group)))
    curves = {m: dose_response(part, severity) for m, part in parts.items()}
    ax = draw.severity_plot(curves).axes[0]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(curves)
    assert list(ax.lines[1].get_ydata()) == curves[MODELS[1]]["probability"].tolist()
