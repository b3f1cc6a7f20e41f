"""No two events of a request are sent together."""

import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

from app.services.events.waves import waves
from app.store.outbox import Event

NOW = datetime.now(UTC)


def event(number: int, request_id: UUID) -> Event:
    return Event(
        id=number,
        event_id=uuid4(),
        request_id=request_id,
        sequence=number,
        at=NOW,
        status="pending",
        told=None,
        action="create",
        account_id="team-a",
        source="api",
        via="api",
        zone="example.test",
        resource={},
        ttl=300,
        not_before=None,
        batch_id=None,
        error_code=None,
        traceparent=None,
        created_at=NOW,
        started_at=None,
        verified_at=None,
        finished_at=None,
    )


def test_events_of_a_request_are_in_waves_one_after_the_other() -> None:
    requests = [uuid4() for _ in range(5)]
    events = [event(number, random.choice(requests)) for number in range(100)]
    found = waves(events)
    assert sorted(each.id for wave in found for each in wave) == list(range(100))
    assert all(len({each.request_id for each in wave}) == len(wave) for wave in found)
    for request in requests:
        ids = [each.id for wave in found for each in wave if each.request_id == request]
        assert ids == sorted(ids)
    assert waves([]) == []
