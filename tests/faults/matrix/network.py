"""The network between the app and its servers, which rules of routing cut, as no proxy can.

What is lost is not confirmed: it is sent again and again, and new connections do not come about.
"""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from stack.ports import HOST
from tests.faults.matrix.small_disk import has_private_mounts

_CUT, _LOCAL = "1", "2"  # priorities of rules: what is cut comes before the table of what is delivered
_PROBE = 0.2  # seconds


def begin() -> None:
    """Take the network into use that became this process's own, if it did."""
    if has_private_mounts() and shutil.which("ip"):
        _ip("link", "set", "lo", "up")
        if _ip("rule", "add", "pref", _LOCAL, "lookup", "local"):
            _ip("rule", "del", "pref", "0")


def is_own() -> bool:
    """Whether this process may cut its network."""
    if not has_private_mounts() or shutil.which("ip") is None:
        return False
    rules = subprocess.run(["ip", "rule"], capture_output=True, text=True).stdout
    return rules.startswith(f"{_LOCAL}:")


@contextmanager
def answers_lost(ports: Sequence[int]) -> Iterator[None]:
    """Lose all that servers at these ports send, for the block. What is sent to them arrives."""
    with _rules("sport", ports, "blackhole"):
        yield


@contextmanager
def without_route(ports: Sequence[int]) -> Iterator[None]:
    """Let nothing that is sent to servers at these ports arrive, for the block; clients are told so."""
    with _rules("dport", ports, "unreachable"):
        yield


@contextmanager
def _rules(end: str, ports: Sequence[int], action: str) -> Iterator[None]:
    with ExitStack() as open_rules:
        for port in ports:
            words = ("pref", _CUT, "ipproto", "tcp", end, str(port), "type", action)
            assert _ip("rule", "add", *words), words
            open_rules.callback(_ip, "rule", "del", *words)
        assert not any(map(_can_connect, ports))
        yield


def _can_connect(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_PROBE)
        return probe.connect_ex((HOST, port)) == 0


def _ip(*words: str) -> bool:
    """Change the network; return whether that is possible."""
    return subprocess.run(["ip", *words], capture_output=True).returncode == 0
