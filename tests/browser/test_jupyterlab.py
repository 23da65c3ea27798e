"""Every notebook in a real JupyterLab: run all, find no error, all its figures and tables."""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import papermill
import pytest
from conftest import PROJECT
from helpers import small_parameters

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
TOKEN = "only-for-this-test"
RUN_ALL = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  const well = await app.commands.execute('notebook:run-all-cells');
  return [well, panel.context.model.toJSON()];
}"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def lab(beyond, tmp_path_factory):
    """A JupyterLab on this machine: its address, and the folder that it shows."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    shutil.copytree(PROJECT / "figures", folder / "figures")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", f"--IdentityProvider.token={TOKEN}", "--ServerApp.port_retries=0"]
    command += ["--LabApp.extension_manager=readonly", "--LabApp.expose_app_in_browser=True"]
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(folder / ".jupyter")}
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{address}/api", timeout=5)
            break
        except OSError:
            time.sleep(0.25)
    yield address, folder
    server.terminate()
    server.wait(30)


def prepare(path: Path, folder: Path, cohort: Path) -> None:
    """Copy a notebook with the parameters of a small run in it, as papermill puts them there."""
    given = small_parameters(path, cohort, folder)
    papermill.execute_notebook(
        str(path), str(folder / "notebooks" / path.name), given, prepare_only=True
    )


def ends_in_a_table(source: str) -> bool:
    """Say whether a cell ends in a table to be shown: a name, a part, or what pandas gave."""
    *_, last = ast.parse(source).body
    value = last.value if isinstance(last, ast.Expr) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        return value.func.attr in ("round", "head", "agg", "merge", "set_properties")
    return isinstance(value, ast.Name | ast.Subscript)


def run_all(path: Path, lab: tuple, browser, cohort: Path):
    """Open a notebook, run all of it; return its page, whether all went well, and its content."""
    address, folder = lab
    prepare(path, folder, cohort)
    page = browser.new_page(viewport={"width": 1400, "height": 2400})
    page.set_default_timeout(300_000)
    page.goto(f"{address}/lab/tree/notebooks/{path.name}?token={TOKEN}&reset")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.sessionContext !== undefined")
    return page, *page.evaluate(RUN_ALL)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_gives_every_figure_and_table_and_no_error(path, lab, browser, beyond):
    page, well, notebook = run_all(path, lab, browser, beyond / "small")
    page.wait_for_load_state("networkidle")
    whole = page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    pictures = Path(os.environ.get("PALSY_SCREENSHOTS", lab[1] / "screenshots"))
    page.screenshot(path=pictures / f"{path.stem}.png")
    page.close()
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    errors = [output for output in outputs if output["output_type"] == "error"]
    assert well and not errors, json.dumps(errors)[:2000]
    for cell in cells:
        source = "".join(cell["source"])
        drawn = [out for out in cell["outputs"] if "image/png" in out.get("data", {})]
        assert drawn or not ("plt.show()" in source or "save_figure(" in source), source
        shown = [out for out in cell["outputs"] if "text/html" in out.get("data", {})]
        assert shown or not source or not ends_in_a_table(source), source
        assert cell["execution_count"] or not source
    assert whole, "a picture in the text is missing"


def test_a_slider_changes_the_picture(lab, browser, landmarker_file):
    page, well, _ = run_all(
        PROJECT / "notebooks" / "13_a_face_on_sliders.ipynb", lab, browser, lab[1]
    )
    assert well
    picture = page.locator("img.widget-image")
    picture.scroll_into_view_if_needed()
    before = picture.get_attribute("src")
    page.locator(".widget-slider .noUi-handle").first.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('img.widget-image').src !== before", arg=before
    )
    page.close()
