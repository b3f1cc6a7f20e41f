"""Every link leads to something, the index of docs/ to every page, that of the decisions to each of them."""

import re
from pathlib import Path

import pytest

from app.core.config import ROOT

DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *DOCS.rglob("*.md"),
    *(ROOT / "examples").rglob("*.md"),
]


def links(page: Path) -> set[tuple[Path, str]]:
    """The files that a page links to, each with the heading in it."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found = re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text)
    return {((page.parent / path).resolve() if path else page, heading) for path, heading in found}


def headings(page: Path) -> set[str]:
    """The headings of a page, as links to them are written."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        (path.name, heading)
        for path, heading in links(page)
        if not path.exists() or (heading and heading not in headings(path))
    ]
    assert missing == []


def test_readme_leads_to_the_index_and_that_to_every_page() -> None:
    index = DOCS / "README.md"
    assert index in {path for path, _ in links(ROOT / "README.md")}
    linked = {path for path, _ in links(index)}
    pages = {page for page in DOCS.rglob("*.md") if page != index and page.parent != DOCS / "decisions"}
    assert sorted(str(page.relative_to(DOCS)) for page in pages - linked) == []
    assert DOCS / "decisions" / "README.md" in linked


def test_the_index_has_every_decision_by_its_title() -> None:
    folder = DOCS / "decisions"
    titles = [
        (page.name, page.read_text().partition("\n")[0].removeprefix("# ")) for page in folder.glob("0*.md")
    ]
    index = re.findall(r"^(\d+\. )\[(.*)\]\((.*)\)$", (folder / "README.md").read_text(), re.MULTILINE)
    assert [(name, f"{number}{title}") for number, title, name in index] == sorted(titles)
