"""Fork servers come when they are needed, and go; without one, each run starts Ansible itself."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import pytest

from app.core.backoff import Backoff
from app.core.config import ROOT
from app.runner.fork_server.protocol import ServerOptions
from app.runner.process import fork_server_launch, start_backoff
from app.runner.process.fork_pool import ForkPool, own_fork_servers
from app.runner.process.fork_server_launch import StartFailed, launch
from app.runner.process.supervisor import Exit
from tests.support.command_lines import ansible, slow
from tests.support.eventually import eventually
from tests.support.processes import alive, processes_with, server_of, servers_of, spares_of
from tests.support.thoroughly import examples


def test_threads_share_a_server(shared_pool: ForkPool, shared_site: Path) -> None:
    with ThreadPoolExecutor(6) as threads:
        ends = list(threads.map(lambda _: ansible(shared_pool, shared_site, "site.yml"), range(12)))
    assert {end.rc for end in ends} == {0}
    assert len(servers_of(shared_site)) == 1


def _daemonic(pool: ForkPool, site: Path, answer: Path) -> None:
    answer.write_text(str(ansible(pool, site, "site.yml").output))


@pytest.mark.thorough
def test_daemonic_processes_share_a_server(shared_pool: ForkPool, shared_site: Path) -> None:
    """As those of Celery's pool are; the server is none of their children and outlives them."""
    answers = [shared_site / f"answer{number}" for number in range(2)]
    processes = [
        get_context("spawn").Process(target=_daemonic, args=(shared_pool, shared_site, answer), daemon=True)
        for answer in answers
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert all('"msg": "hello"' in answer.read_text() for answer in answers)
    server = server_of(shared_site)
    assert ansible(shared_pool, shared_site, "site.yml").rc == 0
    assert server_of(shared_site) == server


def test_it_stays_while_a_run_goes_on_and_goes_when_nobody_needs_it(folder: Path, site: Path) -> None:
    pool = ForkPool(jobs=8, idle=0.5, folder=folder)
    assert ansible(pool, site, *slow(3)).rc == 0
    assert (site / "ended").exists()
    eventually(lambda: servers_of(site) == [])
    assert list(folder.glob("*.sock")) == []
    assert list(folder.glob("ansible-local-*")) == []
    assert ansible(pool, site, "site.yml").rc == 0
    assert len(servers_of(site)) == 1


def test_a_server_that_is_killed_and_one_that_hangs(pool: ForkPool, site: Path) -> None:
    """The run goes on under its reaper; the next one gets another server. One that hangs is asked once."""
    ends: list[Exit] = []
    runner = Thread(target=lambda: ends.append(ansible(pool, site, *slow(3))))
    runner.start()
    eventually((site / "started").exists)
    server = server_of(site)
    os.kill(server, signal.SIGKILL)
    runner.join(120)
    assert (ends[0].rc, (site / "ended").exists()) == (0, True)
    assert processes_with(str(site)) == []
    assert ansible(pool, site, "site.yml").rc == 0
    hanging = server_of(site)
    assert hanging != server
    os.kill(hanging, signal.SIGSTOP)
    assert ansible(pool, site, "site.yml").rc == 0
    eventually(lambda: not alive(hanging))  # or each run would wait for it
    assert server_of(site) not in (server, hanging)


def test_a_fork_of_a_process_that_has_fork_servers_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ForkPool(jobs=1, idle=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", os.getppid)
        own_fork_servers()
        pool = ForkPool(jobs=1, idle=1)
        assert pool.owner == os.getppid() != before.owner
        assert pool.folder != before.folder
    own_fork_servers()


WORKER = """
import os, sys
from pathlib import Path
sys.path[:0] = [{root!r}]
import tempfile
tempfile.tempdir = {temporary!r}
from app.runner.process.fork_pool import ForkPool
from tests.support.command_lines import ansible
ansible(ForkPool(jobs=8, idle=60), Path({site!r}), "slow.yml", "--limit", "one", "-e", "seconds=300")
"""


def test_a_worker_that_is_killed(site: Path) -> None:
    """Its run, its server, and the folders of both go."""
    with TemporaryDirectory(prefix="fork-") as temporary:
        program = WORKER.format(root=str(ROOT), temporary=temporary, site=str(site))
        with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as worker:
            eventually((site / "started").exists)
            assert len(servers_of(site)) == 1
            worker.kill()
        eventually(lambda: processes_with(str(site)) == [])
        eventually(lambda: os.listdir(temporary) == [])


@pytest.mark.thorough
def test_a_worker_that_ends(site: Path) -> None:
    with TemporaryDirectory(prefix="fork-") as temporary:
        program = WORKER.format(root=str(ROOT), temporary=temporary, site=str(site)).replace("300", "0")
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
        eventually(lambda: processes_with(str(site)) == [])
        assert os.listdir(temporary) == []


def test_only_so_many_at_once(folder: Path, site: Path) -> None:
    """A run that waits in vain can be cancelled, and its time can be over before it was started."""
    pool = ForkPool(jobs=1, idle=60, folder=folder)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(lambda _: ansible(pool, site, *slow(1.5)), range(2)))
    assert [end.rc for end in ends] == [0, 0]
    assert time.monotonic() - began > 3
    (site / "started").unlink()
    stop, cancelled = Event(), Event()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(ansible, pool, site, *slow(60), cancel=stop)
        eventually((site / "started").exists)
        waits = threads.submit(ansible, pool, site, "site.yml", cancel=cancelled)
        assert ansible(pool, site, "site.yml", timeout=0.5) == Exit(None, "timeout", "")
        cancelled.set()
        assert waits.result(60) == Exit(None, "cancelled", "")
        stop.set()
        assert first.result(60).why == "cancelled"


def test_many_runs_leave_the_server_as_it_was(shared_pool: ForkPool, shared_site: Path) -> None:
    def memory() -> int:
        status = Path(f"/proc/{server_of(shared_site)}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{server_of(shared_site)}/fd"))

    assert ansible(shared_pool, shared_site, "--version").rc == 0
    eventually(lambda: spares_of(server_of(shared_site)))
    before = memory(), descriptors()
    for _ in range(examples(30)):
        assert ansible(shared_pool, shared_site, "--version").rc == 0
    eventually(lambda: descriptors() == before[1])
    assert memory() < before[0] * 1.05


