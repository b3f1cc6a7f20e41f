"""The consumer's health check, against a real Apache Kafka: Tansu names no members."""

import subprocess
import sys

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.kafka.apache import ApacheKafka
from tests.support.kafka.tansu import Tansu

GROUP, TOPIC = "orchestrators", "watched_requests"


@pytest.fixture(scope="module")
def broker(apache_kafka: ApacheKafka) -> ApacheKafka:
    """Apache Kafka, with the topic."""
    admin = AdminClient({"bootstrap.servers": apache_kafka.address})
    admin.create_topics([NewTopic(TOPIC, 1)])[TOPIC].result()
    return apache_kafka


def check(address: str) -> subprocess.CompletedProcess[str]:
    settings = {"KAFKA_BROKER_URL": address, "KAFKA_GROUP_ID": GROUP}
    command = [sys.executable, "-m", "deploy.consumer_health"]
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True)


@pytest.mark.thorough
def test_it_is_sick_without_a_broker() -> None:
    done = check("127.0.0.1:1")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "127.0.0.1:1 (KAFKA_BROKER_URL): " in done.stderr


def test_a_broker_that_can_not_tell_is_named(tansu: Tansu) -> None:
    done = check(tansu.address)
    assert done.returncode == 1
    assert "the broker names no member (the embedded stack's never does" in done.stderr


def test_it_is_well_as_long_as_a_member_of_the_group_runs_here(broker: ApacheKafka) -> None:
    assert check(broker.address).returncode == 1
    member = Consumer({"bootstrap.servers": broker.address, "group.id": GROUP, "session.timeout.ms": 6000})
    member.subscribe([TOPIC])

    def well() -> bool:
        member.poll(1)
        return bool(member.assignment()) and check(broker.address).returncode == 0

    try:
        eventually(well, limit=30)
    finally:
        member.close()
    assert check(broker.address).returncode == 1
