"""The tables of settings: what each may be, its default, and what it means, as app/core/config.py has it."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.core.config import ROOT, Settings

Schema = Mapping[str, Any]
_LISTS = {"array": "a list, commas between", "object": "`NAME=value,…`"}


def tables() -> str:
    """Return a table for each group of settings.

    A group begins with a comment after an empty line; the docstring below a setting is its meaning.
    """
    schemas = Settings.model_json_schema()["properties"]
    lines: list[str] = []
    for group, name, meaning in _listed():
        if group:
            lines += ["", f"## {group}", "| variable | may be | default | meaning |", "|---|---|---|---|"]
        default = _written(Settings.model_fields[name].get_default(call_default_factory=True))
        shown = f"`{default}`" if default else ""
        lines.append(f"| `{name.upper()}` | {_allowed(schemas[name])} | {shown} | {meaning} |")
    return "\n".join(lines)


def meanings() -> dict[str, str]:
    """Return what each setting means; a text is empty where nothing is said."""
    return {name: meaning for _, name, meaning in _listed()}


def _listed() -> Iterator[tuple[str, str, str]]:
    """Yield each setting with its meaning, and the first of a group with the group's name."""
    source = inspect.getsource(Settings)
    lines = source.splitlines()
    [made] = ast.parse(source).body
    assert isinstance(made, ast.ClassDef)
    for statement, following in zip(made.body, [*made.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield _group(lines, statement.lineno - 1), statement.target.id, _text(following)


def _group(lines: list[str], index: int) -> str:
    comment, before = lines[index - 1].strip(), lines[index - 2].strip()
    if not comment.startswith("# ") or before:
        return ""
    return comment[2:3].upper() + comment[3:]


def _text(statement: ast.stmt | None) -> str:
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return inspect.cleandoc(text).replace("\n", " ")
    return ""


def _allowed(schema: Schema) -> str:
    """Return in words which values a setting takes."""
    if "anyOf" in schema:
        schema = next(each for each in schema["anyOf"] if each.get("type") != "null")
    match schema:
        case {"enum": values}:
            return ", ".join(f"`{value}`" for value in values)
        case {"type": "boolean"}:
            return "`true`, `false`"
        case {"type": "integer" | "number"}:
            return _bounds(schema)
        case {"format": "path"}:
            return "a path"
        case {"type": "string"}:
            return "a text" if not schema.get("writeOnly") else "an address, secret"
    return _LISTS[schema["type"]]


def _bounds(schema: Schema) -> str:
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    if "minimum" in schema or schema["type"] == "integer":
        least = f"{schema.get('minimum', schema.get('exclusiveMinimum', -1) + 1):g}"
    else:
        least = f"above {schema.get('exclusiveMinimum', 0):g}"
    most = schema.get("maximum", 2**31 - 1)
    if most < 2**31 - 1:
        return f"{kind}, {least} to {most:g}" if most < 10**6 else f"{kind}, {least} to {int(most):,}"
    return f"{kind} {least}" if least.startswith("above") else f"{kind}, {least} or more"


def _written(default: object) -> str:
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case SecretStr():
            return default.get_secret_value()
        case Path():
            return str(default.relative_to(ROOT))
        case float():
            return f"{default:.10g}"
        case dict() | tuple():
            return ",".join(default)
    return str(default)
