"""Follow a request live."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from dns_orchestrator.call import Give, Pause, Stream
from dns_orchestrator.models.requests import Event, Request
from dns_orchestrator.waiting import Deadline, get_request, pauses


def follow(request_id: UUID | str, deadline: Deadline) -> Stream[Event]:
    """Give the lines of a request's log as they come, until it is settled or the time is over."""
    seen: Counter[Event] = Counter()
    for pause in pauses():
        request: Request = yield get_request(request_id)
        for event in _new(request.events, seen):
            yield Give(event)
        if request.is_settled or deadline.left == 0.0:
            return
        yield Pause(min(pause, deadline.left))


def _new(events: list[Event], seen: Counter[Event]) -> Iterator[Event]:
    """Yield those that were not seen; the same line may stand there twice."""
    there = Counter(events)
    for event in events:
        if there[event] > seen[event]:
            seen[event] += 1
            yield event
