"""In which order events are sent, where each has to be confirmed before the next one of its request."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from app.store.outbox import Event


def waves(events: Iterable[Event]) -> list[list[Event]]:
    """Return the first event of each request, then the second of each, and so on."""
    found: list[list[Event]] = []
    seen: Counter[UUID] = Counter()
    for event in events:
        turn = seen[event.request_id]
        seen[event.request_id] += 1
        if turn == len(found):
            found.append([])
        found[turn].append(event)
    return found
