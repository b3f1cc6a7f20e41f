"""The hooks of mkdocs.yml: files of the repository that pages link to are pages of the site, too.

mkdocs runs in an environment of its own (`.stack/docs`), which has nothing of the project's.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)")
LANGUAGES = {".acl": "text", ".py": "python", ".sql": "sql", ".yml": "yaml"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add each file beyond docs/ that a page links to, and what such pages link to in their turn."""
    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    known = set(waiting)
    while waiting:
        page = waiting.pop()
        for path in _linked(page):
            if path not in known and not path.startswith("docs/") and (ROOT / path).is_file():
                known.add(path)
                waiting.append(path)
                files.append(File.generated(config, site_path(path), content=_page_of(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files of the repository lead to their pages."""
    uri = page.file.src_uri
    here = uri.removeprefix("repository/") if uri.startswith("repository/") else f"docs/{uri}"

    def link(found: re.Match[str]) -> str:
        path = site_path(_resolved(here, found[2]))
        return found[1] + posixpath.relpath(path, posixpath.dirname(uri) or ".")

    return LINK.sub(link, markdown)


def site_path(path: str) -> str:
    """Return where in the site a file of the repository is: all but docs/ is below repository/, as pages."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"repository/{path}" if path.endswith(".md") else f"repository/{path}.md"


def _linked(path: str) -> Iterator[str]:
    if path.endswith(".md"):
        yield from (_resolved(path, found[2]) for found in LINK.finditer((ROOT / path).read_text()))


def _resolved(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _page_of(path: str) -> str:
    text = (ROOT / path).read_text()
    if path.endswith(".md"):
        return text
    return f"# {path}\n\n````{LANGUAGES.get(Path(path).suffix, 'text')}\n{text}````\n"
