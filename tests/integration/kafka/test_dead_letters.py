"""Dead letters, listed and replayed from the command line."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.free_port import free_port
from tests.support.kafka.processes import Api
from tests.support.kafka.sandbox import KafkaSandbox, request
from tests.support.thoroughly import thoroughly

ONE_BROKER = pytest.mark.parametrize("any_sandbox", ["apache_kafka", thoroughly("tansu")], indirect=True)


@pytest.fixture(autouse=True)
def audited(api_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command line find the database with the audit."""
    monkeypatch.setenv("DATABASE_URL", api_env["DATABASE_URL"])


def listed(sandbox: KafkaSandbox, *words: str) -> list[dict[str, Any]]:
    """What `dlq list --json` shows."""
    done = sandbox.cli("dlq", "list", "--json", *words)
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def refuse(sandbox: KafkaSandbox, api: Api, zone: str, *names: str) -> None:
    """Let the consumer refuse requests for a zone that is not served."""
    values = [request(sandbox, name, domain=f"{name}.{zone}") for name in names]
    sandbox.produce(*values, key="a", headers=[("trace", b"abc")])
    before = sandbox.committed()
    sandbox.start_consumer(api.url)
    eventually(lambda: sandbox.committed() == before + len(names))


@ONE_BROKER
def test_dead_letters_are_sent_back_once_and_become_requests(
    any_sandbox: KafkaSandbox, kafka_api: Api
) -> None:
    """On both: how far the DLQ was replayed is a committed offset, which each keeps in its own way."""
    sandbox = any_sandbox
    sandbox.create_topic()
    zone = f"{sandbox.account}.test"
    refuse(sandbox, kafka_api, zone, "one", "two", "three")
    shown = listed(sandbox)
    assert [letter["state"] for letter in shown] == ["waiting"] * 3
    assert all(letter["error"].startswith("zone_unknown: ") for letter in shown)
    assert json.loads(shown[0]["value"])["resource"]["domain"] == f"one.{zone}"
    assert shown[0]["origin"].startswith(f"{sandbox.topic}:")

    kafka_api.add_zone(zone)
    done = sandbox.cli("dlq", "replay", "--all")
    assert (done.status, done.out) == (0, "3 sent back\n")
    eventually(lambda: sandbox.committed() == 6)
    domains = [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)]
    assert domains == [f"one.{zone}", f"two.{zone}", f"three.{zone}"]
    assert sandbox.cli("dlq", "replay", "--all").out == "0 sent back\n"
    assert [letter["state"] for letter in listed(sandbox)] == ["replayed"] * 3
    entries = map(json.loads, sandbox.cli("audit", "export").out.splitlines())
    noted = [each for each in entries if each["subject"] == sandbox.topic]
    assert [(each["act"], each["after"]) for each in noted] == [("dead_letters_replayed", {"0": [0, 1, 2]})]


