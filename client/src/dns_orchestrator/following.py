"""Follow a request live: by server-sent events, or by asking again and again where there is no room."""

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from dns_orchestrator.call import Call, Effect, Give, Next, Open, Pause, Stream
from dns_orchestrator.errors import AnswerError, ConnectionFailed, Unavailable
from dns_orchestrator.models.requests import Event, Request
from dns_orchestrator.waiting import Deadline, get_request, pauses

_MOST_RECONNECTS = 10  # one after the other, without an event in between
_NO_ROOM = frozenset({406, 429, 503})  # for another who follows
_PAUSE = 1.0  # seconds between two of them


@dataclass
class _Reader:
    """Makes events of lines (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

    last_id: str | None = None
    _fields: dict[str, str] = field(default_factory=dict)

    def read(self, line: str) -> tuple[str, str] | None:
        """Return the name and the data of the event that a line ends; None where it ends none."""
        if line:
            name, _, value = line.partition(":")
            self._fields[name] = value.removeprefix(" ")
            return None
        found, self._fields = self._fields, {}
        self.last_id = found.get("id", self.last_id)
        return (found.get("event", "message"), found["data"]) if "data" in found else None


def follow(request_id: UUID | str, deadline: Deadline) -> Stream[Event]:
    """Give the lines of a request's log as they come, until it is settled or the time is over."""
    reader, failures = _Reader(), 0
    while deadline.left:
        events_before = reader.last_id
        try:
            if (yield from _follow_once(request_id, reader, deadline)):
                return
        except ConnectionFailed:
            failures = failures + 1 if reader.last_id == events_before else 1
            if failures > _MOST_RECONNECTS:
                raise
        except AnswerError as error:
            if error.status not in _NO_ROOM:
                raise
            yield from poll(request_id, deadline)
            return
        yield Pause(min(_PAUSE, deadline.left))


def _follow_once(
    request_id: UUID | str, reader: _Reader, deadline: Deadline
) -> Generator[Effect | Give[Event], Any, bool]:
    """Give what comes by one connection; return whether that was the end."""
    lines = yield Open(_stream_of(request_id, reader.last_id))
    while lines is not None and deadline.left:
        line = yield Next(lines)
        if line is None:
            return False
        match reader.read(line):
            case ("end", _):
                return True
            case ("status" | "log", data):
                yield Give(_event(data))
    return True


def _event(data: str) -> Event:
    try:
        return Event.model_validate_json(data)
    except ValidationError as error:
        words = "the stream has an event that this client can't read: is it the API?"
        raise Unavailable(200, words, "answer_unreadable") from error


def _stream_of(request_id: UUID | str, last_id: str | None) -> Call[None]:
    headers = {"Accept": "text/event-stream"}
    if last_id is not None:
        headers["Last-Event-ID"] = last_id
    return Call("GET", f"/dns/requests/{request_id}", type(None), headers=headers)


def poll(request_id: UUID | str, deadline: Deadline) -> Stream[Event]:
    """Give the same by asking again and again."""
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
