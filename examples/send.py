"""Send each line of standard input as a message on the topic; the key keeps the order of a name."""

import json
import os
import sys

from confluent_kafka import Producer


def main() -> int:
    """Send, and return 1 if some line is no request, or some message was not taken by the broker."""
    topic = os.environ.get("KAFKA_DNS_TOPIC", "dns_requests")
    producer = Producer({"bootstrap.servers": os.environ.get("KAFKA_BROKER_URL", "localhost:9092")})
    bad = 0
    for number, line in enumerate(sys.stdin, 1):
        try:
            key = str(json.loads(line)["resource"]["domain"])
        except (ValueError, TypeError, LookupError) as error:
            print(f"line {number} is not sent, it is no request: {error!r}", file=sys.stderr)  # noqa: T201
            bad += 1
        else:
            producer.produce(topic, line.strip().encode(), key=key.encode())
    return int(producer.flush(30) > 0 or bad > 0)


if __name__ == "__main__":
    sys.exit(main())
