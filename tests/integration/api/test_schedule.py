"""`context.not_before`: what is accepted, how it is shown, and what can be done with it until it is due."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import transaction
from tests.support.answers import codes
from tests.support.builders import body, time_after
from tests.support.eventually import eventually

REQUESTS = "/api/v1/dns/requests"
DAY = 86_400


def create(client: TestClient, zone: str, not_before: Any, owner: str = "www", key: str = "") -> Any:
    sent = body(zone, owner)
    sent["context"]["not_before"] = not_before
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/dns/create", json=sent, headers=headers)


def listed(client: TestClient, **wanted: Any) -> list[str]:
    answer = client.get(REQUESTS, params=wanted).raise_for_status().json()
    return [item["resource"]["domain"].split(".")[0] for item in answer["items"]]


def test_it_is_shown_wherever_the_request_is(client: TestClient, new_zone: str) -> None:
    at = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT12:00:00+02:00")
    in_utc = at.replace("12:00:00+02:00", "10:00:00Z")
    answer = create(client, new_zone, at)
    assert (answer.status_code, answer.json()["status"]) == (202, "scheduled")
    assert answer.json()["context"]["not_before"] == in_utc
    found = client.get(answer.headers["location"]).json()
    assert (found["status"], found["context"]["not_before"]) == ("scheduled", in_utc)
    [event] = found["events"]
    assert (event["status"], event["message"]) == ("scheduled", f"accepted; scheduled for {in_utc}")
    batch = {"requests": [body(new_zone, "a", not_before=at), body(new_zone, "b")]}
    results = client.post("/api/v1/dns/batch", json=batch).json()["results"]
    assert [result["request"]["status"] for result in results] == ["scheduled", "pending"]
    assert [result["request"]["context"].get("not_before") for result in results] == [in_utc, None]


@pytest.mark.parametrize("asked", [-1, -DAY, -50 * 365 * DAY])
def test_a_time_that_has_passed_means_now(client: TestClient, new_zone: str, asked: int) -> None:
    answer = create(client, new_zone, time_after(asked))
    assert answer.json()["status"] == "pending"
    assert client.get(answer.headers["location"]).json()["events"][0]["message"] == "accepted"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("2026-01-01T00:00:00", "timezone_aware"),
        pytest.param(time_after(367 * DAY), "not_before_out_of_range", id="in 367 days"),
        ("9999-12-31T23:59:59-23:59", "not_before_out_of_range"),
        ("0001-01-01T00:00:00+14:00", "not_before_out_of_range"),
        ("1969-12-31T23:59:59Z", "not_before_out_of_range"),
        ("2026-02-30T00:00:00Z", "datetime_from_date_parsing"),
        ("tomorrow", "datetime_type"),
        (1_800_000_000, "datetime_type"),
        ([], "datetime_type"),
    ],
)
def test_what_is_no_time_to_come_is_refused(client: TestClient, new_zone: str, asked: Any, code: str) -> None:
    answer = create(client, new_zone, asked)
    assert codes(answer) == {code}
    assert answer.json()["detail"][0]["loc"] == ["body", "context", "not_before"]
    assert codes(create(client, new_zone, asked, "-")) == {code, "name_invalid"}  # all reasons at once


def test_an_atomic_batch_stores_it_too(client: TestClient, new_zone: str) -> None:
    at = time_after(DAY)
    items = [body(new_zone, owner, not_before=at) for owner in ("a", "b")]
    results = client.post("/api/v1/dns/batch", json={"requests": items, "atomic": True}).json()["results"]
    assert [result["request"]["status"] for result in results] == ["scheduled"] * 2


def test_the_same_key_gives_the_first_answer_and_another_time_is_another_change(
    client: TestClient, new_zone: str
) -> None:
    at = time_after(1)
    first = create(client, new_zone, at, key="k")
    for _ in range(2):
        again = create(client, new_zone, at, key="k")
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        eventually(lambda: client.get(first.headers["location"]).json()["status"] == "pending", 10)
    for other in (time_after(2), None):
        assert create(client, new_zone, other, key="k").json()["code"] == "idempotency_key_reused"


def test_the_api_queues_what_is_due(client: TestClient, new_zone: str) -> None:
    late = create(client, new_zone, time_after(0.5)).headers["location"]
    eventually(lambda: client.get(late).json()["status"] == "pending", 30)
    last = client.get(late).json()["events"][-1]
    assert (last["status"], last["message"]) == ("pending", "due: behind what is waiting already")


def test_lists_find_them(client: TestClient, new_zone: str) -> None:
    for owner, seconds in (("a", 2 * DAY), ("b", DAY), ("c", -1)):
        create(client, new_zone, time_after(seconds), owner)
    assert listed(client, status="scheduled") == ["b", "a"]
    assert listed(client, status="scheduled", zone=new_zone) == ["b", "a"]
    assert listed(client, status="scheduled", account_id="nobody") == []
    assert listed(client, status="pending", zone=new_zone) == ["c"]
    assert listed(client, status="pending") == ["c"]
    first = client.get(REQUESTS, params={"status": "scheduled", "zone": new_zone, "limit": 1}).json()
    assert listed(client, status="scheduled", zone=new_zone, cursor=first["next_cursor"]) == ["a"]


def test_one_or_many_can_be_cancelled(client: TestClient, new_zone: str) -> None:
    one = create(client, new_zone, time_after(DAY)).json()["id"]
    cancelled = client.post(f"{REQUESTS}/{one}/cancel").json()
    assert (cancelled["status"], cancelled["error"]) == ("cancelled", None)
    assert client.get(f"{REQUESTS}/{one}").json()["events"][-1]["message"] == "cancelled before it was due"
    for owner in ("a", "b"):
        create(client, new_zone, time_after(DAY), owner)
    everything = {"zone": new_zone}
    assert client.post(f"{REQUESTS}/cancel", json=everything).json()["count"] == 0  # those that are pending
    assert client.post(f"{REQUESTS}/cancel", json=everything | {"status": "scheduled"}).json()["count"] == 2
    assert listed(client, status="cancelled") == ["b", "a", "www"]


def test_what_was_cancelled_before_its_time_is_scheduled_again(client: TestClient, new_zone: str) -> None:
    ids = [create(client, new_zone, time_after(DAY), owner).json()["id"] for owner in ("a", "b")]
    for request_id in ids:
        client.post(f"{REQUESTS}/{request_id}/cancel").raise_for_status()
    with transaction() as session:
        past = text("UPDATE dns_requests SET not_before = now() WHERE id = :id")
        session.execute(past, {"id": ids[1]})
    retried = [client.post(f"{REQUESTS}/{request_id}/retry").json()["status"] for request_id in ids]
    assert retried == ["scheduled", "pending"]
    last = client.get(f"{REQUESTS}/{ids[0]}").json()["events"][-1]
    assert last["message"].startswith("retried: scheduled for 20")
    assert last["message"].endswith("; it was cancelled")


def test_a_zone_with_scheduled_requests_is_not_removed_unless_they_are_cancelled(
    client: TestClient, new_zone: str
) -> None:
    location = create(client, new_zone, time_after(DAY)).headers["location"]
    assert client.delete(f"/api/v1/zones/{new_zone}").json()["code"] == "zone_in_use"
    assert client.delete(f"/api/v1/zones/{new_zone}", params={"cancel_open": True}).status_code == 204
    assert client.get(location).json()["status"] == "cancelled"


def test_a_plan_says_when_it_would_be_queued(client: TestClient, new_zone: str) -> None:
    at = time_after(DAY)
    items = [
        body(new_zone, action="delete", not_before=at),  # planned last
        body(new_zone, action="create"),
        body(new_zone, action="create", not_before=time_after(-DAY)),
    ]
    results = client.post("/api/v1/dns/plan", json={"requests": items}).json()["results"]
    assert [bool(result.get("not_before")) for result in results] == [True, False, False]
    assert datetime.fromisoformat(results[0]["not_before"]) == datetime.fromisoformat(at)
    assert results[0]["change"]["before"]["target"] == ["192.0.2.1"]
    assert results[1]["change"]["before"] is None
