"""The pages and what they say: words, terms, links, and error messages that are real."""

import ast
import json
import re
from urllib.parse import unquote

import pytest
import yaml
from conftest import PROJECT

LISTED = ("*.md", "data/*.md", "data/phantom/*.md", "figures/*.md", "tests/*.md", "notebooks/*.md")
PAGES = sorted(p for pattern in (*LISTED, "notebooks/pages/*.md") for p in PROJECT.glob(pattern))
# The notebooks, by number, that are written in the field's words already; the list grows.
NOTEBOOKS = (
    "00",
    "01",
    "02",
    "03",
    "05",
    "06",
    "08",
    "09",
    "10",
    "11",
    "12",
    "13",
    "14",
    "15",
    "16",
)
# Only what is wrong in every context; what to write instead.
WORDS = {
    r"drawn (face|patient|people|person|cohort|truth|one)s?|(faces|patients|people) are drawn": (
        "synthetic; ground truth"
    ),
    r"draw(ing)? people": "bootstrap patients",
    r"palsied": "with palsy",
    r"(the|our|from the) shelf": "module, helpers",
    r"called (right|wrong)": "classified correctly",
    r"weak(er)? side": "affected side",
    r"learnt (question|query|queries)": "a learned query",
    r"inner predictions?": "out-of-fold predictions",
    r"(keeps?|stays?|is|are) silent": "abstain; the paper does not specify",
    r"luck of (training|people)|more than luck": "variability over seeds; sampling variability",
    r"nothing is shown(?! where)": "the difference is not significant",
    r"lopsided|unlike (left|right|halves|sides)": "asymmetric",
    r"left uneven": "natural asymmetry",
    r"risk area": "area under the risk-coverage curve (AURC)",
    r"random twins?": "randomised network",
    r"temper(s|ed)?(?= (the|its|them))": "apply temperature scaling",
    r"leave together|who left": "a group",
    r"(further|more) questions? of (the|a) net": "auxiliary heads",
    r"(net's|nets'|net) answers?": "prediction, output",
}
TERMS = """cross-validation; leave-one-patient-out; leakage; nested cross-validation; bootstrap;
confidence interval; permutation test; multiple comparisons; calibration; temperature scaling;
abstention; precision; recall; specificity; F1; AUROC; prevalence; augmentation; hyperparameter;
fine-tuning; pretrained weights; transfer learning; feature extractor; concatenation;
query, key and value; attention; ablation; confounder; external validation"""


def text_of(path):
    """A page as it is, or a notebook's Markdown cells and what is said of its figures."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        said = [c["source"] if c["cell_type"] == "markdown" else c["metadata"] for c in cells]
        said = [c.get("alt", "") if isinstance(c, dict) else "".join(c) for c in said]
        text = "\n\n".join(said)
    return text


def prose_of(path):
    """Its text without code, and without what a page repeats of notebooks."""
    text = re.sub("<!-- objectives .*?<!-- end", "", text_of(path), flags=re.DOTALL)
    return re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)


WRITTEN = [*PAGES, *(p for n in NOTEBOOKS for p in PROJECT.glob(f"notebooks/{n}_*.ipynb"))]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_the_words_are_those_of_the_field(path):
    prose = " ".join(prose_of(path).split())
    found = {
        prose[max(0, m.start() - 30) : m.end() + 30]: f"write: {instead}"
        for words, instead in WORDS.items()
        for m in re.finditer(rf"\b({words})\b", prose, re.IGNORECASE)
    }
    assert not found


def test_every_term_has_a_definition_a_source_and_a_notebook():
    text = (PROJECT / "notebooks" / "pages" / "glossary.md").read_text(encoding="utf-8")
    entries = re.findall(r"^### (.+)\n(.+)$", text, re.MULTILINE)
    defined = {term.lower(): body for term, body in entries}
    assert len(defined) == text.count("\n### ")
    for term in re.split(r";\s+", TERMS):
        assert "](https://" in defined[term.lower()], f"{term}: no source"
    for term, body in defined.items():
        assert re.search(r"\]\(\.\./\d\d_\w+\.ipynb\)", body), f"{term}: no notebook"
        assert len(re.findall(r"[.)?](?= [A-Z]|$)", body)) <= 5, f"{term}: too long"


def links_of(path):
    """The files of the project that a page or a notebook links to, and the anchors."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        if not target.startswith(("http://", "https://")):
            name, _, anchor = target.partition("#")
            yield (path.parent / unquote(name)).resolve() if name else path, anchor


def anchors_of(path):
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_every_page_is_reached_from_the_readme_and_every_link_leads_somewhere():
    reached, todo = set(), [PROJECT / "README.md"]
    while todo:
        page = todo.pop()
        reached.add(page)
        for target, anchor in links_of(page):
            assert target.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors_of(target), f"{page.name}: {target}#{anchor}"
            if target.suffix in (".md", ".ipynb") and target not in (*reached, *todo):
                todo.append(target)
    assert reached == {*PAGES, *PROJECT.glob("notebooks/*.ipynb")}


def messages():
    """What the module, the notebooks and the Makefile can say; `...` for what varies."""
    sources = [p.read_text(encoding="utf-8") for p in (PROJECT / "palsy_utils").rglob("*.py")]
    for path in (PROJECT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.JoinedStr):
                parts = (p.value if isinstance(p, ast.Constant) else "..." for p in node.values)
                yield "".join(parts)
    text = (PROJECT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    for variable, value in re.findall(r"^(\w+) :?=\s*(\S+)$", text, re.MULTILINE):
        text = text.replace(f"$({variable})", value)
    yield " ".join(text.split())


def test_errors_that_are_explained_are_those_that_are_told():
    told = "\n".join(messages()).replace("`", "")
    page = (PROJECT / "notebooks" / "pages" / "errors.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    for sentence in explained:
        if not sentence.startswith("RuntimeError"):  # of a library
            for part in filter(None, map(str.strip, sentence.split("..."))):
                assert part.strip(" .") in told, part
    assert len(explained) >= 20


def test_citation_and_workflow_are_whole():
    cited = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    holder = re.search(r"\(c\) \d+ (.+)", (PROJECT / "LICENSE").read_text())[1]
    assert {"cff-version", "message", "title"} <= set(cited)
    assert cited["authors"] == [{"name": holder}]
    assert f'version = "{cited["version"]}"' in (PROJECT / "pyproject.toml").read_text()
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "tests.yml").read_text())
    ran = [step.get("run", "") for step in workflow["jobs"]["tests"]["steps"]]
    assert ".ci/run" in ran and (PROJECT / ".ci" / "run").stat().st_mode & 0o100
