"""Dead letters: messages of Kafka that could not be accepted, looked at and sent back.

What is read at a time is bounded in messages, bytes and seconds.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore

from app.core.config import settings
from app.core.database import transaction
from app.domain.errors import DeadLetterNotFound, Overloaded
from app.domain.permissions import Caller
from app.services.access import audit
from app.topics.dead_letters import TIMEOUT, DeadLetterQueue, DeadLetterQueueError, StoredDeadLetter
from app.topics.position import TopicPartitionOffset

__all__ = ["DeadLetterQueue", "DeadLetterQueueError", "StoredDeadLetter", "open_queue"]  # for the command

AT_ONCE = 50  # dead letters of a page
MOST_BYTES = 8 * 1024 * 1024  # of their values; the first one is shown whatever it has
_PATIENCE = 4.0  # seconds that the broker may take for an answer while somebody looks at a page
_looking = BoundedSemaphore(2)  # each is a client of the broker, with threads and buffers


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be accepted, and why."""

    partition: int  # of the DLQ, as is the offset
    offset: int
    written_at: datetime
    is_replayed: bool
    error: str
    origin: str  # where the message stood: topic:partition:offset
    obstacle: str | None  # why it can't be sent back
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters of one partition, the newest first, and where older ones end; None: there are none."""

    topic: str
    partition: int
    partitions: Sequence[int]
    items: Sequence[DeadLetter]
    older: int | None


@contextmanager
def open_queue(topic: str, caller: Caller, timeout: float = TIMEOUT) -> Iterator[DeadLetterQueue]:
    """Open the DLQ of a topic. What is sent back is noted first; where that is not possible, nothing is.

    Raises DeadLetterQueueError, as what is done with it does.
    """
    queue = DeadLetterQueue(topic, partial(_note_replay, caller), timeout)
    try:
        yield queue
    finally:
        queue.close()


def look(topic: str, caller: Caller, partition: int | None = None, before: int | None = None) -> DeadLetters:
    """Return the newest dead letters of a partition, those before an offset if one is given.

    Raises DeadLetterQueueError, Overloaded.
    """
    with _one_of_few(), open_queue(topic, caller, _PATIENCE) as queue:
        partitions = sorted(queue.partitions)
        chosen = partition if partition is not None else next(iter(partitions), 0)
        offsets = queue.partitions.get(chosen)
        if offsets is None:
            return DeadLetters(topic, chosen, partitions, (), None)
        end = min(offsets.high, before if before is not None else offsets.high)
        found = _read(queue, chosen, max(offsets.low, end - AT_ONCE), end)
        items = [_state(each, topic) for each in reversed(found)]
        oldest = items[-1].offset if items else offsets.low
        return DeadLetters(topic, chosen, partitions, items, oldest if oldest > offsets.low else None)


def replay(topic: str, caller: Caller, partition: int, wanted: Collection[int]) -> Sequence[DeadLetter]:
    """Send back the messages at these offsets of a partition; return those that can't be.

    They are of one page: between the first and the last are at most so many as that has. Raises
    DeadLetterQueueError, DeadLetterNotFound, Overloaded.
    """
    first, last = min(wanted), max(wanted)
    if last - first >= AT_ONCE:
        raise DeadLetterNotFound
    with _one_of_few(), open_queue(topic, caller, _PATIENCE) as queue:
        found = [each for each in queue.read(partition, first, last + 1) if each.position.offset in wanted]
        if len(found) < len(set(wanted)):
            raise DeadLetterNotFound
        return [_state(each, topic) for each, obstacle in queue.replay(found) if obstacle is not None]


def topics() -> Sequence[str]:
    """Return the topics whose dead letters there may be."""
    return settings().kafka_topics


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _looking.acquire(timeout=_PATIENCE):
        raise Overloaded
    try:
        yield
    finally:
        _looking.release()


def _read(queue: DeadLetterQueue, partition: int, start: int, end: int) -> list[StoredDeadLetter]:
    """Return the last dead letters before `end` whose values fit into the bound.

    They are read from the older end, so that those are left out that have been read longest ago.
    """
    found: list[StoredDeadLetter] = []
    size = 0
    for each in queue.read(partition, start, end):
        found.append(each)
        size += _size(each)
        while size > MOST_BYTES and len(found) > 1:
            size -= _size(found.pop(0))
    return found


def _size(dead_letter: StoredDeadLetter) -> int:
    return len(dead_letter.message.value() or b"") + len(dead_letter.message.key() or b"")


def _state(found: StoredDeadLetter, topic: str) -> DeadLetter:
    _, partition, offset = found.position
    return DeadLetter(
        partition=partition,
        offset=offset,
        written_at=found.written_at,
        is_replayed=found.replayed,
        error=found.error,
        origin=found.origin,
        obstacle=found.obstacle(topic),
        key=found.message.key(),
        value=found.message.value(),
    )


def _note_replay(caller: Caller, positions: Sequence[TopicPartitionOffset]) -> None:
    """Note in the audit what is sent back."""
    offsets: dict[str, list[int]] = {}
    topic = positions[0].topic.removesuffix(".dlq")
    for position in positions:
        offsets.setdefault(str(position.partition), []).append(position.offset)
    with transaction() as session:
        audit.note(session, caller, "dead_letters_replayed", topic, after=offsets)
