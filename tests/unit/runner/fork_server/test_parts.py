"""The parts of the fork server that need no Ansible."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.core.config import ROOT
from app.runner.fork_server.protocol import Descriptors, JobOrder, receive, same_user, send
from app.runner.process import start_backoff
from app.runner.process.fingerprint import Configuration
from app.runner.process.start_backoff import Setbacks

ORDER: JobOrder = {
    "command": ["python", "-m", "ansible", "playbook", "höchst.yml"],
    "environment": {"NOT_UTF8": "\udce4", "LONG": "x" * 300_000},
    "cwd": "/",
    "folder": "/nowhere",
    "timeout": 1.5,
    "grace": 3.0,
}


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def test_an_order_and_its_descriptors_arrive(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    for side in pair:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    files = [(tmp_path / name).open("w") for name in ("events", "output", "report", "control")]
    send(pair[0], ORDER, Descriptors(*(file.fileno() for file in files)))
    order, descriptors = receive(pair[1])
    assert order == ORDER
    for name, number in descriptors._asdict().items():
        assert os.readlink(f"/proc/self/fd/{number}") == str(tmp_path / name)
        assert not os.get_inheritable(number)
        os.close(number)
    for file in files:
        file.close()


def test_an_order_without_descriptors(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(b"{}")
    pair[0].close()
    with pytest.raises(ValueError, match="without descriptors"):
        receive(pair[1])


def test_the_kernel_says_who_it_is(pair: tuple[socket.socket, socket.socket]) -> None:
    assert same_user(pair[0])


TITLE = """
import sys
from fork_server.title import set_title
set_title(["one", "two words", "ü" * 9])
print(open("/proc/self/cmdline").read().rstrip("\\0").split("\\0"))
set_title(["x" * 9000])
print(len(open("/proc/self/cmdline").read().rstrip("\\0")) > 4000)
"""


def test_the_title(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TITLE, " " * 4096],
        env={"PYTHONPATH": str(ROOT / "app" / "runner"), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(["one", "two words", "ü" * 9]), "True"]


# --- the configuration's key


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir(mode=0o755)
    return tmp_path / "site"


def key(site: Path, **environment: str) -> str:
    return Configuration(environment, site).key


def test_what_each_run_has_of_its_own_does_not_matter(site: Path, home: Path) -> None:
    assert key(site, TMPDIR="/a", ANSIBLE_LOCAL_TEMP="/a", A="1") == key(site, A="1", TMPDIR="/b")


def test_everything_else_does(site: Path, home: Path, tmp_path: Path) -> None:
    keys = [key(site), key(tmp_path), key(site, ANSIBLE_FORKS="7"), key(site, ANSIBLE_FORKS="8")]
    (home / ".ansible.cfg").write_text("[defaults]\n")
    keys.append(key(site))
    (site / "ansible.cfg").write_text("[defaults]\n")
    keys.append(key(site))
    (site / "ansible.cfg").write_text("[defaults]\nforks = 7\n")
    keys.append(key(site))
    other = tmp_path / "other.cfg"
    keys.append(key(site, ANSIBLE_CONFIG=str(other)))
    other.write_text("")
    keys.append(key(site, ANSIBLE_CONFIG=str(other)))
    site.chmod(0o777)
    keys.append(key(site))
    umask = os.umask(0o027)
    keys.append(key(site))
    os.umask(umask)
    assert len(set(keys)) == len(keys)


def test_the_same_is_the_same(site: Path, home: Path) -> None:
    (site / "file").write_text("")
    before = key(site)
    (site / "file").write_text("more")
    assert key(site) == before


# --- failures


def test_pauses_grow_and_the_reason_is_said_once(tmp_path: Path, logged: Callable[[], str]) -> None:
    setbacks = Setbacks(tmp_path / "setback")
    assert not setbacks.resting()
    pauses = []
    for _ in range(8):
        began = time.time()
        setbacks.record("no room")
        assert setbacks.resting()
        note = setbacks._read()
        assert note is not None
        assert note["until"] >= began + note["pause"]
        pauses.append(note["pause"])
    assert pauses == [10, 20, 40, 80, 160, 320, 600, 600]
    setbacks.record("no time")
    said = logged()
    assert (said.count("no room"), said.count("no time")) == (1, 1)
    setbacks.over()
    assert not setbacks.resting()


def test_after_the_pause_it_may_be_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_backoff, "FIRST_PAUSE", 0.0)
    setbacks = Setbacks(tmp_path / "setback")
    setbacks.record("no room")
    assert not setbacks.resting()
