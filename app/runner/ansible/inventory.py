"""What the Ansible inventory says about a backend: its variables, its servers, and its limits."""

import ipaddress
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from app.core.config import settings
from app.core.logging import get_logger
from app.domain.errors import InventoryError, UnknownBackend
from app.domain.server import Server
from app.runner.ansible.kerberos import kerberos_for, kerberos_for_questions
from app.runner.process.environment import ansible_environment

log = get_logger(__name__)

INVENTORY_TIMEOUT = 60  # seconds for ansible-inventory
DNS_PORT = 53
_UNPARSED = re.compile(r"Failed to parse inventory with 'yaml' plugin: [^\n]+")

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The limits of a backend's runs; None where the inventory sets none."""

    max_runs: int | None = None  # host variable dns_max_runs: runs at the same time
    max_changes: int | None = None  # dns_max_changes: changes in one run
    run_timeout: float | None = None  # dns_run_timeout: seconds


def authoritative_servers(inventory: Path, backend: str) -> list[Server]:
    """Return the servers that must answer for the zones of a backend; host names are not resolved.

    They are those that the host variable `dns_verify_servers` lists, or else those of `dns_server`. Questions
    are signed with the key of the item's `key_file` in `dns_verify_servers`, or else of
    `dns_verify_key_file`, or else by Kerberos, if `dns_gss_questions` says so. Raises UnknownBackend,
    InventoryError.
    """
    return _authoritative(host_variables(inventory, backend), backend)


def _authoritative(variables: Variables, backend: str) -> list[Server]:
    key_file, primaries = variables.get("dns_verify_key_file"), _primaries(variables, backend)
    if listed := variables.get("dns_verify_servers"):
        if not isinstance(listed, list):
            raise InventoryError(f"dns_verify_servers of {backend} is not a list")
        found = [(_server(item, DNS_PORT, key_file, backend), item) for item in listed]
    else:
        key = _key_file(key_file, backend)
        named = primaries or [_server(None, DNS_PORT, None, backend)]
        found = [(server._replace(key_file=key), {}) for server in named]
    services = {server.address: server.kerberos.service for server in primaries if server.kerberos}
    return list(
        dict.fromkeys(
            server._replace(
                kerberos=kerberos_for_questions(variables, backend, server.address, item, services)
            )
            for server, item in found
        )
    )


def primary_servers(inventory: Path, backend: str) -> list[Server]:
    """Return the servers of `dns_server`, which take updates, in order of preference; none where it is unset.

    Each has what signs the updates: the key of its item's `key_file`, Kerberos if the inventory has any, or
    the key of `dns_tsig_key_file`, unless that is a template. Raises UnknownBackend, InventoryError.
    """
    return _primaries(host_variables(inventory, backend), backend)


def _primaries(variables: Variables, backend: str) -> list[Server]:
    written = variables.get("dns_server")
    if not written:
        return []
    port, key_file = variables.get("dns_port") or DNS_PORT, variables.get("dns_tsig_key_file")
    key_file = None if "{{" in str(key_file) else key_file
    items = written if isinstance(written, list) else [written]
    servers = []
    for item in items:
        server, own = _server(item, port, key_file, backend), item if isinstance(item, dict) else {}
        if "key_file" not in own:
            service, is_only = own.get("gss_server"), len(items) == 1
            kerberos = kerberos_for(variables, backend, server.address, service, is_only=is_only)
            server = server._replace(kerberos=kerberos)
        servers.append(server)
    return list(dict.fromkeys(servers))


class BackendServers(NamedTuple):
    """A backend's servers: those that must answer, those that take updates, and the hidden ones of these."""

    required: Sequence[Server]
    primaries: Sequence[Server]
    hidden: Sequence[Server]  # with what signs questions to them


def backend_servers(inventory: Path, backend: str, *, as_last_read: bool = False) -> BackendServers:
    """Return all servers of a backend. Raises UnknownBackend, InventoryError.

    With `as_last_read` no file is looked at, unless the inventory was never read.
    """
    variables = host_variables(inventory, backend, as_last_read=as_last_read)
    required, primaries = _authoritative(variables, backend), _primaries(variables, backend)
    names = set(map(str, required))
    signs_by_kerberos = variables.get("dns_gss_questions") is True
    hidden = [
        server if signs_by_kerberos else server._replace(kerberos=None)
        for server in primaries
        if str(server) not in names
    ]
    return BackendServers(required, primaries, hidden)


def read_server(text: str) -> Server:
    """Return the server of "address", "address:port" or "[IPv6 address]:port". Raises InventoryError."""
    return _server(text, DNS_PORT, None, "a result")


def run_limits(inventory: Path, backend: str, *, as_last_read: bool = False) -> RunLimits:
    """Return the limits of a backend's runs. Raises UnknownBackend, InventoryError.

    With `as_last_read` no file is looked at, unless the inventory was never read: within transactions.
    """
    variables = host_variables(inventory, backend, as_last_read=as_last_read)
    return RunLimits(
        max_runs=_count(variables, "dns_max_runs", backend),
        max_changes=_count(variables, "dns_max_changes", backend),
        run_timeout=_seconds(variables, "dns_run_timeout", backend),
    )


def read_ahead(inventory: Path) -> None:
    """Read the inventory now if it has changed, so that nothing waits for it later. Raises InventoryError."""
    _cache.hosts(inventory)


def host_names(inventory: Path) -> list[str]:
    """Return the names of all hosts. Raises InventoryError."""
    return sorted(_cache.hosts(inventory))


