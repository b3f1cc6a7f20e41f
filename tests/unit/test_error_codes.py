"""errors.md lists every code that the code can give, and no other; playbooks.md those of the roles."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, get_args

from pydantic_core.core_schema import ErrorType

from app.core.config import ROOT
from app.domain.retry_policy import RESULTS

PAGES = ROOT / "docs" / "reference"
_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+|refused")
_MAKES_ONE = re.compile(r"(Reason|Invalid\w*|UnusableChange|DomainError|failed|refuse)$")
_COMPOSED = {"{name}_invalid": {"priority_invalid", "weight_invalid", "port_invalid"}}  # as they are written
_INTERNAL = {
    "lease_lost",
    "inventory_unusable",
    "conflict",
    "forbidden",
    "not_found",
    "unavailable",
    "invalid_input",
    "quota_exceeded",
}


def listed(page: str = "errors.md") -> list[str]:
    """The codes in the first column of the page's tables."""
    text = (PAGES / page).read_text()
    text = text.partition("### Codes\n")[2].partition("\n### ")[0] or text
    cells = re.findall(r"^\| (`[^|]+`) \|", text, re.MULTILINE)
    return [code for cell in cells for code in re.findall(r"`([a-z0-9_]+)`", cell)]


class Source(NamedTuple):
    """What a file has to do with codes."""

    codes: frozenset[str]
    composed: frozenset[str]
    """The f-strings that make codes, as they are written."""
    constants: frozenset[str]
    """Every text that stands there."""


@cache
def read(path: Path) -> Source:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    texts = (each.value for each in nodes if isinstance(each, ast.Constant))
    return Source(
        frozenset(code for node in nodes for code in (*codes_as_data(node), *codes_of_errors(node))),
        frozenset(text for node in nodes for text in composed_by(node)),
        frozenset(text for text in texts if isinstance(text, str)),
    )


def sources(folder: str) -> list[Source]:
    return [read(path) for path in (ROOT / folder).rglob("*.py")]


def codes_of_errors(node: ast.AST) -> Iterator[str]:
    """The codes of errors' classes, and those that reasons and errors are made with."""
    match node:
        case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
            yield code
        case (
            ast.Call(func=ast.Name(id=made), args=args, keywords=named)
            | ast.Call(func=ast.Attribute(attr=made), args=args, keywords=named)
        ) if _MAKES_ONE.search(made):
            given = [*args[:3], *(each.value for each in named if each.arg in ("code", "type"))]
            words = (value.value for value in given if isinstance(value, ast.Constant))
            yield from (word for word in words if isinstance(word, str) and _CODE.fullmatch(word))


def codes_as_data(node: ast.AST) -> Iterator[str]:
    """The codes in tables (`…_CODES = {…: code}`), answers (`{"code": code}`), pairs of code and words."""
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(values=values))
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=values))
        ) if name.endswith("_CODES"):
            yield from (ast.literal_eval(value) for value in values)
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "code" and isinstance(value, ast.Constant):
                    yield str(value.value)
        case ast.Tuple(elts=[ast.Constant(value=str(code)), ast.Constant(value=str(words))]):
            if _CODE.fullmatch(code) and " " in words:
                yield code


def composed_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        written = ast.unparse(node)[2:-1]
        if re.fullmatch(r"[a-z_]*\{\w+\}[a-z_]*", written) and "_" in re.sub(r"\{\w+\}", "", written):
            yield written


def constants_in(folder: str) -> set[str]:
    """Every text that stands in the Python files of the folder."""
    return {text for source in sources(folder) for text in source.constants}


def made() -> set[str]:
    found = {code for source in sources("app") for code in source.codes}
    found |= set().union(*_COMPOSED.values())
    found |= RESULTS.keys()
    return found - _INTERNAL


def test_every_code_is_documented_once() -> None:
    assert sorted(made() - set(listed())) == []
    assert len(listed()) == len(set(listed()))


def test_every_code_that_is_documented_can_be_given() -> None:
    given = constants_in("app") | constants_in("playbooks") | set().union(*_COMPOSED.values())
    assert sorted(set(listed()) - given - set(get_args(ErrorType))) == []


def test_the_codes_of_the_shipped_roles_are_those_of_their_page() -> None:
    page = set(listed("playbooks.md"))
    by_roles = {code for source in sources("playbooks") for code in source.codes}
    assert {"tsig_refused", "too_large", "not_zone", "cname_conflict"} <= by_roles
    assert sorted(by_roles - page) == []
    assert sorted(page - constants_in("playbooks")) == []


def test_what_plans_alone_warn_of_is_said_apart() -> None:
    section = (PAGES / "errors.md").read_text().partition("### Warnings")[2].partition("\n## ")[0]
    accepted, planned = (set(re.findall(r"`([a-z_]+)`", part)) for part in section.split("plans alone tell"))
    domain = ROOT / "app" / "domain"
    by_itself = read(domain / "warnings.py").codes | read(domain / "checks.py").codes
    around = read(domain / "consequences.py").codes | read(domain / "delegations.py").codes
    assert set() < by_itself <= accepted - planned
    assert set() < around <= planned - accepted


def test_no_code_is_composed_unseen() -> None:
    assert {text for source in sources("app/domain") for text in source.composed} == set(_COMPOSED)


def test_codes_are_found_wherever_they_stand() -> None:
    assert {"target_is_url", "host_unknown", "database_locked", "weight_invalid", "zone_unknown"} <= made()
