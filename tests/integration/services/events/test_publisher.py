"""Publishers beside long snapshots, each other, and listeners that come and go."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event as StopEvent

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import engine, transaction
from app.services.events import discard
from app.services.events.discard import KafkaDiscarder
from app.services.events.floor import Floor
from app.services.events.listeners import switch_off, switch_on
from app.services.events.publish import WebhookPublisher
from app.store import outbox
from app.store.outbox import Listener
from tests.integration.services.events.test_outbox import submit, waiting

LINES = text(
    "INSERT INTO dns_request_events (request_id, status, message)"
    " SELECT id, 'running', '' FROM dns_requests, generate_series(1, :number) RETURNING id"
)

LARGE = """
    UPDATE dns_requests SET resource = resource || jsonb_build_object('comment', repeat('a', 3000000))
"""


def write_lines(number: int = 1) -> list[int]:
    with transaction() as session:
        return list(session.scalars(LINES, {"number": number}))


@pytest.fixture
def snapshot(simulated: TestClient) -> Iterator[None]:
    """A snapshot that another session holds, as a backup does."""
    with engine().connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        connection.execute(text("SELECT count(*) FROM dns_outbox"))
        yield


@pytest.mark.usefixtures("snapshot")
def test_beside_a_long_snapshot_no_event_that_was_published_is_visited_again(
    simulated: TestClient, new_zone: str
) -> None:
    submit(simulated, new_zone)
    switch_on(Listener.WEBHOOKS)
    publisher = WebhookPublisher()
    for _ in range(10):
        write_lines(500)
        assert publisher.publish_some() == 500
    assert publisher.publish_some() == 0
    visited = text("SELECT pg_stat_get_xact_tuples_returned('pk_dns_outbox'::regclass)")
    write_lines(3)
    with transaction() as session:
        before = session.scalar(visited) or 0
        taken = publisher.take(session, publisher.hold() or Floor(0))
        assert len(taken) == 3
        assert (session.scalar(visited) or 0) - before < 1_100  # of 5,000: those of the last two rounds


def test_one_publisher_publishes_until_it_ends_or_its_lease_runs_out(
    simulated: TestClient, new_zone: str
) -> None:
    submit(simulated, new_zone)
    switch_on(Listener.WEBHOOKS)
    first, second = WebhookPublisher(), WebhookPublisher()
    write_lines()
    assert first.publish_some() == 1
    write_lines()
    assert second.publish_some() is None
    first.end()
    assert second.publish_some() == 1
    with transaction() as session:
        session.execute(text("UPDATE dns_publisher_leases SET expires_at = now()"))
    third = WebhookPublisher()
    write_lines()
    assert third.publish_some() == 1


def test_what_is_taken_at_once_has_a_bound_in_octets(simulated: TestClient, new_zone: str) -> None:
    submit(simulated, new_zone)
    switch_on(Listener.WEBHOOKS)
    with transaction() as session:
        session.execute(text(LARGE))
    write_lines(9)
    publisher = WebhookPublisher()
    assert [publisher.publish_some() for _ in range(3)] == [6, 3, 0]  # the sixth exceeds 16 MiB


def test_what_is_left_when_webhooks_are_switched_off_is_removed(simulated: TestClient, new_zone: str) -> None:
    submit(simulated, new_zone)
    switch_on(Listener.WEBHOOKS)
    write_lines(5)
    switch_off(Listener.WEBHOOKS)
    publisher = WebhookPublisher()
    assert publisher.publish_some() == 5
    assert WebhookPublisher().publish_some() is None


def test_events_that_no_worker_is_to_publish_are_discarded(
    simulated: TestClient, new_zone: str, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(simulated, new_zone)
    switch_on(Listener.KAFKA)
    with transaction() as session:
        outbox.note_wanted(session, Listener.KAFKA)
    write_lines(5)
    assert KafkaDiscarder().publish_some() is None
    assert len(waiting()) == 5
    monkeypatch.setattr(discard, "UNWANTED_AFTER", 0.0)
    discarder = KafkaDiscarder()
    assert discarder.publish_some() == 5
    assert "events are published to Kafka no more" in logged()
    assert discarder.publish_some() is None
    write_lines(5)
    assert waiting() == []


def test_while_listeners_come_and_go_what_is_committed_when_one_is_on_is_told(
    simulated: TestClient, new_zone: str
) -> None:
    submit(simulated, new_zone)
    turn, stop = 0, StopEvent()  # odd: the listener is on
    told: list[int] = []

    def write() -> None:
        while not stop.is_set():
            with transaction() as session:
                [line] = session.scalars(LINES, {"number": 1})
                before = turn
            if before % 2 and before == turn:
                told.append(line)

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write) for _ in range(4)]
        for _ in range(4):
            switch_on(Listener.KAFKA)
            turn += 1
            time.sleep(0.05)
            turn += 1
            switch_off(Listener.KAFKA)
        stop.set()
        for writer in writers:
            writer.result(30)
    assert told
    assert set(told) <= {event.sequence for event in waiting()}
