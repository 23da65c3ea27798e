"""Pages of the site: README, notebooks, and the Markdown files that they link to."""

import json
import re
from html import escape
from pathlib import Path
from string import Template

from bs4 import BeautifulSoup, Tag
from nbconvert.filters import markdown2html
from nbformat import NotebookNode

from palsy_utils.files import NOTEBOOKS, PROJECT, write_text
from palsy_utils.markup import (
    DRAWN,
    HEADINGS,
    POLICY,
    TEMPLATES,
    copy_templates,
    finish,
    markdown_body,
    new_tag,
    notebook_body,
    soup,
)

README = PROJECT / "README.md"
NO_RESULTS = (
    "**This page has no results:** {reason} What the notebooks read is made by `palsy run "
    "--cohort data/phantom --models all`; `make site` then fills the page."
)


def write_pages(folder: Path, notebooks: dict[str, NotebookNode], reasons: dict[str, str]) -> None:
    """Write README, notebooks, and the Markdown files that they link to.

    Args:
        folder: of the site.
        notebooks: by name, executed where that was possible.
        reasons: why some have no results, by name.

    Raises:
        PalsyError: a page shows a picture that is missing, or the disk cannot be written.
    """
    first, *texts = markdown_files()
    bodies = {first: markdown_body(first)}
    for name, notebook in notebooks.items():
        body = notebook_body(notebook, name, folder)
        if name in reasons:
            note = markdown2html(NO_RESULTS.format(reason=reasons[name]))
            body.h1.insert_after(soup(f"<div class='note'>{note}</div>"))
        bodies[NOTEBOOKS / f"{name}.ipynb"] = body
    bodies |= {path: markdown_body(path) for path in texts}
    names = {path: page_name(path) for path in bodies}
    index = []
    page = Template((TEMPLATES / "page.html").read_text(encoding="utf-8"))
    for path, body in bodies.items():
        finish(body, path, names, folder)
    for path, body in bodies.items():
        for image in body.find_all("img"):
            image.wrap(new_tag("a", href=image["src"], **{"class": "picture"}))
        index += sections(body, names[path])
        html = page.substitute(
            policy=POLICY,
            title=escape(body.h1.get_text()),
            contents=_contents(path, bodies, names),
            body=body,
            footer=f"{_turn(names[path], list(names.values()))}<p>{DRAWN}</p>",
        )
        write_text(html, folder / names[path], public=True)
    script = f"const pages = {json.dumps(index, ensure_ascii=False)};\n"
    write_text(script, folder / "search.js", public=True)
    copy_templates(("colours.css", "page.css", "page.js"), folder)


def markdown_files() -> list[Path]:
    """Return the README and the Markdown files that can be reached from it."""
    found = [README, NOTEBOOKS / "README.md"]
    for path in found:  # which grows meanwhile
        for target in re.findall(r"\]\(([^)#:]+\.md)\b", path.read_text(encoding="utf-8")):
            file = (path.parent / target).resolve()
            if file.exists() and file not in found:
                found.append(file)
    return found


def page_name(path: Path) -> str:
    """Return a page's file name: that of the notebook, or of the folder that a README is about."""
    folder, stem = path.relative_to(PROJECT).parent.parts, path.stem
    if stem == "README":
        return "-".join(folder or ("index",)) + ".html"
    return f"{stem if path.suffix == '.ipynb' else stem.lower()}.html"


def sections(body: BeautifulSoup, name: str) -> list[dict[str, str]]:
    """Return what a page says under each heading, for the search: `page, heading, link, text`."""
    page, found = body.h1.get_text(), []
    for node in body.descendants:
        if isinstance(node, Tag):
            if node.name in HEADINGS:
                link = f"{name}#{node['id']}"
                found.append({"page": page, "heading": node.get_text(), "link": link, "text": ""})
        elif (
            found
            and not node.find_parent(["style", *HEADINGS])
            and not node.find_parent(class_="outputs")
        ):
            found[-1]["text"] += f" {node}"
    return [section | {"text": " ".join(section["text"].split())} for section in found]


def _contents(path: Path, bodies: dict[Path, BeautifulSoup], names: dict[Path, str]) -> str:
    """Return the list of all pages, with the headings of the one at `path`."""
    groups = {True: [], False: []}
    for other, body in bodies.items():
        is_notebook = other.suffix == ".ipynb"
        label = other.stem.replace("_", " ") if is_notebook else escape(body.h1.get_text())
        entry = f"<a href='{names[other]}'>{label}</a>"
        if other == path:
            inside = [
                f"<li><a href='#{h['id']}'>{escape(h.get_text())}</a></li>" for h in body("h2")
            ]
            entry = entry.replace("<a ", "<a aria-current='page' ", 1)
            entry += f"<ul>{''.join(inside)}</ul>" if inside else ""
        groups[is_notebook].append(f"<li>{entry}</li>")
    first, *texts = groups[False]
    slides = "<li><a href='slides/index.html'>Slides</a></li>"
    parts = ([first], groups[True], [*texts, slides])
    return f"<div id='pages'>{''.join('<ul>' + ''.join(part) + '</ul>' for part in parts)}</div>"


def _turn(name: str, order: list[str]) -> str:
    """Return the links to the page before and the page after."""
    at = order.index(name)
    before = f"<a href='{order[at - 1]}'>← {_label(order[at - 1])}</a>" if at else "<span></span>"
    after = order[at + 1 : at + 2]
    onward = "".join(f"<a href='{other}'>{_label(other)} →</a>" for other in after)
    return f"<p class='turn'>{before}{onward}</p>"


def _label(name: str) -> str:
    return name.removesuffix(".html").replace("_", " ").replace("index", "README")
