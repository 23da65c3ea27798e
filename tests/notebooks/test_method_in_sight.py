"""The notebooks show the method: nets, split, loop and fusions are defined or shown in them."""

import re

import nbformat
import torch
from conftest import PROJECT

from palsy_utils.learning import attention, nets, training
from palsy_utils.teaching import show

NOTEBOOKS = PROJECT / "notebooks"


def code_of(name: str) -> str:
    """All code of a notebook."""
    (path,) = NOTEBOOKS.glob(f"{name}_*.ipynb")
    cells = nbformat.read(path, 4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")


SEEN = {  # notebook: what stands in its code, and what it shows of the module
    "03": ["is_out = .*isin\\(one.held_out\\)", "fit_scaling\\(net, inputs, train_rows\\)"],
    "04": ["torch.cat\\(parts, 1\\)", "def build_fusion\\("],
    "05": ["\\(first \\+ second\\) / 2"],
    "08": ["def choose_pair\\("],
}
SHOWN = {
    "03": [nets.build_fnn, nets.build_image_net, nets.TwoImages, nets.Standardise, training.train],
    "07": [attention.Token, attention.AttentionFusion, attention.train_members],
}


def test_the_steps_of_the_method_are_in_sight_and_what_runs_is_shown():
    for name, patterns in SEEN.items():
        for seen in patterns:
            assert re.search(seen, code_of(name)), f"notebook {name} does not show {seen}"
    for name, parts in SHOWN.items():
        calls = ",".join(re.findall(r"show\(([^)]*)\)", code_of(name)))
        missing = {part.__name__ for part in parts} - {*re.split(r"[, ]+", calls)}
        assert not missing, f"{name} does not show {missing}"


def test_shown_and_defined_nets_give_the_logits_of_the_ones_that_run():
    again = dict(vars(nets))
    exec(show(nets.build_fnn).data, again)
    x = torch.randn(5, 52)
    training.seed_everything(0)
    ours = nets.build_fnn("expressions").eval()
    theirs = again["build_fnn"]("expressions").eval()
    theirs.load_state_dict(ours.state_dict())
    assert torch.equal(ours(x), theirs(x))
