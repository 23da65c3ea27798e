"""Slides for the lecture: cells with a `slide_type`, as decks that work without a network.

The tags are those of nbconvert and JupyterLab. A slide shows of each paragraph its first sentence,
and the whole text in its notes; code that made a picture or a table is folded away.
"""

import copy
import re
from html import escape
from pathlib import Path
from string import Template

from bs4 import Tag
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from palsy_utils.files import NOTEBOOKS, write_text
from palsy_utils.markup import (
    DRAWN,
    POLICY,
    TEMPLATES,
    copy_templates,
    finish,
    new_tag,
    notebook_body,
    soup,
)

STARTS = ("slide", "subslide")
LONGEST = 14  # lines of code and output on a slide


def has_slides(notebook: NotebookNode) -> bool:
    """Say whether a notebook is part of the lecture."""
    return any(slide_type(cell) in STARTS for cell in notebook.cells)


def slide_type(cell: NotebookNode) -> str:
    """Return a cell's tag: slide, subslide, fragment, notes, skip, or nothing."""
    return cell.metadata.get("slideshow", {}).get("slide_type", "")


def write_slides(folder: Path, notebooks: dict[str, NotebookNode]) -> None:
    """Write a deck for each notebook that has slides, and the list of decks, to `slides/`.

    Args:
        folder: of the site.
        notebooks: by name, in their order.
    """
    decks = {name: deck(book, name, folder) for name, book in notebooks.items() if has_slides(book)}
    order = list(decks)
    for name, slides in decks.items():
        after = order[order.index(name) + 1 : order.index(name) + 2]
        _write_deck(folder, name, slides, f"{after[0]}.html" if after else "index.html")
    entries = "".join(
        f"<li><a href='{name}.html'>{escape(slides[0].h1.get_text())}</a> "
        f"<small>{len(slides)} slides</small></li>"
        for name, slides in decks.items()
    )
    help_ = "Arrow keys turn the slides, n shows the notes, Escape leads back here."
    cover = f"<section><h1>The lecture</h1><ol class='decks'>{entries}</ol>"
    cover += f"<p class='small'>{help_} {DRAWN}</p></section>"
    cover = soup(cover).section
    _write_deck(folder, "index", [cover], f"{order[0]}.html" if order else "index.html")
    copy_templates(("colours.css", "deck.css", "deck.js"), folder)


def deck(notebook: NotebookNode, name: str, folder: Path) -> list[Tag]:
    """Return the slides of an executed notebook, one `section` each, and write their pictures."""
    body = notebook_body(shorten(notebook), name, folder)
    finish(body, NOTEBOOKS / f"{name}.ipynb", {}, folder)
    slides = []
    for cell in body.find_all("div", class_="cell", recursive=False):
        kind = cell["data-slide"]
        if kind in STARTS:
            slides.append(new_tag("section", **{"class": kind}))
        if kind == "skip" or not slides:
            continue
        if kind == "notes":
            cell.name, cell["class"] = "details", "notes"
            cell.insert(0, soup("<summary>notes</summary>"))
        elif kind == "fragment":
            cell["class"] = [*cell["class"], "fragment"]
        _fold_code(cell)
        slides[-1].append(cell.extract())
    for image in (image for slide in slides for image in slide.find_all("img")):
        image["src"] = f"../{image['src']}"
    return slides


def shorten(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose prose is short, with the whole text in a cell of notes after it."""
    short, cells = copy.deepcopy(notebook), []
    for cell in short.cells:
        cells.append(cell)
        if cell.cell_type == "markdown" and slide_type(cell) not in ("skip", "notes"):
            blocks = re.split(r"\n\s*\n", cell.source)
            starts = [i for i, block in enumerate(blocks) if block.startswith("#")]
            blocks = blocks[starts[0] :] if starts else blocks  # prose before it ends another step
            text = "\n\n".join(filter(None, map(first_sentence, blocks)))
            if text != cell.source:
                notes = new_markdown_cell(cell.source)
                notes.metadata["slideshow"] = {"slide_type": "notes"}
                cells.append(notes)
                cell.source = text
    short.cells = cells
    return short


def first_sentence(block: str) -> str:
    """Return a paragraph's first sentence; lists, tables, headings stay whole, asides go."""
    if block.startswith("("):
        return ""
    if re.match(r"\s*([#>|!<-]|\d+\.|```|\*\*Next)", block):
        return block
    found = re.match(r".+?[.!?][*)\"]*(?=\s|$)", block, re.S)
    sentence = found.group() if found else block
    return block if sentence.count("*") % 2 or sentence.count("`") % 2 else sentence


def _fold_code(cell: Tag) -> None:
    """Fold code away that made a picture or a table, or is too long for a slide."""
    code = cell.find("div", class_="code")
    if code and (cell.find(["img", "table"]) or cell.get_text().strip().count("\n") >= LONGEST):
        folded = new_tag("details", **{"class": "source"})
        folded.append(new_tag("summary"))
        folded.summary.string = "code"
        folded.append(code.extract())
        cell.append(folded)


def _write_deck(folder: Path, name: str, slides: list[Tag], after: str) -> None:
    page = Template((TEMPLATES / "deck.html").read_text(encoding="utf-8"))
    title = escape(slides[0].h1.get_text())
    body = "\n".join(map(str, slides))
    html = page.substitute(policy=POLICY, title=title, body=body, after=after)
    write_text(html, folder / "slides" / f"{name}.html", public=True)
