"""However a run ends, none of its processes outlives it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread, Timer
from uuid import uuid4

import pytest

from app.core.config import ROOT
from app.runner.fork_server.protocol import Command
from app.runner.process.supervisor import Exit, supervise
from tests.support.builders import change
from tests.support.eventually import eventually
from tests.support.processes import processes_with
from tests.support.runs import execute

RECORD = change("create", "www", "A", "192.0.2.1")

# Children that leave their session and their parent, and that want to end as little as their parent does.
# They wait by a builtin: a `sleep` of theirs would have no mark in its command line, and outlive the test.
STUBBORN = """\
- hosts: bind
  gather_facts: false
  tasks:
    - shell: |
        setsid nohup bash -c 'trap "" TERM INT HUP; : {mark}; while :; do read -t 9 <> <(:); done' \\
          >/dev/null 2>&1 &
        (setsid bash -c 'trap "" TERM; : {mark}; while :; do read -t 9 <> <(:); done' &) &
        trap "" TERM INT HUP
        touch {started}
        : {mark}; while :; do read -t 9 <> <(:); done
      args: {{executable: /bin/bash}}
"""


class Stubborn:
    """A playbook that resists; its processes carry a mark in their command lines."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.mark = f"mark-{uuid4().hex}"
        self.hosts = site / "hosts.ini"
        self.started = folder / "started"
        self.playbook = site / f"{self.mark}.yml"
        self.playbook.write_text(STUBBORN.format(mark=self.mark, started=self.started))

    def wait_until_started(self) -> None:
        eventually(lambda: self.started.exists() and len(self.processes()) >= 3)

    def processes(self) -> list[int]:
        """Everything that belongs to the run: Ansible has the playbook's path in its command line."""
        return processes_with(self.mark) + processes_with(str(self.playbook))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for playbooks, and an inventory."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "hosts.ini").write_text(
        "bind ansible_connection=local ansible_python_interpreter='{{ ansible_playbook_python }}'\n"
    )
    return folder


@pytest.fixture
def stubborn(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubborn]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    playbook = Stubborn(site, tmp_path)
    yield playbook
    for pid in playbook.processes():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.usefixtures("either_way")
def test_a_run_that_takes_too_long(stubborn: Stubborn) -> None:
    timeout = 1
    while not stubborn.started.exists():
        timeout *= 3
        ended = execute(stubborn.hosts, RECORD, playbook=stubborn.playbook, timeout=timeout)
        assert stubborn.processes() == []
    assert (ended.result.rc, ended.result.why) == (None, "timeout")
    assert ended.outcomes == [("unknown", None)]
    assert f"stopped: the run took longer than its timeout of {timeout} s" in ended.events


@pytest.mark.usefixtures("either_way")
def test_a_run_that_is_cancelled(stubborn: Stubborn) -> None:
    cancel = Event()

    def cancel_when_started() -> None:
        stubborn.wait_until_started()
        cancel.set()

    canceller = Thread(target=cancel_when_started)
    canceller.start()
    ended = execute(stubborn.hosts, RECORD, playbook=stubborn.playbook, cancel=cancel)
    canceller.join()
    assert stubborn.processes() == []
    assert (ended.result.rc, ended.result.why) == (None, "cancelled")
    assert "stopped: the run was cancelled" in ended.events
    assert "TASK [shell]" in ended.result.output


def test_a_listener_that_fails(tmp_path: Path) -> None:
    """An exception on the way to the database must not leave Ansible running."""

    def fail(_: bytes) -> None:
        raise ValueError("the database is away")

    mark = f"mark-{uuid4().hex}"
    with pytest.raises(ValueError, match="the database is away"):
        run(["/bin/bash", "-c", f"echo line >&$DNS_EVENTS_FD; : {mark}; sleep 300"], tmp_path, on_line=fail)
    assert processes_with(mark) == []


