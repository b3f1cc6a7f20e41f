"""Fork servers come when they are needed, and go; nobody else gets in; without them runs start cold."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

import psutil
import pytest

from app.core.config import ROOT
from app.runner.process import start_backoff
from app.runner.process.client import connect
from app.runner.process.fork_pool import ForkServers
from app.runner.process.supervisor import Exit
from tests.integration.runner.process.test_supervisor import processes_with, wait_for
from tests.support.command_lines import alive, ansible, play, servers_of

NOBODY = 65534


@contextmanager
def private_folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="fork-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A private folder for sockets."""
    with private_folder() as folder:
        yield folder


@pytest.fixture
def servers(folder: Path) -> ForkServers:
    """Fork servers of this test alone."""
    return ForkServers(jobs=8, idle=60, folder=folder)


@pytest.fixture(scope="module")
def shared_servers() -> Iterator[ForkServers]:
    """Fork servers for tests that leave them as they are."""
    with private_folder() as folder:
        yield ForkServers(jobs=8, idle=300, folder=folder)


def make_site(folder: Path) -> Path:
    """A folder with a playbook that takes as long as it is told, and one that does nothing."""
    play(folder, "debug: {msg: hello}")
    slowly = f"cd {folder} && touch started && sleep {{{{ seconds }}}} && touch ended"
    play(folder, f"raw: {slowly}", name="slow.yml")
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of this test alone."""
    return make_site(tmp_path)


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the shared fork servers."""
    return make_site(tmp_path_factory.mktemp("shared"))


def slow(seconds: float) -> tuple[str, ...]:
    return ("slow.yml", "--limit", "one", "-e", f"seconds={seconds}")


def only(servers: list[int]) -> int:
    (server,) = servers
    return server


def test_threads_share_a_server(shared_servers: ForkServers, shared_site: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(lambda _: ansible(shared_servers, shared_site, "site.yml"), range(12)))
    assert {end.rc for end in ends} == {0}
    assert len(servers_of(shared_site)) == 1


def _daemonic(servers: ForkServers, site: Path, answer: Path) -> None:
    answer.write_text(str(ansible(servers, site, "site.yml").output))


def test_daemonic_processes_share_a_server(shared_servers: ForkServers, shared_site: Path) -> None:
    """As those of Celery's pool are; the server is none of their children and outlives them."""
    answers = [shared_site / f"answer{number}" for number in range(3)]
    processes = [
        get_context("spawn").Process(
            target=_daemonic, args=(shared_servers, shared_site, answer), daemon=True
        )
        for answer in answers
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert all('"msg": "hello"' in answer.read_text() for answer in answers)
    server = only(servers_of(shared_site))
    assert ansible(shared_servers, shared_site, "site.yml").rc == 0
    assert only(servers_of(shared_site)) == server


def test_it_goes_when_nobody_needs_it(folder: Path, site: Path) -> None:
    servers = ForkServers(jobs=8, idle=0.5, folder=folder)
    assert ansible(servers, site, "site.yml").rc == 0
    wait_for(lambda: servers_of(site) == [])
    assert list(folder.glob("*.sock")) == []
    assert list(folder.glob("ansible-local-*")) == []
    assert ansible(servers, site, "site.yml").rc == 0
    assert len(servers_of(site)) == 1


def test_it_stays_while_a_run_goes_on(folder: Path, site: Path) -> None:
    servers = ForkServers(jobs=8, idle=0.2, folder=folder)
    assert ansible(servers, site, *slow(3)).rc == 0
    assert (site / "ended").exists()


def test_a_server_that_is_killed(servers: ForkServers, site: Path) -> None:
    """The run goes on under its reaper; the next one gets another server."""
    ends: list[Exit] = []
    runner = Thread(target=lambda: ends.append(ansible(servers, site, *slow(3))))
    runner.start()
    wait_for((site / "started").exists)
    server = only(servers_of(site))
    os.kill(server, signal.SIGKILL)
    runner.join(120)
    assert (ends[0].rc, (site / "ended").exists()) == (0, True)
    assert processes_with(str(site)) == []
    assert ansible(servers, site, "site.yml").rc == 0
    assert only(servers_of(site)) != server


WORKER = """
import os, sys
from pathlib import Path
sys.path[:0] = [{root!r}]
import tempfile
tempfile.tempdir = {temporary!r}
from app.runner.process.fork_pool import ForkServers
from tests.support.command_lines import ansible
ansible(ForkServers(jobs=8, idle=60), Path({site!r}), "slow.yml", "--limit", "one", "-e", "seconds=300")
"""


def test_a_worker_that_is_killed(site: Path) -> None:
    """Its run, its server, and the folders of both go."""
    with TemporaryDirectory(prefix="fork-") as temporary:
        program = WORKER.format(root=str(ROOT), temporary=temporary, site=str(site))
        with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as worker:
            wait_for((site / "started").exists)
            assert len(servers_of(site)) == 1
            worker.kill()
        wait_for(lambda: processes_with(str(site)) == [])
        wait_for(lambda: os.listdir(temporary) == [])


def test_a_worker_that_ends(site: Path) -> None:
    with TemporaryDirectory(prefix="fork-") as temporary:
        program = WORKER.format(root=str(ROOT), temporary=temporary, site=str(site)).replace("300", "0")
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
        wait_for(lambda: processes_with(str(site)) == [])
        assert os.listdir(temporary) == []


def test_only_so_many_at_once(folder: Path, site: Path) -> None:
    servers = ForkServers(jobs=1, idle=60, folder=folder)
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda _: ansible(servers, site, *slow(1.5)), range(2)))
    assert [end.rc for end in ends] == [0, 0]
    assert time.monotonic() - began > 3


