"""The site and the slides in a real browser: on screens and phones, light and dark, offline."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from bs4 import BeautifulSoup

from palsy_utils.site import write_site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(beyond, landmarker_file, tmp_path_factory) -> dict[str, Path]:
    """Every page and every deck of a site made from the small run, by name."""
    folder = tmp_path_factory.mktemp("web") / "site"
    reasons = write_site(folder, beyond / "small", "smoke")
    assert not reasons
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.html")}


@pytest.fixture
def open_page(browser, pages):
    """A function that opens a page, and complains of errors and of requests to other hosts."""
    opened, requests, complaints = [], [], []

    def open_one(name, width=1200, scheme="light", height=800):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(f"{name}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{name}: {error}"))
        page.goto(pages[name].as_uri())
        opened.append(page)
        return page

    yield open_one
    for page in opened:
        page.close()
    assert not complaints
    assert not [url for url in requests if not url.startswith(("file:", "data:"))]


def test_every_link_and_anchor_leads_somewhere(pages):
    trees = {path: BeautifulSoup(path.read_text(), "html.parser") for path in pages.values()}
    anchors = {path: {tag["id"] for tag in tree.select("[id]")} for path, tree in trees.items()}
    for path, tree in trees.items():
        for tag in tree.select("a[href], img[src], link[href], script[src]"):
            target, _, anchor = (tag.get("href") or tag["src"]).partition("#")
            if target.startswith(("https:", "http:", "data:")):
                assert tag.name == "a" or target.startswith("data:"), tag
                continue
            file = (path.parent / unquote(target)).resolve() if target else path
            assert file.is_file(), f"{path.name}: {tag}"
            assert not anchor or unquote(anchor) in anchors[file], f"{path.name}: {tag}"
        for image in tree.find_all("img"):
            assert len(image["alt"]) > 10, f"{path.name}: {image}"


@pytest.mark.parametrize("width", [360, 1200])
def test_every_page_fits_and_shows_its_pictures(pages, open_page, width):
    for name in pages:
        page = open_page(name, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        broken = "[...document.images].filter(image => !image.naturalWidth).map(i => i.src)"
        assert page.evaluate(broken) == [], name
        page.close()


def test_light_and_dark_differ_in_every_style(open_page):
    for name in ("index.html", "slides/index.html"):
        shots = [open_page(name, scheme=scheme).screenshot() for scheme in ("light", "dark")]
        colours = "(({color, backgroundColor}) => [color, backgroundColor])"
        colours += "(getComputedStyle(document.body))"
        light, dark = (open_page(name, scheme=s).evaluate(colours) for s in ("light", "dark"))
        assert shots[0] != shots[1] and light[0] != dark[0] and light[1] != dark[1]


def test_search_finds_a_heading_and_leads_there(open_page):
    page = open_page("index.html")
    page.keyboard.press("/")
    page.keyboard.type("who is hard")
    page.locator("#found a").first.click()
    page.wait_for_url("**/06_results_table.html#step-4--who-is-hard")
    assert page.locator("#step-4--who-is-hard").is_visible()
    page.locator("#search").fill("zzzz")
    assert page.locator("#found").inner_text() == "Nothing found."


def test_contents_fold_on_a_phone_and_solutions_stay_closed(open_page):
    narrow, wide = open_page("03_single_modality.html", 360), open_page("03_single_modality.html")
    assert not narrow.locator("nav").is_visible() and wide.locator("nav").is_visible()
    narrow.locator("#contents > summary").click()
    narrow.locator("nav a", has_text="Step 5").click()
    narrow.wait_for_url("**/03_single_modality.html#step-5--train")
    assert not narrow.locator("nav").is_visible()
    assert wide.locator("details.folded[open]").count() == 0


def test_keys_turn_the_slides_and_show_the_notes(open_page):
    page = open_page("slides/03_single_modality.html", 1280, height=720)
    assert page.locator("#count").inner_text().startswith("1 / ")
    page.keyboard.press("ArrowRight")
    # Not wait_for_function: it evaluates, which the page's own policy forbids.
    page.locator("#count", has_text=re.compile(r"^2 /")).wait_for()
    assert not page.locator(".notes").nth(1).is_visible()
    page.keyboard.press("n")
    assert page.locator("section:nth-of-type(2) .notes").first.is_visible()
    page.keyboard.press("End")
    page.locator("#count", has_text=re.compile(r"^(.+) . \1$")).wait_for()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/slides/04_early_fusion.html")
    page.keyboard.press("Escape")
    page.wait_for_url("**/slides/index.html")


def test_pictures_for_a_look(open_page):
    """Written where PALSY_SCREENSHOTS says; a person looks at them."""
    folder = os.environ.get("PALSY_SCREENSHOTS")
    if not folder:
        pytest.skip("PALSY_SCREENSHOTS names no folder")
    for name in ("index", "03_single_modality", "slides/index", "slides/03_single_modality"):
        for width in (360, 1200):
            for scheme in ("light", "dark"):
                page = open_page(f"{name}.html", width, scheme)
                file = f"{name.replace('/', '-')}-{width}-{scheme}.png"
                page.screenshot(path=Path(folder) / file)
