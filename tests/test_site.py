"""The site and the slides, without a browser; tests/browser/test_site_in_browser.py opens them."""

import base64
import os
import shutil

import nbformat
import pytest
from conftest import PROJECT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from palsy_utils import markup, pages, site, slides
from palsy_utils.files import PalsyError

DOT = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)
NOTEBOOKS = PROJECT / "notebooks"


def drawn(metadata=None):
    outputs = [new_output("display_data", {"image/png": DOT}) for _ in range(2)]
    return new_code_cell("draw()", metadata=metadata or {}, outputs=outputs)


def tagged(cell, kind):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


@pytest.mark.parametrize(
    ("block", "short"),
    [
        ("One. Two.", "One."),
        ("Made of 0.5 parts. And more.", "Made of 0.5 parts."),
        ("**Bold words.** More.", "**Bold words.**"),
        ("Half *bold. More* here.", "Half *bold. More* here."),
        ("- a list. It stays.", "- a list. It stays."),
        ("| a. table | b |", "| a. table | b |"),
        ("## A heading. Whole", "## A heading. Whole"),
        ("no full stop", "no full stop"),
        ("(An aside. More of it.)", ""),
    ],
)
def test_a_slide_shows_the_first_sentence_of_a_paragraph(block, short):
    assert slides.first_sentence(block) == short


def test_anchors_are_those_of_github_and_never_taken_twice():
    taken = set()
    made = [markup.slug(text, taken) for text in ("Your own data", "Step 1 · Look!", "Step 1 Look")]
    assert made == ["your-own-data", "step-1--look", "step-1-look"]
    assert markup.slug("Your own data", taken) == "your-own-data-1"


def test_every_markdown_file_and_notebook_has_a_page_of_its_own():
    files = [*pages.markdown_files(), *NOTEBOOKS.glob("*.ipynb")]
    names = [pages.page_name(path) for path in files]
    assert len(set(names)) == len(names)
    assert pages.page_name(PROJECT / "README.md") == "index.html"
    assert pages.page_name(PROJECT / "data" / "phantom" / "README.md") == "data-phantom.html"


def test_figures_are_described_by_their_cell_or_by_their_step(tmp_path):
    book = new_notebook(
        cells=[new_markdown_cell("## Step 1 · Look"), drawn(), drawn({"alt": "Two dots"})]
    )
    done = markup.with_figure_files(book, "one", tmp_path)
    texts = [o.metadata["image/png"]["alt"] for cell in done.cells[1:] for o in cell.outputs]
    assert texts[0] == "Figure of “Step 1 · Look” (1 of 2)" and texts[3] == "Two dots (2 of 2)"
    assert book.cells[1].outputs[0].metadata == {}


def test_solutions_and_checks_are_folded_and_pictures_written(tmp_path):
    cells = [
        new_markdown_cell("# One"),
        new_code_cell("answer_1 = 1", metadata={"tags": ["solution"]}),
        new_code_cell("check(answer_1 == 1)", metadata={"tags": ["check"]}),
        drawn(),
    ]
    body = markup.notebook_body(new_notebook(cells=cells), "one", tmp_path)
    folded = [details.get_text() for details in body.find_all("details")]
    assert len(folded) == 2 and "answer_1 = 1" in folded[0] and "check" in folded[1]
    assert not any("open" in details.attrs for details in body.find_all("details"))
    sources = [image["src"] for image in body.find_all("img")]
    assert len(set(sources)) == 2 and all((tmp_path / source).exists() for source in sources)


def test_links_lead_to_pages_and_links_to_other_files_become_text(tmp_path):
    text = "[a](notebooks/03_x.ipynb#step) [b](Makefile) [c](https://example.org) `03_x`"
    body = markup.soup(f"<h1>T</h1>{markup.markdown2html(text)}<table><tr><td>1</td></tr></table>")
    names = {PROJECT / "notebooks" / "03_x.ipynb": "03_x.html"}
    markup.finish(body, PROJECT / "README.md", names, tmp_path)
    links = [link["href"] for link in body.find_all("a")]
    assert links == ["03_x.html#step", "https://example.org", "03_x.html"]
    assert "b" in body.get_text() and body.table.parent["class"] == ["scroll"]


def test_headings_in_outputs_are_no_steps_of_the_page(tmp_path):
    body = markup.soup("<h1>T</h1><div class='outputs'><h2>Card</h2></div>")
    markup.finish(body, PROJECT / "README.md", {}, tmp_path)
    assert body.h4.text == "Card" and not body.find("h2")


