"""How far the group has come."""

import time
from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from app.core.logging import get_logger
from app.kafka.entry import Partition
from app.kafka.retry import Pauses

log = get_logger("kafka")


class Offsets:
    """Commits offsets, and keeps those that could not be committed yet."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._open: dict[Partition, int] = {}
        self._pauses = Pauses()
        self._not_before = 0.0

    def __bool__(self) -> bool:
        return bool(self._open)

    def note(self, ends: Mapping[Partition, int]) -> None:
        """What lies before these offsets is done."""
        self._open.update(ends)

    def forget(self, partitions: Collection[Partition]) -> None:
        """These partitions are another member's now."""
        self._open = {each: end for each, end in self._open.items() if each not in partitions}

    def commit(self) -> None:
        """Commit what is open; after a failure not again before a pause is over."""
        if not self._open or time.monotonic() < self._not_before:
            return
        if reason := self._refusal():
            pause = self._pauses.next()
            self._not_before = time.monotonic() + pause
            log.warning(
                "the offsets are not committed; trying again later", reason=reason, pause=round(pause, 1)
            )
        else:
            self._open.clear()
            self._pauses.reset()

    def _refusal(self) -> str | None:
        """Why the broker did not take them, or None when it did."""
        places = [TopicPartition(topic, number, end) for (topic, number), end in self._open.items()]
        try:
            results = self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            return str(error.args[0].str())
        refused = [place.error.str() for place in results or () if place.error is not None]
        return refused[0] if refused else None
