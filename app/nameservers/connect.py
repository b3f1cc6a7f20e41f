"""Connections to a server that is named by an address or by a host name."""

import socket
import time
from collections.abc import Sequence
from ipaddress import ip_address
from queue import Empty, Queue
from threading import Thread
from typing import Any

from app.domain.server import Server
from app.nameservers.errors import ServerUnreachable

_SocketAddress = tuple[Any, ...]  # as getaddrinfo returns it: its form depends on the family
_Endpoint = tuple[socket.AddressFamily, _SocketAddress]


def connect(server: Server, timeout: float) -> socket.socket:
    """Return a connection to the first of the server's addresses that takes one; it does not block.

    All of them together get `timeout` seconds. Raises ServerUnreachable.
    """
    deadline = time.monotonic() + timeout
    endpoints = _endpoints(server, timeout)
    why = "its name has no address"
    for index, (family, address) in enumerate(endpoints):
        share = (deadline - time.monotonic()) / (len(endpoints) - index)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(0.001, share))
            sock.connect(address)
        except OSError as error:
            sock.close()
            why = str(error) or "no connection"
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        return sock
    raise ServerUnreachable(server, why)


def _endpoints(server: Server, timeout: float) -> Sequence[_Endpoint]:
    try:
        ip_address(server.address)
    except ValueError:
        return _resolve(server, timeout)
    return _look_up(server)


def _resolve(server: Server, timeout: float) -> Sequence[_Endpoint]:
    """Resolve the server's name in a thread: nothing else limits how long the system's resolver takes."""
    answers: Queue[Sequence[_Endpoint] | OSError | ValueError] = Queue()

    def look_up() -> None:
        try:
            answers.put(_look_up(server))
        except (OSError, ValueError) as error:  # a ValueError is a name that can't be encoded
            answers.put(error)

    Thread(target=look_up, name=f"resolve {server.address}", daemon=True).start()
    try:
        found = answers.get(timeout=timeout)
    except Empty:
        raise ServerUnreachable(server, f"its name is not resolved within {timeout:g} s") from None
    if isinstance(found, OSError | ValueError):
        raise ServerUnreachable(server, f"its name can't be resolved: {found}") from found
    return found


def _look_up(server: Server) -> Sequence[_Endpoint]:
    found = socket.getaddrinfo(server.address, server.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))
