"""Print each event of the topic of results, as JSON on a line, from the topic's beginning; Ctrl-C ends.

KAFKA_BROKER_URL and KAFKA_RESULTS_TOPIC say where they are.
"""

import argparse
import os
import sys
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

_PATIENCE = 10  # seconds for which the broker may be away
_INTERRUPTED = 130  # the exit status of a shell's command that Ctrl-C has ended


def main() -> int:
    """Print, and return 1 if the topic can't be read."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="docs/reference/events.md shows an event.")
    parser.add_argument("--once", action="store_true", help="end when all that is there is printed")
    once = parser.parse_args().once
    topic = os.environ.get("KAFKA_RESULTS_TOPIC", "dns_results")
    server = os.environ.get("KAFKA_BROKER_URL", "localhost:9092")
    try:
        for event in read(server, topic, once=once):
            print(event, flush=True)  # noqa: T201
    except KafkaException as error:
        print(f"{topic} at {server} can't be read: {error.args[0].str()}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def read(server: str, topic: str, *, once: bool) -> Iterator[str]:
    """Yield the events. Raises KafkaException.

    Partitions are assigned, and no group is joined: nothing is stored of how far this reader is.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": server,
            "group.id": "nobody",  # the library wants one
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    found = consumer.list_topics(topic, timeout=_PATIENCE).topics[topic]
    if found.error is not None:
        raise KafkaException(found.error)
    unread = set(found.partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in unread])
    while unread or not once:
        message = consumer.poll(1)
        if message is None:
            continue
        error = message.error()
        if error is None:
            yield (message.value() or b"").decode()
        elif error.code() == KafkaError._PARTITION_EOF:
            unread.discard(message.partition() or 0)
        else:
            raise KafkaException(error)
    consumer.close()


if __name__ == "__main__":
    sys.exit(main())
