"""Topics that can't be created: the cause is said, and only what helps is advised."""

import time
from collections.abc import Callable
from threading import Thread

import pytest

from app.cli.examined_kafka import results_topic
from app.cli.findings import Wrong
from app.core.logging import configure_logging
from app.topics import properties
from tests.support.eventually import eventually
from tests.support.kafka.sandbox import KafkaSandbox
from tests.support.settings import SetSettings


@pytest.mark.thorough
def test_a_broker_that_is_away_is_named_at_once_and_nobody_is_told_to_create_topics(
    set_settings: SetSettings, monkeypatch: pytest.MonkeyPatch, logged: Callable[[], str]
) -> None:
    monkeypatch.setattr(properties, "TOPIC_TIMEOUT", 4)
    set_settings(KAFKA_BROKER_URL="127.0.0.1:9")
    configure_logging("consumer")
    began = time.monotonic()
    trying = Thread(target=properties.ensure_topics)
    trying.start()
    said = eventually(logged, limit=3)
    trying.join()
    assert time.monotonic() - began > 3
    assert "Connection refused" in said
    assert said.count("Kafka can't be reached") == 1
    assert logged() == ""


@pytest.mark.thorough
def test_doctor_knows_whether_the_results_topic_is_there_or_can_be_made(
    set_settings: SetSettings, sandbox: KafkaSandbox
) -> None:
    set_settings(KAFKA_BROKER_URL=sandbox.broker.address)
    sandbox.create_topic(name := f"{sandbox.topic}.results")
    assert results_topic(name) == f"topic {name}, 6 partitions"
    new = f"{name}.new"
    for _ in range(2):  # it makes none
        assert results_topic(new) == f"there is no topic {new} yet: a worker makes it when it starts"
    collides = name.replace(".", "_")
    with pytest.raises(Wrong, match=rf"no topic {collides}, and it can't be made \(.*\): make it by hand"):
        results_topic(collides)