WORKER = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}]
import tempfile
tempfile.tempdir = {temporary!r}
from tests.support.builders import change
from tests.support.runs import execute
record = change("create", "www", "A", "192.0.2.1")
execute(Path({hosts!r}), record, playbook=Path({playbook!r}))
"""


@pytest.mark.thorough
def test_a_worker_that_is_killed(stubborn: Stubborn, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    program = WORKER.format(
        root=str(ROOT),
        temporary=str(temporary),
        hosts=str(stubborn.hosts),
        playbook=str(stubborn.playbook),
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as worker:
        stubborn.wait_until_started()
        assert list(temporary.iterdir()) != []
        worker.kill()
    eventually(lambda: stubborn.processes() == [])
    eventually(lambda: list(temporary.iterdir()) == [])


@pytest.mark.usefixtures("either_way")
def test_a_reaper_that_is_killed(stubborn: Stubborn) -> None:
    """Ansible ends with it, and the run is lost, not forgotten."""
    results: list[object] = []
    runner = Thread(
        target=lambda: results.append(execute(stubborn.hosts, RECORD, playbook=stubborn.playbook).result.why)
    )
    runner.start()
    stubborn.wait_until_started()
    (reaper,) = [pid for pid in processes_with("/fork_server/") if pid in stubborn.processes()]
    os.kill(reaper, signal.SIGKILL)
    runner.join(120)
    assert results == ["lost"]
    assert stubborn.processes() == []  # this process has ended them: the reaper can't any more


def test_a_worker_that_stands_still(stubborn: Stubborn, tmp_path: Path) -> None:
    """Another one takes its zone over when the lease has run out: nothing of the run is left by then."""
    lease = 10
    program = WORKER.format(
        root=str(ROOT), temporary=str(tmp_path), hosts=str(stubborn.hosts), playbook=str(stubborn.playbook)
    )
    environment = {**os.environ, "LEASE": str(lease)}
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment) as worker:
        stubborn.wait_until_started()
        worker.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: set(stubborn.processes()) == {worker.pid}, limit=2 / 3 * lease)
        finally:
            worker.kill()


LEFT_BEHIND = """
setsid bash -c ': {mark}; while :; do sleep 9; done' &
(setsid bash -c 'trap : TERM; : {mark}; while :; do sleep 9; done' &)
echo done
"""


def test_what_a_good_run_leaves_behind_is_ended(tmp_path: Path) -> None:
    mark = f"mark-{uuid4().hex}"
    ended = run(["/bin/bash", "-c", LEFT_BEHIND.format(mark=mark)], tmp_path)
    assert (ended.rc, ended.why) == (0, None)
    assert ended.output.startswith("done\n")
    assert processes_with(mark) == []


def run(
    argv: list[str],
    folder: Path,
    cancel: Event | None = None,
    on_line: Callable[[bytes], None] = lambda _: None,
    grace: float = 3,
) -> Exit:
    command = Command(argv, {"PATH": os.environ["PATH"]}, str(folder), str(folder / "work"), 120, grace)
    return supervise(command, on_line, cancel or Event())


def test_the_exit_status_and_the_whole_output(tmp_path: Path) -> None:
    ended = run(["/bin/sh", "-c", "seq 1 20000; echo end >&2; exit 3"], tmp_path)
    assert (ended.rc, ended.why) == (3, None)
    assert ended.output == "".join(f"{number}\n" for number in range(1, 20_001)) + "end\n"


def test_a_command_that_somebody_else_kills(tmp_path: Path) -> None:
    assert run(["/bin/sh", "-c", "kill -9 $$"], tmp_path)[:2] == (None, "lost")


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    ended = run([str(tmp_path / "none")], tmp_path)
    assert (ended.rc, ended.why) == (127, None)
    assert "can't be started" in ended.output


def test_a_command_that_kills_its_group(tmp_path: Path) -> None:
    assert run(["/bin/sh", "-c", "kill -TERM 0; sleep 9"], tmp_path)[:2] == (None, "lost")


def test_an_obedient_command_is_not_waited_for(tmp_path: Path) -> None:
    grace = 100.0
    cancel = Event()
    Timer(0.3, cancel.set).start()
    started = time.monotonic()
    ended = run(["/bin/sleep", "300"], tmp_path, cancel=cancel, grace=grace)
    assert (ended.rc, ended.why) == (None, "cancelled")
    assert time.monotonic() - started < grace


def test_descriptors_of_the_worker_are_not_passed_on(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        ended = run(["/bin/ls", "-l", "/proc/self/fd"], tmp_path)
    assert str(tmp_path / "open") not in ended.output
    assert ended.output.count("pipe:") == 3  # output twice, and the events


def test_the_environment_is_on_no_command_line(tmp_path: Path) -> None:
    """Everybody can read the reaper's command line, and the environment may hold secrets."""
    ended = run(["/bin/sh", "-c", "cat /proc/$PPID/cmdline"], tmp_path)
    assert "cat /proc/$PPID/cmdline" in ended.output
    assert os.environ["PATH"] not in ended.output


def _daemonic(folder: Path, answer: Path) -> None:
    ended = run(["/bin/echo", "from a daemonic process"], folder)
    answer.write_text(json.dumps([ended.rc, ended.output]))


@pytest.mark.thorough
def test_it_works_in_a_daemonic_process(tmp_path: Path) -> None:
    """As Celery's prefork children are: they may have no children of their own by multiprocessing."""
    answer = tmp_path / "answer"
    process = get_context("spawn").Process(target=_daemonic, args=(tmp_path, answer), daemon=True)
    process.start()
    process.join(120)
    assert json.loads(answer.read_text()) == [0, "from a daemonic process\n"]


def test_it_works_in_many_threads_at_once(tmp_path: Path) -> None:
    outputs: list[str] = []
    threads = [
        Thread(target=lambda number=number: outputs.append(run(["/bin/echo", str(number)], tmp_path).output))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(outputs) == sorted(f"{number}\n" for number in range(8))
