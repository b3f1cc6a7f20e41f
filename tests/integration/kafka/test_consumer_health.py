"""The consumer's health check, against a real Apache Kafka: Tansu names no members."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.eventually import eventually
from tests.support.forked import Ended, run_in_fork
from tests.support.kafka.apache import ApacheKafka
from tests.support.kafka.tansu import Tansu

GROUP, TOPIC = "orchestrators", "watched_requests"

Check = Callable[[str], Ended]


@pytest.fixture(scope="module")
def broker(apache_kafka: ApacheKafka) -> ApacheKafka:
    """Apache Kafka, with the topic."""
    admin = AdminClient({"bootstrap.servers": apache_kafka.address})
    admin.create_topics([NewTopic(TOPIC, 1)])[TOPIC].result()
    return apache_kafka


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs the check, with a broker's address."""

    def run(address: str) -> Ended:
        settings = {"KAFKA_BROKER_URL": address, "KAFKA_GROUP_ID": GROUP}
        return run_in_fork(("-m", "deploy.consumer_health"), settings, tmp_path)

    return run


@pytest.mark.thorough
def test_it_is_sick_without_a_broker(check: Check) -> None:
    done = check("127.0.0.1:1")
    assert done.status == 1
    assert "Traceback" not in done.err
    assert "127.0.0.1:1 (KAFKA_BROKER_URL): " in done.err


def test_a_broker_that_can_not_tell_is_named(tansu: Tansu, check: Check) -> None:
    done = check(tansu.address)
    assert done.status == 1
    assert "the broker names no member (the embedded stack's never does" in done.err


def test_it_is_well_as_long_as_a_member_of_the_group_runs_here(broker: ApacheKafka, check: Check) -> None:
    assert check(broker.address).status == 1
    member = Consumer({"bootstrap.servers": broker.address, "group.id": GROUP, "session.timeout.ms": 6000})
    member.subscribe([TOPIC])

    def well() -> bool:
        member.poll(1)
        return bool(member.assignment()) and check(broker.address).status == 0

    try:
        eventually(well, limit=30)
    finally:
        member.close()
    assert check(broker.address).status == 1
