"""Events of the callback plugin, as lines of the log."""

import json

import pytest

from app.runner.ansible import events
from app.runner.ansible.events import EventReader
from app.runner.ansible.redaction import Redactor
from app.runner.protocol import RunEvent


class Log:
    def __init__(self) -> None:
        self.events: list[RunEvent] = []
        self.reader = EventReader(self.events.append, Redactor(["c2VjcmV0"]))

    def feed(self, **event: object) -> str:
        self.reader.feed(json.dumps(event).encode())
        return self.events[-1].message


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"event": "play", "name": "Apply"}, "play: Apply"),
        ({"event": "task", "name": "Send"}, "task: Send"),
        (
            {"event": "ok", "host": "bind", "message": "3 changes sent", "changed": True},
            "bind: task ok, 3 changes sent",
        ),
        ({"event": "ok", "host": "bind", "changed": True, "message": ""}, "bind: task ok, changed"),
        ({"event": "failed", "host": "bind", "message": "no\nroute"}, "bind: failed, no route"),
        ({"event": "failed", "host": "bind", "ignored": True}, "bind: failed (ignored)"),
        ({"event": "unreachable", "host": "bind", "message": "ssh"}, "bind: unreachable, ssh"),
        ({"event": "item_ok", "host": "bind", "item": "www"}, "bind: ok (www)"),
        (
            {"event": "stats", "hosts": {"bind": {"ok": 2, "changed": 1, "failures": 0}}},
            "tasks finished: bind: 2 ok, 1 changed",
        ),
        ({"event": "stats", "hosts": {}}, "finished: no host took part"),
    ],
)
def test_messages(event: dict[str, object], message: str) -> None:
    assert Log().feed(**event) == message


def test_update_messages_are_counted_as_they_are_told() -> None:
    log = Log()
    for odd in ({"began": 0.0}, {"seconds": -1.0}, {"rcode": "a b"}, {"rcode": 7}, {"began": "x"}, {}):
        said = {"server": "c2VjcmV0:53", "began": 1.5e9, "seconds": 0.25, "rcode": "NOERROR", **odd}
        log.reader.feed(json.dumps({"event": "update", **said}).encode())
    assert log.events == []  # a line for each would fill the run's log
    assert log.reader.updates.rcodes == {"NOERROR": 1}
    log.reader.report("stopped")
    [update] = log.events[-1].updates
    assert (update.rcode, update.began, update.seconds) == ("NOERROR", 1.5e9, 0.25)
    assert "c2VjcmV0" not in update.server
    log.feed(event="failed", host="bind")
    assert not log.events[-1].updates


def test_the_last_counts_are_kept() -> None:
    log = Log()
    log.feed(event="stats", hosts={"bind": {"ok": 2, "failures": "many"}, "odd": 7})
    assert log.reader.stats == {"bind": {"ok": 2}}


@pytest.mark.parametrize(
    "line", [b"", b"no json", b"7", b"[]", b"{}", b'{"event": 7}', b'{"event": "new"}', b"[" * 100_000]
)
def test_what_is_no_event_is_skipped(line: bytes) -> None:
    log = Log()
    log.reader.feed(line)
    assert log.events == []


def test_secrets_and_control_characters_are_hidden() -> None:
    message = Log().feed(event="failed", host="bind", message="key c2VjcmV0 \x00\x1b[0m")
    assert message == "bind: failed, key ******** \ufffd\ufffd[0m"


def test_a_long_message_is_cut() -> None:
    assert len(Log().feed(event="task", name="x" * 10_000)) == events.MAX_MESSAGE


def test_endless_events_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_EVENTS", 3)
    log = Log()
    for number in range(10):
        log.feed(event="task", name=str(number))
    assert [event.message for event in log.events] == [
        "task: 0",
        "task: 1",
        "task: 2",
        "the run reports more than 3 events; the further ones are not kept",
    ]
    log.feed(event="stats", hosts={"bind": {"ok": 10}})
    assert log.reader.stats == {"bind": {"ok": 10}}
