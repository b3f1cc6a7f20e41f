"""From whom a call comes that a proxy has handed on.

`X-Forwarded-For` is what each proxy has added to what it was sent: the last address was seen by the proxy
that called us, the first may have been made up by the client. So it is read from its end, as far as the
proxies are ours. uvicorn believes every client on its own machine, unless it is told otherwise: that is
taken back here.
"""

from collections.abc import Collection, Sequence

from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.core.networks import Address, is_within, parse_address
from app.core.setting_types import UNIX, Proxy

_SCHEMES = (b"http", b"https")
_MAX_KNOWN = 1_000  # peers that are remembered


class TrustedProxies:
    """Calls by one of the proxies have the address and the scheme of the client that it names."""

    def __init__(self, trusted: Collection[Proxy]) -> None:
        self._networks = [each for each in trusted if not isinstance(each, str)]
        self._unix = UNIX in trusted
        self._known: dict[str, bool] = {}  # peers, and whether they are trusted

    def believe(self, scope: Scope) -> None:
        """Have the scope of a call say from whom it really comes."""
        if not self._trusts_peer(scope.get("client")):
            return
        hops: list[bytes] = []
        for name, value in scope["headers"]:
            if name == b"x-forwarded-for":
                hops += value.split(b",")
            elif name == b"x-forwarded-proto":
                scheme = value.rpartition(b",")[2].strip().lower()
                scope["scheme"] = scheme.decode() if scheme in _SCHEMES else scope["scheme"]
        if client := self._client(hops):
            scope["client"] = (str(client), 0)

    def _client(self, hops: Sequence[bytes]) -> Address | None:
        """Return the last address that is no proxy of ours. What can't be read hides those before it."""
        client = None
        for hop in reversed(hops):
            address = _address(hop.decode("latin-1").strip())
            if address is None:
                break
            client = address
            if not is_within(client, self._networks):
                break
        return client

    def _trusts_peer(self, peer: tuple[str, int] | None) -> bool:
        if not peer or not peer[0]:
            return self._unix
        host = peer[0]
        if host not in self._known:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[host] = is_within(_address(host), self._networks)
        return self._known[host]


def install() -> None:
    """Have uvicorn believe nobody in this process, however it was started: `TRUSTED_PROXIES` alone counts.

    What it puts in front of the application is then the application itself.
    """
    ProxyHeadersMiddleware.__new__ = lambda _, app, *__, **___: app  # type: ignore[method-assign]


def _address(written: str) -> Address | None:
    """Return an address that may have a port; an IPv4 one that is written as IPv6 as IPv4."""
    host = written
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    return parse_address(host)
