"""What the Ansible inventory says about a backend."""

import ipaddress
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from app.domain.server import Server
from app.runner.process.environment import ansible_environment

PATIENCE = 60  # seconds for ansible-inventory
DNS_PORT = 53

Variables = Mapping[str, Any]


class InventoryError(Exception):
    """The inventory can't be used; the text says why."""


class UnknownBackend(InventoryError):
    """The inventory has no host of that name."""


def authoritative_servers(inventory: Path, backend: str) -> list[Server]:
    """Return the servers that must answer for the zones of a backend, host names resolved.

    They are the host's `dns_verify_servers`, or else its `dns_server` and `dns_port`.
    Raises UnknownBackend, InventoryError.
    """
    variables = host_variables(inventory, backend)
    listed = variables.get("dns_verify_servers") or [
        {"address": variables.get("dns_server"), "port": variables.get("dns_port", DNS_PORT)}
    ]
    if not isinstance(listed, list):
        raise InventoryError(f"dns_verify_servers of {backend} is no list")
    return list(dict.fromkeys(_server(item, backend) for item in listed))


def read_ahead(inventory: Path) -> None:
    """Read the inventory now, so that the first run need not wait for it. Raises InventoryError."""
    _cache.hosts(inventory)


def host_variables(inventory: Path, backend: str) -> Variables:
    """Return the variables of a backend as the inventory has them. Raises UnknownBackend, InventoryError.

    Ansible is asked once, and again only after a file of the inventory has changed.
    """
    hosts = _cache.hosts(inventory)
    if backend not in hosts:
        known = ", ".join(sorted(hosts)) or "none at all"
        raise UnknownBackend(f'the inventory {inventory} has no host "{backend}"; it has: {known}')
    return hosts[backend]


class _Read(NamedTuple):
    state: tuple[tuple[str, int, int], ...]
    hosts: Mapping[str, Variables]


class _Cache:
    def __init__(self) -> None:
        self._lock = Lock()
        self._read: dict[Path, _Read] = {}

    def hosts(self, inventory: Path) -> Mapping[str, Variables]:
        if not inventory.exists():
            raise InventoryError(f"the inventory {inventory} does not exist")
        with self._lock:
            state = tuple(_file_states(inventory))
            read = self._read.get(inventory)
            if read is None or read.state != state:
                read = self._read[inventory] = _Read(state, _ask_ansible(inventory))
            return read.hosts


_cache = _Cache()


def _file_states(inventory: Path) -> Iterator[tuple[str, int, int]]:
    """Yield each file that makes up the inventory with its time and size."""
    beside = [inventory.parent / "group_vars", inventory.parent / "host_vars"]
    folders, files = ([inventory], []) if inventory.is_dir() else (beside, [inventory])
    for folder in folders:
        files += sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        status = os.stat(path)
        yield str(path), status.st_mtime_ns, status.st_size


def _ask_ansible(inventory: Path) -> Mapping[str, Variables]:
    command = [sys.executable, "-m", "ansible", "inventory", "-i", str(inventory.absolute()), "--list"]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            env=ansible_environment(),
            cwd=inventory.absolute().parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        return _hosts(json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip()[-500:]
        raise InventoryError(f"the inventory {inventory} can't be read: {reason}") from None
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise InventoryError(f"the inventory {inventory} can't be read: {error}") from error


def _hosts(listing: Mapping[str, Any]) -> Mapping[str, Variables]:
    """Return every host with its variables; `_meta` leaves out those that have none."""
    variables = listing["_meta"]["hostvars"]
    hosts = (host for group in listing.values() for host in group.get("hosts", ()))
    return {str(host): variables.get(host, {}) for host in hosts}


def _server(item: object, backend: str) -> Server:
    if isinstance(item, dict):
        address, port = item.get("address"), item.get("port", DNS_PORT)
    else:
        address, port = _split(str(item))
    if not address or "{{" in f"{address}{port}":
        raise InventoryError(f"{backend}: {item!r} is no plain address in dns_server or dns_verify_servers")
    try:
        return Server(_resolve(str(address)), int(port))
    except (OSError, ValueError) as error:
        raise InventoryError(f"{backend}: the server {address}:{port} is not known: {error}") from error


def _split(text: str) -> tuple[str, str | int]:
    """Split "address", "address:port", "[v6 address]:port"."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.lstrip(":") or DNS_PORT
    if text.count(":") > 1:
        return text, DNS_PORT
    address, _, port = text.partition(":")
    return address, port or DNS_PORT


def _resolve(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_DGRAM)
        return str(found[0][4][0])
