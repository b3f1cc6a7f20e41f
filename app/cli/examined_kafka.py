"""What `doctor` says of the topics."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from app.cli.findings import Wrong, said
from app.core.config import settings

_TIMEOUT = 5.0  # seconds for one question


def topics_of_requests() -> str:
    """Return how they are; raise `Wrong` where one is missing."""
    topics = _admin().list_topics(timeout=_TIMEOUT).topics
    wanted = settings().kafka_topics
    if missing := [topic for topic in wanted if topic not in topics]:
        topic = ", ".join(missing)
        raise Wrong(f"there is no topic {topic}: start the consumer, which makes it, or make it by hand")
    return ", ".join(f"topic {topic}, {len(topics[topic].partitions)} partitions" for topic in wanted)


def results_topic(topic: str) -> str:
    """Return how the topic is, or whether it can be made; raise `Wrong` where it can't."""
    admin = _admin()
    if found := admin.list_topics(timeout=_TIMEOUT).topics.get(topic):
        return f"topic {topic}, {len(found.partitions)} partitions"
    new = NewTopic(topic, settings().kafka_partitions, -1)  # only tried; small brokers make it at once
    [tried] = admin.create_topics([new], validate_only=True, request_timeout=_TIMEOUT).values()
    try:
        tried.result(2 * _TIMEOUT)
    except KafkaException as error:
        words = f"there is no topic {topic}, and it can't be made ({said(error)}): make it by hand"
        raise Wrong(words) from None
    return f"there is no topic {topic} yet: a worker makes it when it starts"


def _admin() -> AdminClient:
    return AdminClient({**settings().kafka, "log_level": 0})
