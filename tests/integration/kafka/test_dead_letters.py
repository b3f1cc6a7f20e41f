"""Dead letters, listed and replayed from the command line."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from stack.paths import ROOT
from tests.support.eventually import eventually
from tests.support.kafka.broker import free_port
from tests.support.kafka.lane import Lane, request
from tests.support.kafka.processes import Api


def listed(lane: Lane, *words: str) -> list[dict[str, Any]]:
    """What `dlq list --json` shows."""
    done = lane.cli("dlq", "list", "--json", *words)
    assert (done.status, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def refuse(lane: Lane, api: Api, zone: str, *names: str) -> None:
    """Let the consumer refuse requests for a zone that is not served."""
    values = [request(lane, name, domain=f"{name}.{zone}") for name in names]
    lane.produce(*values, key="a", headers=[("trace", b"abc")])
    before = lane.committed()
    lane.start(api.url)
    eventually(lambda: lane.committed() == before + len(names))


def test_dead_letters_are_sent_back_once_and_become_requests(any_lane: Lane, kafka_api: Api) -> None:
    """On both: how far the DLQ was replayed is a committed offset, which each keeps in its own way."""
    lane = any_lane
    lane.create_topic()
    zone = f"{lane.account}.test"
    refuse(lane, kafka_api, zone, "one", "two", "three")
    shown = listed(lane)
    assert [letter["state"] for letter in shown] == ["waiting"] * 3
    assert all(letter["error"].startswith("zone_unknown: ") for letter in shown)
    assert json.loads(shown[0]["value"])["resource"]["domain"] == f"one.{zone}"
    assert shown[0]["origin"].startswith(f"{lane.topic}:")

    kafka_api.add_zone(zone)
    done = lane.cli("dlq", "replay", "--all")
    assert (done.status, done.out) == (0, "3 sent back\n")
    eventually(lambda: lane.committed() == 6)
    domains = [each["resource"]["domain"] for each in kafka_api.requests(lane.account)]
    assert domains == [f"one.{zone}", f"two.{zone}", f"three.{zone}"]
    assert lane.cli("dlq", "replay", "--all").out == "0 sent back\n"
    assert [letter["state"] for letter in listed(lane)] == ["replayed"] * 3


def test_one_dead_letter_can_be_sent_back_even_twice(lane: Lane, kafka_api: Api) -> None:
    lane.create_topic()
    zone = f"{lane.account}.test"
    refuse(lane, kafka_api, zone, "one", "two")
    kafka_api.add_zone(zone)
    for _ in range(2):
        done = lane.cli("dlq", "replay", "--offset", "1")
        assert (done.status, done.out) == (0, "1 sent back\n")
    eventually(lambda: lane.committed() == 4)
    assert [each["resource"]["domain"] for each in kafka_api.requests(lane.account)] == [f"two.{zone}"]
    assert lane.cli("dlq", "replay", "--all").out == "2 sent back\n"
    eventually(lambda: lane.committed() == 6)
    assert len(kafka_api.requests(lane.account)) == 2


def test_a_message_that_is_refused_again_is_a_new_dead_letter(lane: Lane, kafka_api: Api) -> None:
    lane.create_topic()
    refuse(lane, kafka_api, "nowhere.test", "one")
    assert lane.cli("dlq", "replay", "--all").out == "1 sent back\n"
    eventually(lambda: lane.committed() == 2)
    assert [letter["state"] for letter in listed(lane)] == ["replayed", "waiting"]
    first, second = lane.dead_letters()
    assert first.value() == second.value()
    assert own_headers(first) == [("trace", b"abc")]
    assert [name for name, _ in own_headers(second)] == ["trace", "idempotency-key"]


def test_a_dead_letter_without_its_value_is_not_sent_back(lane: Lane, kafka_api: Api) -> None:
    lane.create_topic()
    lane.create_topic(f"{lane.topic}.dlq", 1, **{"max.message.bytes": "10000"})
    lane.produce(b"x" * 20_000, b"not JSON", key="a")
    lane.start(kafka_api.url)
    eventually(lambda: lane.committed() == 2)
    done = lane.cli("dlq", "replay", "--all")
    assert (done.status, done.out) == (1, "1 sent back, 1 not\n")
    assert done.err == f"{lane.topic}.dlq:0:1 is not sent back: its value was too large to be kept\n"


def test_a_dead_letter_of_another_topic_is_not_sent_anywhere(
    lane: Lane, kafka_api: Api, tmp_path: Path
) -> None:
    lane.create_topic()
    refuse(lane, kafka_api, "nowhere.test", "one")
    forger = Lane(lane.broker, tmp_path)
    forger.topic = f"{lane.topic}.dlq"
    forger.produce(b"{}", headers=[("error", b"x"), ("original-topic", b"secrets")])
    done = lane.cli("dlq", "replay", "--offset", "1")
    assert done.status == 1
    assert "does not come from" in done.err


def test_in_a_pipe_each_dead_letter_is_one_line(lane: Lane, kafka_api: Api) -> None:
    lane.create_topic()
    lane.produce(b"x", b"x", b"x", key=b"a\tb\x1b[31m\n")
    lane.start(kafka_api.url)
    eventually(lambda: lane.committed() == 3)
    lines = lane.cli("dlq", "list", "--limit", "2").out.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["0", "1"], ["0", "2"]]
    assert lines[0].split("\t")[-1] == "a\\tb\\x1b[31m\\n"


def test_on_a_terminal_the_dead_letters_are_a_table(lane: Lane, kafka_api: Api) -> None:
    lane.create_topic()
    lane.produce(b"x", key=b"[bold]\x1b[2J")
    lane.start(kafka_api.url)
    eventually(lambda: lane.committed() == 1)
    screen = on_a_terminal(lane, "dlq", "list")
    assert "┃" in screen
    assert "message_not_json" in screen
    assert "[bold]\\x1b[2J" in screen
    assert "\x1b[2J" not in screen


def test_no_topic_means_no_dead_letters(any_lane: Lane) -> None:
    """On both: they answer differently for a topic that is not there."""
    lane = any_lane
    assert listed(lane) == []
    assert lane.cli("dlq", "replay", "--all").out == "0 sent back\n"
    done = lane.cli("dlq", "replay", "--offset", "5")
    assert (done.status, done.err) == (1, f"there is no dead letter at {lane.topic}.dlq:0:5\n")


def test_without_a_broker_the_error_is_one_line(lane: Lane) -> None:
    done = lane.cli("dlq", "list", KAFKA_BROKER_URL=f"127.0.0.1:{free_port()}")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("the dead letters can't be read: ")


def own_headers(letter: Message) -> list[tuple[str, bytes]]:
    """The message's own headers, without those that the consumer added."""
    pairs: list[tuple[str, bytes]] = letter.headers() or []  # type: ignore[assignment]
    return [(name, value) for name, value in pairs if name != "error" and not name.startswith("original-")]


def on_a_terminal(lane: Lane, *words: str) -> str:
    """What the command line shows on a terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "app.cli", *words]
    env = {**os.environ, **lane.env(), "COLUMNS": "200", "TERM": "xterm"}
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
