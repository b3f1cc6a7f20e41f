"""A producer of Kafka messages: one for each change, in order for each zone."""

import json
import time
from random import Random
from threading import Event

from confluent_kafka import KafkaError, Message, Producer

from tests.faults.matrix.http_lane import body_of
from tests.faults.matrix.journal import Journal
from tests.faults.matrix.lane import Lane
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.servers import TOPIC
from tests.faults.matrix.system import KAFKA_ACCOUNT


class KafkaLane(Lane):
    """Messages are accepted when the broker has confirmed them."""

    def __init__(self, name: str, scene: Scene, journal: Journal, random: Random) -> None:
        super().__init__(name, scene, journal, random, KAFKA_ACCOUNT)
        self._producer = Producer(
            {
                "bootstrap.servers": scene.system.env["KAFKA_BROKER_URL"],
                "enable.idempotence": True,
                "log_level": 0,
                "linger.ms": 5,
                "reconnect.backoff.max.ms": 1000,
            }
        )

    def step(self, give_up: Event) -> None:
        """Produce a message."""
        call = self.begin(self.wishes.one())
        [item] = call.items
        value = {**body_of(item, call.account), "action": item.asked.action}
        headers: list[tuple[str, str | bytes | None]] = [("idempotency-key", item.key)]

        def note(error: KafkaError | None, _: Message) -> None:
            call.said.append(str(error) if error else "delivered")
            if error is None:
                call.accepted = time.monotonic()

        self._producer.produce(
            TOPIC, json.dumps(value).encode(), key=item.zone, headers=headers, on_delivery=note
        )
        self._producer.poll(0)

    def close(self) -> None:
        """Wait for the broker's confirmations."""
        self._producer.flush(60)
