"""Every package that the program imports is in requirements.txt, from which the image is built."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from stack.paths import ROOT

SHIPPED = ("app", "migrations", "playbooks", "models.py", "run_consumer.py", "deploy/consumer_health.py")
OUR_OWN = {"app", "models", "run_consumer", "ansible_collections"}


def test_every_imported_package_is_required() -> None:
    provided, known = packages_distributions(), required()
    missing = {
        name: sorted(files)
        for name, files in imports().items()
        if not known & {normal(distribution) for distribution in provided.get(name, [])}
    }
    assert missing == {}


def imports() -> dict[str, set[str]]:
    """The top-level packages that are neither ours nor Python's, each with the files that import it."""
    found: dict[str, set[str]] = {}
    for path in sources():
        for name in imported(ast.parse(path.read_text())):
            if name not in sys.stdlib_module_names | OUR_OWN:
                found.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    assert "fastapi" in found
    return found


def sources() -> Iterator[Path]:
    for name in SHIPPED:
        path = ROOT / name
        yield from path.rglob("*.py") if path.is_dir() else [path]


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def required() -> set[str]:
    text = (ROOT / "requirements.txt").read_text()
    return {normal(name) for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
