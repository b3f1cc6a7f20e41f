"""The API's calls and the shapes of their bodies, as its OpenAPI document has them."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from app.main import app

Shape = Mapping[str, Any]
REF = "#/components/schemas/"
_BOUNDS = {
    "minLength": "{} or more characters",
    "maxLength": "{} characters at most",
    "minimum": "{} or more",
    "exclusiveMinimum": "above {}",
    "maximum": "{} at most",
    "minItems": "{} or more items",
    "maxItems": "{} items at most",
}


def calls() -> str:
    """Return every call: what it does, its parameters, its body with examples, its answers."""
    lines: list[str] = []
    of_tags: dict[str, list[str]] = {}
    shown: dict[str, str] = {}  # examples, and the call that has had them first
    for path, methods in _document()["paths"].items():
        for method, call in methods.items():
            of_tag = of_tags.setdefault(call["tags"][0], [])
            of_tag.extend(_call(f"{method.upper()} {path}", call, shown))
    for tag, described in of_tags.items():
        lines += [f"## {tag[0].upper()}{tag[1:]}", "", *described]
    return "\n".join(lines)


def shapes() -> str:
    """Return every shape of a body or an answer: its fields, or the values that it can have."""
    found = _document()["components"]["schemas"]
    return "\n".join(line for name in sorted(found) for line in _shape(name, found[name]))


@cache
def _document() -> Shape:
    return app.openapi()


def _call(title: str, call: Shape, shown: dict[str, str]) -> Iterator[str]:
    yield from (f"### {call['summary']}", f"`{title}`", "", call.get("description", "").strip(), "")
    if parameters := call.get("parameters"):
        yield from ("| parameter | in | | |", "|---|---|---|---|", *map(_parameter, parameters), "")
    yield from _body(call, shown)
    yield from ("| answer | | |", "|---|---|---|")
    for status, answer in sorted(call["responses"].items()):
        kinds = answer.get("content", {})
        shape = ", ".join(
            dict.fromkeys(_type(each["schema"]) for each in kinds.values() if each.get("schema"))
        )
        words = answer["description"].replace("Successful Response", "")
        yield f"| `{status}` | {_cell(words)} | {shape} |"
    yield ""


def _body(call: Shape, shown: dict[str, str]) -> Iterator[str]:
    for kind, content in call.get("requestBody", {}).get("content", {}).items():
        yield from (f"Body, `{kind}`: {_type(content.get('schema', {}))}", "")
        examples = content.get("examples", {})
        first = shown.setdefault(json.dumps(examples), call["summary"])
        if examples and first != call["summary"]:
            yield from (f"Examples: as of [{first}](#{first.lower().replace(' ', '-')}).", "")
            continue
        for words, example in examples.items():
            yield from (f"{words}:", "", "```json", _shown(example["value"]), "```", "")


def _parameter(parameter: Shape) -> str:
    schema = parameter.get("schema", {})
    words = parameter.get("description", schema.get("description", ""))
    needed = "" if not parameter.get("required") or parameter["in"] == "path" else ", required"
    return f"| `{parameter['name']}` | {parameter['in']}{needed} | {_type(schema)} | {_cell(words)} |"


def _shape(name: str, schema: Shape) -> Iterator[str]:
    yield from (f"## {name}", schema.get("description", "").strip(), "")
    if values := schema.get("enum"):
        yield from (", ".join(f"`{value}`" for value in values), "")
    if fields := schema.get("properties"):
        required = schema.get("required", ())
        yield from ("| field | | |", "|---|---|---|")
        for field, each in fields.items():
            needed = ", required" if field in required else ""
            words = _cell(each.get("description", ""))
            yield f"| `{field}` | {_type(each)}{needed}{_default(each)} | {words} |"
        yield ""


def _type(schema: Shape) -> str:
    """Return in words what a value has to be; shapes are links."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REF)
        return f"[{name}](shapes.md#{name.lower()})"
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(map(_type, schema[several])))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    bounds = [words.format(schema[key]) for key, words in _BOUNDS.items() if key in schema]
    return ", ".join([_kind(schema), *bounds])


def _kind(schema: Shape) -> str:
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "string":
        return {"date-time": "time (RFC 3339)", "uuid": "UUID"}.get(schema.get("format", ""), "text")
    return kind


def _default(schema: Shape) -> str:
    default = schema.get("default")
    return "" if default is None else f"; `{json.dumps(default)}` unless given"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def _shown(value: object) -> str:
    """Return JSON, with a line for each field of the whole where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= 100 or not isinstance(value, dict):
        return text
    fields = (f"{json.dumps(name)}: {json.dumps(each, ensure_ascii=False)}" for name, each in value.items())
    return "{" + ",\n ".join(fields) + "}"
