"""Whatever is in a path or a query, the API does not fail: every call of the OpenAPI document is tried."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from tests.support.thoroughly import thoroughly

HOSTILE = (
    "%00",
    "ex%00ample.test",
    "a%ff.test",  # no UTF-8
    "%ED%A0%80.test",  # half of a surrogate pair
    "a%0d%0ab.test",
    "%2e%2e%2f%2e%2e",
    "a%2Fb.test",
    "%25",
    "%27%22%3B--",
    "a%E2%80%AEb.test",  # which turns the direction of writing
    "xn--.test",
    "%F0%9F%92%A9",
    "%5C000.test",
    "a%5C2.test",
    "a..test",
    "*.*",
    "9" * 400,
    "a." * 1_000,
)
FINE = {"record_type": "A", "name": "www"}
AN_ID = "01990000-0000-7000-8000-000000000000"
BODIES: dict[str, Any] = {"Rollback": {"to": "2026-01-01T00:00:00Z"}, "ZoneChange": {"default_ttl": 60}}

SHARES = 10  # one of them has each call, and each text, with some of the others
in_shares = pytest.mark.parametrize("share", [0, *map(thoroughly, range(1, SHARES))])

Call = tuple[str, str, Any, list[str], list[str]]


@cache
def calls() -> tuple[Call, ...]:
    """Every call of the API."""
    from app.main import app

    return tuple(read_calls(app.openapi()["paths"]))


def read_calls(paths: dict[str, Any]) -> Iterator[Call]:
    """Of each call: method, path, a body that it takes, the names of the parts of its path and query."""
    for path, methods in paths.items():
        for method, call in methods.items():
            content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
            shape = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            names: dict[str, list[str]] = {"path": [], "query": [], "header": []}
            for each in call.get("parameters", []):
                names[each["in"]].append(each["name"])
            body = BODIES.get(shape, {}) if content else None
            yield method, path, body, names["path"], names["query"]


def filled(path: str, names: list[str], parts: dict[str, str], zone: str) -> str:
    """The path, with what is to be tried in some of its parts, and what is there in the others."""
    fine = {name: FINE.get(name, AN_ID if name.endswith("_id") else zone) for name in names}
    return path.format(**fine | parts)


def to_try(share: int) -> Iterator[tuple[str, Call]]:
    """This share of the hostile texts, each with each call."""
    for (row, hostile), (column, call) in product(enumerate(HOSTILE), enumerate(calls())):
        if (row + column) % SHARES == share:
            yield hostile, call


@in_shares
def test_no_path_is_a_fault_of_ours(client: TestClient, new_zone: str, share: int) -> None:
    for hostile, (method, path, body, names, _) in to_try(share):
        for parts in [{name: hostile} for name in names] + [dict.fromkeys(names, hostile)] * bool(names):
            answer = client.request(method, filled(path, names, parts, new_zone), json=body)
            assert answer.status_code < 500, (method, path, hostile)


@in_shares
def test_no_query_is_a_fault_of_ours(client: TestClient, new_zone: str, share: int) -> None:
    for hostile, (method, path, body, names, queries) in to_try(share):
        for query in queries:
            place = f"{filled(path, names, {}, new_zone)}?{quote(query)}={hostile}"
            answer = client.request(method, place, json=body)
            assert answer.status_code < 500, (method, path, query, hostile)


def test_all_calls_with_parts_are_tried() -> None:
    assert sum(bool(names) for _, _, _, names, _ in calls()) >= 12
    assert all(f"{{{name}}}" in path for _, path, _, names, _ in calls() for name in names)