# --- where there is none

BREAKING = """
import sys
if "server" in sys.orig_argv:
    open({attempts!r}, "a").write("x")
    sys.modules["ansible.plugins.loader"] = None
"""


def test_a_server_that_cannot_start(
    pool: ForkPool, site: Path, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run starts Ansible itself, the log says why once, and it is tried again after growing pauses."""
    monkeypatch.setattr(start_backoff, "BACKOFF", Backoff(first=100, longest=600))
    attempts = site / "attempts"
    (site / "sitecustomize.py").write_text(BREAKING.format(attempts=str(attempts)))
    broken = {"PYTHONPATH": str(site)}
    assert '"msg": "hello"' in ansible(pool, site, "site.yml", environment=broken).output
    assert ansible(pool, site, "--version", environment=broken).rc == 0
    log = logged()
    assert log.count("no fork server could be started: each run starts Ansible itself") == 1
    assert "ansible.plugins.loader" in log
    assert attempts.read_text() == "x"
    failure = pool.start_backoff.path
    failure.write_text(json.dumps(json.loads(failure.read_text()) | {"until": time.time()}))
    assert ansible(pool, site, "--version", environment=broken).rc == 0
    assert attempts.read_text() == "xx"
    assert json.loads(failure.read_text())["pause"] == 200
    assert "no fork server" not in logged()


def test_a_process_that_does_not_start_in_time(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server_launch, "START_TIMEOUT", 0.001)
    options = ServerOptions(str(tmp_path / "s.sock"), str(site), os.getpid(), 1, 1.0)
    with pytest.raises(StartFailed, match="had not started after"):
        launch(options, os.environ, Event())
    eventually(lambda: servers_of(site) == [])


@pytest.mark.thorough
def test_it_is_tried_again_in_time(pool: ForkPool, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_backoff, "BACKOFF", Backoff(first=0.1, longest=600))
    (site / "sitecustomize.py").write_text(BREAKING.format(attempts="/dev/null"))
    assert ansible(pool, site, "site.yml", environment={"PYTHONPATH": str(site)}).rc == 0
    assert servers_of(site) == []
    (site / "sitecustomize.py").unlink()
    time.sleep(0.1)
    assert ansible(pool, site, "site.yml", environment={"PYTHONPATH": str(site)}).rc == 0
    assert len(servers_of(site)) == 1
    assert not pool.start_backoff.path.exists()


def test_a_folder_that_others_can_reach(pool: ForkPool, site: Path, logged: Callable[[], str]) -> None:
    pool.folder.chmod(0o755)
    assert ansible(pool, site, "--version").rc == 0
    assert servers_of(site) == []
    assert os.listdir(pool.folder) == []
    assert "other users can reach the folder" in logged()


@pytest.mark.thorough
def test_a_path_that_is_too_long_for_a_socket(site: Path, tmp_path: Path) -> None:
    pool = ForkPool(jobs=8, idle=60, folder=tmp_path / ("long" * 30))
    assert ansible(pool, site, "site.yml").rc == 0
    assert servers_of(site) == []


def test_an_interrupted_worker_does_not_pass_it_on(shared_pool: ForkPool, shared_site: Path) -> None:
    """Ctrl-C on a terminal reaches the worker's process group, and the server is none of it."""
    assert ansible(shared_pool, shared_site, "site.yml").rc == 0
    server = server_of(shared_site)
    assert os.getpgid(server) != os.getpgid(0)
    assert os.getsid(server) != os.getsid(0)
    assert alive(server)
