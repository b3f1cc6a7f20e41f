"""How the stack starts, watches and ends processes: tried on small shell scripts."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.backoff import Backoff
from stack import child
from stack.errors import StackError
from stack.loop import LoopThread
from stack.part import Part
from stack.supervisor import Supervisor
from tests.support.eventually import eventually
from tests.support.processes import alive

POLITE = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done"
STUBBORN = "trap '' TERM; echo up; while :; do sleep 0.02; done"


class Script(Part):
    """A shell script that says `up` when it is ready."""

    announcement = "up"
    stop_timeout = 0.5

    def __init__(self, name: str, text: str, start_timeout: float = 60.0) -> None:
        self.name = name
        self.text = text
        self.start_timeout = start_timeout

    def command(self) -> list[str]:
        return ["sh", "-c", self.text]


class Bench:
    """A supervisor in its loop, and the lines that it has logged."""

    def __init__(self, loop: LoopThread) -> None:
        self.loop = loop
        self.lines: list[tuple[str, str]] = []

    def start(self, *stages: list[Script]) -> Supervisor:
        self.supervisor = Supervisor(stages, lambda part, line: self.lines.append((part, line)))
        self.loop.run(self.supervisor.start())
        return self.supervisor


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(child, "RESTART_BACKOFF", Backoff(first=0.02, longest=10.0))
    with LoopThread() as loop:
        bench = Bench(loop)
        yield bench
        loop.run(bench.supervisor.kill())


def test_stages_start_in_order_and_stop_in_reverse(bench: Bench) -> None:
    slow = Script("first", f"sleep 0.2; {POLITE}")
    supervisor = bench.start([slow], [Script("second", POLITE)])
    bench.loop.run(supervisor.stop())
    said = [(part, line) for part, line in bench.lines if part != "stack"]
    assert said == [("first", "up"), ("second", "up"), ("second", "bye"), ("first", "bye")]


def test_a_part_that_dies_is_started_again(bench: Bench) -> None:
    supervisor = bench.start([Script("part", POLITE)])
    first = supervisor["part"].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    eventually(lambda: supervisor["part"].pid not in (None, first))
    assert ("stack", "part was ended by SIGKILL: starting it again in 0.02 s") in bench.lines


def test_a_part_that_is_killed_on_purpose_stays_dead_until_it_is_started(bench: Bench) -> None:
    supervisor = bench.start([Script("part", POLITE)])
    bench.loop.run(supervisor["part"].kill())
    time.sleep(0.2)
    assert supervisor["part"].pid is None
    bench.loop.run(supervisor["part"].start())
    assert supervisor["part"].pid is not None


def test_a_part_that_cannot_start_says_why(bench: Bench) -> None:
    with pytest.raises(StackError, match=r"(?s)broken ended with exit status 3.*no such zone"):
        bench.start([Script("broken", "echo no such zone; exit 3")])
    assert bench.lines.count(("broken", "no such zone")) == child.ATTEMPTS


def test_a_part_that_never_gets_ready_is_given_up(bench: Bench) -> None:
    with pytest.raises(StackError, match=r"slow was not ready after 0\.2 s"):
        bench.start([Script("slow", "sleep 60", start_timeout=0.2)])
    assert bench.supervisor["slow"].pid is None


def test_a_part_that_does_not_stop_is_killed(bench: Bench) -> None:
    supervisor = bench.start([Script("stubborn", STUBBORN)])
    pid = supervisor["stubborn"].pid
    assert pid is not None
    began = time.monotonic()
    bench.loop.run(supervisor.stop())
    assert Script.stop_timeout <= time.monotonic() - began < 30
    assert not alive(pid)


def test_a_stop_that_takes_too_long_can_be_cut_short(bench: Bench) -> None:
    stubborn = Script("stubborn", STUBBORN)
    stubborn.stop_timeout = 60
    supervisor = bench.start([stubborn])
    pid = supervisor["stubborn"].pid
    assert pid is not None
    with pytest.raises(TimeoutError):
        bench.loop.run(asyncio.wait_for(supervisor.stop(), 0.1))
    assert alive(pid)
    bench.loop.run(supervisor.kill())
    assert not alive(pid)


def test_what_a_dead_part_leaves_behind_is_killed(bench: Bench, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    supervisor = bench.start([Script("parent", f"sleep 60 & echo $! > {note}; {POLITE}")])
    bench.loop.run(supervisor["parent"].kill())
    eventually(lambda: not alive(int(note.read_text())))


def test_a_line_without_end_does_not_stop_the_log(bench: Bench) -> None:
    bench.start([Script("wordy", f"head -c 3000000 /dev/zero | tr '\\0' x; echo; {POLITE}")])
    eventually(lambda: ("wordy", "up") in bench.lines)


def test_an_unknown_part_is_named(bench: Bench) -> None:
    supervisor = bench.start([Script("part", POLITE)])
    with pytest.raises(StackError, match="other is not a part of this stack, which has part"):
        supervisor["other"]
