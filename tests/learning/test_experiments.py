import pytest

from palsy_utils.files import PalsyError
from palsy_utils.learning.experiments import MODELS, NEW_MODELS, PAPER_MODELS, choose_models
from palsy_utils.learning.profiles import PROFILES, find_profile


def test_the_papers_seven_are_the_default_and_in_its_order():
    assert choose_models([]) == list(PAPER_MODELS) and len(PAPER_MODELS) == 7
    assert all(model.paper for model in PAPER_MODELS.values())
    assert not any(model.paper for model in NEW_MODELS.values())


def test_what_fusion_needs_is_added():
    assert choose_models(["late-fusion"]) == ["expressions-fnn", "lines-resnet50", "late-fusion"]
    assert set(choose_models(["beyond"])) > set(NEW_MODELS)
    assert choose_models(["all"]) == choose_models(["paper", "beyond"]) == list(MODELS)
    for name, model in MODELS.items():
        assert all(list(MODELS).index(need) < list(MODELS).index(name) for need in model.needs)


def test_unknown_names_are_named():
    with pytest.raises(PalsyError, match="There is no model 'fusion': choose one of coordinates"):
        choose_models(["late-fusion", "fusion"])


def test_every_model_finds_its_training_numbers():
    for model in MODELS.values():
        assert not model.training or getattr(PROFILES["paper"], model.training).epochs > 0


def test_a_backbone_makes_a_profile_of_its_own():
    other = find_profile("smoke+mobilenet_v3_small")
    assert other.backbone == "mobilenet_v3_small" and other.name == "smoke+mobilenet_v3_small"
    assert other.model_copy(update={"name": "smoke", "backbone": "resnet50"}) == PROFILES["smoke"]
    for wrong in ("smoke+", "+resnet18", "huge+resnet18"):
        with pytest.raises(PalsyError, match="There is no profile"):
            find_profile(wrong)
