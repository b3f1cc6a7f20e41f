"""Idempotency keys: the same request again, and keys that can't be kept."""

import httpx2
import pytest
from fastapi.testclient import TestClient

from tests.support.builders import body


def test_the_same_body_gets_the_first_answer(client: TestClient, new_zone: str) -> None:
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
    again = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.text == first.text
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


@pytest.mark.parametrize("atomic", [False, True])
def test_the_key_of_a_batch_stands_for_all_of_its_body(
    client: TestClient, new_zone: str, *, atomic: bool
) -> None:
    first, second, bad = body(new_zone, "a"), body(new_zone, "b"), body(new_zone, "c", target="none")

    def send(items: list[dict[str, object]], *, atomic: bool = atomic) -> httpx2.Response:
        sent = {"requests": items, "atomic": atomic}
        return client.post("/api/v1/dns/batch", json=sent, headers={"Idempotency-Key": "k"})

    answer = send([first, second])
    for others in ([first], [second, first], [first, second, first], [bad, second], [bad, first, second]):
        refused = send(others)
        assert refused.status_code == 409
        [reason] = refused.json()["detail"]
        assert (reason["loc"], reason["type"]) == (["header", "idempotency-key"], "idempotency_key_reused")
    assert send([first, second], atomic=not atomic).status_code == 409
    again = send([dict(reversed(first.items())), second])
    assert again.headers["idempotent-replayed"] == "true"
    assert ids_of(again) == ids_of(answer)
    assert len(client.get("/api/v1/dns/requests").json()["items"]) == 2


def ids_of(answer: httpx2.Response) -> list[str]:
    return [result["request"]["id"] for result in answer.json()["results"]]


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


@pytest.mark.parametrize(
    "odd",
    [
        {"owner": "a\0b"},
        {"target": "\0"},
        {"zone": "\0.test"},
        {"config": {"extra_config": {"a": ["\0"]}}},
        {"config": {"extra_config": {"\0": 1}}},
    ],
)
def test_what_can_not_be_stored_is_refused_with_a_key_as_without(
    client: TestClient, new_zone: str, odd: dict[str, object]
) -> None:
    """And so is what stands beside it: nothing that was stored can be the same."""
    sent = body(new_zone, **odd)  # type: ignore[arg-type]
    answer = client.post("/api/v1/dns/create", json=sent, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422
    items = [sent, body(new_zone, target="none"), body(new_zone)]
    batch = {"requests": [{**item, "idempotency_key": str(index)} for index, item in enumerate(items)]}
    results = client.post("/api/v1/dns/batch", json=batch).json()["results"]
    assert [result["status_code"] for result in results] == [422, 422, 202]
