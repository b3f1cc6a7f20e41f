"""What goes out to the topic of results, as somebody reads it who listens all the time."""

import json
from collections import defaultdict
from threading import Event, Lock, Thread
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

_PARTITIONS = 6
_TYPE = "dns.request."


class Outgoing(NamedTuple):
    """An event that went out: its id, which stays when it is sent again, and its place among others."""

    id: str
    request_id: str
    sequence: int
    status: str


class Results:
    """Reads for the block of a `with`."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._settings: dict[str, str | int] = {"bootstrap.servers": brokers, "log_level": 0}
        self._topic = topic
        self._found: dict[str, list[Outgoing]] = defaultdict(list)
        self._lock, self._stop = Lock(), Event()
        self._thread = Thread(target=self._read, name="results")

    def __enter__(self) -> Self:
        admin = AdminClient({**self._settings})
        for made in admin.create_topics([NewTopic(self._topic, _PARTITIONS, 1)]).values():
            made.result(30)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    def of(self, request_id: str) -> list[Outgoing]:
        """Return the events of a request, in the order in which they came."""
        with self._lock:
            return list(self._found[request_id])

    def _read(self) -> None:
        consumer = Consumer({**self._settings, "group.id": "judge", "enable.auto.commit": False})
        places = (TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in range(_PARTITIONS))
        consumer.assign(list(places))
        while not self._stop.is_set():
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            event = json.loads(message.value() or b"")
            seen = Outgoing(
                event["id"],
                event["subject"],
                int(event["sequence"]),
                event["type"].removeprefix(_TYPE),
            )
            assert (message.key() or b"").decode() == seen.request_id
            with self._lock:
                self._found[seen.request_id].append(seen)
        consumer.close()
