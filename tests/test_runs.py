import numpy as np
import pandas as pd
import pytest
import torch

from palsy_utils.files import PalsyError, write_json, write_torch
from palsy_utils.runs import (
    IDENTITY,
    PREDICTIONS,
    check_same_data,
    find_damage,
    fold_state,
    grid,
    load_run,
    read_predictions,
    run_folder,
    write_predictions,
)

SAMPLES = pd.DataFrame(
    {"patient": "01", "video": "1", "frame": [0, 5], "label": [0, 1], "time_s": [0.0, 0.2]}
)


def write(folder, probability=(0.25, 0.75)):
    return write_predictions(SAMPLES, np.array(probability), "m", "01", 0, folder)


def test_predictions_come_back_with_their_identity(tmp_path):
    written = write(tmp_path)
    assert list(written) == PREDICTIONS
    assert read_predictions(tmp_path).equals(written)
    assert read_predictions(tmp_path)["patient"].tolist() == ["01", "01"]


def test_a_probability_that_is_no_number_writes_nothing(tmp_path):
    with pytest.raises(PalsyError, match="probabilities that are no numbers for fold 01"):
        write(tmp_path, (0.5, np.nan))
    assert not list(tmp_path.iterdir())


def test_damage_is_found_and_named(tmp_path):
    folder = tmp_path / "m" / "01"
    write(folder)
    write_json({"samples": "abc"}, folder / "settings.json")
    write_torch({"weight": torch.ones(1000)}, folder / "weights.pt")
    rows = SAMPLES[list(IDENTITY)].astype(str).to_numpy().tolist()
    assert find_damage(folder, rows, [], "needed") is None
    assert find_damage(folder, rows[:1], [], "needed") == "predictions.csv"
    whole = (folder / "weights.pt").read_bytes()
    middle = len(whole) // 2
    (folder / "weights.pt").write_bytes(whole[:middle] + b"x" + whole[middle + 1 :])
    assert find_damage(folder, rows, [], "present") is None
    assert find_damage(folder, rows, [], "needed") == "weights.pt"
    (folder / "weights.pt").write_bytes(whole[:-9])
    assert find_damage(folder, rows, [], "present") == "weights.pt"
    assert find_damage(folder, rows, []) is None
    (folder / "inner.csv").write_text("patient")
    assert find_damage(folder, rows, []) == "inner.csv"


@pytest.mark.parametrize("damage", ["", "patient,video\n1,2\n", None])
def test_damaged_predictions_are_named(tmp_path, damage):
    write(tmp_path)
    path = tmp_path / "predictions.csv"
    path.write_text(path.read_text()[:-8] if damage is None else damage)
    with pytest.raises(PalsyError, match=r"predictions\.csv is damaged"):
        read_predictions(tmp_path)


def test_missing_predictions_say_what_to_run(tmp_path):
    with pytest.raises(PalsyError, match="train m on fold 01 first"):
        read_predictions(tmp_path / "m" / "01")


def test_grid_tells_done_failed_and_open(tmp_path):
    write(tmp_path / "m" / "01")
    (tmp_path / "m" / "02").mkdir()
    (tmp_path / "m" / "02" / "notebook.ipynb").write_text("")
    (tmp_path / "m" / ".03.abc.attempt").mkdir()
    assert grid(tmp_path, ["m"], ["01", "02", "03"]).loc["m"].tolist() == ["done", "failed", "open"]
    assert fold_state(tmp_path / "m" / "03") == "open"
    assert len(load_run(tmp_path, ["m"], ["01", "02", "03"])) == 2


def test_a_half_written_file_is_no_result(tmp_path):
    folder = tmp_path / "m" / "01"
    folder.mkdir(parents=True)
    (folder / ".predictions.csv.1234.part").write_text("patient")
    assert fold_state(folder) == "open"
    with pytest.raises(PalsyError, match="has no predictions yet"):
        load_run(tmp_path, ["m"], ["01"])


def test_folds_of_other_data_or_people_are_not_mixed(tmp_path):
    write(tmp_path / "m" / "01")
    states = grid(tmp_path, ["m"], ["01"])
    write_json({"samples": "abc", "held_out": ["01"]}, tmp_path / "m" / "01" / "settings.json")
    check_same_data(tmp_path, states, {"01": ("01",)}, "abc", {"01": "left"})
    with pytest.raises(PalsyError, match="labels or measurements have changed"):
        check_same_data(tmp_path, states, {"01": ("01",)}, "other", {})
    settings = {"samples": "abc", "held_out": ["01"], "sides": {"01": "right"}}
    write_json(settings, tmp_path / "m" / "01" / "settings.json")
    with pytest.raises(PalsyError, match=r"sides in patients.csv have changed"):
        check_same_data(tmp_path, states, {"01": ("01",)}, "abc", {"01": "left"})
    check_same_data(tmp_path, states, {"01": ("01",)}, "abc", {"01": "right"})
    with pytest.raises(PalsyError, match="it held out 01"):
        check_same_data(tmp_path, states, {"01": ("01", "02")}, "abc", {"01": "right"})


def test_seeds_lie_beside_each_other(tmp_path):
    assert run_folder(tmp_path, "paper") == tmp_path / "runs" / "paper"
    assert run_folder(tmp_path, "paper", 3) == tmp_path / "runs" / "paper-seed-3"
