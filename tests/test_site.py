"""The site and the slides, without a browser; tests/browser/test_site_in_browser.py opens them."""

import os
import re
import shutil

import execute
import nbformat
import pytest
import slides
from conftest import PROJECT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

DOT = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


def tagged(cell, kind):
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def test_a_slide_shows_the_first_sentence_of_a_paragraph():
    for block, short in (
        ("Made of 0.5 parts. And more.", "Made of 0.5 parts."),
        ("**Bold words.** More.", "**Bold words.**"),
        ("(An aside. More of it.)", ""),
    ):
        assert slides.first_sentence(block) == short
    for whole in ("Half *bold. More* here.", "- a list. It stays.", "| a. table | b |", "no stop"):
        assert slides.first_sentence(whole) == whole


def test_notes_hold_what_a_slide_leaves_out():
    text = (
        "Of the step before.\n\n## Step 2\n\nOne, as [05](05.ipynb) says. Two. ![a face](../a.png)"
    )
    shown, notes = slides.shorten(new_notebook(cells=[tagged(new_markdown_cell(text), "slide")]))
    assert shown.source == "## Step 2\n\nOne, as 05 says."
    assert notes.metadata.slideshow.slide_type == "notes"
    assert notes.source.startswith("Of the step") and notes.source.endswith("Two. ![a face](a.png)")


def test_the_lecture_is_the_one_that_the_plan_names():
    """All of it has slides but notebook 12, on leakage, which is shown live."""
    text = (PROJECT / "notebooks" / "README.md").read_text()
    plan = text[text.index("## One lecture (90 minutes)") : text.index("## Half a day")]
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", plan, re.MULTILINE)
    assert sum(int(minutes) for minutes, _ in rows) == 90
    named = re.findall(r"\b\d\d\b", " ".join(notebooks for _, notebooks in rows))
    assert sorted([name[:2] for name in slides.LECTURE] + ["12"]) == sorted(named)
    for name in slides.LECTURE:
        for cell in nbformat.read(PROJECT / "notebooks" / f"{name}.ipynb", 4).cells:
            kind = cell.metadata.slideshow.slide_type
            assert kind == "skip" or not cell.metadata.get("tags"), f"{name}: {cell.source}"


def test_a_deck_is_made_from_the_slide_types(tmp_path, monkeypatch):
    outputs = [new_output("display_data", {"image/png": DOT})]
    drawing = new_code_cell("draw()", metadata={"alt": 'A "dot" of one pixel'}, outputs=outputs)
    plot = "## Two\n\n![a plot](../figures/phantom/roc_curves.png)"
    cells = [
        tagged(new_markdown_cell("# 00 · Title\n\nFirst. Second."), "slide"),
        tagged(new_markdown_cell("left out"), "skip"),
        tagged(new_markdown_cell("comes later"), "fragment"),
        tagged(new_markdown_cell(plot), "subslide"),
        tagged(drawing, "-"),
        tagged(new_markdown_cell("said aloud"), "notes"),
        tagged(new_code_cell("x = 1"), "slide"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "00_one.ipynb")
    monkeypatch.setattr(slides, "LECTURE", ["00_one"])
    slides.write_slides(tmp_path / "slides", tmp_path)
    deck = (tmp_path / "slides" / "index.html").read_text()
    _, cover, title, drawn, code = deck.replace("<section><section", "<section").split("<section")
    assert "<h1>The lecture</h1>" in cover and ">00 · Title</a>" in cover
    shown, notes = title.split('<aside class="notes">')
    assert "First." in shown and "Second." not in shown and "Second." in notes
    assert "left out" not in deck and '<div class="fragment"' in title
    assert drawn.count('src="data:image/png;base64') == 2 and "<summary>code</summary>" in drawn
    assert "dot&quot; of one pixel" in drawn or "alt='A \"dot\" of one pixel'" in drawn
    assert "said aloud" in drawn.split('<aside class="notes">')[1]
    assert "<summary>" not in code
    for file in ("slides.css", "reveal/dist/reveal.js", "reveal/LICENSE"):
        assert (tmp_path / "slides" / file).is_file()


@pytest.fixture
def finished(smoke, tmp_path):
    """A copy of the finished small run, which has the paper's rows alone."""
    return shutil.copytree(smoke.root, tmp_path / "small", copy_function=os.link)


def test_pages_without_results_say_why_and_nothing_is_executed_twice(finished, monkeypatch):
    names = ["05_late_fusion", "08_weighted_late_fusion"]
    before = sorted(finished.glob("runs/smoke/**/*"))
    reasons = execute.write_pages(names, finished, "smoke")
    assert "is missing: train" in reasons["08_weighted_late_fusion"]
    assert "05_late_fusion" not in reasons
    assert sorted(finished.glob("runs/smoke/**/*")) == before, "the site's runs left something"
    assert not (finished / "runs" / "pages" / "written").exists()
    pages = {name: (finished / "runs" / "pages" / f"{name}.ipynb") for name in names}
    assert not any(str(PROJECT) in path.read_text() for path in pages.values())
    cells = nbformat.read(pages["08_weighted_late_fusion"], 4).cells
    told = cells[1].source
    assert reasons["08_weighted_late_fusion"] in told and "--models all" in told
    assert not any(cell.get("outputs") for cell in cells)
    cells = nbformat.read(pages["05_late_fusion"], 4).cells
    drawn = [cell for cell in cells if "image/png" in str(cell.get("outputs"))]
    assert len(drawn) == 3 and all(cell.metadata.mystnb.image.alt for cell in drawn)
    folded = [cell for cell in cells if "hide-input" in cell.metadata.get("tags", [])]
    assert {cell.metadata.mystnb.code_prompt_show for cell in folded} == {"Solution", "Check"}

    def refuse(*_):
        raise AssertionError("executed again")

    monkeypatch.setattr(execute, "execute_all", refuse)
    assert execute.write_pages(names[:1], finished, "smoke") == {}
    labels = finished / "labels.csv"
    text = labels.read_text()
    labels.unlink()  # it is a hard link
    labels.write_text(f"{text}\n")
    with pytest.raises(AssertionError, match="executed again"):
        execute.write_pages(names[:1], finished, "smoke")


def test_in_place_of_sliders_a_sentence_stands():
    view = new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}})
    assert "JupyterLab" in execute._in_place_of_a_control(view).data["text/markdown"]
