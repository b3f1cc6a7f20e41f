"""The page about dead letters."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.config import settings
from app.services import dead_letters
from app.services.dead_letter_count import DeadLetterCount
from app.topics.properties import ensure_topics
from tests.support.console import Guests
from tests.support.eventually import eventually
from tests.support.kafka.sandbox import KafkaSandbox
from tests.support.kafka.tansu import Tansu
from tests.support.settings import SetSettings

HOSTILE = b'{"domain": "<script>alert(1)</script>"}\x00\xff\xe2\x80\xae'


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tansu]:
    broker = Tansu(tmp_path_factory.mktemp("tansu"))
    yield broker.start()
    broker.remove()


@pytest.fixture
def sandbox(broker: Tansu, tmp_path: Path, guests: Guests, set_settings: SetSettings) -> KafkaSandbox:
    """A topic, whose dead letters the console shows."""
    sandbox = KafkaSandbox(broker, tmp_path, partitions=1)
    set_settings(**sandbox.env())
    ensure_topics()
    return sandbox


def bury(sandbox: KafkaSandbox, *values: bytes) -> None:
    """Write dead letters, as the consumer does."""
    for offset, value in enumerate(values):
        headers: list[tuple[str, bytes | None]] = [
            ("error", b"zone_unknown: <b>no such zone</b>"),
            ("original-topic", sandbox.topic.encode()),
            ("original-partition", b"0"),
            ("original-offset", str(offset).encode()),
            ("original-timestamp", b"1"),
        ]
        sandbox.produce(value, topic=f"{sandbox.topic}.dlq", key=b"<i>", headers=headers)


def test_what_was_not_accepted_is_shown_and_nothing_of_it_works(
    guests: Guests, sandbox: KafkaSandbox
) -> None:
    assert "There are no dead letters" in guests.by("auditor").get("/dead-letters").text
    bury(sandbox, HOSTILE)
    page = guests.by("auditor").get("/dead-letters").text
    for escaped in ("&lt;b&gt;no such zone", "&lt;script&gt;alert", "&lt;i&gt;", "\\x00", "\\xff", "\\u202e"):
        assert escaped in page
    assert "7b 22 64 6f" in page
    assert "Send back what is ticked</button>" not in page
    assert guests.by("auditor").post("/dead-letters/replay").status_code == 403


def test_what_is_ticked_is_sent_back_and_the_audit_says_so(guests: Guests, sandbox: KafkaSandbox) -> None:
    operator = guests.by("operator")
    bury(sandbox, b"one", b"two", b"three")
    assert operator.get("/dead-letters").text.count('name="offset"') == 3
    form = {"topic": sandbox.topic, "partition": "0"}
    assert operator.post("/dead-letters/replay", **form).status_code == 422
    assert operator.post("/dead-letters/replay", **form, offset=["7"]).status_code == 404
    assert operator.post("/dead-letters/replay", **form, offset=["0", "9999"]).status_code == 404
    elsewhere = {**form, "topic": "elsewhere", "offset": "0"}
    assert operator.post("/dead-letters/replay", **elsewhere).status_code == 422
    assert operator.post("/dead-letters/replay", **form, offset=["0", "2"]).status_code == 303
    assert operator.get("/dead-letters").text.count('data-status="replayed"') == 1  # up to the one left
    assert sandbox.values() == [b"one", b"three"]
    audit = guests.by("auditor").get("/access/audit", subject=sandbox.topic).text
    assert audit.count("dead letters replayed") == 1


def test_the_first_page_counts_those_that_wait(guests: Guests, sandbox: KafkaSandbox) -> None:
    bury(sandbox, b"one", b"two", b"three")
    operator, counted = guests.by("operator"), DeadLetterCount()
    guests.client.app.state.dead_letters = counted  # type: ignore[attr-defined]
    assert eventually(counted.look) == 3
    assert ">3</a>" in operator.get("/").text
    form = {"topic": sandbox.topic, "partition": "0", "offset": ["0"]}
    assert operator.post("/dead-letters/replay", **form).status_code == 303
    assert eventually(DeadLetterCount().look) == 2
    assert "dead letters" not in guests.by("requester").get("/").text


def test_a_page_is_bounded_in_messages_and_bytes(
    guests: Guests, sandbox: KafkaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(sandbox, *(b"x" * 1_000 for _ in range(dead_letters.AT_ONCE + 2)))
    page = guests.by("operator").get("/dead-letters").text
    assert page.count('name="offset"') == dead_letters.AT_ONCE
    assert "before=2" in page
    assert guests.by("operator").get("/dead-letters", before="2").text.count('name="offset"') == 2
    monkeypatch.setattr(dead_letters, "MOST_BYTES", 3_100)
    few = guests.by("operator").get("/dead-letters").text
    assert (few.count('name="offset"'), f"before={dead_letters.AT_ONCE - 1}" in few) == (3, True)
    assert guests.by("operator").get("/dead-letters", before=str(2**63)).status_code == 422


def test_a_broker_that_is_away_is_said_within_seconds(guests: Guests, set_settings: SetSettings) -> None:
    set_settings(KAFKA_BROKER_URL="127.0.0.1:9")
    assert settings().kafka_broker_url == "127.0.0.1:9"
    began = time.monotonic()
    page = guests.by("operator").get("/dead-letters")
    assert (page.status_code, "KAFKA_BROKER_URL" in page.text) == (503, True)
    assert time.monotonic() - began < 8
