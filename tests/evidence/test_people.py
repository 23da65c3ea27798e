"""Scores of clips and people, and of predictions that were made elsewhere."""

import shutil

import numpy as np
import pandas as pd
import pytest
from helpers import palsy
from test_evidence import inner_of

from palsy_utils.evidence.intervals import auroc_interval, compare
from palsy_utils.evidence.people import MEAN, choose_rule, decide, people_table, score_by_rules
from palsy_utils.evidence.scores import auroc
from palsy_utils.evidence.table import with_ends
from palsy_utils.runs.results import read_predictions


def made_up(n=12, clips=2, frames=10, seed=0, short=False, model="theirs"):
    """Predictions of n people, every third healthy; the ill show palsy in a few frames if short."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([range(n), range(clips), range(frames)])
    who, clip, frame = (index.get_level_values(k).to_numpy() for k in range(3))
    palsy = (who % 3 > 0) & (frame < (2 if short else 7))
    leaning = rng.normal(0, 0.08, n)[who]
    p = np.clip(0.3 + 0.4 * palsy + leaning + rng.normal(0, 0.06, len(index)), 0, 1)
    names = [f"p{i:02d}" for i in who]
    videos = [f"p{i:02d}-{c}" for i, c in zip(who, clip, strict=True)]
    table = pd.DataFrame({"patient": names, "video": videos})
    table = table.assign(frame=frame, label=palsy.astype(int), probability=p)
    return table.assign(model=model, fold=names, seed=0)


def test_a_clip_is_palsy_if_a_frame_is_and_scored_by_each_rule():
    frames = made_up(2, frames=4).assign(probability=[0.1, 0.2, 0.6, 0.9] * 4)
    clips, people = score_by_rules(frames, "clips"), score_by_rules(frames, "people")
    assert clips["label"].tolist() == [0, 0, 1, 1] and people["label"].tolist() == [0, 1]
    scored = clips.loc[0, [MEAN, "median", "share predicted palsy", "highest tenth"]].tolist()
    assert scored == pytest.approx([0.45, 0.4, 0.5, np.quantile([0.1, 0.2, 0.6, 0.9], 0.9)])


def test_a_short_palsy_asks_for_a_rule_that_looks_at_the_highest_frames():
    rule, threshold = choose_rule(inner := inner_of(made_up(short=True)))
    assert rule.startswith("highest") and 0.4 < threshold < 0.7
    assert choose_rule(inner.iloc[:0]) == (MEAN, 0.5) == choose_rule(inner.assign(label=1))
    clear = made_up().assign(probability=lambda t: 0.2 + 0.6 * t["label"])
    assert choose_rule(clear)[0] == MEAN  # the first of equals


def test_whoever_is_held_out_has_no_say_in_the_rule():
    frames = made_up(short=True)
    poisoned, out = frames.copy(), frames["patient"] == "p05"
    poisoned.loc[out, "label"] = 1 - poisoned.loc[out, "label"]
    poisoned.loc[out, "probability"] = 0.99
    both = (decide(t, inner_of(t), "people") for t in (frames, poisoned))
    ours, theirs = (table.set_index("patient") for table in both)
    assert theirs.loc["p05", "rule"] == ours.loc["p05", "rule"]
    rule, threshold = choose_rule(inner_of(poisoned).query("fold == 'p05'"))
    assert (rule, threshold) == choose_rule(inner_of(frames).query("fold == 'p05'"))
    assert ours.loc["p05", "probability"] + threshold == score_by_rules(frames, "people")[rule][5]


def test_table_of_people_has_intervals_over_people_and_tells_the_rules():
    frames = made_up(short=True)
    table = people_table(frames, inner_of(frames)).set_index("level")
    assert table["n"].to_dict() == {"clips": 24, "people": 12}
    assert table["n_palsy"].to_dict() == {"clips": 16, "people": 8}
    decided, row = decide(frames, inner_of(frames), "people"), table.loc["people"]
    assert row["auroc"] == round(auroc(decided["label"], decided["probability"]), 4)
    ends = auroc_interval(decided)
    assert row[["auroc_low", "auroc_high"]].tolist() == pytest.approx(ends, abs=1e-4)
    assert "highest" in row["rule"] and "folds)" in row["rule"]
    everybody_ill = with_ends(people_table(frames.assign(label=1), frames.iloc[:0]))
    assert everybody_ill["auroc"].tolist() == ["–", "–"] == everybody_ill["specificity"].tolist()
    assert everybody_ill["sensitivity"].str.contains(" to ").all()


@pytest.fixture
def files(tmp_path):
    """Predictions of two models in files, one without a column of frames."""
    first, second = made_up(seed=1), made_up(seed=2)
    second["probability"] = np.random.default_rng(0).random(len(second))
    columns = ["patient", "video", "frame", "label", "probability"]
    paths = tmp_path / "good.csv", tmp_path / "chance.csv"
    first[columns].to_csv(paths[0], index=False)
    second[columns].drop(columns="frame").to_csv(paths[1], index=False)
    return paths


def test_predictions_made_elsewhere_get_table_intervals_and_paired_tests(files):
    done = palsy("score", *files)
    assert done.exit_code == 0, done.output
    first, second = (pd.read_csv(f).assign(seed=0) for f in files)
    low, high = auroc_interval(first)
    told = f"{auroc(first['label'], first['probability']):.2f} ({low:.2f} to {high:.2f})"
    assert told in done.output and "always-palsy" in done.output and "| people" in done.output
    assert "AUROC minus that of good; Holm corrects this family of 1" in done.output
    assert f"{compare(second, first)['difference']:.2f} (" in done.output
    alone = palsy("score", files[0])
    assert alone.exit_code == 0 and "Holm" not in alone.output


def test_where_everybody_has_one_class_people_lead_and_have_no_f1(files):
    table = pd.read_csv(files[0])
    table["label"] = table.groupby("patient")["label"].transform("max")
    table.to_csv(files[0], index=False)
    lines = palsy("score", files[0]).output.splitlines()
    assert lines[0] == "**Clips and people**"
    header = lines[lines.index("**Frames**") + 2]
    assert "pooled_f1" in header and "sensitivity" in header and "| f1" not in header


def test_theirs_stand_beside_our_run(smoke, tmp_path):
    folder = smoke.root / "runs" / "smoke" / "expressions-fnn"
    ours = pd.concat([read_predictions(path) for path in sorted(folder.glob("p0*"))])
    theirs = ours.assign(probability=0.2 + 0.6 * ours["label"])
    theirs.to_csv(tmp_path / "oracle.csv", index=False)
    options = ("--cohort", smoke.root, "--profile", "smoke")
    done = palsy("score", tmp_path / "oracle.csv", *options)
    assert done.exit_code == 0, done.output
    lines = [line for line in done.output.splitlines() if line.startswith("| ")]
    rows = [line.split("|")[1].strip() for line in lines]
    assert rows[1:4] == ["coordinates-fnn", "expressions-fnn", "rgb-resnet50"]
    assert "oracle" in rows and "untrained-asymmetry" in rows
    theirs.iloc[1:].to_csv(tmp_path / "oracle.csv", index=False)
    done = palsy("score", tmp_path / "oracle.csv", *options)
    assert done.exit_code == 1 and "have not the same frames" in done.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="label"), "the column 'label' is missing"),
        (lambda t: t.assign(label=2), "row 2, column label: '2' is no label: write 0 or 1"),
        (lambda t: t.assign(probability=7), "column probability: '7' is no probability"),
        (lambda t: t.assign(frame=0.5), "is no number of a frame"),
        (lambda t: t.assign(frame=0), "frame 0 of 'p00-0' is there twice"),
        (lambda t: t.iloc[:0], "is empty"),
        (lambda t: t.assign(label=1 - t["label"]), "good have not the same frames with the same"),
        (lambda t: t.assign(patient="a b"), "'a b' is no id"),
    ],
)
def test_a_bad_file_ends_in_one_sentence(files, change, message):
    change(pd.read_csv(files[0])).to_csv(files[1], index=False)
    done = palsy("score", *files)
    assert done.exit_code == 1 and message in done.output, done.output
    assert len(done.output.strip().splitlines()) == 1


def test_files_that_are_none_or_have_our_names_are_refused(files, tmp_path):
    taken = shutil.copy(files[0], tmp_path / "late-fusion.csv")
    (tmp_path / "b").mkdir()
    again = shutil.copy(files[0], tmp_path / "b" / "good.csv")
    (tmp_path / "bytes.csv").write_bytes(bytes(range(256)))
    for paths, message in (
        ([tmp_path / "nowhere.csv"], "nowhere.csv"),
        ([tmp_path], "Error"),
        ([tmp_path / "bytes.csv"], "not UTF-8"),
        ([taken], "has the name of a model of ours"),
        ([files[0], again], "Two files are called good"),
    ):
        done = palsy("score", *paths)
        assert done.exit_code == 1 and message in done.output, done.output
        assert len(done.output.strip().splitlines()) == 1
