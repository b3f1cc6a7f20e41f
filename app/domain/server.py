"""An authoritative server, as the inventory names it."""

from pathlib import Path
from typing import NamedTuple


class Kerberos(NamedTuple):
    """With which service a Kerberos context is negotiated, and whose tickets it is shown (RFC 3645)."""

    service: str  # the server's principal, DNS/host or DNS/host@REALM
    principal: str | None = None  # ours; None: the first one that the keytab or the cache has
    keytab: Path | None = None
    ccache: str | None = None  # the cache of tickets, as Kerberos writes it; None: memory


class Server(NamedTuple):
    """Where to reach a DNS server, and what signs the questions to it: a key, a context, or nothing."""

    address: str  # an IP address or a host name, which is resolved whenever the server is asked
    port: int = 53
    key_file: Path | None = None  # of the TSIG key
    kerberos: Kerberos | None = None

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
