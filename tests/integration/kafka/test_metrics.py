"""The metrics of a consumer; on Apache Kafka, since Tansu's newest offsets are not to be relied on."""

import pytest

from tests.support.eventually import eventually
from tests.support.free_port import free_port
from tests.support.kafka.fake_api import FakeApi, Reply, accept
from tests.support.kafka.sandbox import KafkaSandbox, request
from tests.support.metrics import scrape, total, value


def test_messages_retries_and_lag(sandbox: KafkaSandbox, api: FakeApi) -> None:
    """While the API takes nothing the lag grows; then it is gone."""
    port = free_port()
    shown = {"METRICS_LISTEN": f"127.0.0.1:{port}", "KAFKA_CONFIG__STATISTICS_INTERVAL_MS": "200"}

    def shows(name: str, number: float, **labels: str) -> bool:
        return total(scrape(port), name, topic=sandbox.topic, **labels) == number

    sandbox.create_topic()
    for partition in range(6):
        sandbox.produce(request(sandbox, f"first{partition}"), partition=partition)
    consumer = sandbox.start_consumer(api.url, shown)
    eventually(lambda: sandbox.committed() == 6)
    api.answer = lambda _: Reply(503)
    sandbox.produce(b"no JSON", partition=0)
    sandbox.produce(*(request(sandbox, f"h{number}") for number in range(19)), partition=1)
    eventually(lambda: shows("kafka_lag_messages", 19, partition="1"))
    eventually(lambda: total(scrape(port), "kafka_retries_total") >= 1)
    api.answer = accept
    eventually(lambda: shows("kafka_lag_messages", 0))
    found = scrape(port)
    assert value(found, "kafka_messages_total", outcome="accepted") == 25
    assert value(found, "kafka_messages_total", outcome="dead_letter") == 1
    assert value(found, "kafka_messages_total", outcome="replayed") == 0
    assert value(found, "kafka_batch_seconds_count") >= 2
    assert consumer.stop() == 0


@pytest.mark.thorough
def test_a_partition_that_has_moved_is_another_members(sandbox: KafkaSandbox, api: FakeApi) -> None:
    """The lags of all members together are those of all partitions, each once."""
    sandbox.create_topic()
    for partition in range(6):
        sandbox.produce(request(sandbox, f"first{partition}"), partition=partition)
    ports = free_port(), free_port()
    for port in ports:
        shown = {"METRICS_LISTEN": f"127.0.0.1:{port}", "KAFKA_CONFIG__STATISTICS_INTERVAL_MS": "200"}
        sandbox.start_member(api.url, shown)
        eventually(lambda: sandbox.committed() == 6)
    eventually(lambda: sandbox.members() == [3, 3])

    def partitions() -> list[str]:
        found = [labels for port in ports for name, labels in scrape(port) if name == "kafka_lag_messages"]
        return sorted(dict(labels)["partition"] for labels in found)

    eventually(lambda: partitions() == list("012345"))
