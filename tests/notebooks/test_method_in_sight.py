"""The notebooks show the method: nets, split, loop and fusions are defined or shown in them."""

import re

import nbformat
import numpy as np
import pytest
import torch
from conftest import PROJECT
from helpers import functions_of

from palsy_utils.learning import attention, nets, training
from palsy_utils.teaching import show

NOTEBOOKS = PROJECT / "notebooks"


def code_of(name: str) -> str:
    """All code of a notebook."""
    (path,) = NOTEBOOKS.glob(f"{name}_*.ipynb")
    cells = nbformat.read(path, 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("03", "is_out = .*isin\\(one.held_out\\)"),  # the split
        ("03", "fit_scaling\\(net, inputs, train_rows\\)"),
        ("04", "torch.cat\\(parts, 1\\)"),
        ("04", "def build_fusion\\("),
        ("05", "\\(first \\+ second\\) / 2"),
        ("08", "def choose_pair\\("),
    ],
)
def test_a_step_of_the_method_is_in_sight(name, seen):
    assert re.search(seen, code_of(name)), f"notebook {name} does not show {seen}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("03", nets.build_fnn),
        ("03", nets.build_image_net),
        ("03", nets.TwoImages),
        ("03", nets.Standardise),
        ("03", training.train),
        ("07", attention.Token),
        ("07", attention.AttentionFusion),
        ("07", attention.train_members),
    ],
)
def test_the_source_of_what_runs_is_shown(name, shown):
    calls = ",".join(re.findall(r"show\(([^)]*)\)", code_of(name)))
    assert shown.__name__ in re.split(r"[, ]+", calls), f"{name} does not show {shown.__name__}"


def test_shown_and_defined_nets_give_the_logits_of_the_ones_that_run():
    again = dict(vars(nets))
    exec(show(nets.build_fnn).data, again)
    x = torch.randn(5, 52)
    training.seed_everything(0)
    ours = nets.build_fnn("expressions").eval()
    theirs = again["build_fnn"]("expressions").eval()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(x), theirs(x))
    fusion = functions_of(next(NOTEBOOKS.glob("04_*.ipynb"))).build_fusion(522).eval()
    assert fusion(torch.from_numpy(np.zeros((3, 522), np.float32))).shape == (3, 2)
