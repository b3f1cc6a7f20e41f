"""The writing side of the DLQ: produces dead letters, each with the reason in its headers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, Message, Producer

from app.kafka.retry import RetryLater
from app.schemas.response import Reason
from app.topics.dead_letters import VALUE_LEFT_OUT
from app.topics.headers import Headers, readable_headers
from app.topics.position import Partition, TopicPartitionOffset
from app.topics.producing import ProduceArguments, produce_all
from app.topics.properties import dead_letter_topic, ensure_topics, producer_properties

MAX_ERROR = 2_000  # characters


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that can't be accepted, and why: `code: field: text; code: text`."""

    message: Message
    error: str

    @classmethod
    def of(cls, message: Message, reasons: Iterable[Reason]) -> "DeadLetter":
        """Make a dead letter with all the reasons that the API gave."""
        return cls(message, "; ".join(map(_format_reason, reasons)))

    @property
    def partition(self) -> Partition:
        """The partition from which the message came."""
        return TopicPartitionOffset.of(self.message)[:2]

    @property
    def dlq(self) -> str:
        """The DLQ to which it goes."""
        return dead_letter_topic(self.partition[0])

    def headers(self) -> Headers:
        """Return the headers that follow the message's own."""
        _, timestamp = self.message.timestamp()
        position = TopicPartitionOffset.of(self.message)
        return [
            ("error", self.error[:MAX_ERROR].encode(errors="backslashreplace")),
            ("original-topic", position.topic.encode()),
            ("original-partition", str(position.partition).encode()),
            ("original-offset", str(position.offset).encode()),
            ("original-timestamp", str(timestamp).encode()),
        ]


class DeadLetterProducer:
    """Produces dead letters; several threads may do so at once."""

    def __init__(self) -> None:
        self._producer = Producer(producer_properties())

    def produce(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Return when the broker has confirmed each dead letter. Raises RetryLater if it does not.

        One that is too large for the broker goes without the value, or else without key and headers too.
        """
        remaining = dead_letters
        for form in (_complete, _without_value, _bare):
            remaining = self._produce_in_form(remaining, form)
        if remaining:
            raise RetryLater(
                "the broker refuses a dead letter as too large, even without value, key and headers;"
                f" raise max.message.bytes of {remaining[0].dlq}"
            )

    def _produce_in_form(
        self, dead_letters: Sequence[DeadLetter], form: Callable[[DeadLetter], ProduceArguments]
    ) -> list[DeadLetter]:
        """Produce the dead letters; return those that are too large in this form."""
        errors = produce_all(self._producer, [form(each) | {"topic": each.dlq} for each in dead_letters])
        for error in errors:
            if error is not None and error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                ensure_topics()  # the DLQ may have been deleted
                raise RetryLater(f"the dead letters are not delivered: {error.str()}")
        return [
            dead_letter for dead_letter, error in zip(dead_letters, errors, strict=True) if error is not None
        ]


def _format_reason(reason: Reason) -> str:
    field = ".".join(str(step) for step in reason.loc)
    return f"{reason.type}: {field}: {reason.msg}" if field else f"{reason.type}: {reason.msg}"


def _complete(dead_letter: DeadLetter) -> ProduceArguments:
    message = dead_letter.message
    return {
        "key": message.key(),
        "value": message.value(),
        "headers": [*readable_headers(message), *dead_letter.headers()],
    }


def _without_value(dead_letter: DeadLetter) -> ProduceArguments:
    message = dead_letter.message
    return {
        "key": message.key(),
        "headers": [*readable_headers(message), *dead_letter.headers(), _value_left_out(message)],
    }


def _bare(dead_letter: DeadLetter) -> ProduceArguments:
    return {"headers": [*dead_letter.headers(), _value_left_out(dead_letter.message)]}


def _value_left_out(message: Message) -> tuple[str, bytes]:
    """Return the header that holds the size, in bytes, of a value that was too large to be kept."""
    return VALUE_LEFT_OUT, str(len(message.value() or b"")).encode()
