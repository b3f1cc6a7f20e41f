"""What no worker sends to a fork server: it goes on serving, and nothing of that is left."""

import json
import os
import socket
from pathlib import Path

import psutil
from hypothesis import given
from hypothesis import strategies as st

from app.runner.fork_server.protocol import MAX_COMMAND, READY
from app.runner.process.fork_pool import ForkPool
from tests.support.command_lines import ansible
from tests.support.eventually import eventually
from tests.support.fuzzing import the_same
from tests.support.processes import server_of, spares_of

FIELDS = {"argv": ["x"], "environment": {}, "cwd": "/", "folder": "/nowhere", "timeout": 1}
ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=3), max_size=3)
)
GARBAGE = (
    st.binary(max_size=200)
    | st.integers(0, 80).map(lambda length: json.dumps(FIELDS).encode()[:length])
    | st.integers(1, 100_000).map(lambda depth: b"[" * depth)
    | st.dictionaries(st.sampled_from([*FIELDS, "surplus"]), ANY).map(
        lambda fields: json.dumps(FIELDS | fields).encode()
    )
)


def send(path: Path, garbage: bytes, descriptors: list[int], *, to_the_end: bool) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(20)
        caller.connect(str(path))
        assert caller.recv(1) == READY
        try:
            sent = socket.send_fds(caller, [garbage or b"x"], descriptors)
            caller.sendall(garbage[sent:])
            if to_the_end:
                caller.shutdown(socket.SHUT_WR)
                while caller.recv(100):
                    pass
        except OSError:  # it has hung up already
            pass


def test_garbage_ends_its_own_fork_alone(shared_pool: ForkPool, shared_site: Path, tmp_path: Path) -> None:
    assert ansible(shared_pool, shared_site, "site.yml").rc == 0
    [path] = shared_pool.folder.glob("*.sock")
    server = server_of(shared_site)
    pipes = [end for _ in range(3) for end in os.pipe()]

    @the_same(15)
    @given(GARBAGE, st.integers(0, 6), st.booleans())
    def offer(garbage: bytes, descriptors: int, to_the_end: bool) -> None:
        send(path, garbage, pipes[:descriptors], to_the_end=to_the_end)

    offer()
    send(path, b"x" * (MAX_COMMAND + 1_000_000), pipes[:4], to_the_end=True)
    for end in pipes:
        os.close(end)
    eventually(lambda: psutil.Process(server).children() == spares_of(server))
    assert psutil.Process(server).num_fds() < 20
    assert ansible(shared_pool, shared_site, "site.yml").rc == 0
    assert server_of(shared_site) == server
