"""The rows beyond the paper, run by the command on top of the paper's, at smoke size."""

import numpy as np
import pandas as pd

from palsy_utils.faces.features import MODALITIES
from palsy_utils.learning.experiments import NEW_MODELS, PAPER_MODELS
from palsy_utils.learning.heads import HEADS
from palsy_utils.learning.nets import build_image_net, build_model
from palsy_utils.runs.one_fold import load_net, open_fold, save_fold
from palsy_utils.runs.results import PREDICTIONS, read_predictions

FOLDS = ("p01", "p02", "p04")


def test_every_fold_predicts_its_own_people(beyond):
    for model in NEW_MODELS:
        for fold in FOLDS:
            table = read_predictions(beyond / "small" / "runs" / "smoke" / model / fold)
            assert list(table) == PREDICTIONS and set(table["patient"]) == {fold}
            assert table["probability"].between(0, 1).all() and len(table) == 24


def test_inner_predictions_are_of_the_others_only(beyond):
    for model in ("asymmetry-fnn", "weighted-late-fusion", "clip-fusion"):
        folder = beyond / "small" / "runs" / "smoke" / model / "p02"
        inner = read_predictions(folder, "inner.csv")
        assert set(inner["patient"]) == {"p01", "p04"} and len(inner) == 48


def test_new_rows_stand_below_the_papers_in_the_table(beyond):
    table = pd.read_csv(beyond / "figures" / "small" / "smoke" / "table_1.csv")
    assert list(table["model"]) == [*PAPER_MODELS, *NEW_MODELS, "always-palsy", "always-healthy"]
    assert table["auroc"].notna().all()
    new = table["model"].isin(NEW_MODELS)
    assert table.loc[new, ["paper_f1", "paper_precision", "paper_recall"]].isna().all(axis=None)
    lines = (beyond / "figures" / "small" / "smoke" / "table_1.md").read_text().splitlines()
    part = next(i for i, line in enumerate(lines) if "beyond the paper" in line)
    assert "Late fusion" in lines[part - 1] and "Asymmetry" in lines[part + 1]


def test_attention_and_answers_are_kept(beyond):
    for model, seen in (
        ("attention-fusion", tuple(MODALITIES)),
        ("lines-multitask-resnet50", ()),
    ):
        folder = beyond / "small" / "runs" / "smoke" / model / "p01"
        answers = pd.read_csv(folder / "answers.csv")
        shares = [f"attention_{name}" for name in seen]
        assert [column for column in answers if column.startswith("attention_")] == shares
        columns = [[f"{question}_{c}" for c in classes] for question, classes in HEADS.items()]
        for adding_up in (shares, *columns) if seen else columns:
            assert np.allclose(answers[adding_up].sum(axis=1), 1, atol=1e-4)
        assert len(answers) == 24


def test_other_backbones_run(small):
    one = open_fold(str(small), "smoke+mobilenet_v3_small", "lines-resnet50", "p01")
    net = build_model(("lines",), None, one.profile.backbone)
    small = sum(p.numel() for p in net.parameters())
    assert small < 0.2 * sum(p.numel() for p in build_image_net().parameters())
    save_fold(one, np.full(len(one.test), 0.5), net)
    assert load_net(one, "lines-resnet50")[0] is not None
