import time

import numpy as np
import pandas as pd
import pytest

from palsy_utils.cohort import load_cohort
from palsy_utils.evaluation import TABLE_COLUMNS, patient_scores, table_1
from palsy_utils.faces import load_faces
from palsy_utils.modalities import load_samples
from palsy_utils.profiles import find_profile
from palsy_utils.rows import PAPER_MODELS as MODELS
from palsy_utils.runs import load_run
from palsy_utils.table import caption, is_drawn, markdown, people_left_out

PEOPLE = ["p01", "p02", "p04"]


def parts(smoke):
    predictions = load_run(smoke.root / "runs" / "smoke", MODELS, PEOPLE)
    return load_cohort(smoke.root), predictions, load_samples(smoke.root)


def test_best_of_our_rows_is_bold_and_baselines_never(smoke):
    _, predictions, samples = parts(smoke)
    table = table_1(predictions, samples)
    rows = markdown(table, predictions, 3).splitlines()
    best = table.loc[:6, "auroc"].idxmax()
    assert f"**{table.loc[best, 'auroc']:.2f}**" in rows[2 + best]
    assert "**" not in rows[-1] and "**" not in rows[-2]
    assert len({row.count("|") for row in rows}) == 1


def test_an_unfinished_model_says_how_far_it_is(smoke):
    _, predictions, samples = parts(smoke)
    lost = (predictions["model"] == "early-fusion") & (predictions["fold"] == "p02")
    part = predictions[~lost]
    row = markdown(table_1(part, samples), part, 3).splitlines()[7]
    assert "Early fusion (2 of 3 folds)" in row and "–" in row


def test_caption_says_what_the_numbers_are_of(smoke):
    cohort, _, samples = parts(smoke)
    faces = load_faces(cohort)[0]
    faces.loc[0, "found"] = False
    run = smoke.root / "runs" / "smoke"
    text = caption(cohort, faces, samples, PEOPLE, find_profile("smoke"), 0, run)
    for words in ("3 patients, 3 videos, 72 frames", "1 of 72 frames have no face", "torch "):
        assert words in text
    assert is_drawn(cohort) and text.startswith("**These faces are drawn")


def test_caption_of_videos_says_video_everywhere(smoke):
    cohort, _, samples = parts(smoke)
    videos = pd.Series({"group": "video"})
    cohort = type(cohort)(**(cohort.__dict__ | videos.to_dict()))
    faces, run = load_faces(cohort)[0], smoke.root / "runs" / "smoke"
    text = caption(cohort, faces, samples, PEOPLE, find_profile("smoke"), 0, run)
    assert "leave-one-video-out" in text and "leave-one-patient-out" not in text
    assert "means over videos" in text and "resampling videos" in text


def single_class(smoke):
    """The same run, as if everybody had one class."""
    cohort, predictions, samples = parts(smoke)
    of = {"p01": 1, "p02": 1, "p04": 0}
    return cohort, *(t.assign(label=t["patient"].map(of)) for t in (predictions, samples))


def test_where_everybody_has_one_class_scores_of_people_are_left_out(smoke):
    cohort, predictions, samples = single_class(smoke)
    table = table_1(predictions, samples)
    assert list(table) == [*TABLE_COLUMNS, "sensitivity"]
    rows = markdown(table, predictions, 3).splitlines()
    assert rows[0] == (
        "| modality | model | pooled F1 | AUROC (95 % interval) | sensitivity | specificity |"
    )
    assert len({row.count("|") for row in rows}) == 1
    always = [cell.strip() for cell in rows[-2].split("|")[1:-1]]
    share = samples["label"].mean()
    assert always == [
        "none",
        "always palsy",
        f"{200 * share / (1 + share):.1f}",
        "0.50",
        "100.0",
        "0.0",
    ]
    expressions = predictions[predictions["model"] == "expressions-fnn"]
    palsy = expressions[expressions["label"] == 1]
    sensitivity = 100 * (palsy["probability"] >= 0.5).mean()
    assert table.loc[1, "sensitivity"] == pytest.approx(sensitivity, abs=0.01)
    run, faces = smoke.root / "runs" / "smoke", load_faces(cohort)[0]
    text = caption(cohort, faces, samples, PEOPLE, find_profile("smoke"), 0, run)
    assert "Every patient has a single class" in text and "F1, precision and recall" not in text


def test_people_without_a_sample_are_named(smoke):
    cohort, _, samples = parts(smoke)
    assert people_left_out(cohort, samples) == ""
    faces, run = load_faces(cohort)[0], smoke.root / "runs" / "smoke"
    some = samples[samples["patient"] != "p02"]
    told = "This is of 2 of 3 patients: no frame of p02 has both a face and a label."
    assert people_left_out(cohort, some) == told
    text = caption(cohort, faces, some, PEOPLE, find_profile("smoke"), 0, run)
    assert told in text.splitlines()


def test_a_table_of_569_people_takes_seconds():
    people = [f"p{i:03d}" for i in range(569)]
    samples = pd.DataFrame({"patient": people, "video": people, "frame": 0})
    samples["label"] = np.arange(569) % 2
    chance = np.random.default_rng(0)
    tables = [samples.assign(model=m, fold=people, probability=chance.random(569)) for m in MODELS]
    predictions = pd.concat(tables, ignore_index=True)
    start = time.monotonic()
    markdown(table_1(predictions, samples), predictions, 569)
    patient_scores(predictions)
    assert time.monotonic() - start < 10  # 31 s when every two people were compared one by one
