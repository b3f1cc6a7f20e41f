"""Knot DNS, from Debian's package, to test dynamic updates on: not started unless asked for."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stack.debian import library_path, unpacked
from stack.errors import StackError
from stack.inventory import write_backend
from stack.nameserver import KEY, ZONES, NameServer, create_key, empty_zone
from stack.ports import HOST
from stack.private import write_private

ACTIONS = "[update, transfer]"  # what the key is allowed to do
PATIENCE = 30.0  # seconds for a zone to be loaded

# Paths are relative to its directory: the control socket's may have 108 characters at most.
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
        """Create the key and the zones at the first start, and the configuration at each."""
        for folder in ("zones", "db"):
            (self._home / folder).mkdir(parents=True, exist_ok=True)
        for zone in ZONES:
            self._create_zone_file(zone)
        self._configure()
        write_backend(self._inventory, self.name, HOST, self._port, dns_tsig_key_file=str(self.key_file))

    def command(self) -> Sequence[str | Path]:
        """`knotd`, in the foreground."""
        return [self._root / "usr/sbin/knotd", "-c", "knot.conf", "-s", "knot.sock"]

    def environment(self) -> Mapping[str, str]:
        """Ours, and where its libraries are."""
        return {**os.environ, "LD_LIBRARY_PATH": library_path(self._root)}

    def directory(self) -> Path:
        """Its own: paths in its configuration are relative."""
        return self._home

    def ready(self) -> bool:
        """Whether the zones are loaded."""
        return all(self._control("zone-read", zone, "@", "SOA").returncode == 0 for zone in ZONES)

    def settings(self) -> Mapping[str, str]:
        """Where it is."""
        return {"KNOT_SERVER": f"{HOST}:{self._port}", "INVENTORY": str(self._inventory)}

    def add_zone(self, name: str) -> None:
        """Serve one more zone, empty but for SOA and NS. Raises `StackError`."""
        if (self._home / "zones" / name).exists():
            raise StackError(f"Knot: zone {name} was not added: it is there already")
        self._create_zone_file(name)
        self._configure()
        until = time.monotonic() + PATIENCE
        while (said := self._loaded(name)) is not None:
            if time.monotonic() > until:
                raise StackError(f"Knot: zone {name} was not added: {said}")
            time.sleep(0.1)  # another reload may have been under way

    def _loaded(self, zone: str) -> str | None:
        """Let it load new zones; return what it says when it does not serve this one."""
        self._control("--blocking", "reload")
        done = self._control("zone-read", zone, "@", "SOA")
        return f"{done.stdout} {done.stderr}".strip() if done.returncode else None

    def _configure(self) -> None:
        secret = create_key(self.key_file)
        configuration = _CONFIGURATION.format(
            host=HOST, port=self._port, key=KEY, secret=secret, actions=ACTIONS
        )
        zones = sorted(path.name for path in (self._home / "zones").iterdir())
        write_private(
            self._home / "knot.conf", configuration + "".join(f"  - domain: {zone}\n" for zone in zones)
        )

    def _create_zone_file(self, name: str) -> None:
        path = self._home / "zones" / name
        if not path.exists():
            path.write_text(empty_zone(name))

    def _control(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._root / "usr/sbin/knotc", "-s", "knot.sock", *command],
            cwd=self._home,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
