"""The reading side of the DLQ: lists dead letters, and sends their messages back to the topic."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from app.core.config import settings
from app.core.setting_types import without_secrets
from app.topics.headers import Headers, readable_headers
from app.topics.position import KEY_HEADER, TopicPartitionOffset, key_of_position
from app.topics.producing import ProduceArguments, produce_all
from app.topics.properties import dead_letter_topic, dlq_reader_properties, producer_properties

OnReplay = Callable[[Sequence[TopicPartitionOffset]], None]

VALUE_LEFT_OUT = "value-left-out"
DLQ_HEADERS = (
    "error",
    "original-topic",
    "original-partition",
    "original-offset",
    "original-timestamp",
    VALUE_LEFT_OUT,
)
TIMEOUT = 10.0  # seconds that the broker may take to answer
CHUNK = 100  # dead letters that are replayed before the offsets are committed


class DeadLetterQueueError(Exception):
    """Dead letters can't be read or replayed; the text says why."""


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as the DLQ holds it, the message's own headers apart from those that the DLQ added."""

    message: Message
    own_headers: Headers
    dlq_headers: Mapping[str, str]
    replayed: bool

    @classmethod
    def of(cls, message: Message, replayed: bool) -> Self:
        """Read a dead letter. The DLQ's headers come last, each once; those before are the message's."""
        own, added = readable_headers(message), dict[str, str]()
        while own and own[-1][0] in DLQ_HEADERS and own[-1][0] not in added:
            name, value = own.pop()
            added[name] = (value or b"").decode(errors="backslashreplace")
        return cls(message, own, added, replayed)

    @property
    def position(self) -> TopicPartitionOffset:
        """The position of the dead letter in the DLQ."""
        return TopicPartitionOffset.of(self.message)

    @property
    def written_at(self) -> datetime:
        """When the dead letter was written."""
        return datetime.fromtimestamp(self.message.timestamp()[1] / 1000, UTC)

    @property
    def error(self) -> str:
        """Why the message was not accepted."""
        return self.dlq_headers.get("error", "")

    @property
    def origin(self) -> str:
        """The position of the original message, as `topic:partition:offset`."""
        names = ("original-topic", "original-partition", "original-offset")
        return ":".join(self.dlq_headers.get(name, "") for name in names)

    def obstacle(self, topic: str) -> str | None:
        """Return why it can't be sent back to `topic`, or None if it can."""
        if self.dlq_headers.get("original-topic") != topic:
            return f"it does not come from {topic}"
        if VALUE_LEFT_OUT in self.dlq_headers:
            return "its value was too large to be kept"
        return None

    def original_message(self) -> ProduceArguments:
        """Return the message as it was, with the idempotency key that it had or was given.

        With the key, a message that is sent back twice is still one request.
        """
        has_key = any(name == KEY_HEADER and value for name, value in self.own_headers)
        key = key_of_position(self.origin, self.dlq_headers.get("original-timestamp", "")).encode()
        return {
            "key": self.message.key(),
            "value": self.message.value(),
            "headers": self.own_headers if has_key else [*self.own_headers, (KEY_HEADER, key)],
        }


class PartitionOffsets(NamedTuple):
    """The offsets of a DLQ partition: those from `low` up to, not including, `high` exist.

    Those below `committed` were replayed.
    """

    low: int
    committed: int
    high: int


