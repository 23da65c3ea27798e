"""The site and the slides in a real browser: on screens and phones, light and dark, offline."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import execute
import pytest
import slides
from conftest import PROJECT
from test_words import PAGES

pytestmark = pytest.mark.browser
BeautifulSoup = pytest.importorskip("bs4").BeautifulSoup
FITS = "({scrollHeight: h, clientHeight: H, scrollWidth: w, clientWidth: W}) => h <= H && w <= W"


@pytest.fixture(scope="module")
def pages(beyond, landmarker_file, tmp_path_factory) -> dict[str, Path]:
    """Every page and the deck of a site made from the small run, by name."""
    pytest.importorskip("furo", reason="pip install '.[site]'")
    folder = tmp_path_factory.mktemp("web") / "site"
    assert not execute.write_pages(cohort=beyond / "small", profile="smoke")
    executed = beyond / "small" / "runs" / "pages"
    command = [sys.executable, "-m", "sphinx", "-qE", "-c", "notebooks/pages", "-d"]
    command += [folder.with_name("doctrees"), "-D", f"executed={executed}", ".", folder]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert not done.stderr, "a link or a picture leads nowhere"
    shutil.copy(folder / "README.html", folder / "index.html")
    slides.write_slides(folder / "slides", executed)
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.html")}


@pytest.fixture
def open_page(browser, pages):
    """A function that opens a page, and complains of errors and of requests to other hosts."""
    opened, requests, complaints = [], [], []

    def open_one(name, width=1200, scheme="light", height=800):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.on("request", lambda request: requests.append(request.url))
        context.on("console", lambda message: complaints.append(f"{name}: {message.text}"))
        context.on("weberror", lambda error: complaints.append(f"{name}: {error.error}"))
        page = context.new_page()
        page.goto(pages[name].as_uri())
        opened.append(context)
        return page

    yield open_one
    for context in opened:
        context.close()
    assert not complaints
    assert not [url for url in requests if not url.startswith(("file:", "data:", "about:"))]


def test_every_notebook_and_text_has_a_page_without_paths_of_this_machine(pages):
    texts = [path.relative_to(PROJECT).with_suffix("") for path in PAGES]
    for name in (*texts, *(f"notebooks/{name}" for name in execute.EVERY), "search"):
        assert str(PROJECT) not in pages[f"{name}.html"].read_text()


def test_every_link_and_anchor_leads_somewhere(pages):
    trees = {path: BeautifulSoup(path.read_text(), "html.parser") for path in pages.values()}
    anchors = {path: {tag["id"] for tag in tree.select("[id]")} for path, tree in trees.items()}
    for path, tree in trees.items():
        for tag in tree.select("a[href], img[src], link[href], script[src]"):
            target, _, anchor = (tag.get("href") or tag["src"]).partition("#")
            if target.startswith(("https:", "http:", "data:")):
                assert tag.name == "a" or target.startswith("data:"), tag
                continue
            file = (path.parent / unquote(target.partition("?")[0])).resolve() if target else path
            assert file.is_file(), f"{path.name}: {tag}"
            place = unquote(anchor).removeprefix("/")  # `#/place` is a slide
            assert not anchor or place in anchors[file], f"{path.name}: {tag}"
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
        colours = "(({color, backgroundColor}) => [color, backgroundColor])"
        colours += "(getComputedStyle(document.body))"
        light, dark = (open_page(name, scheme=s).evaluate(colours) for s in ("light", "dark"))
        assert light[0] != dark[0] and light[1] != dark[1]


def test_search_finds_a_heading_and_leads_there(open_page):
    page = open_page("index.html")
    page.keyboard.press("/")
    page.keyboard.type("who is hard")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.click()
    page.wait_for_url("**/notebooks/06_results_table.html#step-5-who-is-hard")
    assert page.locator("#step-5-who-is-hard").is_visible()
    page.locator("input[name=q]").fill("zzzz")
    page.keyboard.press("Enter")
    page.get_by_text("did not match any documents").wait_for()


def test_contents_fold_on_a_phone_and_solutions_stay_closed(open_page):
    name = "notebooks/03_single_modality.html"
    narrow, wide = open_page(name, 360), open_page(name, 1300)
    step, all_pages = narrow.locator(".toc-tree a", has_text="Step 6"), ".sidebar-tree"
    assert wide.locator(all_pages).is_visible() and wide.locator(".toc-tree").is_visible()
    assert narrow.locator(all_pages).bounding_box()["x"] < 0 < step.bounding_box()["x"] - 350
    narrow.locator("label.toc-header-icon").click()
    step.click()
    narrow.wait_for_url("**/03_single_modality.html#step-6-train")
    narrow.locator("label.toc-header-icon").click()  # it is not covered
    solution = wide.locator("details", has_text="Solution").first
    assert solution.is_visible() and wide.locator("details[open]").count() == 0
    assert not solution.locator("pre").is_visible()


def test_keys_turn_the_slides_and_show_the_notes(open_page):
    page = open_page("slides/index.html", 1280, height=720)
    number = page.locator(".slide-number")
    assert re.fullmatch(r"1\s*/\s*\d+", number.inner_text())
    page.keyboard.press("ArrowRight")
    number.filter(has_text=re.compile(r"^\s*2\s*/")).wait_for()
    notes = page.locator(".speaker-notes")
    assert not notes.is_visible()
    page.keyboard.press("n")
    notes.get_by_text("You need").wait_for()
    page.keyboard.press("n")
    assert not notes.is_visible()
    page.keyboard.press("Escape")
    page.locator(".reveal.overview").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    page.get_by_role("link", name="05").click()
    page.get_by_role("heading", name="05 · Late fusion").wait_for()
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    opened.value.locator(".speaker-controls-notes").get_by_text("You need").wait_for()


def test_no_slide_is_cut_off(open_page):
    page = open_page("slides/index.html", 1280, height=720)
    cut_off = []
    for _ in range(page.evaluate("Reveal.getTotalSlides()")):
        slide = page.locator("section.present:not(.stack)")
        if not slide.evaluate(FITS):
            cut_off.append(slide.inner_text())
        page.evaluate("Reveal.availableRoutes().down ? Reveal.down() : Reveal.right()")
    assert not cut_off
    assert page.evaluate("Reveal.isLastSlide()")
