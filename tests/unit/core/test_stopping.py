"""All processes of a worker learn of its end, however it comes."""

from pathlib import Path
from threading import Event

import pytest

from app.core.stopping import Stopping
from tests.support.eventually import eventually
from tests.support.forked import run_in_fork

# A process makes one that learns of its end, and ends so; the outermost waits for what that one says.
FORKS = """
import os, signal, sys, time
from app.core.stopping import Stopping

def learn():
    stopping.listen()
    while not stopping.has_begun:
        time.sleep(0.01)

stopping = Stopping()
reading, writing = os.pipe()
main = os.fork()
if main:
    os.waitpid(main, 0)
    os.close(writing)
    sys.exit(os.read(reading, 10) != b"learnt")
stopping.prepare()
if not os.fork():
    learn()
    os.write(writing, b"learnt")
    os._exit(0)
time.sleep(0.2)
assert not stopping.has_begun
END
os._exit(0)
"""


@pytest.mark.parametrize(
    "end", ["stopping.begin(); stopping.begin()", "os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_processes_that_are_forked_learn_of_the_end_and_of_the_death_of_the_main_process(
    tmp_path: Path, end: str
) -> None:
    ended = run_in_fork(["-c", FORKS.replace("END", end)], {}, tmp_path)
    assert ended.status == 0, ended.err


def test_what_is_in_hand_is_cancelled_when_it_has_had_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.stopping.settings", lambda: type("Short", (), {"stop_timeout": 0.2}))
    monkeypatch.setattr("app.core.stopping.end_in_time", lambda: None)
    stopping = Stopping()
    stopping.prepare()
    for _ in range(2):  # of the pool `solo` the main process, which has the threads as well
        stopping.listen()
    done, in_hand, later = Event(), Event(), Event()
    with stopping.cancelled_in_time(done):
        assert not stopping.has_begun
    with stopping.cancelled_in_time(in_hand):
        stopping.begin()
        assert in_hand.wait(30)
    assert stopping.is_over
    with stopping.cancelled_in_time(later):
        assert later.is_set()
    assert not done.is_set()
    eventually(lambda: stopping.has_begun)
