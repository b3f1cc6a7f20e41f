"""A row of the matrix: faults under load, one after the other, and what the judge says in the end."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dns.exception
import httpx2
import psycopg

from app.domain.lifecycle import FINAL
from tests.faults.matrix.faults import Fault
from tests.faults.matrix.journal import Call, Journal
from tests.faults.matrix.judge import Verdict, judge
from tests.faults.matrix.load import Load
from tests.faults.matrix.scene import Scene
from tests.faults.matrix.seen import Seen, look

_BEFORE, _AFTER = 1.0, 0.6  # seconds of load
_PAUSE = 0.7  # seconds between two calls of a client
_POLL = 0.1  # seconds
_CALM_LIMIT = 60.0  # seconds for the last change to be everywhere, and for the last event to be out
_SETTLED = "SELECT idempotency_key FROM dns_requests WHERE zone = ANY(%s) AND status = ANY(%s)"


@dataclass(frozen=True)
class Row:
    """What became of faults."""

    faults: Sequence[Fault]
    # of each: seconds from its end until all was settled that had been asked for before; None: not in time
    recoveries: Sequence[float | None]
    seen: Seen
    verdict: Verdict
    phases: Mapping[str, float]  # seconds that each took

    @property
    def seconds(self) -> float:
        """How long the row took."""
        return sum(self.phases.values())

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict.passed and None not in self.recoveries


class _Phases:
    """How long each phase took, of which one ends where the next one begins."""

    def __init__(self, began: float) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = began

    def end(self, name: str) -> None:
        """End a phase; one that comes again adds to what it took before."""
        now = time.monotonic()
        self.seconds[name] += now - self._last
        self._last = now


def run_row(scene: Scene, faults: Sequence[Fault], seed: str, pause: float = _PAUSE) -> Row:
    """Run the load with faults in it, and judge what has become of it.

    Each client pauses for so many seconds between two calls.
    """
    phases = _Phases(scene.began)
    phases.end("set-up")
    load = Load(scene, seed, pause)
    with load.running():
        time.sleep(_BEFORE)
        phases.end("before")
        recoveries = [_recovery(scene, fault, load.journal, phases) for fault in faults]
        time.sleep(_AFTER)
        phases.end("after")
    phases.end("last answers")
    deadline = max(fault.deadline for fault in faults)
    wait_until_settled(scene, load.journal.calls(), time.monotonic() + deadline)
    phases.end("settled")
    scene.note(scene.system.new_exceptions())
    seen = _look_when_calm(scene, load.journal)
    phases.end("calm")
    return Row(faults, recoveries, seen, judge(seen), phases.seconds)


def _recovery(scene: Scene, fault: Fault, journal: Journal, phases: _Phases) -> float | None:
    """Inject a fault and heal it; return how long it takes until all is settled."""
    try:
        with fault.inject(scene):
            phases.end("injected")
            time.sleep(fault.lasts)
            phases.end("lasts")
    except Exception as error:  # the matrix goes on
        scene.note([f"{fault.title}: {type(error).__name__}: {error}"])
        scene.system.mend()
    phases.end("healed")
    healed = time.monotonic()
    recovered = wait_until_settled(scene, journal.calls(), healed + fault.deadline)
    phases.end("recovered")
    return None if recovered is None else recovered - healed


def wait_until_settled(scene: Scene, calls: Sequence[Call], deadline: float) -> float | None:
    """Wait until all changes of these calls are settled; return when, or None: not before the deadline."""
    keys = {item.key for call in calls for item in call.items}
    while time.monotonic() < deadline:
        with suppress(psycopg.Error), scene.system.connect() as connection:
            while time.monotonic() < deadline:
                if keys <= _settled(connection, scene):
                    return time.monotonic()
                time.sleep(_POLL)
        time.sleep(_POLL)
    return None


def _settled(connection: psycopg.Connection[Any], scene: Scene) -> set[str]:
    rows = connection.execute(_SETTLED, [list(scene.zones), [str(status) for status in FINAL]])
    found = {key for (key,) in rows}
    connection.rollback()
    return found


def _look_when_calm(scene: Scene, journal: Journal) -> Seen:
    deadline = time.monotonic() + _CALM_LIMIT
    while True:
        is_over = time.monotonic() > deadline
        try:
            with scene.system.connect() as connection:
                seen = look(scene, journal.calls(), connection)
            verdict = judge(seen)
            if is_over or not (verdict.left or verdict.differ or verdict.events):
                return seen
        except (psycopg.Error, httpx2.HTTPError, dns.exception.DNSException):  # somebody is slow
            if is_over:
                raise
        time.sleep(_POLL)