def host_variables(inventory: Path, backend: str, *, as_last_read: bool = False) -> Variables:
    """Return the variables of a backend, templates in them unrendered. Raises UnknownBackend, InventoryError.

    Ansible reads the inventory once, and again only after one of its files has changed; with `as_last_read`
    no file is looked at, unless the inventory was never read.
    """
    hosts = (_cache.last(inventory) if as_last_read else None) or _cache.hosts(inventory)
    if backend not in hosts:
        known = ", ".join(sorted(hosts)) or "none at all"
        raise UnknownBackend(f'the inventory {inventory} has no host "{backend}"; it has: {known}')
    return hosts[backend]


class _Listing(NamedTuple):
    state: tuple[tuple[str, int, int], ...]
    hosts: Mapping[str, Variables]


class _Cache:
    def __init__(self) -> None:
        self._lock = Lock()
        self._listings: dict[Path, _Listing] = {}

    def forget_lock(self) -> None:
        """Take a new lock: whoever holds the old one is no thread of this process."""
        self._lock = Lock()

    def hosts(self, inventory: Path) -> Mapping[str, Variables]:
        if not inventory.exists():
            raise InventoryError(f"the inventory {inventory} does not exist")
        with self._lock:
            state = tuple(file_states(inventory))
            listing = self._listings.get(inventory)
            if listing is None or listing.state != state:
                listing = self._listings[inventory] = _Listing(state, _list_hosts(inventory))
            return listing.hosts

    def last(self, inventory: Path) -> Mapping[str, Variables] | None:
        """Return the inventory as it was read last, without waiting for who reads it anew."""
        listing = self._listings.get(inventory)
        return listing.hosts if listing else None


_cache = _Cache()
# A pool process may be forked while a thread of the worker reads the inventory.
os.register_at_fork(after_in_child=_cache.forget_lock)


def file_states(inventory: Path) -> Iterator[tuple[str, int, int]]:
    """Yield each file of the inventory with its modification time (nanoseconds) and its size (bytes)."""
    beside = [inventory.parent / "group_vars", inventory.parent / "host_vars"]
    folders, files = ([inventory], []) if inventory.is_dir() else (beside, [inventory])
    for folder in folders:
        files += sorted(path for path in folder.rglob("*") if path.is_file())
    for path in (*files, _working_folder(inventory) / "ansible.cfg"):
        with suppress(FileNotFoundError):  # gone since it was listed: editors and ConfigMaps replace files
            status = os.stat(path)
            yield str(path), status.st_mtime_ns, status.st_size


def _working_folder(inventory: Path) -> Path:
    """Return the folder in which runs find their ansible.cfg; without one there, the inventory's."""
    runs_folder = settings().playbook.absolute().parent
    return runs_folder if (runs_folder / "ansible.cfg").is_file() else inventory.absolute().parent


def _list_hosts(inventory: Path) -> Mapping[str, Variables]:
    """Return every host with its variables, as `ansible-inventory --list` has them."""
    command = [sys.executable, "-m", "ansible", "inventory", "-i", str(inventory.absolute()), "--list"]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            env=ansible_environment(),
            cwd=_working_folder(inventory),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=INVENTORY_TIMEOUT,
            check=True,
        )
        if broken := _UNPARSED.findall(done.stderr.decode("utf-8", "replace")):
            log.warning("a file of the inventory can't be read; its hosts are unknown", error=broken[0])
        return _parse_listing(json.loads(done.stdout))
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip()[-500:]
        raise InventoryError(f"the inventory {inventory} can't be read: {reason}") from None
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError) as error:
        raise InventoryError(f"the inventory {inventory} can't be read: {error}") from error


def _parse_listing(listing: Mapping[str, Any]) -> Mapping[str, Variables]:
    """Return every host with its variables: `_meta` leaves out hosts that have none."""
    variables = listing["_meta"]["hostvars"]
    hosts = (host for group in listing.values() for host in group.get("hosts", ()))
    return {str(host): variables.get(host, {}) for host in hosts}


def _server(item: object, default_port: object, key_file: object, backend: str) -> Server:
    if isinstance(item, dict):
        address, port = item.get("address"), item.get("port") or default_port
        key_file = item.get("key_file", key_file)
    else:
        address, port = _split_port(item if isinstance(item, str) else "", default_port)
    if not address or "{{" in f"{address}{port}":
        raise InventoryError(
            f"{backend}: {item!r} of dns_server or dns_verify_servers is not a plain address"
        )
    if not str(port).isdecimal() or not 0 < int(str(port)) < 65_536:
        raise InventoryError(f"{backend}: {port!r} is not a port")
    return Server(_canonical_address(str(address)), int(str(port)), _key_file(key_file, backend))


def _key_file(written: object, backend: str) -> Path | None:
    if written is None or written == "":
        return None
    if not isinstance(written, str) or "{{" in written:
        raise InventoryError(f"{backend}: key_file or dns_verify_key_file is not a plain path: {written!r}")
    return Path(written)


def _split_port(text: str, default: object) -> tuple[str, object]:
    """Return address and port of "address", "address:port", "[IPv6 address]" or "[IPv6 address]:port"."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.lstrip(":") or default
    if text.count(":") > 1:
        return text, default
    address, _, port = text.partition(":")
    return address, port or default


def _canonical_address(address: str) -> str:
    """Return an IP address in its one spelling, and a host name as it is: it is resolved when it is asked."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def _count(variables: Variables, name: str, backend: str) -> int | None:
    value = variables.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InventoryError(f"{backend}: {name} is {value!r}, but must be a whole number above 0")
    return value


def _seconds(variables: Variables, name: str, backend: str) -> float | None:
    value = variables.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise InventoryError(f"{backend}: {name} is {value!r}, but must be a number of seconds above 0")
    return value
