"""The report in a real browser: it asks no host for anything, and fits phones, light and dark."""

import shutil

import pytest
from click.testing import CliRunner

from palsy_utils.cli import main

NAME = "<b onmouseover=alert(1)>clip"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report_file(small_template, landmarker_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    clip = shutil.copy(small_template / "clips" / "p01-1.mp4", folder / f"{NAME}.mp4")
    fit = f"fit --cohort {small_template} --profile smoke --model attention-fusion-structured"
    model = folder / "net.pt"
    for command in (
        [*fit.split(), "--output", str(model)],
        ["predict", str(clip), "--model", str(model), "--output", str(folder / "out")],
    ):
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    return folder / "out" / f"{NAME}.mp4.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_report_opens_without_a_request_and_fits(browser, report_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report_file.as_uri())
    page.wait_for_load_state("networkidle")
    assert [url for url in requests if not url.startswith("data:")] == [report_file.as_uri()]
    assert not complaints
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").inner_text() == f"What a model says of {NAME}.mp4"
    assert page.locator("[onmouseover]").count() == 0
    shown = page.evaluate("[...document.images].map(image => image.naturalWidth > 100)")
    assert shown == [True]
    assert page.locator("svg").bounding_box()["height"] > 100
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    dark = {"dark": ("rgb(22, 24, 27)", "rgb(237, 237, 237)")}
    assert (background, ink) == dark.get(scheme, ("rgb(255, 255, 255)", "rgb(27, 27, 27)"))
    page.close()
