"""The way to add a modality in CONTRIBUTING.md, tried by doing it, in grouped folds."""

import os
import re
import shutil
import subprocess
import sys

import pandas as pd
from conftest import PROJECT


def test_a_modality_is_one_entry(small, tmp_path):
    diff = re.search(r"```diff\n(.*?)```", (PROJECT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
    added = [line for line in diff.splitlines() if re.match(r"\+(?!\+\+ )", line)]
    assert 0 < len(added) <= 10 and diff.count("\n@@ ") == 2  # and one of its model
    copy = tmp_path / "copy"
    for name in ("palsy_utils", "notebooks"):
        shutil.copytree(PROJECT / name, copy / name)
    apply = ["git", "apply", "--directory", str(copy.relative_to("/")), "--unsafe-paths"]
    subprocess.run([*apply, "-"], input=diff, text=True, check=True, cwd="/")
    command = [sys.executable, "-m", "palsy_utils", "run", "--cohort", small]
    command += ["--profile", "smoke", "--models", "sums-fnn", "--figures", tmp_path / "figures"]
    command += ["--folds", "2"]
    changed = os.environ | {"PYTHONPATH": str(copy)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=copy, env=changed, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    table = pd.read_csv(tmp_path / "figures" / "small" / "smoke-folds-2" / "table_1.csv").set_index(
        "model"
    )
    assert table.loc["sums-fnn", "auroc"] >= 0
    folds = (small / "runs" / "smoke" / "sums-fnn").glob("*/predictions.csv")
    assert sorted(path.parent.name for path in folds) == ["fold-1-of-2", "fold-2-of-2"]
