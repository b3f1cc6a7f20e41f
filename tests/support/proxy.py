"""A TCP proxy that can be frozen: what is behind it then seems to have stopped, as after SIGSTOP."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread


class Proxy:
    """Hands on what comes to `port`. While it is frozen, it takes connections and hands nothing on."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.frozen = Event()
        self.octets = 0  # handed on to clients
        self._ended = Event()

    def run(self) -> None:
        """Hand on until `end`."""
        pairs: dict[socket.socket, socket.socket] = {}
        servers: set[socket.socket] = set()
        while not self._ended.is_set():
            if self.frozen.is_set():
                self._ended.wait(0.01)
                continue
            readable, _, _ = select.select([self._listener, *pairs], [], [], 0.01)
            for each in readable:
                if each is self._listener:
                    client, server = each.accept()[0], socket.create_connection(self._target)
                    pairs |= {client: server, server: client}
                    servers.add(server)
                elif each in pairs:
                    handed = _hand_on(each, pairs[each])
                    self.octets += handed if each in servers else 0
                    if not handed:
                        other = pairs.pop(each)
                        del pairs[other]
                        servers -= {each, other}
                        each.close()
                        other.close()
        for each in (self._listener, *pairs):
            each.close()

    def end(self) -> None:
        """Close all connections."""
        self._ended.set()


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    """Run a proxy in front of an address, for the block."""
    running = Proxy(host, port)
    thread = Thread(target=running.run)
    thread.start()
    try:
        yield running
    finally:
        running.end()
        thread.join()


def _hand_on(source: socket.socket, target: socket.socket) -> int:
    """Hand on what there is; return how many octets that is, none when one of the two has closed."""
    with suppress(OSError):
        data = source.recv(65_536)
        target.sendall(data)
        return len(data)
    return 0
