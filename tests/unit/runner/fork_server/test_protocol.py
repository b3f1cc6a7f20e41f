"""Commands on their way to a fork server."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from app.runner.fork_server import protocol
from app.runner.fork_server.protocol import Command, Descriptors, receive, same_user, send

COMMAND = Command(
    argv=["python", "-m", "ansible", "playbook", "höchst.yml"],
    environment={"NOT_UTF8": "\udce4", "LONG": "x" * 300_000},
    cwd="/",
    folder="/nowhere",
    timeout=1.5,
    grace=4.0,
)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


def test_a_command_and_its_descriptors_arrive(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    for side in pair:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    files = [(tmp_path / name).open("w") for name in ("events", "output", "report", "control")]
    send(pair[0], COMMAND, Descriptors(*(file.fileno() for file in files)))
    command, descriptors = receive(pair[1])
    assert command == COMMAND
    for name, number in descriptors._asdict().items():
        assert os.readlink(f"/proc/self/fd/{number}") == str(tmp_path / name)
        assert not os.get_inheritable(number)
        os.close(number)
    for file in files:
        file.close()


def test_a_command_without_descriptors(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(COMMAND._replace(environment={}).to_json().encode())
    pair[0].close()
    with pytest.raises(ValueError, match="without descriptors"):
        receive(pair[1])


def test_the_kernel_says_who_the_other_side_is(pair: tuple[socket.socket, socket.socket]) -> None:
    assert same_user(pair[0])


def test_a_command_that_drips(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part comes in time, the whole does not."""
    monkeypatch.setattr(protocol, "REPLY_TIMEOUT", 0.3)
    ended = Event()

    def drip() -> None:
        with suppress(OSError):
            while not ended.wait(0.05):
                pair[0].sendall(b"[")

    dripping = Thread(target=drip)
    dripping.start()
    with pytest.raises(TimeoutError):
        receive(pair[1])
    ended.set()
    dripping.join()


def test_a_command_without_end(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_COMMAND", 100_000)
    pair[0].sendall(b"x" * 100_001)
    with pytest.raises(ValueError, match="more than 100000 bytes"):
        receive(pair[1])


def test_what_is_nested_too_deep_is_no_command() -> None:
    with pytest.raises(ValueError, match="too deep"):
        Command.from_json("[" * 100_000)