def test_a_run_that_waits_in_vain(folder: Path, site: Path) -> None:
    """It can be cancelled and its time can be over before it was started."""
    servers = ForkServers(jobs=1, idle=60, folder=folder)
    stop, cancelled = Event(), Event()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(ansible, servers, site, *slow(60), cancel=stop)
        wait_for((site / "started").exists)
        waits = pool.submit(ansible, servers, site, "site.yml", cancel=cancelled)
        assert ansible(servers, site, "site.yml", timeout=0.5) == Exit(None, "timeout", "")
        cancelled.set()
        assert waits.result(60) == Exit(None, "cancelled", "")
        stop.set()
        assert first.result(60).why == "cancelled"


def test_a_hundred_runs_leave_the_server_as_it_was(shared_servers: ForkServers, shared_site: Path) -> None:
    def memory() -> int:
        status = Path(f"/proc/{only(servers_of(shared_site))}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def descriptors() -> int:
        return len(os.listdir(f"/proc/{only(servers_of(shared_site))}/fd"))

    assert ansible(shared_servers, shared_site, "--version").rc == 0
    wait_for(lambda: bool(spares_of(only(servers_of(shared_site)))))
    before = memory(), descriptors()
    for _ in range(100):
        assert ansible(shared_servers, shared_site, "--version").rc == 0
    wait_for(lambda: descriptors() == before[1])
    assert memory() < before[0] * 1.05


# --- the spare: the next job's fork


def spares_of(server: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(server).children() if "spare" in " ".join(each.cmdline())]


def test_the_next_runs_fork_is_made_ahead(shared_servers: ForkServers, shared_site: Path) -> None:
    ansible(shared_servers, shared_site, "site.yml")
    server = only(servers_of(shared_site))
    wait_for(lambda: bool(spares_of(server)))
    (spare,) = spares_of(server)
    wait_for(lambda: bool(spare.children()))
    (child,) = spare.children()
    wait_for(lambda: own_pages(child) > 1_000)  # it uses the time
    assert ansible(shared_servers, shared_site, "site.yml").rc == 0
    wait_for(lambda: not spare.is_running() and not child.is_running())
    wait_for(lambda: bool(spares_of(server)))
    assert spares_of(server) != [spare]


def own_pages(process: psutil.Process) -> float:
    return process.memory_full_info().uss / 4096


@pytest.mark.parametrize("half", ["reaper", "child"])
def test_a_spare_that_is_killed(servers: ForkServers, site: Path, half: str) -> None:
    ansible(servers, site, "site.yml")
    server = only(servers_of(site))
    wait_for(lambda: any(spare.children() for spare in spares_of(server)))
    (spare,) = spares_of(server)
    (spare if half == "reaper" else spare.children()[0]).kill()
    if half == "child":
        wait_for(lambda: not spare.is_running())
    assert ansible(servers, site, "site.yml").rc == 0
    assert only(servers_of(site)) == server


def test_a_spare_goes_with_its_server(servers: ForkServers, site: Path) -> None:
    ansible(servers, site, "site.yml")
    server = only(servers_of(site))
    wait_for(lambda: bool(spares_of(server)))
    spares = [each for spare in spares_of(server) for each in (spare, *spare.children())]
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: not any(each.is_running() for each in spares))


# --- who gets in


def socket_of(servers: ForkServers, site: Path) -> Path:
    assert ansible(servers, site, "site.yml").rc == 0
    (path,) = servers.folder.glob("*.sock")
    return path


def test_nobody_else_can_reach_the_socket(shared_servers: ForkServers, shared_site: Path) -> None:
    path = socket_of(shared_servers, shared_site)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


