"""Each change of a request's status is an event for who listens, written with it, and in order."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import engine, transaction
from app.domain.change import ChangeResult, Outcome
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.events.listeners import switch_off, switch_on
from app.store import outbox
from app.store.outbox import Event, Listener
from tests.support.builders import body, time_after
from tests.support.fixed_runner import APPLIED, FixedRunner


def waiting(listener: Listener = Listener.KAFKA) -> list[Event]:
    """The events that the listener has not got, in order."""
    with transaction() as session:
        return outbox.take(session, listener, 0, 10_000)


def statuses() -> dict[str, list[str]]:
    """By the id of each request, the statuses of its events."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for event in sorted(waiting(), key=lambda event: event.sequence):
        found[str(event.request_id)].append(event.status)
    return found


def submit(api: TestClient, zone: str, owner: str = "www", **fields: Any) -> str:
    answer = api.post("/api/v1/dns/create", json=body(zone, owner, **fields))
    return str(answer.raise_for_status().json()["id"])


def work(zone: str, *results: ChangeResult) -> None:
    """Drain the zone once with each result; what rests meanwhile rests no more."""
    for result in results or (APPLIED,):
        drain(zone, FixedRunner(result), make_backends())
        with transaction() as session:
            session.execute(text("UPDATE dns_zone_leases SET paused_until = now()"))
            session.execute(text("UPDATE dns_backends SET paused_until = now()"))


def test_each_change_of_a_status_is_an_event(simulated: TestClient, new_zone: str) -> None:
    switch_on(Listener.KAFKA)
    away = ChangeResult(Outcome.FAILED, "zone_not_loaded", "10.0.0.1 does not serve the zone")
    refused = ChangeResult(Outcome.FAILED, "refused", "10.0.0.1 says no")
    known = {}
    at_last = submit(simulated, new_zone, "at-last")
    work(new_zone, away, away, away)  # of the second and the third try, the log says nothing
    work(new_zone)
    known[at_last] = ["pending", *("running", "pending") * 3, "running", "succeeded"]
    failed = submit(simulated, new_zone, "failed")
    work(new_zone, refused)
    simulated.post(f"/api/v1/dns/requests/{failed}/retry").raise_for_status()
    simulated.post(f"/api/v1/dns/requests/{failed}/cancel").raise_for_status()
    known[failed] = ["pending", "running", "failed", "pending", "cancelled"]
    later = submit(simulated, new_zone, "later", not_before=time_after(3600))
    simulated.post(f"/api/v1/dns/requests/{later}/cancel").raise_for_status()
    known[later] = ["scheduled", "cancelled"]
    assert statuses() == known
    events = waiting()
    assert len({event.event_id for event in events}) == len(events)
    [failure] = [event for event in events if event.status == "failed"]
    assert (failure.error_code, failure.account_id, failure.zone) == ("refused", "team-a", new_zone)
    assert failure.finished_at is not None
    assert failure.resource["domain"] == f"failed.{new_zone}"
    assert "10.0.0.1" not in str(events)


def test_what_says_more_of_a_status_is_no_event(simulated: TestClient, new_zone: str) -> None:
    switch_on(Listener.KAFKA)
    request = submit(simulated, new_zone)
    with transaction() as session:
        session.execute(
            text(
                "INSERT INTO dns_request_events (request_id, status, message, changes_status)"
                " VALUES (:id, 'pending', 'a word', false)"
            ),
            {"id": request},
        )
    assert statuses() == {request: ["pending"]}


def test_each_listener_has_events_of_its_own_with_the_same_ids(simulated: TestClient, new_zone: str) -> None:
    switch_on(Listener.WEBHOOKS)
    assert not switch_on(Listener.WEBHOOKS)
    switch_on(Listener.KAFKA)
    items = [body(new_zone, f"h{number}", action="create") for number in range(50)]
    simulated.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    first, second = waiting(Listener.KAFKA), waiting(Listener.WEBHOOKS)
    assert len(first) == 50
    assert [(event.event_id, event.sequence) for event in first] == [
        (event.event_id, event.sequence) for event in second
    ]
    assert [event.resource["domain"].split(".")[0] for event in first] == [f"h{n}" for n in range(50)]


def test_nothing_is_written_for_nobody(simulated: TestClient, new_zone: str) -> None:
    submit(simulated, new_zone)
    switch_on(Listener.KAFKA)
    assert switch_off(Listener.KAFKA)
    assert not switch_off(Listener.KAFKA)
    work(new_zone)
    assert waiting() == []


def test_what_is_committed_once_a_listener_is_on_is_told(simulated: TestClient, new_zone: str) -> None:
    """Transactions that looked for listeners before are waited for, and those that only read are not."""
    insert = text(
        "INSERT INTO dns_request_events (request_id, status, message)"
        " SELECT id, 'running', '' FROM dns_requests LIMIT 1"
    )
    submit(simulated, new_zone)
    for _ in range(3):
        with engine().connect() as early, engine().connect() as backup, ThreadPoolExecutor(1) as pool:
            backup.execute(text("LOCK TABLE dns_event_listeners, dns_request_events IN ACCESS SHARE MODE"))
            early.execute(insert)
            switched = pool.submit(switch_on, Listener.KAFKA)
            with pytest.raises(TimeoutError):
                switched.result(0.3)
            early.rollback()
            assert switched.result(10)
        with transaction() as session:
            session.execute(insert)
        assert [event.status for event in waiting()] == ["running"]
        switch_off(Listener.KAFKA)
        with transaction() as session:
            outbox.remove(session, Listener.KAFKA, [event.id for event in waiting()])
