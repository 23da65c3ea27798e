"""Further questions: only what somebody knows is asked, and a mirrored face has the other side."""

import numpy as np
import pandas as pd
import torch

from palsy_utils.learning.heads import (
    HEADS,
    N_OUTPUTS,
    OUTPUTS,
    UNKNOWN,
    auxiliary_loss,
    heads_table,
    known_targets,
)
from palsy_utils.learning.nets import build_model


def test_every_class_has_an_output_of_its_own_after_the_papers_two():
    places = [i for head in HEADS for i in range(N_OUTPUTS)[OUTPUTS[head]]]
    assert places == list(range(2, N_OUTPUTS))
    table = heads_table(torch.randn(20, N_OUTPUTS))
    for head, classes in HEADS.items():
        columns = [f"{head}_{name}" for name in classes]
        assert np.allclose(table[columns].sum(axis=1), 1, atol=1e-5)
    logits = torch.zeros(1, N_OUTPUTS)
    logits[0, OUTPUTS["side"]] = torch.tensor([0.0, 0.0, 9.0])
    assert heads_table(logits).iloc[0].idxmax() == "side_right"


def test_a_multitask_net_is_the_papers_with_more_outputs():
    plain, more = (build_model(("expressions",), multitask=asked) for asked in (False, True))
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
    targets = known_targets(samples, {"a": "left", "c": "right"})
    assert targets.tolist() == [[2, 0, 0], [0, UNKNOWN, 1], [UNKNOWN] * 3, [1, 1, 2]]
    assert (known_targets(samples, {})[:, 2] == UNKNOWN).all()
    loss = auxiliary_loss(targets, torch.device("cpu"))
    logits = torch.zeros(1, N_OUTPUTS)
    logits[0, OUTPUTS["side"].start] = 9  # says "left"
    row, straight, mirrored = np.array([0]), np.array([False]), np.array([True])
    assert loss(logits, row, straight) < loss(logits, row, mirrored)
    assert loss(logits, np.array([2]), straight) == 0
