"""Dead letters: messages that can't be accepted, kept with the reason in a topic of their own."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.core.config import Settings
from app.kafka.message import Place, UnreadableMessage, headers
from app.kafka.properties import dead_letter_topic, ensure_topics, producer_properties
from app.kafka.retry import TryLater
from app.schemas.response import Reason

Headers = list[tuple[str, bytes | None]]
Content = dict[str, Any]  # arguments of Producer.produce
Shape = Callable[["DeadLetter"], Content]
VALUE_LEFT_OUT = "value-left-out"
OUR_HEADERS = (
    "error",
    "original-topic",
    "original-partition",
    "original-offset",
    "original-timestamp",
    VALUE_LEFT_OUT,
)
LONGEST_ERROR = 2_000  # characters
DELIVERY_LIMIT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message and why it can't be accepted, as `code: message; code: message`."""

    message: Message
    error: str

    @classmethod
    def of(cls, message: Message, reasons: Sequence[Reason]) -> "DeadLetter":
        """A letter with all the reasons that the API gave."""
        return cls(message, "; ".join(map(_say, reasons)))

    def headers(self) -> Headers:
        """What is added behind the message's own headers."""
        _, timestamp = self.message.timestamp()
        place = Place.of(self.message)
        return [
            ("error", self.error[:LONGEST_ERROR].encode(errors="backslashreplace")),
            ("original-topic", place.topic.encode()),
            ("original-partition", str(place.partition).encode()),
            ("original-offset", str(place.offset).encode()),
            ("original-timestamp", str(timestamp).encode()),
        ]


class DeadLetters:
    """Delivers dead letters, each confirmed by the broker."""

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._topic = dead_letter_topic(config)
        self._producer = Producer(producer_properties(config))

    def deliver(self, letters: Iterable[DeadLetter]) -> None:
        """Return when the broker has them all; one that is too large for it goes without its value, or bare.

        Raises TryLater when the broker did not confirm each of them.
        """
        waiting = list(letters)
        for shape in (_whole, _without_value, _bare):
            waiting = self._send(waiting, shape)
        if waiting:
            raise TryLater("the broker finds even a bare dead letter too large")

    def _send(self, letters: Sequence[DeadLetter], shape: Shape) -> list[DeadLetter]:
        """Send the letters; return those that are too large in this shape."""
        errors = send_all(self._producer, self._topic, [shape(letter) for letter in letters])
        for error in errors:
            if error is not None and error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                ensure_topics(self._config)  # theirs may have been deleted
                raise TryLater(f"the dead letters are not delivered: {error.str()}")
        return [letter for letter, error in zip(letters, errors, strict=True) if error is not None]


def send_all(producer: Producer, topic: str, messages: Sequence[Content]) -> list[KafkaError | None]:
    """Produce the messages and wait; for each, in order, None once the broker has it, or else the error."""
    lost = KafkaError(KafkaError._TIMED_OUT)
    outcomes: list[KafkaError | None] = [lost] * len(messages)

    def confirm(position: int, error: KafkaError | None, _: Message) -> None:
        outcomes[position] = error

    for position, content in enumerate(messages):
        try:
            producer.produce(topic, on_delivery=partial(confirm, position), **content)
        except KafkaException as refused:
            outcomes[position] = refused.args[0]
        except BufferError:
            outcomes[position] = KafkaError(KafkaError._QUEUE_FULL)
    producer.flush(DELIVERY_LIMIT)
    return outcomes


def _say(reason: Reason) -> str:
    place = ".".join(str(step) for step in reason.loc)
    return f"{reason.type}: {place}: {reason.msg}" if place else f"{reason.type}: {reason.msg}"


def own_headers(message: Message) -> Headers:
    """The message's headers, as far as they can be read."""
    try:
        return headers(message)
    except UnreadableMessage:
        return []


def _whole(letter: DeadLetter) -> Content:
    message = letter.message
    return {
        "key": message.key(),
        "value": message.value(),
        "headers": [*own_headers(message), *letter.headers()],
    }


def _without_value(letter: DeadLetter) -> Content:
    return {
        "key": letter.message.key(),
        "headers": [*own_headers(letter.message), *letter.headers(), _left_out(letter.message)],
    }


def _bare(letter: DeadLetter) -> Content:
    return {"headers": [*letter.headers(), _left_out(letter.message)]}


def _left_out(message: Message) -> tuple[str, bytes]:
    """Says that the value was too large to keep, and its size in bytes."""
    return VALUE_LEFT_OUT, str(len(message.value() or b"")).encode()
