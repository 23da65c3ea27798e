"""The rows: those that are asked for, and at smoke size what those beyond the paper leave."""

import numpy as np
import pandas as pd
import pytest

from palsy_utils.evidence.table import BASELINES, UNTRAINED
from palsy_utils.faces.features import IMAGES, STRUCTURED
from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS, choose_models
from palsy_utils.learning.nets import HEADS, build_model
from palsy_utils.learning.profiles import PROFILES, QUARTER, find_profile
from palsy_utils.runs.one_fold import load_net, open_fold, save_fold
from palsy_utils.runs.results import open_run, read_predictions


def test_models_are_chosen_in_table_order_with_what_they_need():
    assert choose_models([]) == list(PAPER_MODELS) and len(PAPER_MODELS) == 7
    assert all(bool(model.paper) == (name in PAPER_MODELS) for name, model in MODELS.items())
    assert choose_models(["late-fusion"]) == ["expressions-fnn", "lines-resnet50", "late-fusion"]
    assert set(choose_models(["beyond"])) > set(NEW_MODELS)
    assert choose_models(["all"]) == choose_models(["paper", "beyond"]) == list(MODELS)
    for name, model in MODELS.items():
        assert all(list(MODELS).index(need) < list(MODELS).index(name) for need in model.needs)
        assert not model.training or getattr(PROFILES["paper"], model.training).epochs > 0
    with pytest.raises(PalsyError, match="There is no model 'fusion': choose one of coordinates"):
        choose_models(["late-fusion", "fusion"])


def test_a_backbone_makes_a_profile_of_its_own(small):
    one = open_fold(open_run(small, "smoke+mobilenet_v3_small"), "lines-resnet50", "p01")
    assert one.folder.parts[-3] == "smoke+mobilenet_v3_small"
    named = {"name": "smoke", "backbone": QUARTER, "weights": "pretrained"}
    assert one.profile.model_copy(update=named) == PROFILES["smoke"]
    assert one.profile.weights == "random" and find_profile("paper+resnet18").weights == "imagenet"
    net = build_model(("lines",), None, one.profile.backbone)
    assert sum(p.numel() for p in net.parameters()) < 3e6  # ResNet50 has ten times as many
    save_fold(one, np.full(len(one.test), 0.5), net)
    assert load_net(one, "lines-resnet50")[0] is not None
    for base in ("paper", "paper-literal"):
        there = find_profile(f"{base}+{QUARTER}")
        as_base = {"image_size": 224, "weights": "imagenet", "backbone": "resnet50", "name": base}
        assert there.model_copy(update=as_base) == PROFILES[base]
    for wrong in ("smoke+", "+resnet18", "huge+resnet18", "smoke+../../evil", "../smoke"):
        with pytest.raises(PalsyError, match="There is no profile"):
            find_profile(wrong)


def test_every_fold_predicts_its_own_people_and_inside_only_the_others(beyond):
    runs = beyond / "small" / "runs" / "smoke"
    for model in NEW_MODELS:
        for fold in ("p01", "p02", "p04"):
            table = read_predictions(runs / model / fold)
            assert set(table["patient"]) == {fold} and len(table) == 24
    for model in ("asymmetry-fnn", "weighted-late-fusion", "clip-fusion"):
        inner = read_predictions(runs / model / "p02", "inner.csv")
        assert set(inner["patient"]) == {"p01", "p04"} and len(inner) == 48


def test_new_rows_stand_below_the_papers_in_the_table(beyond):
    table = pd.read_csv(beyond / "figures" / "small" / "smoke" / "table_1.csv")
    assert list(table["model"]) == [*PAPER_MODELS, *NEW_MODELS, *BASELINES, UNTRAINED]
    assert table["auroc"].notna().all()
    new = table["model"].isin(NEW_MODELS)
    assert table.loc[new, ["paper_f1", "paper_precision", "paper_recall"]].isna().all(axis=None)
    text = (beyond / "figures" / "small" / "smoke" / "table_1.md").read_text()
    assert text.index("Late fusion") < text.index("beyond the paper") < text.index("Asymmetry")


def test_attention_and_answers_are_kept(beyond):
    columns = [[f"{head}_{name}" for name in classes] for head, classes in HEADS.items()]
    for model, seen in (
        ("attention-fusion", (*STRUCTURED, *IMAGES)),
        ("lines-multitask-resnet50", ()),
    ):
        folder = beyond / "small" / "runs" / "smoke" / model / "p01"
        answers = pd.read_csv(folder / "answers.csv")
        shares = [f"attention_{name}" for name in seen]
        assert [name for name in answers if name.startswith("attention_")] == shares
        for adding_up in [shares] * bool(seen) + columns:
            assert np.allclose(answers[adding_up].sum(axis=1), 1, atol=1e-4)
        assert len(answers) == 24
