"""The fork server makes the next run's fork ahead, and answers its own user only."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Event

import psutil
import pytest

from app.runner.process.client import connect
from app.runner.process.fork_pool import ForkPool
from tests.support.command_lines import ansible
from tests.support.eventually import eventually
from tests.support.processes import server_of, spares_of

NOBODY = 65534


def test_the_next_runs_fork_is_made_ahead(shared_pool: ForkPool, shared_site: Path) -> None:
    ansible(shared_pool, shared_site, "site.yml")
    server = server_of(shared_site)
    eventually(lambda: bool(spares_of(server)))
    (spare,) = spares_of(server)
    eventually(lambda: bool(spare.children()))
    (child,) = spare.children()
    eventually(lambda: own_pages(child) > 1_000)  # it uses the time
    assert ansible(shared_pool, shared_site, "site.yml").rc == 0
    eventually(lambda: not spare.is_running() and not child.is_running())
    eventually(lambda: bool(spares_of(server)))
    assert spares_of(server) != [spare]


def own_pages(process: psutil.Process) -> float:
    return process.memory_full_info().uss / 4096


def test_a_spare_that_is_killed_and_one_whose_server_is(pool: ForkPool, site: Path) -> None:
    ansible(pool, site, "site.yml")
    server = server_of(site)
    for half in ("reaper", "child"):
        spare = only_spare(server)
        (spare if half == "reaper" else spare.children()[0]).kill()
        if half == "child":
            spare.wait(60)
        assert ansible(pool, site, "site.yml").rc == 0
        assert server_of(site) == server
    spare = only_spare(server)
    left = [spare, *spare.children()]
    os.kill(server, signal.SIGKILL)
    eventually(lambda: not any(each.is_running() for each in left))


def only_spare(server: int) -> psutil.Process:
    """Wait until the server has one spare, with its child; return it."""

    def found() -> psutil.Process | None:
        spares = spares_of(server)
        return spares[0] if len(spares) == 1 and spares[0].children() else None

    return eventually(found)


# --- who gets in


def socket_of(pool: ForkPool, site: Path) -> Path:
    assert ansible(pool, site, "site.yml").rc == 0
    (path,) = pool.folder.glob("*.sock")
    return path


def test_nobody_else_can_reach_the_socket(shared_pool: ForkPool, shared_site: Path) -> None:
    path = socket_of(shared_pool, shared_site)
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
def test_another_user_gets_no_answer(shared_pool: ForkPool, shared_site: Path) -> None:
    path = socket_of(shared_pool, shared_site)
    assert call_as_nobody(path) == "PermissionError"
    path.parent.chmod(0o711)  # even if the folder did not keep them out
    path.chmod(0o666)
    assert call_as_nobody(path) in {"b''", "ConnectionResetError"}
    path.parent.chmod(0o700)
    assert ansible(shared_pool, shared_site, "site.yml").rc == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to somebody else")
def test_a_server_of_another_user_gets_no_job(folder: Path) -> None:
    path = folder / "trap.sock"
    trap = TRAP.format(nobody=NOBODY, path=str(path))
    with subprocess.Popen([sys.executable, "-I", "-c", trap], stdin=subprocess.PIPE) as process:
        eventually(lambda: path.exists() and accepts(path))
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
