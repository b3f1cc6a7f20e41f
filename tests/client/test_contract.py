"""The client and the API's own description of itself: no call, and no field of an answer, is missing."""

import inspect
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from dns_orchestrator import Client
from dns_orchestrator.call import Call, Group, Open, call, flow, stream
from dns_orchestrator.change import Change
from tests.support import http

# What the client leaves to others, and why.
NOT_CALLED = {("GET", "/metrics"): "Prometheus reads it"}
# Arguments that a call can't do without, where a text is not enough.
ARGUMENTS: dict[str, Any] = {
    "change": Change(domain="x", record_type="A"),
    "changes": [Change(domain="x", record_type="A")],
    "request_ids": ["00000000-0000-0000-0000-000000000000"],
    "batch_ids": ["00000000-0000-0000-0000-000000000000"],
    "roles": ["requester"],
    "seconds": 1.0,
}


@pytest.fixture(scope="module")
def document(url: str) -> dict[str, Any]:
    """The API's OpenAPI document."""
    found: dict[str, Any] = http.get(f"{url}/openapi.json", timeout=30).json()
    return found


@pytest.fixture(scope="module")
def calls(url: str) -> list[Call[Any]]:
    """The first call that each method of the client makes."""
    with Client(url, account_id="team-a") as client:
        return list(_calls_of(client))


def _calls_of(group: Group[Any]) -> Iterator[Call[Any]]:
    for _, method in inspect.getmembers(type(group), lambda each: isinstance(each, call | flow | stream)):
        made = method.define(group, **_arguments(method.define))
        first = made if isinstance(made, Call) else next(made)
        yield first.call if isinstance(first, Open) else first
    for part in vars(group).values():
        if isinstance(part, Group):
            yield from _calls_of(part)


def _arguments(define: Any) -> dict[str, Any]:
    parameters = inspect.signature(define).parameters.values()
    required = [
        each for each in parameters if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    ]
    return {each.name: ARGUMENTS.get(each.name, "x") for each in required if each.name != "self"}


def _route_of(made: Call[Any], document: dict[str, Any]) -> tuple[str, str]:
    """The route that a call is for: the one that has most of its path word for word."""
    path = f"{made.prefix}{made.path}"
    fitting = [
        route
        for route, methods in document["paths"].items()
        if made.method.lower() in methods and re.fullmatch(re.sub(r"\{\w+\}", ".+", route), path)
    ]
    assert fitting, f"the API has no {made.method} {path}"
    return made.method, max(fitting, key=lambda route: len(re.sub(r"\{\w+\}", "", route)))


def test_every_route_can_be_called(calls: list[Call[Any]], document: dict[str, Any]) -> None:
    routes = {(method.upper(), route) for route, methods in document["paths"].items() for method in methods}
    called = {_route_of(made, document) for made in calls}
    missing = routes - called - NOT_CALLED.keys()
    assert not missing, "add a method to client/src/dns_orchestrator/api/, or a reason to NOT_CALLED"


def test_every_field_of_an_answer_is_known(calls: list[Call[Any]], document: dict[str, Any]) -> None:
    missing = set()
    for made in calls:
        method, route = _route_of(made, document)
        missing |= set(_missing(made.answer, _answer_schema(document, method, route), document))
    assert not missing, "add them to client/src/dns_orchestrator/models/"


def _answer_schema(document: dict[str, Any], method: str, route: str) -> dict[str, Any]:
    answers = document["paths"][route][method.lower()]["responses"]
    success = next(answer for status, answer in sorted(answers.items()) if status.startswith("2"))
    schema: dict[str, Any] = success.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _missing(kind: Any, schema: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    """The fields of a shape of the document that the client's model, or those within it, has not."""
    models = list(_models_in(kind))
    for shape in _shapes_in(schema, document):
        for model in models:
            known = {field.alias or name: field for name, field in model.model_fields.items()}
            for name, part in shape.get("properties", {}).items():
                if name in known:
                    yield from _missing(known[name].annotation, part, document)
                else:
                    yield f"{model.__name__}.{name}"


def _models_in(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and not isinstance(kind, types.GenericAlias) and issubclass(kind, BaseModel):
        yield kind
    for each in typing.get_args(kind):
        yield from _models_in(each)


def _shapes_in(schema: dict[str, Any], document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        yield schema
    for each in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(each, dict):
            yield from _shapes_in(each, document)
