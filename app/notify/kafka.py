"""The topic of events: messages, each confirmed by the brokers before the next one of its key is sent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confluent_kafka import KafkaError, Producer

from app.topics.producing import ProduceArguments, produce_all
from app.topics.properties import create_topic, event_producer_properties

_HEADERS = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
_TOO_LARGE = (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)
_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
# A child that is forked must not free a producer, whose threads it has not.
_kept: list[Producer] = []


@dataclass(frozen=True, slots=True)
class Message:
    """A message for the topic. `shorter` makes what is sent where the brokers refuse `value` as too large."""

    key: str
    value: bytes
    shorter: Callable[[], bytes]
    traceparent: str | None = None


class EventTopic:
    """A topic that messages are sent to, so many seconds at most until each is confirmed."""

    def __init__(self, name: str, timeout: float) -> None:
        self.name = name
        self._timeout = timeout
        self._producer: Producer | None = None
        self._lone: Producer | None = None

    def create(self) -> None:
        """Create the topic where there is none; log a warning where that is not possible."""
        create_topic(self.name)

    def send(self, messages: Sequence[Message]) -> list[KafkaError | None]:
        """Send messages of different keys; return for each None when it is confirmed, or the error.

        What is refused as too large, maybe for its neighbours, is sent again alone, and then in its shorter
        form.
        """
        if self._producer is None:
            self._producer = _make(event_producer_properties(self._timeout))
        errors = produce_all(self._producer, [self._arguments(each, each.value) for each in messages])
        for shorter in (False, True):
            large = [index for index, error in enumerate(errors) if error and error.code() in _TOO_LARGE]
            if large:
                again = self._send_alone([messages[index] for index in large], shorter=shorter)
                for index, error in zip(large, again, strict=True):
                    errors[index] = error
        if any(error and error.code() in _NO_TOPIC for error in errors):
            self.create()
        return errors

    def _send_alone(self, messages: Sequence[Message], *, shorter: bool) -> list[KafkaError | None]:
        if self._lone is None:
            self._lone = _make(event_producer_properties(self._timeout) | {"batch.num.messages": 1})
        values = [each.shorter() if shorter else each.value for each in messages]
        return produce_all(self._lone, list(map(self._arguments, messages, values)))

    def _arguments(self, message: Message, value: bytes) -> ProduceArguments:
        traced = [("traceparent", message.traceparent.encode())] if message.traceparent else []
        return {"topic": self.name, "key": message.key, "value": value, "headers": [*_HEADERS, *traced]}


def _make(properties: dict[str, str | int | bool]) -> Producer:
    producer = Producer(properties)
    _kept.append(producer)
    return producer
