from dataclasses import replace
from importlib.metadata import version

from palsy_utils.cohort import load_cohort
from palsy_utils.evaluation import table_1
from palsy_utils.faces import load_faces
from palsy_utils.profiles import find_profile
from palsy_utils.runs import load_run, open_run
from palsy_utils.table import caption, is_drawn, markdown


def parts(smoke):
    run = open_run(load_cohort(smoke.root), find_profile("smoke"))
    return run, load_run(run), run.samples


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
