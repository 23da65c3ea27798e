from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import flip

from palsy_utils.files import PalsyError
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.runs.one_fold import fold_of, save_fold
from palsy_utils.runs.results import (
    done_folds,
    fold_state,
    load_run,
    open_run,
    read_predictions,
    status,
)
from palsy_utils.stamps import DAMAGED, DONE, FAILED, OPEN, OUT_OF_DATE, stamp_of

FNN, PEOPLE = "expressions-fnn", ["p01", "p02", "p04"]


@pytest.fixture
def run(small):
    return open_run(small, "smoke")


def write_fold(run, model=FNN, fold="p01", probability=0.25):
    """Write a fold as a notebook does, of a net that is no net."""
    one, history = fold_of(run, model, fold, "cpu"), pd.DataFrame({"epoch": [1], "loss": [0.5]})
    torch.manual_seed(0)
    return save_fold(one, np.full(len(one.test), probability), torch.nn.Linear(9, 9), history)


def test_a_probability_that_is_no_number_writes_nothing(run):
    with pytest.raises(PalsyError, match="probabilities that are no numbers for fold p01"):
        write_fold(run, probability=np.nan)
    assert not run.folder.exists()


def test_a_flipped_bit_is_found_and_costs_its_fold_and_no_other(run):
    with pytest.raises(PalsyError, match=f"train {FNN} on fold p01 first"):
        read_predictions(run.folder / FNN / "p01")
    for fold in PEOPLE:
        write_fold(run, fold=fold)
    for fold, file in (("p02", "weights.pt"), ("p01", "predictions.csv")):
        assert fold_state(run, FNN, fold) == (DONE, "")
        flip(run.folder / FNN / fold / file)
        assert fold_state(run, FNN, fold) == (DAMAGED, file)
    assert [*done_folds(run)[FNN]] == ["p04"] and set(load_run(run)["fold"]) == {"p04"}
    with pytest.raises(PalsyError, match=r"predictions\.csv is missing, damaged"):
        read_predictions(run.folder / FNN / "p01")
    flip(run.folder / FNN / "p04" / "history.csv")
    with pytest.raises(PalsyError, match="no predictions that are up to date"):
        load_run(run)


def test_status_tells_done_failed_and_open(run):
    write_fold(run)
    (run.folder / FNN / "p02").mkdir()
    (run.folder / FNN / "p02" / "failed.ipynb").write_text("")
    (run.folder / FNN / ".p04.abc.attempt").mkdir()
    states, reasons = status(run.cohort.root, "smoke", [FNN])
    assert list(states.loc[FNN]) == [DONE, FAILED, OPEN] and reasons == []
    stamp_of(run.folder / FNN / "p01" / "predictions.csv").unlink()  # then it is no result
    assert fold_state(run, FNN, "p01").kind == OPEN


def test_other_training_numbers_cost_only_their_own_folds(run):
    models = (FNN, "handcrafted-fnn")
    for model in models:
        write_fold(run, model)
    fnn = run.profile.fnn.model_copy(update={"epochs": 3, "learning_rate": 0.5})
    run = replace(run, profile=PROFILES["smoke"].model_copy(update={"fnn": fnn}))
    told = fold_state(run, FNN, "p01")
    assert told == (OUT_OF_DATE, "changed: training epochs, learning rate")
    assert fold_state(run, "handcrafted-fnn", "p01").kind == DONE


def test_other_labels_cost_every_fold_and_other_people_those_that_held_them_out(run):
    write_fold(run)
    moved = replace(run, folds={**run.folds, "p01": ("p01", "p02")})
    assert fold_state(moved, FNN, "p01") == (OUT_OF_DATE, "changed: held out")
    path = run.cohort.root / "labels.csv"
    path.write_text(path.read_text().replace("strong", "slight", 1))
    run = open_run(run.cohort.root, "smoke", measured=False)
    assert fold_state(run, FNN, "p01") == (OUT_OF_DATE, "changed: samples")


def test_sides_matter_to_multi_task_nets_alone(run):
    models = (FNN, "attention-fusion-structured")
    for model in models:
        write_fold(run, model)
    (run.cohort.root / "patients.csv").write_text("patient,side\np01,left\n")
    run = open_run(run.cohort.root, "smoke")
    states = [fold_state(run, model, "p01") for model in models]
    assert states == [(DONE, ""), (OUT_OF_DATE, "changed: sides p01")]


def test_late_fusion_follows_what_it_averages(run):
    for model in (FNN, "lines-resnet50", "late-fusion"):
        write_fold(run, model)
    assert fold_state(run, "late-fusion", "p01").kind == DONE
    write_fold(run, FNN, probability=0.3)  # made again, with another result
    assert fold_state(run, "late-fusion", "p01") == (OUT_OF_DATE, f"changed: {FNN}")
    write_fold(run, FNN)
    flip(run.folder / FNN / "p01" / "history.csv")
    told = f"{FNN} of this fold is damaged"
    assert fold_state(run, "late-fusion", "p01") == (OUT_OF_DATE, told)
