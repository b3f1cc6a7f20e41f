"""Words against a body or a query are for somebody who knows JSON and HTTP, not Python and its classes."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import codes
from tests.support.thoroughly import thoroughly

SHARES = 6  # each has some of the bodies

NOT_FOR_PEOPLE = re.compile(r"<\w+|\bdictionary\b|instance of|Extra inputs|match pattern|\bNone\b|\bdict\b")
WRONG: list[Any] = ["nonsense", 10**30, [], {}, {"ttl": 1}, True, -1]


def messages(answer: Any) -> list[str]:
    """What the answer says, in all its places; nothing where the call is accepted."""
    told = answer.json()
    found = told.get("results", [told])
    reasons = [each.get("detail") or each.get("errors") or [] for each in found if isinstance(each, dict)]
    return [reason["msg"] for several in reasons if isinstance(several, list) for reason in several]


def calls(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if isinstance(operation, dict):
                yield method, re.sub(r"\{\w+\}", "01a2115e-95b5-7292-b7a4-a9ebc07f21b1", path), operation


def bodies(schema: dict[str, Any], operation: dict[str, Any]) -> Iterator[Any]:
    """Bodies of which each is wrong in one way."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return
    yield from ([], "text", None, {}, {"nonsense": 1}, {"requests": [[], {"action": "nonsense"}, {"x": 1}]})
    shape = schema["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    for name in shape["properties"]:
        yield from ({name: wrong} for wrong in WRONG)


@pytest.mark.parametrize("share", [0, *map(thoroughly, range(1, SHARES))])
def test_no_message_shows_what_we_are_made_of(client: TestClient, share: int) -> None:
    schema = client.get("/openapi.json").json()
    seen = set()
    for row, (method, path, operation) in enumerate(calls(schema)):
        for body in islice(bodies(schema, operation), share, None, SHARES):
            seen.update(messages(client.request(method, path, json=body)))
        queries = [each["name"] for each in operation.get("parameters", []) if each["in"] == "query"]
        for name in queries[(row + share) % 2 :: 2]:
            seen.update(messages(client.request(method, path, params={name: "nonsense"})))
    assert len(seen) > 20
    assert [message for message in seen if NOT_FOR_PEOPLE.search(message)] == []


@pytest.mark.parametrize(
    ("resource", "loc", "words"),
    [
        (
            {"ttl": 60},
            ["body", "resource", "ttl"],
            "here, but config.ttl; the fields are record_type, domain, ",
        ),
        (
            {"config": {"tll": 60}},
            ["body", "resource", "config", "tll"],
            "the fields are ttl, priority, manage_ptr, extra_",
        ),
    ],
)
def test_an_unknown_field_is_answered_by_those_that_there_are(
    client: TestClient, new_zone: str, resource: dict[str, Any], loc: list[str], words: str
) -> None:
    good = {"record_type": "A", "domain": f"www.{new_zone}", "target": "192.0.2.1"}
    answer = client.post(
        "/api/v1/dns/create", json={"context": {"account_id": "a"}, "resource": good | resource}
    )
    [reason] = answer.json()["detail"]
    assert (reason["loc"], reason["type"]) == (loc, "extra_forbidden")
    assert words in reason["msg"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (
            {"record_type": "PTR", "domain": "192.0.2.10"},
            "name_is_ip",
            "its PTR is at 10.2.0.192.in-addr.arpa",
        ),
        ({"record_type": "PTR", "domain": "2001:db8::1"}, "name_is_ip", ".8.b.d.0.1.0.0.2.ip6.arpa"),
        ({"record_type": "TYPE65280"}, "type_not_allowed", "its unknown_types is true"),
        ({"record_type": "FOO"}, "enum", "such as TYPE65280"),
        ({"domain": "www.exmaple.test"}, "zone_unknown", "GET /api/v1/zones lists them"),
        ({"not_before": "2026-12-01T02:00:00"}, "timezone_aware", "2026-12-01T01:00:00Z"),
    ],
)
def test_the_words_say_what_to_write(
    client: TestClient, new_zone: str, change: dict[str, str], code: str, words: str
) -> None:
    context = {"account_id": "a"} | {key: change[key] for key in change if key == "not_before"}
    good = {"record_type": "A", "domain": f"www.{new_zone}", "target": "192.0.2.1"}
    resource = good | {key: change[key] for key in change if key != "not_before"}
    answer = client.post("/api/v1/dns/create", json={"context": context, "resource": resource})
    assert [words in reason["msg"] for reason in answer.json()["detail"] if reason["type"] == code] == [True]


def test_unknown_fields_of_other_bodies_are_answered_so_too(client: TestClient) -> None:
    for path, fields in {
        "/api/v1/zones": "name, view, backend, checks",
        "/api/v1/dns/batch": "requests, atomic",
        "/api/v1/dns/requests/cancel": "code, account_id, zone",
        "/api/v1/dns/create": "context, resource (and action, idempotency_key, traceparent in a batch)",
    }.items():
        assert any(
            f"the fields are {fields}" in each for each in messages(client.post(path, json={"x": 1}))
        ), path


def test_one_label_is_no_full_name(client: TestClient, new_zone: str) -> None:
    resource = {"record_type": "A", "domain": "www", "target": "192.0.2.1"}
    body = {"context": {"account_id": "a"}, "resource": resource}
    assert codes(client.post("/api/v1/dns/create", json=body)) == {"name_not_fqdn"}


def test_a_network_with_an_address_of_it_is_told_what_a_network_is(client: TestClient) -> None:
    answer = client.post("/api/v1/access/tokens", json={"roles": ["gateway"], "networks": ["10.1.2.3/16"]})
    assert any("10.1.0.0/16: only zeros behind" in said for said in messages(answer))


def test_what_a_text_has_to_be_is_said_without_its_pattern(client: TestClient) -> None:
    context = {"account_id": " a ", "source": "x y", "reason": "bell \a", "ticket": "1\n2"}
    said = messages(client.post("/api/v1/dns/create", json={"context": context, "resource": {}}))
    said += messages(client.post("/api/v1/zones", json={"name": "a.test", "backend": "a b"}))
    said += messages(client.post(f"/api/v1/dns/requests/{UUID(int=7)}/approve", json={"state": "beef"}))
    for words in ("blanks around it", "1 to 64 letters", "tabs", "one line", "1 to 63 letters", "`state`"):
        assert [words in each for each in said].count(True) == 1, (words, said)
    assert not [each for each in said if NOT_FOR_PEOPLE.search(each)]
