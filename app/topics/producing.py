"""Producing messages, and waiting until the broker has confirmed them."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

ProduceArguments = dict[str, Any]  # of Producer.produce
DELIVERY_TIMEOUT = 30.0  # seconds


def produce_all(producer: Producer, messages: Sequence[ProduceArguments]) -> list[KafkaError | None]:
    """Produce the messages, which have their topics, and wait.

    Return for each None if the broker has confirmed it, or the error.
    """
    results: list[KafkaError | None] = [KafkaError(KafkaError._TIMED_OUT)] * len(messages)

    def confirm(index: int, error: KafkaError | None, _: Message) -> None:
        results[index] = error

    for index, arguments in enumerate(messages):
        try:
            producer.produce(on_delivery=partial(confirm, index), **arguments)
        except KafkaException as refused:
            results[index] = refused.args[0]
        except BufferError:
            results[index] = KafkaError(KafkaError._QUEUE_FULL)
    producer.flush(DELIVERY_TIMEOUT)
    return results
