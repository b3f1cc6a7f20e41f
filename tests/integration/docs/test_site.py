"""The site of docs/ is made without a warning, and loads nothing from elsewhere when it is read."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from app.core.config import ROOT

MKDOCS = ROOT / ".stack" / "docs" / "bin" / "mkdocs"
LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?([^\"'\s>]+)[^>]*>")
NOT_LOADED = re.compile(r"rel=[\"']?(?:canonical|next|prev)\b")
FROM_ELSEWHERE = re.compile(r"(?:[a-z]+:)?//|data:text")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, newly made."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(["make", ".stack/docs/ready"], cwd=ROOT, check=True)
    command = [str(MKDOCS), "build", "--quiet", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    names = {path.with_name(path.name.replace("README", "index")) for path in pages}
    made = {path.relative_to(site) for path in site.rglob("*.html")}
    assert sorted(map(str, names - made)) == []
    assert Path("repository/playbooks/inventory/hosts.yml.html") in made  # a file that pages link to


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = [
        found
        for page in site.rglob("*.html")
        for found in LOADED.finditer(page.read_text())
        if not NOT_LOADED.search(found[0])
    ]
    assert len(loaded) > 100
    assert sorted({found[1] for found in loaded if FROM_ELSEWHERE.match(found[1])}) == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//[^)]*\)|@import[^;]*//", styles) == []


def test_no_page_has_what_its_script_would_load(site: Path) -> None:
    """The theme's script loads Mermaid from elsewhere where a page has such a diagram."""
    pages = "".join(page.read_text() for page in site.rglob("*.html"))
    assert 'class="mermaid"' not in pages
    assert 'class="md-source"' not in pages  # for which it asks GitHub


def test_what_markdown_of_other_kinds_takes_for_a_list_is_one(site: Path) -> None:
    """A list needs an empty line before it, and what belongs to an item four blanks."""
    for page in site.rglob("*.html"):
        text = re.sub(r"<pre.*?</pre>", "", page.read_text(), flags=re.DOTALL)
        paragraphs = re.findall(r"<p>(.*?)</p>", text, re.DOTALL)
        found = [each for each in paragraphs if re.search(r"^(?:- |\d+\. |\||```)", each, re.MULTILINE)]
        assert found == [], page.name
