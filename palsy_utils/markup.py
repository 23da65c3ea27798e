"""Notebooks and Markdown as HTML that is whole in itself: anchors, links, pictures, tables."""

import base64
import copy
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from nbformat import NotebookNode

from palsy_utils.files import PROJECT, PalsyError, publish

TEMPLATES = Path(__file__).parent / "templates"
HEADINGS = ["h1", "h2", "h3"]
# The policy forbids the browser to ask any host, whatever a page says.
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'"
)
DRAWN = (
    "The faces are drawn. For research and teaching: this is not a medical device, and nothing "
    "here diagnoses anybody."
)


def soup(html: str) -> BeautifulSoup:
    """Return HTML as a tree."""
    return BeautifulSoup(html, "html.parser")


def markdown_body(path: Path) -> BeautifulSoup:
    """Return a Markdown file as HTML."""
    return soup(markdown2html(path.read_text(encoding="utf-8")))


def notebook_body(notebook: NotebookNode, name: str, folder: Path) -> BeautifulSoup:
    """Return a notebook's cells as HTML, and write its figures to the site's `images/`."""
    exporter = HTMLExporter(template_name="cells", extra_template_basedirs=[str(TEMPLATES)])
    html, _ = exporter.from_notebook_node(with_figure_files(notebook, name, folder))
    return soup(html)


def with_figure_files(notebook: NotebookNode, name: str, folder: Path) -> NotebookNode:
    """Write a notebook's figures, numbered, and return a copy that names file and text of each.

    The text is the `alt` in the metadata of the figure's cell, or else tells the step.
    """
    notebook, heading, number = copy.deepcopy(notebook), "", 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.+)$", cell.source, re.M) or [heading])[-1]
        outputs = cell.get("outputs", [])
        drawn = [output for output in outputs if "image/png" in output.get("data", {})]
        for i, output in enumerate(drawn, 1):
            number += 1
            file = f"images/{name}_{number}.png"
            write_bytes(base64.b64decode(output.data["image/png"]), folder / file)
            text = cell.metadata.get("alt") or f"Figure of “{heading}”"
            text += f" ({i} of {len(drawn)})" if len(drawn) > 1 else ""
            output.metadata["image/png"] = {"alt": text, "file": file}
    return notebook


def finish(body: BeautifulSoup, path: Path, names: dict[Path, str], folder: Path) -> None:
    """Make a page's HTML whole, in place: anchors, links, pictures, boxes for wide tables.

    Args:
        body: the page.
        path: the file that it was made from, to which its links are relative.
        names: the file names of all pages, by the file that each was made from.
        folder: of the site, to which pictures are copied.
    """
    for mark in body.select("a.anchor-link"):
        mark.decompose()
    for heading in body.select(".outputs :is(h1, h2, h3)"):  # no step of the page's own
        heading.name = "h4"
    taken = set()
    for heading in body.find_all(HEADINGS):
        heading["id"] = slug(heading.get_text(), taken)
    for link in body.find_all("a", href=True):
        _turn_link(link, path, names)
    by_stem = {source.stem: name for source, name in names.items() if source.suffix == ".ipynb"}
    for code in body.find_all("code"):
        name = by_stem.get(code.get_text())
        if name and name != names.get(path) and not code.find_parent(["a", "pre"]):
            code.wrap(new_tag("a", href=name))
    for image in body.find_all("img"):
        if not image["src"].startswith("images/"):
            image["src"] = _copy_picture(image["src"], path, folder)
        # Width and height keep a page from jumping while its pictures come in.
        header = (folder / unquote(image["src"])).read_bytes()[:24]
        if header.startswith(b"\x89PNG"):
            image["width"] = int.from_bytes(header[16:20], "big")
            image["height"] = int.from_bytes(header[20:24], "big")
    for table in body.find_all("table"):
        del table["border"]
        box = {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": "Table"}
        table.wrap(new_tag("div", **box))


def new_tag(name: str, **attributes: str) -> Tag:
    """Return an empty element."""
    return soup("").new_tag(name, attrs=attributes)


def slug(text: str, taken: set[str]) -> str:
    """Return a heading's anchor, as GitHub makes it, and remember that it is taken."""
    plain = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
    anchor, n = plain, 0
    while anchor in taken:
        n += 1
        anchor = f"{plain}-{n}"
    taken.add(anchor)
    return anchor


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file whole or not at all, for everybody."""
    with publish(path, public=True) as part:
        part.write_bytes(content)


def copy_templates(files: Sequence[str], folder: Path) -> None:
    """Copy styles and scripts to the site."""
    for file in files:
        write_bytes((TEMPLATES / file).read_bytes(), folder / file)


def _turn_link(link: Tag, path: Path, names: dict[Path, str]) -> None:
    """Point a link at the page of its file; a link to a file without a page becomes text."""
    target, _, anchor = link["href"].partition("#")
    if not target or re.match(r"[a-z]+:", target):
        return
    name = names.get((path.parent / unquote(target)).resolve())
    if name:
        link["href"] = f"{name}#{anchor}" if anchor else name
    else:
        link.unwrap()


def _copy_picture(source: str, path: Path, folder: Path) -> str:
    file = (path.parent / unquote(source)).resolve()
    if not file.is_file():
        raise PalsyError(f"{path} shows {source}, which is missing: `make run` draws figures anew.")
    name = file.relative_to(PROJECT).as_posix()
    write_bytes(file.read_bytes(), folder / name)
    return name
