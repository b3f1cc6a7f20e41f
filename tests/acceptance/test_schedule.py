"""Scheduled requests, from the API to the DNS server's answer: not before their time, and soon after it."""

import time
from datetime import datetime
from typing import Any

import pytest

from stack.embedded import Stack
from tests.support.builders import body, time_after
from tests.support.user import User, statuses

LATEST = 2.0  # seconds after its time, at which a request is queued


def lateness(request: dict[str, Any]) -> float:
    """How many seconds after its time the request was queued."""
    [queued] = [event["at"] for event in request["events"] if event["message"].startswith("due")]
    wanted = request["context"]["not_before"]
    return (datetime.fromisoformat(queued) - datetime.fromisoformat(wanted)).total_seconds()


def test_a_request_is_applied_when_its_time_has_come(user: User, zone: str) -> None:
    answer = user.api.post("/dns/create", json=body(zone, not_before=time_after(3))).json()
    assert answer["status"] == "scheduled"
    [other] = user.submit_and_wait(body(zone, "other"))
    assert other["status"] == "succeeded"
    assert user.request(answer["id"])["status"] == "scheduled"
    assert user.dig(f"www.{zone}", "A") == set()
    [request] = user.wait_until_settled([answer["id"]])
    assert statuses(request) == ["scheduled", "pending", "running", "succeeded"]
    assert 0 <= lateness(request) < LATEST
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}


@pytest.mark.thorough
def test_requests_for_one_rrset_apply_as_if_they_were_accepted_when_they_are_due(
    user: User, zone: str
) -> None:
    same = time_after(3)
    items = [
        body(zone, action="upsert", target="192.0.2.1", not_before=same),
        body(zone, action="upsert", target="192.0.2.2", not_before=same),
        body(zone, action="upsert", target="192.0.2.3"),
        body(zone, action="upsert", target="192.0.2.4", not_before=time_after(2.5)),
    ]
    ids = user.submit(*items)
    [ordinary] = user.wait_until_settled(ids[2:3])  # not held up
    assert user.request(ids[0])["status"] == "scheduled"
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.3"}
    requests = user.wait_until_settled(ids)
    assert {request["status"] for request in requests} == {"succeeded"}
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.2"}
    assert ordinary["finished_at"] < min(requests[index]["started_at"] for index in (0, 1, 3))


@pytest.mark.thorough
def test_one_that_is_cancelled_before_is_never_applied(user: User, zone: str) -> None:
    cancelled, kept = user.submit(*(body(zone, owner, not_before=time_after(2)) for owner in ("a", "b")))
    user.api.post(f"/dns/requests/{cancelled}/cancel").raise_for_status()
    [request] = user.wait_until_settled([kept])
    assert request["status"] == "succeeded"
    time.sleep(1)
    assert statuses(user.request(cancelled)) == ["scheduled", "cancelled"]
    assert user.dig(f"a.{zone}", "A") == set()


@pytest.mark.thorough
def test_it_survives_a_restart_of_the_worker(stack: Stack, user: User, zone: str) -> None:
    [request_id] = user.submit(body(zone, not_before=time_after(2)))
    stack.restart("worker")
    [request] = user.wait_until_settled([request_id])
    assert request["status"] == "succeeded"
    assert lateness(request) >= 0
    assert user.dig(f"www.{zone}", "A") == {"192.0.2.1"}
