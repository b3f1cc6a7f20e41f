"""How far a member is behind in its partitions, by what librdkafka says of itself now and then."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.core import metrics
from app.topics.position import Partition

INTERVAL = 5_000  # milliseconds


class Lag(Collector):
    """The lag of each partition that the member has."""

    def __init__(self) -> None:
        self._messages: dict[Partition, int] = {}

    def properties(self) -> dict[str, Any]:
        """Return the properties with which the consumer tells its statistics."""
        return {"statistics.interval.ms": INTERVAL, "stats_cb": self.note}

    def note(self, statistics: str) -> None:
        """Take note of statistics. A partition of which nothing is committed or known yet has no lag."""
        self._messages = {
            (topic, int(number)): state["consumer_lag"]
            for topic, each in json.loads(statistics)["topics"].items()
            for number, state in each["partitions"].items()
            if state["consumer_lag"] >= 0 and state["fetch_state"] != "none"
        }

    def drop_partitions(self, partitions: Collection[Partition]) -> None:
        """Forget partitions that another member has now."""
        self._messages = {each: lag for each, lag in self._messages.items() if each not in partitions}

    def collect(self) -> Iterable[Metric]:
        """Return the gauge."""
        amounts = {(topic, str(number)): float(lag) for (topic, number), lag in self._messages.items()}
        return [metrics.KAFKA_LAG.family(amounts)]
