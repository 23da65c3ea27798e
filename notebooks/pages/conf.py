"""The site, by Sphinx (`make site`): the project's Markdown files, and its notebooks as executed.

Its sources are the files themselves, where they lie; `execute.py` has executed the notebooks.
"""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = [path.stem for path in sorted((PROJECT / "notebooks").glob("*.ipynb"))]
TEXTS = ("notebooks/README", "notebooks/pages/*", "data/README", "data/phantom/README")
TEXTS += ("figures/*", "tests/README", "CONTRIBUTING")
CONTENTS = "\n\n```{toctree}\n:caption: %s\n:hidden:\n:glob:\n\n%s\n```\n"
# The policy forbids the browser to ask any host, whatever a page says.
POLICY = (
    "default-src 'none'; img-src 'self' data:; media-src data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'"
)

project = html_title = "Facial palsy, four modalities"
extensions = ["myst_nb"]
root_doc = "README"
include_patterns = ["README.md", "notebooks/*.ipynb", *(f"{text}.md" for text in TEXTS)]
exclude_patterns = [".*", "site", "data/*/[!R]*"]  # not even looked into
suppress_warnings = ["mystnb.unknown_mime_type"]

nb_execution_mode = "off"
nb_ipywidgets_js = {}  # its default is a script on another host
nb_render_markdown_format = "gfm"
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["site.css", "site.js"]
html_css_files, html_js_files = ["site.css"], [("site.js", {"defer": ""})]
html_copy_source = html_use_index = False
html_show_search_summary = False  # browsers do not let a page read files
html_theme_options = {
    "announcement": "The faces are synthetic. For research and teaching: this is not a medical "
    "device, and nothing here diagnoses anybody."
}


def read_results(app, docname, source):
    """Let a notebook's executed copy take its place, and give the README the list of all pages."""
    name = docname.removeprefix("notebooks/")
    if name in NOTEBOOKS:
        source[0] = (Path(app.config.executed) / f"{name}.ipynb").read_text(encoding="utf-8")
    if docname == root_doc:
        entries = [f"{name.replace('_', ' ')} <notebooks/{name}>" for name in NOTEBOOKS]
        parts = {"Core path": entries[:7], "Optional notebooks": entries[7:], "Pages": TEXTS}
        source[0] += "".join(CONTENTS % (part, "\n".join(some)) for part, some in parts.items())


def finish_page(app, pagename, templatename, context, doctree):
    """Add the policy to a page, and the slides to its list of pages."""
    head = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    context["metatags"] = head + context.get("metatags", "")
    slides = context["pathto"]("slides/index.html", 1)
    entry = f'<li class="toctree-l1"><a class="reference" href="{slides}">Slides</a></li>'
    context["furo_navigation_tree"] += f"<ul>{entry}</ul>"


def keep_figures(app):
    """Write figures with the other files of the build, not beside the site."""
    folder = str(Path(app.doctreedir) / "figures")
    app.env.mystnb_config = app.env.mystnb_config.copy(output_folder=folder)


def setup(app):
    """Connect the above."""
    executed = PROJECT / "data" / "phantom" / "runs" / "pages"
    app.add_config_value("executed", str(executed), "env", str)
    app.connect("source-read", read_results)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("builder-inited", keep_figures, priority=900)
