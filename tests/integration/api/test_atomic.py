"""Batches that are all or nothing."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import reasons
from tests.support.builders import body


def post(client: TestClient, *items: Any) -> Any:
    return client.post("/api/v1/dns/batch", json={"requests": items, "atomic": True})


def stored(client: TestClient) -> int:
    return len(client.get("/api/v1/dns/requests").json()["items"])


def test_all(client: TestClient, new_zone: str) -> None:
    answer = post(client, *(body(new_zone, f"h{number}") for number in range(5)))
    assert answer.status_code == 207
    assert [result["status_code"] for result in answer.json()["results"]] == [202] * 5
    assert stored(client) == 5


def test_or_nothing_with_every_reason_of_every_item(client: TestClient, new_zone: str) -> None:
    answer = post(
        client,
        body(new_zone),
        body(new_zone, target=["nonsense", "192.0.2.1", "192.0.2.256"], comment="\a"),
        5,
        body("elsewhere.test", action="nope"),
        body(new_zone, idempotency_key="k"),
    )
    assert answer.status_code == 422
    assert reasons(answer) == {
        ("body.requests.1.resource.comment", "string_pattern_mismatch"),
        ("body.requests.1.resource.target.0", "ipv4_invalid"),
        ("body.requests.1.resource.target.2", "ipv4_invalid"),
        ("body.requests.2", "model_type"),
        ("body.requests.3.action", "enum"),
        ("body.requests.3.resource.domain", "zone_unknown"),
    }
    assert stored(client) == 0


def test_a_key_that_was_used_with_another_body(client: TestClient, new_zone: str) -> None:
    first = body(new_zone, idempotency_key="k")
    assert post(client, first).status_code == 207
    answer = post(client, body(new_zone, comment="new"), first | {"action": "delete"})
    assert answer.status_code == 409
    assert reasons(answer) == {("body.requests.1.idempotency_key", "idempotency_key_reused")}
    assert stored(client) == 1


def test_with_keys_it_can_be_sent_again(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, f"h{number}", idempotency_key=f"k{number}") for number in range(3)]
    first, again = post(client, *items).json()["results"], post(client, *items).json()["results"]
    assert [result["status_code"] for result in again] == [200] * 3
    assert [result["request"] for result in again] == [result["request"] for result in first]
    assert stored(client) == 3


def test_a_refused_one_leaves_its_keys_free(client: TestClient, new_zone: str) -> None:
    good = body(new_zone, idempotency_key="k")
    assert post(client, good, body("elsewhere.test")).status_code == 422
    assert post(client, good).json()["results"][0]["status_code"] == 202


@pytest.mark.parametrize("atomic", ["yes", 1, None, {}])
def test_it_is_true_or_false(client: TestClient, atomic: Any) -> None:
    answer = client.post("/api/v1/dns/batch", json={"requests": [], "atomic": atomic})
    assert (answer.status_code, reasons(answer)) == (422, {("body.atomic", "bool_type")})


def test_an_empty_one(client: TestClient) -> None:
    assert post(client).json() == {"results": []}