def test_a_missing_picture_is_named(tmp_path):
    body = markup.soup("<img src='figures/nowhere.png'>")
    with pytest.raises(PalsyError, match=r"README.md shows figures/nowhere.png, which is missing"):
        markup.finish(body, PROJECT / "README.md", {}, tmp_path)


def test_a_deck_is_made_from_the_slide_types(tmp_path):
    cells = [
        tagged(new_markdown_cell("# Title\n\nFirst. Second."), "slide"),
        tagged(new_markdown_cell("left out"), "skip"),
        tagged(new_markdown_cell("comes later"), "fragment"),
        tagged(new_markdown_cell("## Two"), "subslide"),
        tagged(drawn(), "-"),
        tagged(new_markdown_cell("said aloud"), "notes"),
    ]
    deck = slides.deck(new_notebook(cells=cells), "one", tmp_path)
    assert [slide["class"] for slide in deck] == [["slide"], ["subslide"]]
    assert "left out" not in str(deck[0]) and "comes later" in deck[0].find(class_="fragment").text
    assert deck[0].p.text == "First." and "Second." in deck[0].select_one(".notes").text
    assert "said aloud" in deck[1].select_one("details.notes").text
    assert deck[1].img["src"].startswith("../images/") and deck[1].select_one("details .code")


def test_pages_and_slides_show_the_same_figures(tmp_path):
    """Slides have more cells than pages, for their notes, and must not take over their figures."""
    pixels = [base64.b64encode(base64.b64decode(DOT) + bytes([i])).decode() for i in range(3)]
    cells = []
    for pixel in pixels:
        cells.append(tagged(new_markdown_cell("# Step\n\nFirst. Second."), "slide"))
        output = new_output("display_data", {"image/png": pixel})
        cells.append(tagged(new_code_cell("draw()", outputs=[output]), "-"))
    book = new_notebook(cells=cells)
    page = markup.notebook_body(book, "one", tmp_path)
    deck = slides.deck(book, "one", tmp_path)
    for i, image in enumerate(page.find_all("img")):
        assert (tmp_path / image["src"]).read_bytes() == base64.b64decode(pixels[i])
        assert deck[i].img["src"] == f"../{image['src']}"


def test_the_lecture_is_the_one_that_the_plan_names():
    books = {path.stem[:2]: nbformat.read(path, 4) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    lecture = [number for number, book in books.items() if slides.has_slides(book)]
    assert lecture == ["00", "02", "03", "04", "05", "06", "07"]
    for number in lecture:
        kinds = {slides.slide_type(cell) for cell in books[number].cells}
        assert "" not in kinds, f"notebook {number} has cells without a slide type"


@pytest.fixture
def finished(smoke, tmp_path):
    """A copy of the finished small run, which has the paper's rows alone."""
    return shutil.copytree(smoke.root, tmp_path / "small", copy_function=os.link)


def test_pages_without_results_say_why_and_nothing_is_executed_twice(
    finished, tmp_path, monkeypatch
):
    names = ("05_late_fusion", "08_weighted_late_fusion")
    before = sorted(finished.glob("runs/smoke/**/*"))
    reasons = site.write_site(tmp_path / "site", finished, "smoke", names)
    assert "is missing: train" in reasons["08_weighted_late_fusion"]
    assert "05_late_fusion" not in reasons
    assert sorted(finished.glob("runs/smoke/**/*")) == before, "the site's runs left something"
    page = markup.soup((tmp_path / "site" / "08_weighted_late_fusion.html").read_text())
    assert "--models all" in page.select_one(".note").text and not page.select(".outputs")
    page = markup.soup((tmp_path / "site" / "05_late_fusion.html").read_text())
    assert not page.select(".note") and len(page.select("main .outputs img")) == 2
    for file in (tmp_path / "site").rglob("*.html"):
        assert str(PROJECT) not in file.read_text() and ".attempt" not in file.read_text()

    def refuse(*_):
        raise AssertionError("executed again")

    monkeypatch.setattr(site, "execute_all", refuse)
    assert list(site.execute_notebooks(names[:1], finished, "smoke")[0]) == [names[0]]
    (finished / "labels.csv").write_text((finished / "labels.csv").read_text() + "\n")
    with pytest.raises(AssertionError, match="executed again"):
        site.execute_notebooks(names[:1], finished, "smoke")
