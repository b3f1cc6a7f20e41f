"""Brokers that come and go, and those that are spoken to in other ways."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kafka.apache import PASSWORD, USER, ApacheKafka
from tests.kafka.eventually import eventually
from tests.kafka.lane import Lane, request
from tests.kafka.processes import Api
from tests.kafka.tansu import Tansu

SESSION = 6.0  # seconds until the broker gives up a member that it does not hear from


@pytest.fixture
def own_tansu(tmp_path: Path) -> Iterator[Tansu]:
    """A Tansu that the test may stop and start."""
    broker = Tansu(tmp_path / "tansu")
    yield broker
    broker.remove()


@pytest.fixture
def own_apache(apache_kafka: ApacheKafka, tmp_path: Path) -> Iterator[ApacheKafka]:
    """An Apache Kafka that the test may stop and start."""
    broker = ApacheKafka(tmp_path / "apache")
    yield broker.start()
    broker.remove()


def test_missing_topics_are_created(lane: Lane, kafka_api: Api) -> None:
    consumer = lane.start(kafka_api.url)
    eventually(lambda: "created the topic" in consumer.output)
    lane.produce(request(lane, "one"), b"not JSON")
    eventually(lambda: lane.committed() == 2)
    assert {letter.value() for letter in lane.dead_letters()} == {b"not JSON"}  # twice, where a member joins


def test_a_broker_that_comes_late_is_waited_for(own_tansu: Tansu, kafka_api: Api, tmp_path: Path) -> None:
    lane = Lane(own_tansu, tmp_path)
    with lane.start(kafka_api.url) as consumer:
        time.sleep(2)
        own_tansu.start()
        eventually(lambda: consumer.output.count("created the topic") == 2)
        lane.produce(request(lane, "one"))
        eventually(lambda: lane.committed() == 1)
        assert consumer.stop() == 0


def test_offsets_that_start_again_are_no_old_messages(
    own_tansu: Tansu, kafka_api: Api, tmp_path: Path
) -> None:
    own_tansu.start()
    lane = Lane(own_tansu, tmp_path)
    lane.create_topic()
    with lane.start(kafka_api.url) as consumer:
        lane.produce(*(request(lane, f"n{number}") for number in range(9)), key="a")
        eventually(lambda: lane.committed() == 9)
        own_tansu.stop()
        own_tansu.start()
        lane.create_topic()
        lane.produce(*(request(lane, f"m{number}") for number in range(9)), key="a")
        eventually(lambda: lane.committed() == 9)
        assert len(kafka_api.requests(lane.account)) == 18
        assert lane.dead_letters() == []
        assert consumer.stop() == 0


def test_a_restart_of_apache_kafka_loses_nothing(
    own_apache: ApacheKafka, kafka_api: Api, tmp_path: Path
) -> None:
    lane = Lane(own_apache, tmp_path)
    lane.create_topic()
    with lane.start(kafka_api.url, {"KAFKA_BATCH_ITEMS": "5"}) as consumer:
        lane.produce(*(request(lane, f"n{number}") for number in range(300)))
        eventually(lambda: len(kafka_api.requests(lane.account)) > 10, pause=0.01)
        own_apache.stop()
        own_apache.start()
        lane.produce(request(lane, "last"))
        eventually(lambda: lane.committed() == 301)
        assert len(kafka_api.requests(lane.account)) == 301
        assert consumer.stop() == 0


def test_sasl_is_a_matter_of_the_environment(apache_lane: Lane, kafka_api: Api) -> None:
    lane = apache_lane
    assert isinstance(lane.broker, ApacheKafka)
    sasl = {
        "KAFKA_BROKER_URL": lane.broker.sasl_address,
        "KAFKA_CONFIG__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_CONFIG__SASL_MECHANISM": "PLAIN",
        "KAFKA_CONFIG__SASL_USERNAME": USER,
    }
    lane.create_topic()
    lane.produce(request(lane, "one"), b"not JSON")
    refused = lane.start(kafka_api.url, sasl | {"KAFKA_CONFIG__SASL_PASSWORD": "wrong-password"})
    eventually(lambda: "Authentication failed" in refused.output)
    assert lane.committed() == 0
    admitted = lane.start(kafka_api.url, sasl | {"KAFKA_CONFIG__SASL_PASSWORD": PASSWORD})
    eventually(lambda: lane.committed() == 2)
    assert {letter.value() for letter in lane.dead_letters()} == {b"not JSON"}  # twice, where a member joins
    assert PASSWORD not in admitted.output
    assert "wrong-password" not in refused.output
    assert [admitted.stop(), refused.stop()] == [0, 0]


@pytest.mark.parametrize(
    "properties",
    [
        {"KAFKA_CONFIG__GROUP_PROTOCOL": "consumer"},
        {"KAFKA_CONFIG__PARTITION_ASSIGNMENT_STRATEGY": "cooperative-sticky"},
        {"KAFKA_CONFIG__ENABLE_IDEMPOTENCE": "true"},
    ],
    ids=lambda properties: next(iter(properties.values())),
)
def test_other_ways_of_apache_kafka_can_be_chosen(
    apache_lane: Lane, kafka_api: Api, properties: dict[str, str]
) -> None:
    lane = apache_lane
    lane.create_topic()
    consumers = [lane.start_member(kafka_api.url, properties) for _ in range(2)]
    lane.produce(*(request(lane, f"n{number}") for number in range(100)), b"not JSON")
    eventually(lambda: lane.committed() == 101)
    consumers.append(lane.start_member(kafka_api.url, properties))
    lane.produce(*(request(lane, f"m{number}") for number in range(100)))
    eventually(lambda: lane.committed() == 201)
    assert [consumer.stop() for consumer in consumers] == [0, 0, 0]
    assert len(kafka_api.requests(lane.account)) == 200
    assert {letter.value() for letter in lane.dead_letters()} == {b"not JSON"}  # twice, where a member joins