CALLER = """
import os, socket, sys
os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
caller = socket.socket(socket.AF_UNIX)
caller.settimeout(10)
try:
    caller.connect({path!r})
    print(caller.recv(1))
except OSError as error:
    print(type(error).__name__)
"""


def call_as_nobody(path: Path) -> str:
    program = CALLER.format(nobody=NOBODY, path=str(path))
    return subprocess.run(
        [sys.executable, "-I", "-c", program], check=True, capture_output=True, text=True, timeout=30
    ).stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_gets_no_answer(shared_servers: ForkServers, shared_site: Path) -> None:
    path = socket_of(shared_servers, shared_site)
    assert call_as_nobody(path) == "PermissionError"
    path.parent.chmod(0o711)  # even if the folder did not keep them out
    path.chmod(0o666)
    assert call_as_nobody(path) in {"b''", "ConnectionResetError"}
    path.parent.chmod(0o700)
    assert ansible(shared_servers, shared_site, "site.yml").rc == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to somebody else")
def test_a_server_of_another_user_gets_no_job(folder: Path) -> None:
    path = folder / "trap.sock"
    trap = TRAP.format(nobody=NOBODY, path=str(path))
    with subprocess.Popen([sys.executable, "-I", "-c", trap], stdin=subprocess.PIPE) as process:
        wait_for(lambda: path.exists() and accepts(path))
        with pytest.raises(PermissionError):
            connect(path, 1, Event())
        process.communicate(b"\n")


TRAP = """
import os, socket
trap = socket.socket(socket.AF_UNIX)
trap.bind({path!r})
os.setuid({nobody})
trap.listen()
input()
"""


def accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as caller:
        return caller.connect_ex(str(path)) == 0


# --- where there is none

BREAKING = """
import sys
if "fork_server" in sys.orig_argv:
    open({attempts!r}, "a").write("x")
    sys.modules["ansible.plugins.loader"] = None
"""


def test_a_server_that_cannot_start(
    servers: ForkServers, site: Path, logged: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs start cold, the log says why once, and it is tried again after pauses that grow."""
    monkeypatch.setattr(start_backoff, "FIRST_PAUSE", 100.0)
    attempts = site / "attempts"
    (site / "sitecustomize.py").write_text(BREAKING.format(attempts=str(attempts)))
    broken = {"PYTHONPATH": str(site)}
    for _ in range(2):
        assert '"msg": "hello"' in ansible(servers, site, "site.yml", environment=broken).output
    said = logged()
    assert said.count("no fork server, each run starts Ansible anew") == 1
    assert "ansible.plugins.loader" in said
    assert attempts.read_text() == "x"
    note = servers.folder / "setback"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"until": time.time()}))
    assert ansible(servers, site, "site.yml", environment=broken).rc == 0
    assert attempts.read_text() == "xx"
    assert json.loads(note.read_text())["pause"] == 200
    assert "no fork server" not in logged()


def test_it_is_tried_again_in_time(servers: ForkServers, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_backoff, "FIRST_PAUSE", 0.1)
    (site / "sitecustomize.py").write_text(BREAKING.format(attempts="/dev/null"))
    assert ansible(servers, site, "site.yml", environment={"PYTHONPATH": str(site)}).rc == 0
    assert servers_of(site) == []
    (site / "sitecustomize.py").unlink()
    time.sleep(0.1)
    assert ansible(servers, site, "site.yml", environment={"PYTHONPATH": str(site)}).rc == 0
    assert len(servers_of(site)) == 1
    assert not (servers.folder / "setback").exists()


def test_a_folder_that_others_can_reach(servers: ForkServers, site: Path, logged: Callable[[], str]) -> None:
    servers.folder.chmod(0o755)
    assert ansible(servers, site, "site.yml").rc == 0
    assert servers_of(site) == []
    assert os.listdir(servers.folder) == []
    assert "not ours alone" in logged()


def test_a_path_that_is_too_long_for_a_socket(site: Path, tmp_path: Path) -> None:
    servers = ForkServers(jobs=8, idle=60, folder=tmp_path / ("long" * 30))
    assert ansible(servers, site, "site.yml").rc == 0
    assert servers_of(site) == []


def test_an_interrupted_worker_does_not_pass_it_on(shared_servers: ForkServers, shared_site: Path) -> None:
    """Ctrl-C on a terminal reaches the worker's process group, and the server is none of it."""
    assert ansible(shared_servers, shared_site, "site.yml").rc == 0
    server = only(servers_of(shared_site))
    assert os.getpgid(server) != os.getpgid(0)
    assert os.getsid(server) != os.getsid(0)
    assert alive(server)
