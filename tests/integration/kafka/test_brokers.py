"""Brokers that stop and start, and other ways to talk to them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.kafka.apache import PASSWORD, USER, ApacheKafka
from tests.support.kafka.lane import Lane, request
from tests.support.kafka.stand_in import StandIn
from tests.support.kafka.tansu import Tansu


@pytest.fixture
def own_tansu(tmp_path: Path) -> Iterator[Tansu]:
    """A Tansu that the test may stop and start."""
    broker = Tansu(tmp_path / "tansu")
    yield broker
    broker.remove()


def test_missing_topics_are_created(any_lane: Lane, api: StandIn) -> None:
    """On both: they answer differently for a topic that is not there yet."""
    lane = any_lane
    consumer = lane.start(api.url)
    eventually(lambda: "created the topic" in consumer.output)
    lane.produce(request(lane, "one"), b"not JSON")
    eventually(lambda: lane.committed() == 2)
    assert {letter.value() for letter in lane.dead_letters()} == {b"not JSON"}  # twice, where a member joins


def test_a_broker_that_comes_late_is_waited_for(own_tansu: Tansu, api: StandIn, tmp_path: Path) -> None:
    lane = Lane(own_tansu, tmp_path)
    with lane.start(api.url) as consumer:
        time.sleep(2)  # it asks in vain meanwhile
        own_tansu.start()
        eventually(lambda: consumer.output.count("created the topic") == 2)
        lane.produce(request(lane, "one"))
        eventually(lambda: lane.committed() == 1)
        assert consumer.stop() == 0
    lane.stop_all()


def test_messages_are_new_though_their_offsets_start_at_zero_again(
    own_tansu: Tansu, api: StandIn, tmp_path: Path
) -> None:
    """On Tansu, which forgets topics and offsets when it restarts."""
    own_tansu.start()
    lane = Lane(own_tansu, tmp_path)
    lane.create_topic()
    api.answer = api.keep
    with lane.start(api.url) as consumer:
        lane.produce(*(request(lane, f"n{number}") for number in range(9)), key="a")
        eventually(lambda: lane.committed() == 9)
        own_tansu.stop()
        own_tansu.start()
        lane.create_topic()
        lane.produce(*(request(lane, f"m{number}") for number in range(9)), key="a")
        eventually(lambda: lane.committed() == 9 and len(api.kept) == 18, limit=90)
        assert lane.dead_letters() == []
        assert consumer.stop() == 0
    lane.stop_all()


def test_a_restart_of_apache_kafka_loses_nothing(lane: Lane, api: StandIn) -> None:
    lane.create_topic()
    api.answer = api.keep
    consumer = lane.start(api.url, {"KAFKA_BATCH_ITEMS": "5"})
    lane.produce(*(request(lane, f"n{number}") for number in range(300)))
    eventually(lambda: len(api.kept) > 10, pause=0.01)
    lane.broker.stop()
    lane.broker.start()
    lane.produce(request(lane, "last"))
    eventually(lambda: lane.committed() == 301, limit=120)
    assert sorted(api.names()) == sorted(["last", *(f"n{number}" for number in range(300))])
    assert consumer.stop() == 0


def test_sasl_and_tls_are_a_matter_of_the_environment(lane: Lane, api: StandIn) -> None:
    assert isinstance(lane.broker, ApacheKafka)
    secure = {
        "KAFKA_BROKER_URL": lane.broker.secure_address,
        "KAFKA_CONFIG__SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_CONFIG__SASL_MECHANISM": "PLAIN",
        "KAFKA_CONFIG__SASL_USERNAME": USER,
        "KAFKA_CONFIG__SASL_PASSWORD": PASSWORD,
    }
    trusted = {"KAFKA_CONFIG__SSL_CA_LOCATION": str(lane.broker.certificate)}
    lane.create_topic()
    lane.produce(request(lane, "one"), b"not JSON")
    wrong = {"KAFKA_CONFIG__SASL_PASSWORD": "wrong-password"}
    with lane.start(api.url, secure) as wary, lane.start(api.url, secure | trusted | wrong) as refused:
        eventually(lambda: "certificate verify failed" in wary.output)
        eventually(lambda: "Authentication failed" in refused.output)
        assert "wrong-password" not in refused.output
    assert lane.committed() == 0
    admitted = lane.start(api.url, secure | trusted)
    eventually(lambda: lane.committed() == 2)
    assert {letter.value() for letter in lane.dead_letters()} == {b"not JSON"}
    assert PASSWORD not in admitted.output + wary.output
    assert admitted.stop() == 0


@pytest.mark.parametrize(
    "properties",
    [
        {"KAFKA_CONFIG__GROUP_PROTOCOL": "consumer"},
        {"KAFKA_CONFIG__PARTITION_ASSIGNMENT_STRATEGY": "cooperative-sticky"},
        {"KAFKA_CONFIG__ENABLE_IDEMPOTENCE": "true"},
    ],
    ids=lambda properties: next(iter(properties.values())),
)
def test_other_protocols_of_apache_kafka_can_be_chosen(
    lane: Lane, api: StandIn, properties: dict[str, str]
) -> None:
    lane.create_topic()
    api.answer = api.keep
    consumers = [lane.start_member(api.url, properties) for _ in range(2)]
    lane.produce(*(request(lane, f"n{number}") for number in range(100)), b"not JSON")
    eventually(lambda: lane.committed() == 101)
    consumers.append(lane.start_member(api.url, properties))
    lane.produce(*(request(lane, f"m{number}") for number in range(100)))
    eventually(lambda: lane.committed() == 201)
    assert [consumer.stop() for consumer in consumers] == [0, 0, 0]
    assert len(api.kept) == 200
    assert {letter.value() for letter in lane.dead_letters()} == {b"not JSON"}  # twice, where a member joins
