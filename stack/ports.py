"""The TCP and UDP ports of the parts, all on the loopback address."""

import random
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from stack.errors import StackError

HOST = "127.0.0.1"
_BELOW_EPHEMERAL = range(10_000, 32_000)  # the kernel hands out 32768 and up to outgoing connections


@dataclass(frozen=True, slots=True)
class Ports:
    """One port for each listener; those of the DNS servers are used over UDP and TCP."""

    api: int = 8000
    postgres: int = 21432
    valkey: int = 21379
    kafka: int = 21092
    dns: int = 21053
    rndc: int = 21953
    knot: int = 21153
    powerdns: int = 21253
    powerdns_api: int = 21281

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Ports":
        """Return the defaults, or what `STACK_API_PORT`, `STACK_DNS_PORT` … set. Raises StackError."""
        known = {variable(field.name) for field in fields(cls)}
        for name in environment:
            if name.startswith("STACK_") and name.endswith("_PORT") and name not in known:
                raise StackError(f"{name} is no setting; there are {', '.join(sorted(known))}.")
        names = [field.name for field in fields(cls) if variable(field.name) in environment]
        return cls(**{name: _read_port(variable(name), environment) for name in names})

    @classmethod
    def free(cls) -> "Ports":
        """Return ports that are free now, picked at random."""
        candidates = random.sample(_BELOW_EPHEMERAL, k=200)
        free = (port for port in candidates if is_free(port))
        return cls(*(next(free) for _ in fields(cls)))

    def check(self, names: Iterable[str]) -> None:
        """Raise StackError when another program uses a port of the named listeners."""
        for name in names:
            port = getattr(self, name)
            if not is_free(port):
                raise StackError(f"Port {port}, for {name}, is taken: set {variable(name)} to another.")


def variable(name: str) -> str:
    """Return the environment variable that sets the port of a listener."""
    return f"STACK_{name.upper()}_PORT"


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now, both over TCP and over UDP."""
    return _can_bind(port, socket.SOCK_STREAM) and _can_bind(port, socket.SOCK_DGRAM)


def _can_bind(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:  # connections of an earlier run may still be in TIME_WAIT
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _read_port(name: str, environment: Mapping[str, str]) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise StackError(f"{name} is {text!r}: it must be a port, 1 to 65535.")
    return int(text)