class DeadLetterQueue:
    """Reads and replays dead letters.

    How far they were replayed is what a consumer group of its own, `<group>.dlq-replay`, has committed.
    Each method that talks to the broker raises DeadLetterQueueError.
    """

    def __init__(self, topic: str, on_replay: OnReplay, timeout: float = TIMEOUT) -> None:
        """Read the dead letters of a topic; `on_replay` is told what is about to be sent back.

        The broker may take so many seconds for each answer.
        """
        self._topic = topic
        self._timeout = timeout
        self._on_replay = on_replay
        self._dlq_topic = dead_letter_topic(topic)
        self._reader = Consumer(dlq_reader_properties())
        self._offsets = self._fetch_offsets()

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()

    @property
    def partitions(self) -> Mapping[int, PartitionOffsets]:
        """The partitions of the DLQ, and which offsets they have."""
        return self._offsets

    def read_all(self) -> Iterator[StoredDeadLetter]:
        """Yield every dead letter that is there now, in order within each partition."""
        return self._read_from({partition: offsets.low for partition, offsets in self._offsets.items()})

    def read(self, partition: int, start: int, end: int) -> Iterator[StoredDeadLetter]:
        """Yield the dead letters of a partition from one offset to before another."""
        offsets = self._offsets.get(partition, PartitionOffsets(0, 0, 0))
        first, last = max(start, offsets.low), min(end, offsets.high)
        if first < last:
            for each in self._read_from({partition: first}):
                if each.position.offset >= last:
                    return
                yield each
                if each.position.offset == last - 1:
                    return

    def find(self, partition: int, offset: int) -> StoredDeadLetter:
        """Return the dead letter at this offset. Raises DeadLetterQueueError if there is none."""
        dead_letter = next(self.read(partition, offset, offset + 1), None)
        if dead_letter is None:
            position = TopicPartitionOffset(self._dlq_topic, partition, offset)
            raise DeadLetterQueueError(f"there is no dead letter at {position}")
        return dead_letter

    def replay_waiting(self) -> Iterator[tuple[StoredDeadLetter, str | None]]:
        """Send back all messages that were not replayed yet; yield each with None, or with why it can't be.

        Commits the offsets of each chunk once the broker has confirmed its messages.
        """
        waiting = self._read_from(
            {partition: offsets.committed for partition, offsets in self._offsets.items()}
        )
        while chunk := list(islice(waiting, CHUNK)):
            outcomes = self._send_back(chunk)
            positions = [dead_letter.position for dead_letter in chunk]
            self._commit({each.partition: each.offset + 1 for each in positions})
            yield from outcomes

    def replay(self, dead_letters: Sequence[StoredDeadLetter]) -> list[tuple[StoredDeadLetter, str | None]]:
        """Send back these messages, even if that was done before; each with None, or with why it can't be."""
        outcomes = self._send_back(dead_letters)
        following = {number: offsets.committed for number, offsets in self._offsets.items()}
        for position in sorted(each.position for each in dead_letters):
            if position.offset == following[position.partition]:
                following[position.partition] += 1
        moved = {
            each: next_one for each, next_one in following.items() if next_one > self._offsets[each].committed
        }
        if moved:
            self._commit(moved)
        return outcomes

    @cached_property
    def _producer(self) -> Producer:
        return Producer(producer_properties())

    def _send_back(
        self, dead_letters: Sequence[StoredDeadLetter]
    ) -> list[tuple[StoredDeadLetter, str | None]]:
        outcomes = [(dead_letter, dead_letter.obstacle(self._topic)) for dead_letter in dead_letters]
        sent = [dead_letter for dead_letter, obstacle in outcomes if obstacle is None]
        if sent:
            self._on_replay([dead_letter.position for dead_letter in sent])
        messages = [dead_letter.original_message() | {"topic": self._topic} for dead_letter in sent]
        for error in produce_all(self._producer, messages):
            if error is not None:
                raise DeadLetterQueueError(f"a message could not be sent back: {error.str()}")
        return outcomes

    def _commit(self, next_offsets: Mapping[int, int]) -> None:
        offsets = [TopicPartition(self._dlq_topic, *each) for each in next_offsets.items()]
        try:
            self._reader.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            reason = error.args[0].str()
            raise DeadLetterQueueError(
                f"messages were sent back, but the offsets could not be committed: {reason}"
            ) from error

    def _read_from(self, starts: Mapping[int, int]) -> Iterator[StoredDeadLetter]:
        """Yield the dead letters from these offsets (by partition) up to the high watermarks."""
        unread = {partition for partition, start in starts.items() if start < self._offsets[partition].high}
        self._reader.assign([TopicPartition(self._dlq_topic, each, starts[each]) for each in unread])
        while unread:
            message = self._reader.poll(self._timeout)
            if message is None:
                raise DeadLetterQueueError(f"the broker sent nothing for {self._timeout:.0f} s")
            if _is_partition_end(message):
                unread.discard(message.partition() or 0)
                continue
            _, partition, offset = TopicPartitionOffset.of(message)
            offsets = self._offsets[partition]
            if offset + 1 >= offsets.high:
                unread.discard(partition)
            if offset < offsets.high:
                yield StoredDeadLetter.of(message, replayed=offset < offsets.committed)

    def _fetch_offsets(self) -> dict[int, PartitionOffsets]:
        seconds = self._timeout
        try:
            found = self._reader.list_topics(self._dlq_topic, timeout=seconds).topics[self._dlq_topic]
            partitions = [TopicPartition(self._dlq_topic, number) for number in found.partitions]
            committed = self._reader.committed(partitions, timeout=seconds) if partitions else []
            watermarks = [self._reader.get_watermark_offsets(each, timeout=seconds) for each in partitions]
        except KafkaException as error:
            raise _unreadable(error.args[0]) from error
        return {
            each.partition: PartitionOffsets(low, max(low, each.offset), high)
            for each, (low, high) in zip(committed, watermarks, strict=True)
        }


def _is_partition_end(message: Message) -> bool:
    """Whether the message marks the end of its partition. Raises DeadLetterQueueError if it is an error."""
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:
        return True
    raise _unreadable(error)


def _unreadable(error: KafkaError) -> DeadLetterQueueError:
    where = without_secrets(settings().kafka_broker_url)
    advice = f"; check that the broker runs at {where} (KAFKA_BROKER_URL)" if error.code() < 0 else ""
    return DeadLetterQueueError(f"the dead letters can't be read: {error.str()}{advice}")
