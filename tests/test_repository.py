"""What must hold of the repository itself: its notebooks, and what readers meet."""

import ast
import io
import json
import re
import shutil
import subprocess
import tarfile
import tomllib
from collections import Counter
from itertools import chain, pairwise
from statistics import median

import pandas as pd
import papermill
import pytest
import tables
from conftest import PROJECT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from test_words import PAGES

from palsy_utils.learning.experiments import MODELS

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
CONTENT = {path.stem: json.loads(path.read_text()) for path in NOTEBOOKS}


def code(name):
    return [cell for cell in CONTENT[name]["cells"] if cell["cell_type"] == "code"]


def test_they_are_numbered_without_a_gap():
    assert len(NOTEBOOKS) >= 9
    assert [path.stem[:2] for path in NOTEBOOKS] == [f"{n:02d}" for n in range(len(NOTEBOOKS))]


@pytest.mark.parametrize("name", CONTENT)
def test_no_outputs_one_parameters_cell_of_literals_headings_in_order_and_prose_around(name):
    assert CONTENT[name]["metadata"]["kernelspec"]["name"] == "python3"
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code(name))
    (parameters,) = (c for c in code(name) if "parameters" in c["metadata"].get("tags", []))
    # With the output widget of `interact`, nbclient now and then waits for ever.
    assert not [cell for cell in code(name) if "interact(" in "".join(cell["source"])]
    for line in parameters["source"]:
        assert re.fullmatch(r"\w+ = (\d+|\"[^\"]*\")", line.strip()), line
    for cell in code(name):  # the site shows `alt` to whoever cannot see the figure
        if "plt.show()" in "".join(cell["source"]) and not cell["metadata"].get("tags"):
            assert len(cell["metadata"].get("alt", "").split()) >= 4, "".join(cell["source"])
    cells = CONTENT[name]["cells"]
    assert cells[0]["cell_type"] == "markdown" and cells[-1]["cell_type"] == "markdown"
    prose = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    levels = [len(h) for text in prose for h in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels)), levels


def test_what_a_notebook_defines_is_short_and_used_there_alone():
    trees = {name: [ast.parse("".join(c["source"])) for c in code(name)] for name in CONTENT}
    trees |= {p: [ast.parse(p.read_text())] for p in PROJECT.glob("palsy_utils/**/*.py")}
    definition = (ast.FunctionDef, ast.ClassDef)
    defined = {
        k: [n for t in v for n in t.body if isinstance(n, definition)] for k, v in trees.items()
    }
    places = Counter(node.name for nodes in defined.values() for node in nodes)
    checked = set(re.findall(r"\w+", (MODULE / "exercises.toml").read_text()))
    for name in CONTENT:
        used = {n.id for t in trees[name] for n in ast.walk(t) if isinstance(n, ast.Name)}
        for node in defined[name]:
            lines = node.end_lineno - node.lineno + 1
            assert lines <= 25, f"{name}: {node.name} has {lines} lines"
            assert node.name in used | checked, f"{name}: nothing uses {node.name}"
            assert places[node.name] == 1, f"{name}: {node.name} stands elsewhere too"


def test_cells_are_short_and_most_come_directly_after_prose():
    """A check belongs to the solution above it and is not counted."""
    lengths = [len("".join(cell["source"]).splitlines()) for name in CONTENT for cell in code(name)]
    assert median(lengths) <= 6 and max(lengths) <= 30
    assert sum(n <= 15 for n in lengths) >= 0.9 * len(lengths)
    pairs = [pair for content in CONTENT.values() for pair in pairwise(content["cells"])]
    after = [
        first["cell_type"]
        for first, second in pairs
        if second["cell_type"] == "code" and "check" not in second["metadata"].get("tags", [])
    ]
    assert after.count("markdown") >= 0.85 * len(after)


def test_every_model_has_its_notebook_with_the_parameters_of_the_batch():
    wanted = {"cohort", "profile", "model", "fold", "folds", "seed", "device", "output"}
    for model in MODELS.values():
        path = PROJECT / "notebooks" / f"{model.notebook}.ipynb"
        assert set(papermill.inspect_notebook(str(path))) == wanted


MODULE = PROJECT / "palsy_utils"
# Each wing imports only from wings before it.
WINGS = ("cohort", "faces", "learning", "runs", "evidence", "clip")
GROUND = ("files", "stamps", "downloads", "teaching")  # import no wing
# What the module has at most; the painter of the synthetic cohort has its own.
MOST_LINES, MOST_OF_PHANTOM, MOST_FILES, MOST_FLAT = 4_795, 1_200, 55, 10


