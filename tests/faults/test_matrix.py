"""Faults of the matrix under load, one after the other on one system (`make faults` runs all of them).

And the judge, before whom nothing passes that is wrong.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from stack.nameserver import KEY_NAME, create_key
from stack.ports import HOST
from tests.faults.matrix.__main__ import possible_of
from tests.faults.matrix.faults import all_faults
from tests.faults.matrix.judge import Verdict, judge
from tests.faults.matrix.leftovers import files_left, processes_left
from tests.faults.matrix.results import Outgoing
from tests.faults.matrix.row import Row, run_row
from tests.faults.matrix.scene import Scene, set_scene
from tests.faults.matrix.seen import Seen, look, records_of, requests_of
from tests.faults.matrix.system import System
from tests.faults.matrix.zone_files import states
from tests.support.eventually import eventually

QUICK = [fault for fault in all_faults() if fault.quick]


UPGRADE = [fault for fault in all_faults() if fault.upgrades or fault.name == "one_of_each_restarted"]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with (
        TemporaryDirectory(prefix="faults-") as folder,  # the paths of sockets have to be short
        System(Path(folder)) as system,
    ):
        yield set_scene(system, "quick")


@pytest.fixture(scope="module")
def row(scene: Scene) -> Row:
    return run_row(scene, QUICK, "quick", pause=1.4)


@pytest.mark.thorough
def test_clients_that_repeat_calls_see_nothing_of_an_upgrade_and_of_restarts() -> None:
    with TemporaryDirectory(prefix="faults-") as folder, System.to_be_upgraded(Path(folder)) as system:
        row = run_row(set_scene(system, "upgrade"), UPGRADE, "upgrade")
    assert row.verdict.lines() == []
    assert None not in row.recoveries
    said = Counter(word for call in row.seen.calls for word in call.said)
    errors = {word: number for word, number in said.items() if word.startswith("5") or word == "429"}
    assert errors == {}, said
    assert said["202"] > 20


def test_nothing_is_lost_doubled_or_left_whatever_is_killed(row: Row) -> None:
    assert row.verdict.lines() == []
    assert None not in row.recoveries
    assert len(row.seen.requests) > 20 * len(QUICK)
    assert {call.lane for call in row.seen.calls if call.accepted} == {"h0", "h1", "h2", "h3", "k0"}
    assert any(call.atomic for call in row.seen.calls)
    assert any(len(call.said) > 1 for call in row.seen.calls)  # repeated, with the same key
    assert {"succeeded", "rrset_missing"} <= {request.fate for request in row.seen.requests}


def test_a_machine_that_cannot_have_a_fault(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = replace(QUICK[0], name="full_moon", possible=lambda: False)
    monkeypatch.setenv("CI", "")
    assert possible_of([*QUICK, fault]) == QUICK
    assert "full moon" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="full moon"):
        possible_of([*QUICK, fault])


# --- the judge, who is shown what is wrong


@contextmanager
def tampered(scene: Scene, row: Row, statement: str, **values: object) -> Iterator[Verdict]:
    """What the judge says after a statement, in a transaction that is rolled back."""
    with scene.system.connect() as connection:
        assert connection.execute(statement, values).rowcount > 0
        requests = requests_of(connection, scene.zones)
        yield judge(replace(row.seen, requests=requests, records=records_of(connection, scene.zones)))
        connection.rollback()


def kinds(verdict: Verdict) -> set[str]:
    return {kind for kind, count in verdict.counts().items() if count}


def some_request(row: Row) -> str:
    """One that has succeeded, and whose RRset is there."""
    there = {(zone, key) for zone, records in row.seen.records.items() for key in records}
    return [each.id for each in row.seen.requests if (each.zone, each.asked.key) in there][-1]


def later_request(row: Row) -> str:
    """One whose client has asked for its name before."""
    asked = {
        item.key: (call.lane, item.zone, item.asked.owner) for call in row.seen.calls for item in call.items
    }
    seen: set[tuple[str, str, str]] = set()
    for each in row.seen.requests:  # in the order of acceptance
        if asked[each.key] in seen:
            return each.id
        seen.add(asked[each.key])
    raise AssertionError("no client has asked for a name twice")


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("DELETE FROM dns_requests WHERE id = %(id)s", "lost"),
        (
            "UPDATE dns_requests SET status = 'failed', error_code = 'server_failed' WHERE id = %(id)s",
            "failed",
        ),
        ("UPDATE dns_requests SET status = 'pending', finished_at = NULL WHERE id = %(id)s", "stuck"),
        ("UPDATE dns_requests SET idempotency_key = 'another' WHERE id = %(id)s", "twice"),
        ("UPDATE dns_requests SET seq = 0 WHERE id = %(later)s", "twice"),
        (
            "DELETE FROM dns_request_events WHERE request_id = %(id)s AND status = 'running'",
            "events",
        ),
        (
            "INSERT INTO dns_request_events (request_id, status, message)"
            " VALUES (%(id)s, 'succeeded', 'once more')",
            "events",
        ),
        (
            "DELETE FROM dns_records AS record USING dns_requests AS request WHERE request.id = %(id)s"
            " AND (record.zone, record.name, record.record_type)"
            " = (request.zone, request.name, request.record_type)",
            "differ",
        ),
    ],
)
def test_the_database_says_otherwise(scene: Scene, row: Row, statement: str, kind: str) -> None:
    with tampered(scene, row, statement, id=some_request(row), later=later_request(row)) as verdict:
        assert kind in kinds(verdict)


def test_what_is_excused_is_for_the_servers_to_say(scene: Scene, row: Row) -> None:
    """Its name has no fate and no state that is expected, and is the same on all servers all the same."""
    fail = "UPDATE dns_requests SET status = 'failed', error_code = 'not_kept' WHERE id = %(id)s"
    with scene.system.connect() as connection:
        connection.execute(fail, {"id": some_request(row)})
        seen = replace(row.seen, requests=requests_of(connection, scene.zones))
        connection.rollback()
    failed = [each.fate for each in seen.requests].count("not_kept")
    assert failed == 1
    expected = "has not_kept instead of"
    excused = judge(replace(seen, excused={"not_kept"}))
    assert any(expected in line for line in judge(seen).failed)
    assert not any(expected in line for line in excused.failed)
    assert excused.differ == []
    changed = replace(seen, excused={"not_kept"}, records={zone: {} for zone in seen.records})
    assert judge(changed).differ


def told_of_another(seen: Seen) -> Seen:
    calls = [replace(call, ids=["nobody", *call.ids[1:]]) if call.ids else call for call in seen.calls]
    return replace(seen, calls=calls)


def told_that_it_failed(seen: Seen) -> Seen:
    finals = {seen.requests[0].id: "cancelled"}
    return replace(seen, calls=[replace(seen.calls[0], finals=finals), *seen.calls[1:]])


def shown_otherwise(seen: Seen) -> Seen:
    return replace(seen, shown={**seen.shown, seen.requests[0].id: "pending"})


def with_events(seen: Seen, tamper: Callable[[list[Outgoing]], list[Outgoing]]) -> Seen:
    """What is seen, with other events of one request."""
    assert seen.outgoing
    request = next(each.id for each in seen.requests if len(each.events) > 2)
    return replace(seen, outgoing={**seen.outgoing, request: tamper(list(seen.outgoing[request]))})


def event_not_sent(seen: Seen) -> Seen:
    return with_events(seen, lambda events: [each for each in events if each.id != events[-1].id])


def events_in_another_order(seen: Seen) -> Seen:
    return with_events(seen, lambda events: events[::-1])


def an_event_that_is_none(seen: Seen) -> Seen:
    return with_events(seen, lambda events: [*events, events[-1]._replace(id="another")])


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (told_of_another, "lost"),
        (told_that_it_failed, "failed"),
        (shown_otherwise, "failed"),
        (event_not_sent, "events"),
        (events_in_another_order, "events"),
        (an_event_that_is_none, "events"),
    ],
)
def test_clients_were_told_otherwise(row: Row, tamper: Callable[[Seen], Seen], kind: str) -> None:
    assert kind in kinds(judge(tamper(row.seen)))


def test_an_event_may_come_twice(row: Row) -> None:
    assert judge(with_events(row.seen, lambda events: [events[0], *events])).passed


def tried_once_more(events: list[Outgoing]) -> list[Outgoing]:
    """With a try that has ended as the one before, and so has left the log."""
    again = [events[0]._replace(id=f"again-{status}", status=status) for status in ("running", "pending")]
    return [event._replace(sequence=number) for number, event in enumerate([events[0], *again, *events[1:]])]


def test_a_try_may_be_told_that_has_left_the_log(row: Row) -> None:
    assert judge(with_events(row.seen, tried_once_more)).passed
    assert not judge(with_events(row.seen, lambda events: tried_once_more(events)[:-1])).passed


def test_a_process_and_a_folder_are_left(scene: Scene, row: Row) -> None:
    orphan = "import os, time; os.fork() or time.sleep(60)"
    subprocess.run([sys.executable, "-c", orphan], check=True, timeout=30)
    folder = scene.system.tmp / "worker-1" / "dns-run-1.1-left"
    folder.mkdir()
    os.utime(folder, (0, 0))
    assert len(processes_left(scene.system)) == len(files_left(scene.system)) == 1
    assert shows(scene, row, {"left"})
    for process in scene.system.orphans.find():
        if "time.sleep(60)" in " ".join(process.cmdline()):
            process.kill()
    folder.rmdir()


def test_a_server_has_gone_other_ways(scene: Scene, row: Row) -> None:
    """A change is applied once more, and taken back: only its steps tell. Then a record differs."""
    zone, key, old, new = next(
        (zone, key, path[-2], path[-1])
        for zone, steps in row.seen.steps.items()
        for key, path in states(steps).items()
        if len(path) > 1 and key.type == "A" and path[-1].values and path[-2].values
    )
    for state, expected in ((old, {"twice", "differ"}), (new, {"twice"})):
        changed = dns.update.UpdateMessage(zone)
        changed.use_tsig(dns.tsig.Key(KEY_NAME, create_key(scene.system.servers.bind.key_file)))
        changed.delete(key.owner, key.type)
        changed.add(key.owner, state.ttl or 0, key.type, *state.values)
        reply = dns.query.tcp(changed, HOST, port=scene.system.servers.dns_ports["bind"], timeout=30)
        assert reply.rcode() == dns.rcode.NOERROR
        eventually(partial(shows, scene, row, expected), limit=20)


def shows(scene: Scene, row: Row, expected: set[str]) -> bool:
    """Whether the judge finds just that wrong; a secondary has a change a moment later."""
    with scene.system.connect() as connection:
        return kinds(judge(look(scene, row.seen.calls, connection))) == expected
