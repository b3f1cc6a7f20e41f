"""An inventory that grows by the servers of tests."""

from pathlib import Path

from stack.inventory import write_backend
from tests.support.zones import ZoneUnderTest


class Backends:
    """Names each server once: Ansible takes half a second to read an inventory that has changed."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self._names: dict[tuple[str, int, str | None], str] = {}

    def name_of(self, zone: ZoneUnderTest) -> str:
        """The name of the backend that is the zone's server, and its key where transfers are signed."""
        key_file = str(zone.key_file) if zone.transfers_are_signed else None
        server = (zone.target.address, zone.target.port, key_file)
        if server not in self._names:
            name = self._names[server] = f"server-{len(self._names)}"
            key = {"dns_tsig_key_file": key_file} if key_file else {}
            write_backend(self.inventory, name, zone.target.address, zone.target.port, **key)
        return self._names[server]

    def file_of(self, zone: ZoneUnderTest) -> Path:
        """The file that names the zone's server."""
        return self.inventory / f"{self.name_of(zone)}.yml"
