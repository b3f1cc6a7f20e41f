"""The calls that docs/reference/errors.md gives as examples are answered with their codes."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from app.core.config import ROOT
from tests.support.builders import body

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (.*) \| (.*?) \| (.*) \|$", re.MULTILINE)
CALL = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/\S+)(?: (\{.*\}))?`")
CHANGE = re.compile(
    r"`(create|update|upsert|delete) (\S+) (\S+?)(?: (?!\{|@)(.+?))?(?: (\{.*\}))?(?: @(\S+))?`"
)
STRICT = re.compile(r"`strict.test` with\s+`(\{.*?\})`")
PREFIX = "/api/v1"


class Example(NamedTuple):
    """A call that gives a code."""

    code: str
    method: str
    path: str
    body: str | None


def examples() -> Iterator[Example]:
    """Yield the examples of the page that are calls; the others are situations."""
    for code, _, example, _ in ROW.findall(PAGE):
        if found := CALL.fullmatch(example):
            yield Example(code, *found.groups())
        elif found := CHANGE.fullmatch(example):
            yield Example(code, "POST", *change(*found.groups()))


def change(
    action: str, name: str, kind: str, value: str | None, config: str | None, time: str | None
) -> tuple[str, str]:
    resource: dict[str, Any] = {"domain": name.strip('"'), "record_type": kind}
    if value is not None:
        resource["target"] = json.loads(value) if value.startswith("[") else value
    if config is not None:
        resource["config"] = json.loads(config)
    context = {"account_id": "team-a", **({"not_before": time} if time else {})}
    return f"{PREFIX}/dns/{action}", json.dumps({"context": context, "resource": resource})


EXAMPLES = list(examples())


@pytest.fixture
def served(client: TestClient) -> dict[str, str]:
    """The zones of the page, and a request that waits."""
    [strict] = STRICT.findall(PAGE)
    zones: list[dict[str, Any]] = [
        {"name": name} for name in ("example.test", "child.example.test", "2.0.192.in-addr.arpa")
    ]
    zones += [{"name": "split.test", "view": view} for view in ("internal", "external")]
    for zone in [*zones, {"name": "strict.test", **json.loads(strict)}]:
        sent = {"backend": "bind", **zone}
        client.post(f"{PREFIX}/zones", json=sent, params={"check": False}).raise_for_status()
    waiting = client.post(f"{PREFIX}/dns/create", json=body("example.test", "open")).raise_for_status()
    return {"{open}": waiting.json()["id"]}


def codes(client: TestClient, example: Example, served: dict[str, str]) -> set[str]:
    """The codes of the answer: of a refusal, or of the warnings of a plan of the change."""
    path = example.path.replace("{open}", served["{open}"])
    headers = {"content-type": "application/json"} if example.body else {}
    answer = client.request(example.method, path, content=example.body, headers=headers)
    assert answer.status_code < 500, answer.text
    told = answer.json() if answer.content else {}
    found = {told.get("code"), *(each.get("type") for each in reasons(told))}
    found |= {each["type"] for result in told.get("results", ()) for each in result.get("errors") or ()}
    if answer.status_code == 202 and example.body:
        item = {"action": path.rpartition("/")[2], **json.loads(example.body)}
        plan = client.post(f"{PREFIX}/dns/plan", json={"requests": [item]}).json()
        found |= {each["code"] for result in plan["results"] for each in result.get("warnings") or ()}
    return {code for code in found if code}


def reasons(told: dict[str, Any]) -> list[dict[str, Any]]:
    detail = told.get("detail")
    return detail if isinstance(detail, list) else []


def test_each_call_is_answered_with_its_code(client: TestClient, served: dict[str, str]) -> None:
    others = {
        example.code: found
        for example in EXAMPLES
        if example.code not in (found := codes(client, example, served))
    }
    assert others == {}


def test_every_code_has_an_example_and_what_to_do() -> None:
    listed = re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)
    rows = ROW.findall(PAGE)
    assert sorted(set(listed) - {code for code, *_ in rows}) == []
    assert [code for code, _, example, fix in rows if not example.strip() or not fix.strip()] == []
    assert len(EXAMPLES) > 100
