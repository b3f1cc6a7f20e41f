"""Send each line of standard input, a request as JSON, to the topic; the key keeps the order of a name.

KAFKA_BROKER_URL and KAFKA_DNS_TOPIC say where to.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable

from confluent_kafka import KafkaError, Message, Producer

_PATIENCE = 10  # seconds for which the broker may be away
_INTERRUPTED = 130  # the exit status of a shell's command that Ctrl-C has ended


def main() -> int:
    """Send, and return 1 if some line is not a request, or some message was not taken by the broker."""
    argparse.ArgumentParser(description=__doc__, epilog="docs/tutorial/api.md shows requests.").parse_args()
    if sys.stdin.isatty():
        _say("One request as JSON on each line; Ctrl-D ends:")
    try:
        return send(sys.stdin)
    except KeyboardInterrupt:
        return _INTERRUPTED


def send(lines: Iterable[str]) -> int:
    """Send the lines, say how many were sent, and return the exit status."""
    topic = os.environ.get("KAFKA_DNS_TOPIC", "dns_requests")
    server = os.environ.get("KAFKA_BROKER_URL", "localhost:9092")
    producer = Producer(
        {
            "bootstrap.servers": server,
            "message.timeout.ms": _PATIENCE * 1_000,
            "error_cb": _FirstProblem(server),
            "log_level": 0,
        }
    )
    sent = asked = bad = 0

    def count(error: KafkaError | None, _: Message) -> None:
        nonlocal sent
        sent += error is None

    for number, line in enumerate(lines, 1):
        try:
            key = str(json.loads(line)["resource"]["domain"])
        except ValueError as error:
            _say(f"line {number} is not sent, it is not JSON: {error}")
            bad += 1
        except (TypeError, LookupError):
            _say(f'line {number} is not sent, it is not a request: it has no {{"resource": {{"domain": …}}}}')
            bad += 1
        else:
            producer.produce(topic, line.strip().encode(), key=key.encode(), on_delivery=count)
            asked += 1
    producer.flush(2 * _PATIENCE)
    _say(f"{sent} sent to {topic} at {server}, {asked - sent} not taken by the broker, {bad} not a request")
    return int(sent < asked or bad > 0)


class _FirstProblem:
    """Says what is wrong with the connection, once: what comes first is the cause."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._said = False

    def __call__(self, error: KafkaError) -> None:
        if not self._said:
            _say(f"trying to reach {self._server} for {_PATIENCE} s: {error.str()}")
        self._said = True


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
