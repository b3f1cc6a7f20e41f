"""Send each line of standard input, a request as JSON, to the topic; the key keeps the order of a name.

KAFKA_BROKER_URL and KAFKA_DNS_TOPIC say where to.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable

from confluent_kafka import KafkaError, Message, Producer

_INTERRUPTED = 130  # the exit status of a shell's command that Ctrl-C has ended


def main() -> int:
    """Send, and return 1 if some line is no request, or some message was not taken by the broker."""
    argparse.ArgumentParser(description=__doc__, epilog="Requests are described in README.md.").parse_args()
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
    producer = Producer({"bootstrap.servers": server, "message.timeout.ms": 20_000})
    errors: list[KafkaError | None] = []  # one for each message that the broker has answered
    bad = 0

    def note(error: KafkaError | None, _: Message) -> None:
        errors.append(error)

    for number, line in enumerate(lines, 1):
        try:
            key = str(json.loads(line)["resource"]["domain"])
        except (ValueError, TypeError, LookupError) as error:
            _say(f"line {number} is not sent, it is no request: {error!r}")
            bad += 1
        else:
            producer.produce(topic, line.strip().encode(), key=key.encode(), on_delivery=note)
    lost = producer.flush(30) + sum(error is not None for error in errors)
    _say(
        f"{errors.count(None)} sent to {topic} at {server}, {lost} not taken by the broker, {bad} no request"
    )
    return int(lost > 0 or bad > 0)


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
