"""Topics that can't be created: the cause is said, and only what helps is advised."""

import time
from collections.abc import Callable
from threading import Thread

import pytest

from app.core.logging import configure_logging
from app.topics import properties
from tests.support.eventually import eventually
from tests.support.settings import SetSettings


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
