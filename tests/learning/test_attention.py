"""Attention over tokens: any subset of modalities, sides that mirror, context within a clip."""

import numpy as np
import pandas as pd
import pytest
import torch

from palsy_utils.cohort.load import load_cohort
from palsy_utils.faces.features import MODALITIES
from palsy_utils.faces.modalities import load_modality, load_samples
from palsy_utils.learning.attention import (
    STEPS,
    AttentionFusion,
    build_attention,
    drop_some,
    predict_with_attention,
    train_members,
)
from palsy_utils.learning.heads import N_OUTPUTS
from palsy_utils.learning.profiles import PROFILES
from palsy_utils.learning.tokens import context, with_context
from palsy_utils.learning.training import seed_everything

CPU = torch.device("cpu")
SIZES = {"expressions": 52, "asymmetry": 145}


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(20, n)).astype(np.float32) for n in SIZES.values()]


@pytest.fixture
def net(faces):
    seed_everything(0)
    net = AttentionFusion(SIZES)
    net.fit(faces)
    return net


def test_attention_adds_up_to_one(net, faces):
    logits, attention = predict_with_attention(net, faces, np.arange(20), CPU)
    assert logits.shape == (20, N_OUTPUTS) and attention.shape == (20, 2, 1)
    assert np.allclose(attention.sum((1, 2)), 1, atol=1e-5)


def test_a_missing_modality_gets_no_attention_and_its_values_do_not_matter(net, faces):
    without = [faces[0], np.full_like(faces[1], np.nan)]
    logits, attention = predict_with_attention(net, without, np.arange(20), CPU)
    assert (attention[:, 1] == 0).all() and torch.isfinite(logits).all()
    whole, _ = predict_with_attention(net, faces, np.arange(20), CPU)
    assert not torch.allclose(whole, logits)


def test_training_never_drops_all_that_a_face_has():
    gone = torch.zeros(500, 2, 1, dtype=torch.bool)
    gone[:, 1] = True
    dropped = drop_some(gone)
    assert not dropped.all(dim=(1, 2)).any()
    assert not drop_some(torch.zeros(500, 2, 1, dtype=torch.bool)).all(dim=(1, 2)).any()


def test_scaling_of_sided_modalities_keeps_the_sign(net):
    token = net.tokens[1]
    x = torch.randn(5, 145)
    both = (token._split(x) - token.mean) / token.scale
    flipped = (token._split(-x) - token.mean) / token.scale
    assert torch.allclose(both[:, :145], flipped[:, :145])
    assert torch.allclose(both[:, 145:], -flipped[:, 145:])


def test_context_stays_within_the_clip_and_the_second():
    samples = pd.DataFrame(
        {
            "video": ["a"] * 20 + ["b"] * 3 + ["still"],
            "time_s": [*np.arange(20) / 6, 0.0, 1 / 6, 2.0, np.nan],
        }
    )
    rows = context(samples)
    assert rows.shape == (24, 2 * STEPS + 1)
    assert (rows[:, STEPS] == np.arange(24)).all()
    video, time = samples["video"].to_numpy(), samples["time_s"].to_numpy()
    for i, j in np.argwhere(rows >= 0):
        assert video[rows[i, j]] == video[i]
        assert j == STEPS or abs(time[rows[i, j]] - time[i]) <= 1.06
    assert (rows[10] >= 0).all()
    assert (rows[20] >= 0).sum() == 2  # the third frame of b is too far away
    assert (rows[23] >= 0).sum() == 1
    gathered = with_context(np.arange(48.0).reshape(24, 2), rows)
    assert gathered.shape == (24, 13, 2)
    assert (np.isnan(gathered).any(-1) == (rows < 0)).all()
    assert (gathered[10, STEPS] == [20, 21]).all()


def test_build_sees_whether_there_is_context():
    plain = {"expressions": np.zeros((5, 52)), "coordinates": np.zeros((5, 125, 2))}
    assert build_attention(plain, 1).members[0].frames == 1
    rows = np.zeros((5, 13), int)
    around = {name: with_context(array, rows) for name, array in plain.items()}
    (net,) = build_attention(around, 1).members
    assert net.frames == 13 and len(net.tokens[1].mean) == 250


def test_averaged_nets_learn_for_themselves(faces):
    """The first of three is the net that is alone where one is asked for; the answer is a mean."""
    how = PROFILES["smoke"].attention
    labels, rows = np.tile([0, 1], 10), np.arange(20)
    tokens = dict(zip(SIZES, faces, strict=True))
    nets, histories = [], []
    for n in (1, 3):
        seed_everything(0)
        nets.append(build_attention(tokens, n))
        nets[-1].fit(faces)
        histories.append(train_members(nets[-1], faces, labels, rows, how, CPU, 0, None, None))
    alone, three = nets
    each = [predict_with_attention(net, faces, rows, CPU) for net in three.members]
    logits, attention = predict_with_attention(three, faces, rows, CPU)
    assert torch.allclose(logits, torch.stack([answer for answer, _ in each]).mean(0), atol=1e-6)
    assert np.allclose(attention, np.mean([a for _, a in each], 0), atol=1e-6)
    assert torch.equal(predict_with_attention(alone, faces, rows, CPU)[0], each[0][0])
    assert not torch.allclose(each[0][0], each[1][0], atol=1e-2)
    assert list(histories[1]["epoch"]) == list(histories[0]["epoch"])


def test_mirroring_a_modality_twice_gives_it_back(small_template):
    for name, modality in MODALITIES.items():
        array = np.array(load_modality(small_template, name, 32))
        mirrored = modality.mirror(array)
        assert np.allclose(modality.mirror(mirrored), array) and not np.allclose(mirrored, array)
        assert mirrored.dtype == array.dtype
        assert len(array) == len(load_samples(load_cohort(small_template)))
