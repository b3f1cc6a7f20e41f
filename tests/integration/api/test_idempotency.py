"""Idempotency keys: the same request again, and keys that can't be kept."""

import pytest
from fastapi.testclient import TestClient

from tests.support.builders import body


def test_the_same_body_gets_the_first_answer(client: TestClient, new_zone: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
    again = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert len(client.get("/api/v1/dns/requests").json()["items"]) == 1


def test_another_body_is_a_conflict(client: TestClient, new_zone: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
    answer = client.post("/api/v1/dns/upsert", json=body(new_zone), headers=headers)
    assert answer.status_code == 409


def test_keys_are_per_account(client: TestClient, new_zone: str) -> None:
    sent = [body(new_zone, account=account) for account in ("team-a", "team-b")]
    ids = {
        client.post("/api/v1/dns/create", json=item, headers={"Idempotency-Key": "k"}).json()["id"]
        for item in sent
    }
    assert len(ids) == 2


def test_twice_in_one_batch(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, idempotency_key="k") for _ in range(2)]
    items.append(body(new_zone, target="192.0.2.99", idempotency_key="k"))
    results = client.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
    assert [result["status_code"] for result in results] == [202, 200, 409]
    assert results[0]["request"] == results[1]["request"]


@pytest.mark.parametrize("key", [b"a\0b", b"a\x01b", b"\x7f", b"", b"x" * 256])
def test_keys_that_cannot_be_kept_are_refused(client: TestClient, new_zone: str, key: bytes) -> None:
    answer = client.post("/api/v1/dns/create", json=body(new_zone), headers={b"Idempotency-Key": key})
    assert answer.status_code == 422
    assert [reason["loc"] for reason in answer.json()["detail"]] == [["header", "idempotency-key"]]
    assert client.get("/api/v1/dns/requests").json()["items"] == []


def test_a_bad_key_hides_nothing_of_what_is_wrong_with_the_body(client: TestClient) -> None:
    sent = body("nowhere.test", target="192.0.2.1000")
    answer = client.post("/api/v1/dns/update", json=sent, headers={"Idempotency-Key": "x" * 256})
    assert answer.status_code == 422
    found = [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]]
    assert found == [
        (["header", "idempotency-key"], "string_too_long"),
        (["body", "resource", "target"], "ipv4_invalid"),
        (["body", "resource", "domain"], "zone_unknown"),
    ]


def test_a_bad_key_and_a_body_that_is_no_json(client: TestClient) -> None:
    headers = {"Idempotency-Key": "", "Content-Type": "application/json"}
    answer = client.post("/api/v1/dns/create", content=b"{", headers=headers)
    assert answer.status_code == 422
    found = [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]]
    assert found == [(["header", "idempotency-key"], "string_too_short"), (["body"], "json_invalid")]