def imports_of(path):
    """The wings and flat files of palsy_utils from which a file imports."""
    nodes = ast.walk(ast.parse(path.read_text()))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[1] for name in names if name.startswith("palsy_utils.")}


def test_module_stays_thin():
    lines = {p.relative_to(MODULE): p.read_text().count("\n") for p in MODULE.rglob("*.py")}
    painter = sum(n for path, n in lines.items() if path.parts[0] == "phantom")
    assert max(lines.values()) <= 250, lines
    assert sum(lines.values()) - painter <= MOST_LINES and painter <= MOST_OF_PHANTOM
    assert len(lines) <= MOST_FILES
    assert sum(len(path.parts) == 1 for path in lines) <= MOST_FLAT


def test_imports_between_wings_run_one_way():
    for path in MODULE.rglob("*.py"):
        place, used = path.relative_to(MODULE), imports_of(path)
        wing = place.parts[0].removesuffix(".py")
        assert "cli" not in used or wing == "__main__", place
        if wing in GROUND:
            assert not used.intersection((*WINGS, "phantom")), place
        elif wing == "phantom":
            assert used <= {"phantom", "files"}, place
        elif wing in WINGS:
            later = WINGS[WINGS.index(wing) + 1 :] + ("phantom",)
            assert not used.intersection(later), f"{place} imports {used.intersection(later)}"


def test_every_dependency_is_there_in_the_version_that_was_tested():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = map(Requirement, [*project["dependencies"], *chain(*extras)])
    lines = (PROJECT / "tests" / "constraints.txt").read_text().split()
    tested = {canonicalize_name(name): v for name, v in (line.split("==") for line in lines)}
    for requirement in wanted:
        assert requirement.specifier.contains(tested[canonicalize_name(requirement.name)])
    assert tested["mediapipe"] in SpecifierSet("<0.10.35"), "later ones send metrics"


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_a_moved_folder_is_told_in_one_sentence(tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "installed").write_text("/another/place\n")
    command = ["make", "--no-print-directory", "-f", PROJECT / "Makefile", "unmoved"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode and done.stdout.startswith("This folder was /another/place, and .venv")
    assert done.stdout.count("\n") == 1


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """The figures as committed: a run on another processor may change a result's last digits."""
    archive = subprocess.check_output(["git", "archive", "HEAD", "figures"], cwd=PROJECT)
    with tarfile.open(fileobj=io.BytesIO(archive)) as figures:
        figures.extractall(tmp_path, filter="data")
    monkeypatch.setattr(tables, "FIGURES", tmp_path / "figures")
    return tmp_path / "figures"


@pytest.mark.parametrize("name", tables.READMES)
def test_readmes_say_what_the_committed_results_say(name, committed):
    text = (PROJECT / name).read_text()
    assert tables.BLOCK.search(text)
    assert tables.filled(text) == text, "run `make tables`"


def test_every_committed_result_names_its_command(committed):
    table = pd.read_csv(committed / "commands.csv")
    named = set(" ".join(table["files"].dropna()).split())
    made = {str(path.relative_to(committed)) for path in committed.rglob("*.csv")}
    seeds = pd.read_csv(committed / "phantom" / "seeds.csv")
    pd.testing.assert_frame_equal(tables.over_seeds("phantom"), seeds)
    assert made - {"commands.csv"} == named and table.iloc[:, 1:].notna().all(axis=None)


def test_readme_is_short_and_no_number_that_was_measured_stands_in_its_prose():
    """Scores, shares, times and sizes come from files, and it is short (`wc -w`)."""
    whole = (PROJECT / "README.md").read_text()
    assert len(whole.split()) <= 1_000
    text = tables.BLOCK.sub("", whole)
    prose = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)
    unit = r"(?:%|[GM]B\b|(?:second|minute|hour|time)s?\b)"
    found = re.findall(rf"\b[01]\.\d\d\b(?!\.)|\b[\d.,]+ {unit}", prose)
    assert found == []


def test_every_picture_is_there_and_has_words():
    for path in (*PAGES, *NOTEBOOKS):
        for text, target in re.findall(r"!\[([^\]]*)\]\(([^)\"]*)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
            assert len(text.split()) >= 4, f"{path.name}: say in words what {target} shows"
