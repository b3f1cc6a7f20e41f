"""Servers that do what a test's script says: late, wrong, partial or no replies, over TCP."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.message
import dns.rcode
import dns.tsig

from app.domain.server import Server

Script = Callable[["Connection"], None]


class Connection:
    """A server's side of a connection, for the scripts below."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")

    def query(self, keyring: dns.tsig.Key | bool = False) -> dns.message.Message | None:
        head = self._file.read(2)
        if len(head) < 2:
            return None
        return dns.message.from_wire(self._file.read(*struct.unpack("!H", head)), keyring=keyring)

    def queries(self, most: int = 10**9) -> Iterator[dns.message.Message]:
        while most and (query := self.query()):
            most -= 1
            yield query

    def send(self, reply: dns.message.Message) -> None:
        self.send_wire(reply.to_wire(max_size=65_535))

    def send_wire(self, wire: bytes) -> None:
        self.send_octets(struct.pack("!H", len(wire)) + wire)

    def send_octets(self, octets: bytes) -> None:
        self._sock.sendall(octets)


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def serving(script: Script, port: int = 0) -> Iterator[Server]:
    """Serve at this port of 127.0.0.1, or at a free one, for the block."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client may leave at any time
                script(Connection(self.request))

    with _TcpServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Server("127.0.0.1", server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def close_at_once(_: Connection) -> None:
    """Do what a load balancer does whose servers are dead."""


def fail_always(connection: Connection) -> None:
    """Answer SERVFAIL to everything."""
    for query in connection.queries():
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.SERVFAIL)
        connection.send(reply)
