"""An authoritative server, as the inventory names it."""

from pathlib import Path
from typing import NamedTuple


class Server(NamedTuple):
    """Where to reach a DNS server, and the key that signs what it is asked."""

    address: str  # an IP address or a host name, which is resolved whenever the server is asked
    port: int = 53
    key_file: Path | None = None  # of the TSIG key; None: questions are not signed

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
