"""The baseline's consumer: `python -m benchmarks.baseline.consumer`."""

import json
import os

import httpx2
from confluent_kafka import Consumer


def main() -> None:
    """Read one message at a time, post it to the API, and commit its offset."""
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BROKER_URL"],
            "group.id": os.environ["KAFKA_GROUP_ID"],
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([os.environ["KAFKA_DNS_TOPIC"]])
    with httpx2.Client() as client:
        while True:
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            client.post(os.environ["API_URL"], json=json.loads(message.value() or b"")).raise_for_status()
            consumer.commit(message=message, asynchronous=False)


if __name__ == "__main__":
    main()
