"""Batches that are all or nothing."""

from datetime import UTC, datetime, timedelta
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


def test_of_one_zone_and_one_time(client: TestClient, new_zone: str) -> None:
    client.post("/api/v1/zones", json={"name": f"sub.{new_zone}", "backend": "bind"}).raise_for_status()
    answer = post(client, body(new_zone), body(f"sub.{new_zone}"))
    assert (answer.status_code, reasons(answer)) == (422, {("body.requests", "atomic_zones")})
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = post(client, body(new_zone), body(new_zone, "b", not_before=tomorrow))
    assert (answer.status_code, reasons(answer)) == (422, {("body.requests", "atomic_times")})
    assert stored(client) == 0


def test_what_fits_in_a_message(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, f"h{number}") for number in range(1_001)]
    assert reasons(post(client, *items)) == {("body.requests", "atomic_too_large")}
    texts = [body(new_zone, f"h{number}", record_type="TXT", target="x" * 1_000) for number in range(60)]
    answer = post(client, *texts, body(new_zone, "-"))
    assert reasons(answer) == {
        ("body.requests", "atomic_too_large"),
        ("body.requests.60.resource.domain", "name_invalid"),
    }
    assert stored(client) == 0
    assert post(client, *texts[:50]).status_code == 207


def test_one_of_a_group_is_cancelled_or_retried_with_all(client: TestClient, new_zone: str) -> None:
    alone = client.post("/api/v1/dns/create", json=body(new_zone)).json()["id"]
    items = [body(new_zone, f"h{number}") for number in range(3)]
    ids = [result["request"]["id"] for result in post(client, *items).json()["results"]]

    def statuses() -> list[str]:
        return [client.get(f"/api/v1/dns/requests/{each}").json()["status"] for each in (*ids, alone)]

    cancelled = client.post(f"/api/v1/dns/requests/{ids[1]}/cancel").json()
    assert (cancelled["id"], statuses()) == (ids[1], ["cancelled"] * 3 + ["pending"])
    retried = client.post(f"/api/v1/dns/requests/{ids[2]}/retry").json()
    assert (retried["id"], statuses()) == (ids[2], ["pending"] * 4)
    wanted = {"domain": f"h0.{new_zone}", "status": "pending"}
    assert client.post("/api/v1/dns/requests/cancel", json=wanted).json()["count"] == 3
    wanted["status"] = "cancelled"
    assert client.post("/api/v1/dns/requests/retry", json=wanted).json()["count"] == 3
    assert statuses() == ["pending"] * 4
