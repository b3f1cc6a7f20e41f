"""Servers in front of another one, which count the updates that it carries out, and can die meanwhile."""

import socket
import socketserver
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread
from typing import IO, Literal

from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target

from stack.ports import HOST

_UPDATE = 5  # the opcode, RFC 2136 2.2
Death = Literal["before", "after"]  # an update is handed on; it is never answered


class Front:
    """Hands DNS messages on over TCP, one at a time. A dead one closes connections as soon as it has them."""

    def __init__(self, behind: Target) -> None:
        self.behind = behind
        self.target = behind  # its own address, once it serves
        self.is_dead = False
        self.dies: Death | None = None  # at the next update
        self.applied = 0  # updates that change something and were answered with NOERROR
        self._lock = Lock()

    def __str__(self) -> str:
        return str(self.target)

    def serve(self, client: socket.socket) -> None:
        """Hand on what comes over a connection."""
        with socket.create_connection(self.behind[:2]) as server, server.makefile("rb") as answers:
            questions = client.makefile("rb")
            while not self.is_dead and (asked := _read(questions)):
                is_update = asked[2] >> 3 & 0xF == _UPDATE and asked[8:10] != b"\0\0"
                if is_update and self._dies("before"):
                    return
                server.sendall(struct.pack("!H", len(asked)) + asked)
                answer = _read(answers)
                if is_update and answer[3] & 0xF == 0:
                    with self._lock:
                        self.applied += 1
                if is_update and self._dies("after"):
                    return
                client.sendall(struct.pack("!H", len(answer)) + answer)

    def _dies(self, when: Death) -> bool:
        if self.dies == when:
            self.is_dead, self.dies = True, None
        return self.is_dead


def _read(stream: IO[bytes]) -> bytes:
    head = stream.read(2) or b""
    return (stream.read(int.from_bytes(head)) or b"") if len(head) == 2 else b""


@contextmanager
def front(behind: Target) -> Iterator[Front]:
    """Run a front of a server for the block."""
    made = Front(behind)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # either side may leave at any time
                if not made.is_dead:
                    made.serve(self.request)

    with socketserver.ThreadingTCPServer((HOST, 0), Handler) as server:
        server.daemon_threads = True
        made.target = behind._replace(address=HOST, port=server.server_address[1])
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        server.shutdown()
