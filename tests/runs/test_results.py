import numpy as np
import pandas as pd
import pytest
import torch
from helpers import flip

from palsy_utils.cohort.load import load_cohort
from palsy_utils.files import PalsyError
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.runs.one_fold import fold_of, save_fold
from palsy_utils.runs.results import (
    PREDICTIONS,
    done_folds,
    fold_state,
    load_run,
    open_run,
    read_predictions,
    run_folder,
    status,
)
from palsy_utils.stamps import DAMAGED, DONE, FAILED, OPEN, OUT_OF_DATE, stamp_of

FNN, PEOPLE = "expressions-fnn", ["p01", "p02", "p04"]


def open_small(root, profile=PROFILES["smoke"], **changes):
    return open_run(load_cohort(root), profile, **changes)


def write_fold(run, model=FNN, fold="p01", probability=0.25):
    """Write a fold as a notebook does, of a net that is no net."""
    one, history = fold_of(run, model, fold, "cpu"), pd.DataFrame({"epoch": [1], "loss": [0.5]})
    torch.manual_seed(0)
    return save_fold(one, np.full(len(one.test), probability), torch.nn.Linear(9, 9), history)


def test_predictions_come_back_with_their_identity(small):
    run = open_small(small)
    written = write_fold(run)
    again = read_predictions(run.folder / FNN / "p01")
    assert list(written) == PREDICTIONS and again.equals(written)
    assert set(again["patient"]) == {"p01"} and len(again) == 24


def test_a_probability_that_is_no_number_writes_nothing(small):
    run = open_small(small)
    with pytest.raises(PalsyError, match="probabilities that are no numbers for fold p01"):
        write_fold(run, probability=np.nan)
    assert not run.folder.exists()


@pytest.mark.parametrize("file", ["predictions.csv", "weights.pt", "history.csv"])
def test_a_flipped_bit_is_found_and_named(small, file):
    run = open_small(small)
    write_fold(run)
    assert fold_state(run, FNN, "p01") == (DONE, "")
    flip(run.folder / FNN / "p01" / file)
    assert fold_state(run, FNN, "p01") == (DAMAGED, file)
    with pytest.raises(PalsyError, match="no predictions that are up to date"):
        load_run(run)


def test_a_damaged_and_a_missing_file_of_predictions_are_named(small):
    run = open_small(small)
    with pytest.raises(PalsyError, match=f"train {FNN} on fold p01 first"):
        read_predictions(run.folder / FNN / "p01")
    write_fold(run)
    flip(run.folder / FNN / "p01" / "predictions.csv")
    with pytest.raises(PalsyError, match=r"predictions\.csv is damaged"):
        read_predictions(run.folder / FNN / "p01")


def test_a_history_that_was_emptied_costs_its_fold_and_no_other(small):
    run = open_small(small)
    for fold in PEOPLE:
        write_fold(run, fold=fold)
    (run.folder / FNN / "p02" / "history.csv").write_text("")
    assert done_folds(run) == {FNN: ["p01", "p04"]} and set(load_run(run)["fold"]) == {"p01", "p04"}


def test_status_tells_done_failed_and_open(small):
    run = open_small(small)
    write_fold(run)
    (run.folder / FNN / "p02").mkdir()
    (run.folder / FNN / "p02" / "failed.ipynb").write_text("")
    (run.folder / FNN / ".p04.abc.attempt").mkdir()
    states, reasons = status(small, "smoke", [FNN])
    assert list(states.loc[FNN]) == [DONE, FAILED, OPEN] and reasons == []


def test_a_fold_without_its_stamp_is_no_result(small):
    run = open_small(small)
    write_fold(run)
    stamp_of(run.folder / FNN / "p01" / "predictions.csv").unlink()
    assert fold_state(run, FNN, "p01").kind == OPEN


def change_training(name, **numbers):
    smoke = PROFILES["smoke"]
    return smoke.model_copy(update={name: getattr(smoke, name).model_copy(update=numbers)})


def test_other_training_numbers_cost_only_their_own_folds(small):
    models = (FNN, "handcrafted-fnn")
    for model in models:
        write_fold(open_small(small), model)
    run = open_small(small, change_training("fnn", epochs=3, learning_rate=0.5))
    told = fold_state(run, FNN, "p01")
    assert told == (OUT_OF_DATE, "changed: training epochs, learning_rate".replace("_", " "))
    assert fold_state(run, "handcrafted-fnn", "p01").kind == DONE


def test_other_labels_cost_every_fold_and_other_people_those_that_held_them_out(small):
    write_fold(open_small(small))
    run = open_small(small)
    other = {**run.folds, "p01": ("p01", "p02")}
    moved = type(run)(run.cohort, run.profile, 0, run.samples, other, run.made_from)
    assert fold_state(moved, FNN, "p01") == (OUT_OF_DATE, "changed: held out")
    labels = (small / "labels.csv").read_text()
    (small / "labels.csv").write_text(labels.replace("strong", "slight", 1))
    run = open_small(small, samples=run.samples)
    assert fold_state(run, FNN, "p01") == (OUT_OF_DATE, "changed: samples")


def test_sides_matter_to_multi_task_nets_alone(small):
    models = (FNN, "attention-fusion-structured")
    for model in models:
        write_fold(open_small(small), model)
    (small / "patients.csv").write_text("patient,side\np01,left\n")
    states = [fold_state(open_small(small), model, "p01") for model in models]
    assert states == [(DONE, ""), (OUT_OF_DATE, "changed: sides p01")]


def test_late_fusion_follows_what_it_averages(small):
    run = open_small(small)
    for model in (FNN, "lines-resnet50", "late-fusion"):
        write_fold(run, model)
    assert fold_state(run, "late-fusion", "p01").kind == DONE
    write_fold(run, FNN, probability=0.3)  # made again, with another result
    assert fold_state(run, "late-fusion", "p01") == (OUT_OF_DATE, f"changed: {FNN}")
    write_fold(run, FNN)
    flip(run.folder / FNN / "p01" / "history.csv")
    told = (OUT_OF_DATE, f"{FNN} of this fold is damaged")
    assert fold_state(run, "late-fusion", "p01") == told


def test_seeds_lie_beside_each_other(tmp_path):
    assert run_folder(tmp_path, "paper") == tmp_path / "runs" / "paper"
    assert run_folder(tmp_path, "paper", 3) == tmp_path / "runs" / "paper-seed-3"
