"""Nothing that a client says is ignored without a word: it is honoured, or refused."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.store import zones
from tests.support.answers import codes, reasons
from tests.support.builders import body

KEY = {"Idempotency-Key": "k"}


def batch(client: TestClient, *items: Any, headers: Any = KEY, **options: Any) -> Any:
    return client.post("/api/v1/dns/batch", json={"requests": items, **options}, headers=headers)


def test_the_key_of_a_batch_is_that_of_its_items(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, "one"), body(new_zone, "two", idempotency_key="own"), body(new_zone, "three")]
    first, again = batch(client, *items), batch(client, *items)
    assert [result["status_code"] for result in first.json()["results"]] == [202] * 3
    assert [result["status_code"] for result in again.json()["results"]] == [200] * 3
    assert [each["request"] for each in again.json()["results"]] == [
        each["request"] for each in first.json()["results"]
    ]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(client.get("/api/v1/dns/requests").json()["items"]) == 3
    other = batch(client, body(new_zone, "four"))
    assert other.status_code == 409


def test_the_key_of_an_atomic_batch(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, "one"), body(new_zone, "two")]
    answers = [batch(client, *items, atomic=True) for _ in range(2)]
    assert [answer.json()["results"][1]["status_code"] for answer in answers] == [202, 200]


@pytest.mark.parametrize("key", ["x" * 248, "", "a\x01b"])
def test_a_key_that_a_batch_can_not_have(client: TestClient, new_zone: str, key: str) -> None:
    answer = batch(client, body(new_zone), headers={"Idempotency-Key": key.encode()})
    assert {place for place, _ in reasons(answer)} == {"header.idempotency-key"}


@pytest.mark.parametrize("call", ["create", "update", "upsert", "delete", "batch"])
def test_two_keys(client: TestClient, new_zone: str, call: str) -> None:
    sent = {"requests": [body(new_zone)]} if call == "batch" else body(new_zone)
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = client.post(f"/api/v1/dns/{call}", json=sent, headers=headers)
    assert reasons(answer) == {("header.idempotency-key", "header_repeated")}


def test_no_call_takes_a_parameter_that_it_does_not_know(client: TestClient) -> None:
    from app.main import app

    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            url = path.replace("{request_id}", "01a2b3c4-0000-7000-8000-000000000000").replace(
                "{batch_id}", "01a2b3c4-0000-7000-8000-000000000000"
            )
            url = f"{url.replace('{name}', 'x.test')}?created_after=x&y=1"
            answer = client.request(method, url, json=None if method in ("get", "delete") else {})
            assert {
                ("query.created_after", "unknown_parameter"),
                ("query.y", "unknown_parameter"),
            } <= reasons(answer), (method, path)


def test_all_that_is_wrong_with_a_query_comes_at_once(client: TestClient) -> None:
    answer = client.get("/api/v1/dns/requests?limit=x&since=5&nonsense=1&zone=a&zone=b")
    assert reasons(answer) == {
        ("query.limit", "int_parsing"),
        ("query.since", "datetime_type"),
        ("query.nonsense", "unknown_parameter"),
        ("query.zone", "parameter_repeated"),
    }


def test_all_that_is_wrong_with_a_call_comes_at_once(client: TestClient) -> None:
    answer = client.post(
        "/api/v1/dns/create?dry_run=true",
        json=body("nowhere.test", target="nonsense"),
        headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")],
    )
    assert reasons(answer) == {
        ("query.dry_run", "unknown_parameter"),
        ("header.idempotency-key", "header_repeated"),
        ("body.resource.target", "ipv4_invalid"),
        ("body.resource.domain", "zone_unknown"),
    }


def test_what_is_no_truth_value(client: TestClient, new_zone: str) -> None:
    for field, call in (("ask_servers", "plan"), ("atomic", "batch"), ("atomic", "plan")):
        for value in ("yes", "true", 1, 0):
            sent = {"requests": [body(new_zone)], field: value}
            assert codes(client.post(f"/api/v1/dns/{call}", json=sent)) == {"bool_type"}


@pytest.mark.parametrize("via", ["single", "batch", "atomic"])
def test_a_key_comes_before_all_that_is_judged(client: TestClient, new_zone: str, via: str) -> None:
    """The zone is gone when the client asks again: it gets the first answer."""

    def submit(zone: str) -> tuple[int, Any]:
        if via == "single":
            answer = client.post("/api/v1/dns/create", json=body(zone), headers=KEY)
            return answer.status_code, answer.json().get("id")
        answer = batch(client, body(zone), atomic=via == "atomic")
        if answer.status_code != 207:
            return answer.status_code, None
        [result] = answer.json()["results"]
        return result["status_code"], result.get("request", {}).get("id")

    first = submit(new_zone)
    assert first[0] == 202
    with transaction() as session:
        zones.remove(session, new_zone)
    again = submit(new_zone)
    assert again == (202 if via == "single" else 200, first[1])
    assert submit("nowhere.test")[0] == 409
    client.post("/api/v1/zones", json={"name": new_zone, "backend": "bind"}).raise_for_status()
    assert submit(new_zone) == again


@pytest.mark.parametrize("account", [" team", "team ", "te\u202eam", "team\x85", "\u200bteam", "te\u2066am"])
def test_accounts_that_look_like_others(client: TestClient, new_zone: str, account: str) -> None:
    answer = client.post("/api/v1/dns/create", json=body(new_zone, account=account))
    assert reasons(answer) == {("body.context.account_id", "string_pattern_mismatch")}