def test_what_the_audit_can_not_note_is_not_sent_back(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    refuse(sandbox, kafka_api, "nowhere.test", "one")
    away = f"postgresql://dns:dns@127.0.0.1:{free_port()}/dns"
    done = sandbox.cli("dlq", "replay", "--all", DATABASE_URL=away)
    assert (done.status, done.out) == (1, "")
    assert "The database can't be used" in done.err
    assert [letter["state"] for letter in listed(sandbox)] == ["waiting"]


@pytest.mark.thorough
def test_one_dead_letter_can_be_sent_back_even_twice(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    zone = f"{sandbox.account}.test"
    refuse(sandbox, kafka_api, zone, "one", "two")
    kafka_api.add_zone(zone)
    for _ in range(2):
        done = sandbox.cli("dlq", "replay", "--offset", "1")
        assert (done.status, done.out) == (0, "1 sent back\n")
    eventually(lambda: sandbox.committed() == 4)
    assert [each["resource"]["domain"] for each in kafka_api.requests(sandbox.account)] == [f"two.{zone}"]
    assert sandbox.cli("dlq", "replay", "--all").out == "2 sent back\n"
    eventually(lambda: sandbox.committed() == 6)
    assert len(kafka_api.requests(sandbox.account)) == 2


def test_a_message_that_is_refused_again_is_a_new_dead_letter(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    refuse(sandbox, kafka_api, "nowhere.test", "one")
    assert sandbox.cli("dlq", "replay", "--all").out == "1 sent back\n"
    eventually(lambda: sandbox.committed() == 2)
    assert [letter["state"] for letter in listed(sandbox)] == ["replayed", "waiting"]
    first, second = sandbox.dead_letters()
    assert first.value() == second.value()
    assert own_headers(first) == [("trace", b"abc")]
    assert [name for name, _ in own_headers(second)] == ["trace", "idempotency-key"]


@pytest.mark.thorough
def test_a_dead_letter_without_its_value_is_not_sent_back(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    sandbox.create_topic(f"{sandbox.topic}.dlq", 1, **{"max.message.bytes": "10000"})
    sandbox.produce(b"x" * 20_000, b"not JSON", key="a")
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 2)
    done = sandbox.cli("dlq", "replay", "--all")
    assert (done.status, done.out) == (1, "1 sent back, 1 not\n")
    assert done.err == f"{sandbox.topic}.dlq:0:1 is not sent back: its value was too large to be kept\n"


def test_a_dead_letter_of_another_topic_is_not_sent_anywhere(
    sandbox: KafkaSandbox, kafka_api: Api, tmp_path: Path
) -> None:
    sandbox.create_topic()
    refuse(sandbox, kafka_api, "nowhere.test", "one")
    forger = KafkaSandbox(sandbox.broker, tmp_path)
    forger.topic = f"{sandbox.topic}.dlq"
    forger.produce(b"{}", headers=[("error", b"x"), ("original-topic", b"secrets")])
    done = sandbox.cli("dlq", "replay", "--offset", "1")
    assert done.status == 1
    assert "does not come from" in done.err


@pytest.mark.thorough
def test_in_a_pipe_each_dead_letter_is_one_line(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    sandbox.produce(b"x", b"x", b"x", key=b"a\tb\x1b[31m\n")
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 3)
    lines = sandbox.cli("dlq", "list", "--limit", "2").out.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["0", "1"], ["0", "2"]]
    assert lines[0].split("\t")[-1] == "a\\tb\\x1b[31m\\n"


@pytest.mark.thorough
def test_on_a_terminal_the_dead_letters_are_a_table(sandbox: KafkaSandbox, kafka_api: Api) -> None:
    sandbox.create_topic()
    sandbox.produce(b"x", key=b"[bold]\x1b[2J")
    sandbox.start_consumer(kafka_api.url)
    eventually(lambda: sandbox.committed() == 1)
    screen = on_a_terminal(sandbox, "dlq", "list")
    assert "partition  offset  at " in screen
    assert "\n  message_not_json: " in re.sub(
        r"\x1b\[[0-9;]*m", "", screen
    )  # not in a column of a few characters
    assert "[bold]\\x1b[2J" in screen
    assert "\x1b[2J" not in screen


@ONE_BROKER
def test_no_topic_means_no_dead_letters(any_sandbox: KafkaSandbox) -> None:
    """On both: they answer differently for a topic that is not there."""
    sandbox = any_sandbox
    assert listed(sandbox) == []
    assert sandbox.cli("dlq", "replay", "--all").out == "0 sent back\n"
    done = sandbox.cli("dlq", "replay", "--offset", "5")
    assert (done.status, done.err) == (1, f"there is no dead letter at {sandbox.topic}.dlq:0:5\n")


def test_without_a_broker_the_error_is_one_line(sandbox: KafkaSandbox) -> None:
    away = f"127.0.0.1:{free_port()}"
    done = sandbox.cli("dlq", "list", KAFKA_BROKER_URL=away)
    assert (done.status, done.out) == (1, "")
    assert f"check that the broker runs at {away} (KAFKA_BROKER_URL)" in done.err
    assert done.err.startswith("the dead letters can't be read: ")


def own_headers(letter: Message) -> list[tuple[str, bytes]]:
    """The message's own headers, without those that the consumer added."""
    pairs: list[tuple[str, bytes]] = letter.headers() or []  # type: ignore[assignment]
    return [(name, value) for name, value in pairs if name != "error" and not name.startswith("original-")]


def on_a_terminal(sandbox: KafkaSandbox, *words: str) -> str:
    """What the command line shows on a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "app.cli", *words]
    env = {**os.environ, **sandbox.env(), "COLUMNS": "80", "TERM": "xterm"}
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=its, stdin=subprocess.DEVNULL) as process:
        os.close(its)
        seen = b""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk
        except OSError:  # the other end is closed
            pass
        assert process.wait(30) == 0
    os.close(ours)
    return seen.decode()
