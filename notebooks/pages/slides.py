"""The lecture (`make slides`): the notebooks' cells with a `slide_type` as one deck of Reveal.

A slide shows of each paragraph its first sentence, and the whole text in its notes.
"""

import re
import shutil
import sys
from pathlib import Path

import nbformat
from execute import EVERY, NOTEBOOKS, PHANTOM, write_pages
from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from palsy_utils.files import PROJECT, write_text

HERE = Path(__file__).parent
FIRST = {name: nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4).cells[0] for name in EVERY}
LECTURE = [name for name, title in FIRST.items() if "slideshow" in title.metadata]
COVER = """# The lecture

{}

Arrow keys turn the slides, `n` shows the notes, `s` the speaker's view, Escape all slides.
The faces are synthetic. For research and teaching: this is not a medical device, and nothing here
diagnoses anybody. [The notebooks as pages](../index.html)."""


def write_slides(folder: Path, pages: Path) -> None:
    """Write the lecture's notebooks, which have been executed, as one deck.

    Args:
        folder: where `index.html` goes, and Reveal.
        pages: where the executed notebooks are.
    """
    cells, contents = [], []
    for name in LECTURE:
        part = nbformat.read(pages / f"{name}.ipynb", as_version=4)
        for cell in part.cells:
            cell.id = f"{name[:2]}-{cell.id}"
        title = part.cells[0].source.splitlines()[0].removeprefix("# ")
        contents.append(f"- [{title}](#/cell-id={part.cells[0].id})")
        cells += shorten(part)
    cells.insert(0, new_markdown_cell(COVER.format("\n".join(contents))))
    exporter = SlidesExporter(
        template_file=str(HERE / "slides.html.j2"),
        embed_images=True,
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    where = {"metadata": {"path": str(PROJECT)}}  # where its pictures are
    deck, _ = exporter.from_notebook_node(new_notebook(cells=cells), where)
    write_text(deck, folder / "index.html", public=True)
    shutil.copy(HERE / "slides.css", folder)
    shutil.copytree(HERE / "reveal", folder / "reveal", dirs_exist_ok=True)


def shorten(notebook: NotebookNode) -> list[NotebookNode]:
    """Return its cells with short prose, and the whole text in a cell of notes after it."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown" and cell.metadata.slideshow.slide_type != "skip":
            # A link to another file leads to nothing here; pictures are embedded.
            whole = re.sub(r"(?<!!)\[([^\]]+)\]\((?!http)[^)]*\)", r"\1", cell.source)
            whole = whole.replace("](../", "](")
            blocks = re.split(r"\n\s*\n", whole)
            starts = [i for i, block in enumerate(blocks) if block.startswith("#")]
            blocks = blocks[starts[0] :] if starts else blocks  # prose before it ends another step
            cell.source = "\n\n".join(filter(None, map(first_sentence, blocks)))
            if cell.source != whole:
                slideshow = {"slide_type": "notes"}
                cells.append(new_markdown_cell(whole, metadata={"slideshow": slideshow}))
    return cells


def first_sentence(block: str) -> str:
    """Return a paragraph's first sentence; lists, tables, headings stay whole, asides go."""
    if block.startswith("("):
        return ""
    if re.match(r"\s*([#>|!<-]|\d+\.|```|\*\*Next)", block):
        return block
    found = re.match(r".+?[.!?][*)\"]*(?=\s|$)", block, re.S)
    sentence = found.group() if found else block
    return block if sentence.count("*") % 2 or sentence.count("`") % 2 else sentence


if __name__ == "__main__":
    for name, reason in write_pages(LECTURE).items():
        print(f"{name} has no results: {reason}", file=sys.stderr)
    write_slides(Path(sys.argv[1]), PHANTOM / "runs" / "pages")
