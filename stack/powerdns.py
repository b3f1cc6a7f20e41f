"""PowerDNS with its HTTP API, from Debian's packages: a further server, started only when it is named."""

import json
import os
import secrets
import sqlite3
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from stack.debian import library_path, unpacked
from stack.errors import StackError
from stack.inventory import write_backend
from stack.nameserver import KEY_NAME, ZONES, NameServer, create_key, empty_zone
from stack.ports import HOST
from stack.private import write_private

_CONFIGURATION = """\
daemon=no
guardian=no
disable-syslog=yes
loglevel=4
security-poll-suffix=
socket-dir={home}
local-address={host}
local-port={port}
module-dir={modules}
launch=gsqlite3
gsqlite3-database={home}/zones.sqlite
gsqlite3-dnssec=yes
gsqlite3-pragma-journal-mode=WAL
gsqlite3-pragma-synchronous=0
dnsupdate=yes
allow-dnsupdate-from={host}
api=yes
api-key={api_key}
webserver-address={host}
webserver-port={api_port}
webserver-allow-from={host}
"""
MORE_SETTINGS = ""  # further lines of the configuration
_MODULE = "usr/lib/*/pdns/libgsqlite3backend.so"
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # without a proxy
_SCHEMA = "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"


class PowerDNS(NameServer):
    """One PowerDNS server on SQLite, with its zones and keys."""

    name = "powerdns"
    listeners = ("powerdns", "powerdns_api")

    def __init__(self, state: Path, port: int, api_port: int, packages: Path) -> None:
        self._home = state / self.name
        self._inventory = state / "inventory"
        self._port, self._api_port = port, api_port
        self._root = unpacked("pdns-server", packages)
        self._backend = unpacked("pdns-backend-sqlite3", packages)
        self.key_file = self._home / "orchestrator.key"
        self._api_key_file = self._home / "api.key"

    def prepare(self) -> None:
        """Create the keys and the database before the first start, and the configuration before each."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._create_database()
        if not self._api_key_file.exists():
            write_private(self._api_key_file, secrets.token_urlsafe(32) + "\n")
        write_private(self._home / "pdns.conf", self._configuration())
        write_backend(
            self._inventory,
            self.name,
            HOST,
            self._port,
            group="dns_powerdns",
            dns_api_url=self._api_url,
            dns_api_key_file=str(self._api_key_file),
            dns_tsig_key_file=str(self.key_file),
        )

    def command(self) -> Sequence[str | Path]:
        """Run `pdns_server` in the foreground."""
        return [self._root / "usr/sbin/pdns_server", f"--config-dir={self._home}"]

    def environment(self) -> Mapping[str, str]:
        """Return this process's environment, with the path of the unpacked libraries."""
        libraries = os.pathsep.join(map(library_path, (self._root, self._backend)))
        return {**os.environ, "LD_LIBRARY_PATH": libraries}

    def ready(self) -> bool:
        """Whether its API answers."""
        try:
            self._call_api("GET", "")
        except OSError:
            return False
        return True

    def complete(self) -> None:
        """Create the TSIG key and the zones, unless they exist."""
        if not self._call_api("GET", "/tsigkeys"):
            secret = create_key(self.key_file)
            self._call_api("POST", "/tsigkeys", {"name": KEY_NAME, "algorithm": "hmac-sha256", "key": secret})
        existing = {zone["name"] for zone in self._call_api("GET", "/zones")}
        for zone in ZONES:
            if f"{zone}." not in existing:
                self.add_zone(zone)

    def settings(self) -> Mapping[str, str]:
        """Return the addresses of the server and of its API, and the inventory that names them to Ansible."""
        return {
            "POWERDNS_SERVER": f"{HOST}:{self._port}",
            "POWERDNS_API_URL": self._api_url,
            "INVENTORY": str(self._inventory),
        }

    def add_zone(self, name: str) -> None:
        """Serve one more zone, which holds SOA and NS only. Raises StackError."""
        zone = {
            "name": f"{name}.",
            "kind": "Native",
            "zone": empty_zone(name),
            "master_tsig_key_ids": [f"{KEY_NAME}."],  # that it lets transfer the zone
        }
        metadata = {"kind": "TSIG-ALLOW-DNSUPDATE", "metadata": [KEY_NAME]}
        try:
            created = self._call_api("POST", "/zones", zone)
            self._call_api("POST", f"/zones/{created['id']}/metadata", metadata)
        except HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise StackError(f"PowerDNS: zone {name} was not added: {reason}") from error

    @property
    def _api_url(self) -> str:
        return f"http://{HOST}:{self._api_port}"

    def _configuration(self) -> str:
        (module,) = self._backend.glob(_MODULE)
        return MORE_SETTINGS + _CONFIGURATION.format(
            home=self._home,
            host=HOST,
            port=self._port,
            api_port=self._api_port,
            modules=module.parent,
            api_key=self._api_key_file.read_text().strip(),
        )

    def _create_database(self) -> None:
        path = self._home / "zones.sqlite"
        if path.exists():
            return
        unfinished = path.with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)  # it will hold the TSIG key
        with closing(sqlite3.connect(unfinished)) as connection:
            connection.executescript((self._backend / _SCHEMA).read_text())
        unfinished.rename(path)

    def _call_api(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310
            f"{self._api_url}/api/v1/servers/localhost{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-API-Key": self._api_key_file.read_text().strip()},
            method=method,
        )
        with _opener.open(request, timeout=10) as answer:
            return json.load(answer)
