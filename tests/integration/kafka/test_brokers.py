"""Brokers that stop and start, and other ways to talk to them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.kafka.apache import PASSWORD, USER, ApacheKafka
from tests.support.kafka.fake_api import FakeApi
from tests.support.kafka.sandbox import KafkaSandbox, request
from tests.support.kafka.tansu import Tansu
from tests.support.thoroughly import thoroughly


@pytest.fixture
def own_tansu(tmp_path: Path) -> Iterator[Tansu]:
    """A Tansu that the test may stop and start."""
    broker = Tansu(tmp_path / "tansu")
    yield broker
    broker.remove()


def test_missing_topics_are_created(any_sandbox: KafkaSandbox, api: FakeApi) -> None:
    """On both: they answer differently for a topic that is not there yet."""
    sandbox = any_sandbox
    consumer = sandbox.start_consumer(api.url)
    eventually(lambda: "created the topic" in consumer.output)
    sandbox.produce(request(sandbox, "one"), b"not JSON")
    eventually(lambda: sandbox.committed() == 2)
    # It is there twice where a member has joined meanwhile.
    assert {letter.value() for letter in sandbox.dead_letters()} == {b"not JSON"}


@pytest.mark.thorough
def test_a_broker_that_comes_late_is_waited_for(own_tansu: Tansu, api: FakeApi, tmp_path: Path) -> None:
    sandbox = KafkaSandbox(own_tansu, tmp_path)
    with sandbox.start_consumer(api.url) as consumer:
        time.sleep(2)  # it asks in vain meanwhile
        own_tansu.start()
        eventually(lambda: consumer.output.count("created the topic") == 2)
        sandbox.produce(request(sandbox, "one"))
        eventually(lambda: sandbox.committed() == 1)
        assert consumer.stop() == 0
    sandbox.stop_all()


@pytest.mark.thorough
def test_messages_are_new_though_their_offsets_start_at_zero_again(
    own_tansu: Tansu, api: FakeApi, tmp_path: Path
) -> None:
    """On Tansu, which forgets topics and offsets when it restarts."""
    own_tansu.start()
    sandbox = KafkaSandbox(own_tansu, tmp_path)
    sandbox.create_topic()
    api.answer = api.keep
    with sandbox.start_consumer(api.url) as consumer:
        sandbox.produce(*(request(sandbox, f"n{number}") for number in range(9)), key="a")
        eventually(lambda: sandbox.committed() == 9)
        own_tansu.stop()
        own_tansu.start()
        sandbox.create_topic()
        sandbox.produce(*(request(sandbox, f"m{number}") for number in range(9)), key="a")
        eventually(lambda: sandbox.committed() == 9 and len(api.kept) == 18, limit=90)
        assert sandbox.dead_letters() == []
        assert consumer.stop() == 0
    sandbox.stop_all()


@pytest.mark.thorough
def test_a_restart_of_apache_kafka_loses_nothing(sandbox: KafkaSandbox, api: FakeApi) -> None:
    sandbox.create_topic()
    api.answer = api.keep
    consumer = sandbox.start_consumer(api.url, {"KAFKA_BATCH_ITEMS": "5"})
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(300)))
    eventually(lambda: len(api.kept) > 10, pause=0.01)
    sandbox.broker.stop()
    sandbox.broker.start()
    sandbox.produce(request(sandbox, "last"))
    eventually(lambda: sandbox.committed() == 301, limit=120)
    assert sorted(api.names()) == sorted(["last", *(f"n{number}" for number in range(300))])
    assert consumer.stop() == 0


def test_sasl_and_tls_are_a_matter_of_the_environment(sandbox: KafkaSandbox, api: FakeApi) -> None:
    assert isinstance(sandbox.broker, ApacheKafka)
    secure = {
        "KAFKA_BROKER_URL": sandbox.broker.secure_address,
        "KAFKA_CONFIG__SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_CONFIG__SASL_MECHANISM": "PLAIN",
        "KAFKA_CONFIG__SASL_USERNAME": USER,
        "KAFKA_CONFIG__SASL_PASSWORD": PASSWORD,
    }
    trusted = {"KAFKA_CONFIG__SSL_CA_LOCATION": str(sandbox.broker.certificate)}
    sandbox.create_topic()
    sandbox.produce(request(sandbox, "one"), b"not JSON")
    wrong = {"KAFKA_CONFIG__SASL_PASSWORD": "wrong-password"}
    with (
        sandbox.start_consumer(api.url, secure) as wary,
        sandbox.start_consumer(api.url, secure | trusted | wrong) as refused,
    ):
        eventually(lambda: "certificate verify failed" in wary.output)
        eventually(lambda: "Authentication failed" in refused.output)
        assert "wrong-password" not in refused.output
    assert sandbox.committed() == 0
    admitted = sandbox.start_consumer(api.url, secure | trusted)
    eventually(lambda: sandbox.committed() == 2)
    assert {letter.value() for letter in sandbox.dead_letters()} == {b"not JSON"}
    assert PASSWORD not in admitted.output + wary.output
    assert admitted.stop() == 0


@pytest.mark.thorough
@pytest.mark.parametrize(
    "properties",
    [
        {"KAFKA_CONFIG__GROUP_PROTOCOL": "consumer"},
        thoroughly({"KAFKA_CONFIG__PARTITION_ASSIGNMENT_STRATEGY": "cooperative-sticky"}),
        thoroughly({"KAFKA_CONFIG__ENABLE_IDEMPOTENCE": "true"}),
    ],
    ids=lambda properties: next(iter(properties.values())),
)
def test_other_protocols_of_apache_kafka_can_be_chosen(
    sandbox: KafkaSandbox, api: FakeApi, properties: dict[str, str]
) -> None:
    sandbox.create_topic()
    api.answer = api.keep
    consumers = [sandbox.start_member(api.url, properties) for _ in range(2)]
    sandbox.produce(*(request(sandbox, f"n{number}") for number in range(100)), b"not JSON")
    eventually(lambda: sandbox.committed() == 101)
    consumers.append(sandbox.start_member(api.url, properties))
    sandbox.produce(*(request(sandbox, f"m{number}") for number in range(100)))
    eventually(lambda: sandbox.committed() == 201)
    assert [consumer.stop() for consumer in consumers] == [0, 0, 0]
    assert len(api.kept) == 200
    # It is there twice where a member has joined meanwhile.
    assert {letter.value() for letter in sandbox.dead_letters()} == {b"not JSON"}
