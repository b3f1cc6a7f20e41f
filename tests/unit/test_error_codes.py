"""docs/errors.md lists every code that the code can give, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from app.core.config import ROOT
from app.domain import errors

_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+|refused")
_MAKES_ONE = re.compile(r"(Reason|Invalid\w*|DomainError)$")
_INTERNAL = {
    "lease_lost",
    "inventory_unusable",
    "internal",
    "conflict",
    "not_found",
    "unavailable",
    "invalid_input",
}


def listed() -> list[str]:
    """The codes in the first column of the document's tables."""
    cells = re.findall(r"^\| (`[^|]+`) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    return [code for cell in cells for code in re.findall(r"`([a-z0-9_]+)`", cell)]


def codes_in(path: Path) -> Iterator[str]:
    """The codes of errors' classes, and those that reasons and errors are made with."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                yield code
            case ast.Call(func=func, args=args) if _MAKES_ONE.search(ast.unparse(func)):
                words = (arg.value for arg in args[:3] if isinstance(arg, ast.Constant))
                yield from (word for word in words if isinstance(word, str) and _CODE.fullmatch(word))


def made() -> set[str]:
    found = {code for path in (ROOT / "app").rglob("*.py") for code in codes_in(path)}
    found |= errors.BACKEND_UNAVAILABLE_CODES | errors.ZONE_UNAVAILABLE_CODES | errors.UNCERTAIN_CODES
    return found - _INTERNAL


def test_every_code_is_documented_once() -> None:
    assert sorted(made() - set(listed())) == []
    assert len(listed()) == len(set(listed()))
