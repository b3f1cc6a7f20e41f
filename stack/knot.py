"""Knot DNS, from Debian's package: a further server for the tests, started only when it is named."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.debian import library_path, unpacked
from stack.errors import StackError
from stack.inventory import write_backend
from stack.nameserver import KEY_NAME, ZONES, NameServer, create_key, empty_zone
from stack.ports import HOST
from stack.private import write_private

ACTIONS = "[update, transfer]"  # what the key is allowed to do
LOAD_TIMEOUT = 30.0  # seconds within which a new zone must be loaded

# Paths are relative to Knot's directory, as that of the control socket may have 108 characters at most.
_CONFIGURATION = """\
server:
    rundir: .
    listen: {host}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 2
log:
  - target: stderr
    any: warning
database:
    storage: db
    journal-db-max-size: 64M
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: {key}
    action: {actions}
template:
  - id: default
    storage: zones
    file: "%s"
    acl: updates
    zonefile-load: difference
    journal-content: changes
zone:
"""


class Knot(NameServer):
    """One Knot server, with its zones and key."""

    name = "knot"
    listeners = ("knot",)

    def __init__(self, state: Path, port: int, packages: Path) -> None:
        self._home = state / self.name
        self._inventory = state / "inventory"
        self._port = port
        self._root = unpacked("knot", packages)
        self.key_file = self._home / "orchestrator.key"

    def prepare(self) -> None:
        """Create the key and the zones before the first start, and the configuration before each."""
        for folder in ("zones", "db"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        for zone in ZONES:
            self._create_zone_file(zone)
        self._write_configuration()
        write_backend(self._inventory, self.name, HOST, self._port, dns_tsig_key_file=str(self.key_file))

    def command(self) -> Sequence[str | Path]:
        """Run `knotd` in the foreground."""
        return [self._root / "usr/sbin/knotd", "-c", "knot.conf", "-s", "knot.sock"]

    def environment(self) -> Mapping[str, str]:
        """Return this process's environment, with the path of the unpacked libraries."""
        return {**os.environ, "LD_LIBRARY_PATH": library_path(self._root)}

    def directory(self) -> Path:
        """Return Knot's own directory, which the paths in its configuration are relative to."""
        return self._home

    def ready(self) -> bool:
        """Whether all zones are loaded."""
        return all(self._run_knotc("zone-read", zone, "@", "SOA").returncode == 0 for zone in ZONES)

    def settings(self) -> Mapping[str, str]:
        """Return the server's address, and the inventory that names it to Ansible."""
        return {"KNOT_SERVER": f"{HOST}:{self._port}", "INVENTORY": str(self._inventory)}

    def add_zone(self, name: str) -> None:
        """Serve one more zone, which holds SOA and NS only. Raises StackError."""
        if (self._home / "zones" / name).exists():
            raise StackError(f"Knot: zone {name} was not added: it exists already")
        self._create_zone_file(name)
        self._write_configuration()
        until = time.monotonic() + LOAD_TIMEOUT
        while (refusal := self._load(name)) is not None:
            if time.monotonic() > until:
                raise StackError(f"Knot: zone {name} was not added: {refusal}")
            time.sleep(0.1)  # the reload of another zone may not be done yet

    def _load(self, zone: str) -> str | None:
        """Make it load new zones; return its error message when it does not serve this one."""
        self._run_knotc("--blocking", "reload")
        done = self._run_knotc("zone-read", zone, "@", "SOA")
        return f"{done.stdout} {done.stderr}".strip() if done.returncode else None

    def _write_configuration(self) -> None:
        secret = create_key(self.key_file)
        configuration = _CONFIGURATION.format(
            host=HOST, port=self._port, key=KEY_NAME, secret=secret, actions=ACTIONS
        )
        zones = sorted(path.name for path in (self._home / "zones").iterdir())
        write_private(
            self._home / "knot.conf", configuration + "".join(f"  - domain: {zone}\n" for zone in zones)
        )

    def _create_zone_file(self, name: str) -> None:
        path = self._home / "zones" / name
        if not path.exists():
            path.write_text(empty_zone(name))

    def _run_knotc(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._root / "usr/sbin/knotc", "-s", "knot.sock", *command],
            cwd=self._home,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
