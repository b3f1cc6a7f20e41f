"""An authoritative server, as the inventory names it."""

from typing import NamedTuple


class Server(NamedTuple):
    """Where to reach a DNS server."""

    address: str  # an IP address
    port: int = 53

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"
