"""Further questions: only what somebody knows is asked, and a mirrored face has the other side."""

import numpy as np
import pandas as pd
import pytest
import torch

from palsy_utils.learning.heads import (
    HEADS,
    N_OUTPUTS,
    UNKNOWN,
    auxiliary_loss,
    heads_table,
    known_heads,
    known_targets,
    outputs_of,
)
from palsy_utils.learning.nets import build_model

CPU = torch.device("cpu")


def test_every_class_has_an_output_of_its_own_after_the_papers_two():
    places = [i for question in HEADS for i in range(N_OUTPUTS)[outputs_of(question)]]
    assert places == list(range(2, N_OUTPUTS))
    table = heads_table(torch.randn(20, N_OUTPUTS))
    for question, classes in HEADS.items():
        columns = [f"{question}_{name}" for name in classes]
        assert np.allclose(table[columns].sum(axis=1), 1, atol=1e-5)
    logits = torch.zeros(1, N_OUTPUTS)
    logits[0, outputs_of("side")] = torch.tensor([0.0, 0.0, 9.0])
    assert heads_table(logits).iloc[0].idxmax() == "side_right"


@pytest.mark.parametrize("modality", ["expressions", "lines"])
def test_a_multitask_net_is_the_papers_with_more_outputs(modality):
    plain, more = (build_model((modality,), multitask=asked) for asked in (False, True))
    assert (plain[-1].out_features, more[-1].out_features) == (2, N_OUTPUTS)
    shapes = [[tuple(p.shape) for p in net[:-1].parameters()] for net in (plain, more)]
    assert shapes[0] == shapes[1]


def test_only_what_is_known_is_asked_and_a_mirror_swaps_the_side():
    samples = pd.DataFrame(
        {
            "patient": ["a", "a", "b", "c"],
            "eyes": ["strong", "normal", None, "slight"],
            "mouth": ["normal", None, None, "slight"],
            "label": [1, 0, 1, 1],
        }
    )
    answers = known_targets(samples, {"a": "left", "c": "right"})
    none = UNKNOWN
    assert answers.tolist() == [[2, 0, 0], [0, none, 1], [none] * 3, [1, 1, 2]]
    loss = auxiliary_loss(answers, CPU)
    logits = torch.zeros(1, N_OUTPUTS)
    logits[0, outputs_of("side").start] = 9  # says "left"
    row, straight, mirrored = np.array([0]), np.array([False]), np.array([True])
    assert loss(logits, row, straight) < loss(logits, row, mirrored)
    assert loss(logits, np.array([2]), straight) == 0
    assert known_heads(answers) == ("eyes", "mouth", "side")
    assert known_heads(answers[2:3]) == () and known_heads(answers[1:2]) == ("eyes", "side")
