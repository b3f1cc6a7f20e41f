"""Finds where code reaches into a private name of the product: one that begins with a single underscore."""

import ast
import re
from collections.abc import Container, Iterator
from pathlib import Path

PACKAGES = ("app", "stack", "ansible_collections", "models", "run_consumer")

_NAMED_TUPLE = ("_asdict", "_fields", "_make", "_replace")  # public, whatever they look like
_PRIVATE = re.compile(r"_(?!_)\w*")
_PATH = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)*\.{_PRIVATE.pattern}(\.\w+)*")
# How one can be reached at all, as ruff formats it: most files do none of it, and needn't be parsed.
_MAY_REACH = re.compile(
    r"""(?<!\bself)(?<!\bcls)[."']_[^\W_]  # of something else, or by its name in quotes
    | ^\s*(from|import)\b.*\b_[^\W_]
    | ^\s+_\w+(\sas\s\w+)?,$  # imported with others, on a line of its own
    """,
    re.MULTILINE | re.VERBOSE,
)


def private_names(*folders: Path) -> set[str]:
    """The private functions, classes, variables and attributes that the files of these folders define."""
    files = (file for folder in folders for file in folder.rglob("*.py"))
    return {name for file in files for name in _defined(ast.parse(file.read_text())) if _is_private(name)}


def reaches(source: str, of_product: Container[str] = ()) -> list[str]:
    """The expressions of a file that reach into a private name, each with its line.

    Of an object it is not known which class it has: `thing._name` counts if `of_product` contains the name.
    """
    if not _MAY_REACH.search(source):
        return []
    tree = ast.parse(source)
    imported = set(_imported(tree))
    found = [
        (node.lineno, ast.unparse(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.expr | ast.stmt) and _reaches(node, imported, of_product)
    ]
    return [f"{line}: {text}" for line, text in sorted(found)]


def _is_private(name: str) -> bool:
    return _PRIVATE.fullmatch(name) is not None and name not in _NAMED_TUPLE


def _defined(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def _imported(tree: ast.AST) -> Iterator[str]:
    """The names that stand for the product's modules, or for what was imported from them."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (each.asname or each.name.partition(".")[0] for each in names if _ours(each.name))
            case ast.ImportFrom(module=str(module), names=names) if _ours(module):
                yield from (each.asname or each.name for each in names)


def _ours(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES


def _reaches(node: ast.expr | ast.stmt, imported: Container[str], of_product: Container[str]) -> bool:
    match node:
        case ast.ImportFrom(module=str(module), names=names):
            return any(_PATH.fullmatch(f"{module}.{each.name}") for each in names)
        case ast.Import(names=names):
            return any(_PATH.fullmatch(each.name) for each in names)
        case ast.Constant(value=str(text)):  # monkeypatch.setattr("app.module._name", …)
            return _PATH.fullmatch(text) is not None
        case ast.Call(args=[thing, ast.Constant(value=str(name)), *_]):  # setattr(module, "_name", …)
            return _is_private(name) and _root(thing) in imported
        case ast.Attribute(value=thing, attr=name) if _is_private(name):
            root = _root(thing)
            return root in imported or (root not in ("self", "cls") and name in of_product)
    return False


def _root(node: ast.expr) -> str:
    """The first name of a chain of attributes and calls; empty where it begins with something else."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""
