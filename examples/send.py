"""Send each line of standard input as a message on the topic; the key keeps the order of a name."""

import json
import os
import sys

from confluent_kafka import Producer


def main() -> int:
    """Send, and return 1 if some message was not taken by the broker."""
    topic = os.environ.get("KAFKA_DNS_TOPIC", "dns_requests")
    producer = Producer({"bootstrap.servers": os.environ.get("KAFKA_BROKER_URL", "localhost:9092")})
    for line in filter(str.strip, sys.stdin):
        key = json.loads(line)["resource"]["domain"]
        producer.produce(topic, line.strip().encode(), key=key.encode())
    return int(producer.flush(30) > 0)


if __name__ == "__main__":
    sys.exit(main())
