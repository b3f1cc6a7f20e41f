"""Which host names the API answers to.

A web page can have its own host name resolve to a loopback or a private address, and so call an API that is
reachable from its visitor's browser only (DNS rebinding). Such a call carries the page's host name.
"""

import socket
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

# Names without a dot, and below these, are nobody's to register (RFC 6761, RFC 9476, Kubernetes' services).
_PRIVATE = (".localhost", ".local", ".internal", ".test", ".home.arpa", ".svc", ".lan")
_MAX_KNOWN = 1_000  # host names that are remembered


class AllowedHosts:
    """A call by a host name that is not known here is answered 421 (RFC 9110, section 15.5.20).

    Known are addresses, names that can't be registered publicly, this machine's own name, and `allowed`:
    names, `.example.net` for all names below it, or `*` for any.
    """

    def __init__(self, allowed: Sequence[str]) -> None:
        self._any = "*" in allowed
        self._names = {name.lower() for name in (*allowed, socket.gethostname())}
        self._below = tuple(name for name in self._names if name.startswith(".")) + _PRIVATE
        self._known: set[bytes] = set()  # what was found to be allowed, as it was written

    def refuse(self, scope: Scope) -> Response | None:
        """Return the answer to a call whose host is not allowed; None where it is."""
        if self._any or self._allows_all(scope["headers"]):
            return None
        detail = "this service does not answer to that host name; ALLOWED_HOSTS says to which it does"
        return JSONResponse({"detail": detail, "code": "host_unknown"}, 421)

    def _allows_all(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        for name, value in headers:
            if name == b"host" and value not in self._known and not self._allows(value):
                return False
        return True

    def _allows(self, written: bytes) -> bool:
        name = _without_port(written.decode("latin-1").lower()).removesuffix(".")
        allowed = "." not in name or name in self._names or name.endswith(self._below) or _is_address(name)
        if allowed and len(self._known) < _MAX_KNOWN:
            self._known.add(written)
        return allowed


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
