"""Attention over tokens: any subset of modalities, sides that mirror, context within a clip."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import measure

from palsy_utils.clip.model_file import open_everybody
from palsy_utils.faces.features import IMAGES, MODALITIES, STRUCTURED
from palsy_utils.faces.modalities import load_modality
from palsy_utils.learning.attention import (
    STEPS,
    AttentionFusion,
    Ensemble,
    context,
    drop_some,
    load_tokens,
    train_members,
    with_context,
)
from palsy_utils.learning.nets import N_OUTPUTS, fit_scaling
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.learning.training import compute, seed_everything

CPU, ROWS = torch.device("cpu"), np.arange(20)
SIZES = {"expressions": 52, "asymmetry": 145}


def test_frames_without_a_label_are_neighbours_of_those_with_one(small):
    def tokens():
        fold = open_everybody(small, "smoke", "clip-fusion", device="cpu")
        return fold.samples, load_tokens(fold)[0]

    samples, whole = tokens()
    labels = (small / "labels.csv").read_text().splitlines()
    (small / "labels.csv").write_text("\n".join(labels[:2] + labels[3:]))
    measure(small)
    fewer, some = tokens()
    keep = samples["frame"].isin(fewer.loc[fewer["video"] == "p01-1", "frame"])
    keep |= samples["video"] != "p01-1"
    assert len(fewer) == keep.sum() < len(samples)
    for name, array in some.items():
        assert np.array_equal(array, whole[name][keep], equal_nan=True)


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(20, 1, n)).astype(np.float32) for n in SIZES.values()]


@pytest.fixture
def net(faces):
    seed_everything(0)
    net = AttentionFusion(SIZES)
    net.fit(faces)
    return net.eval()


def test_a_missing_modality_gets_no_attention_and_its_values_do_not_matter(net, faces):
    whole, attention = net.attend(*map(torch.from_numpy, faces))
    assert whole.shape == (20, N_OUTPUTS) and attention.shape == (20, 2, 1)
    assert torch.allclose(attention.sum((1, 2)), torch.ones(20), atol=1e-5)
    without = [faces[0], np.full_like(faces[1], np.nan)]
    logits, attention = net.attend(*map(torch.from_numpy, without))
    assert (attention[:, 1] == 0).all() and torch.isfinite(logits).all()
    assert not torch.allclose(whole, logits)


def test_training_never_drops_all_that_a_face_has():
    gone = torch.zeros(500, 2, 1, dtype=torch.bool)
    gone[250:, 1] = True
    assert not drop_some(gone).all(dim=(1, 2)).any()


def test_scaling_of_sided_modalities_keeps_the_sign(net):
    token, x = net.tokens[1], torch.randn(5, 145)
    both, flipped = ((token.prepare(face) - token.mean) / token.scale for face in (x, -x))
    assert torch.allclose(both[:, :145], flipped[:, :145])
    assert torch.allclose(both[:, 145:], -flipped[:, 145:])


def test_context_stays_within_the_clip_and_the_second():
    video = np.array(["a"] * 20 + ["b"] * 3 + ["still"])
    time = np.array([*np.arange(20) / 6, 0.0, 1 / 6, 2.0, np.nan])
    rows = context(pd.DataFrame({"video": video, "time_s": time}))
    assert rows.shape == (24, 2 * STEPS + 1) and (rows[:, STEPS] == np.arange(24)).all()
    for i, j in np.argwhere(rows >= 0):
        assert video[rows[i, j]] == video[i]
        assert j == STEPS or abs(time[rows[i, j]] - time[i]) <= 1.06
    # The third frame of b is too far away.
    assert [(rows[i] >= 0).sum() for i in (10, 20, 23)] == [2 * STEPS + 1, 2, 1]
    gathered = with_context(np.arange(48.0).reshape(24, 2), rows)
    assert (np.isnan(gathered).any(-1) == (rows < 0)).all()
    assert (gathered[10, STEPS] == [20, 21]).all()
    net = AttentionFusion({"expressions": 2}, 13)
    net.fit([gathered])
    assert torch.allclose(net.tokens[0].mean, torch.tensor([23.0, 24.0]))  # each frame once
    assert net(torch.from_numpy(gathered)).isfinite().all()


def test_members_learn_for_themselves(faces):
    """The first of three is the net that is alone where one is asked for; the output is a mean."""
    config, labels, nets = PROFILES["smoke"].attention, np.tile([0, 1], 10), []
    for n in (1, 3):
        seed_everything(0)
        nets.append(Ensemble(AttentionFusion(SIZES) for _ in range(n)))
        fit_scaling(nets[-1], faces, ROWS)
        history = train_members(nets[-1], faces, labels, ROWS, config, CPU, seed=0)
        assert list(history["epoch"]) == [1, 2]
    alone, first, second, third = (
        compute(net, faces, ROWS, CPU) for net in (nets[0], *nets[1].members)
    )
    mean = compute(nets[1], faces, ROWS, CPU)
    assert torch.allclose(mean, (first + second + third) / 3, atol=1e-6)
    assert torch.equal(alone, first) and not torch.allclose(first, second, atol=1e-2)


def test_mirroring_a_modality_twice_gives_it_back(small_template):
    for name in (*STRUCTURED, "raw-coordinates", *IMAGES):
        modality, array = MODALITIES[name], np.array(load_modality(small_template, name, 32))
        mirrored = modality.mirror(array)
        twice = modality.mirror(mirrored)
        assert np.allclose(twice, array, atol=1e-6) and not np.allclose(mirrored, array)
