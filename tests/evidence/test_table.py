import time
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from palsy_utils.cohort.load import load_cohort
from palsy_utils.evidence.scores import TABLE_COLUMNS, patient_scores, table_1
from palsy_utils.evidence.table import caption, is_drawn, markdown, people_left_out
from palsy_utils.faces.measure import load_faces
from palsy_utils.learning.experiments import PAPER_MODELS
from palsy_utils.learning.profiles import find_profile
from palsy_utils.runs.results import load_run, open_run


def parts(smoke):
    run = open_run(load_cohort(smoke.root), find_profile("smoke"))
    return run, load_run(run), run.samples


def test_best_of_our_rows_is_bold_and_baselines_never(smoke):
    _, predictions, samples = parts(smoke)
    table = table_1(predictions, samples)
    rows = markdown(table, predictions, 3, "resnet50").splitlines()
    best = table.loc[:6, "auroc"].idxmax()
    assert f"**{table.loc[best, 'auroc']:.2f}**" in rows[2 + best]
    assert "**" not in rows[-1] and "**" not in rows[-2]
    assert len({row.count("|") for row in rows}) == 1


def test_the_net_that_was_used_is_named(smoke):
    _, predictions, samples = parts(smoke)
    text = markdown(table_1(predictions, samples), predictions, 3, "mobilenet_v3_small")
    assert text.count("| mobilenet_v3_small |") == 2 and "| mobilenet_v3_small x 2 |" in text
    assert "ResNet50" not in text


def test_an_unfinished_model_says_how_far_it_is(smoke):
    _, predictions, samples = parts(smoke)
    lost = (predictions["model"] == "early-fusion") & (predictions["fold"] == "p02")
    part = predictions[~lost]
    row = markdown(table_1(part, samples), part, 3, "resnet50").splitlines()[7]
    assert "Early fusion (2 of 3 folds)" in row and "–" in row


def test_caption_says_what_the_numbers_are_of(smoke):
    run, _, _ = parts(smoke)
    faces = load_faces(run.cohort)[0]
    faces.loc[0, "found"] = False
    text = caption(run, faces)
    for words in ("3 patients, 3 videos, 72 frames", "1 of 72 frames have no face"):
        assert words in text
    assert "mediapipe 1.2.2" in text and f"torch {version('torch')}" in text  # as recorded
    assert is_drawn(run.cohort) and text.startswith("**These faces are drawn")


def test_caption_of_videos_says_video_everywhere(smoke):
    run, _, _ = parts(smoke)
    run = replace(run, cohort=replace(run.cohort, group="video"))
    text = caption(run, load_faces(run.cohort)[0])
    assert "leave-one-video-out" in text and "leave-one-patient-out" not in text
    assert "means over videos" in text and "resampling videos" in text


def test_where_everybody_has_one_class_scores_of_people_are_left_out(smoke):
    run, *tables = parts(smoke)
    of = {"p01": 1, "p02": 1, "p04": 0}
    predictions, samples = (t.assign(label=t["patient"].map(of)) for t in tables)
    table = table_1(predictions, samples)
    assert list(table) == [*TABLE_COLUMNS, "sensitivity"]
    rows = markdown(table, predictions, 3, "resnet50").splitlines()
    assert rows[0] == (
        "| modality | model | pooled F1 | AUROC (95 % interval) | sensitivity | specificity |"
    )
    assert len({row.count("|") for row in rows}) == 1
    share = samples["label"].mean()
    pooled = f"{200 * share / (1 + share):.1f}"
    assert rows[-2] == f"| none | always palsy | {pooled} | 0.50 | 100.0 | 0.0 |"
    expressions = predictions[predictions["model"] == "expressions-fnn"]
    palsy = expressions[expressions["label"] == 1]
    sensitivity = 100 * (palsy["probability"] >= 0.5).mean()
    assert table.loc[1, "sensitivity"] == pytest.approx(sensitivity, abs=0.01)
    text = caption(replace(run, samples=samples), load_faces(run.cohort)[0])
    assert "Every patient has a single class" in text and "F1, precision and recall" not in text


def test_people_without_a_sample_are_named(smoke):
    run, _, samples = parts(smoke)
    assert people_left_out(run.cohort, samples) == ""
    some = samples[samples["patient"] != "p02"]
    told = "This is of 2 of 3 patients: no frame of p02 has both a face and a label."
    assert people_left_out(run.cohort, some) == told
    text = caption(replace(run, samples=some), load_faces(run.cohort)[0])
    assert told in text.splitlines()


def test_a_table_of_569_people_takes_seconds():
    people = [f"p{i:03d}" for i in range(569)]
    samples = pd.DataFrame({"patient": people, "video": people, "frame": 0})
    samples["label"] = np.arange(569) % 2
    chance = np.random.default_rng(0)
    tables = [
        samples.assign(model=m, fold=people, probability=chance.random(569)) for m in PAPER_MODELS
    ]
    predictions = pd.concat(tables, ignore_index=True)
    start = time.monotonic()
    markdown(table_1(predictions, samples), predictions, 569, "resnet50")
    patient_scores(predictions)
    assert time.monotonic() - start < 10  # 31 s when every two people were compared one by one
