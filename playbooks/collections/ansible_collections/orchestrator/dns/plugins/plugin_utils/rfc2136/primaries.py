"""The primaries of a zone in order of preference, and the first of them that is there (RFC 2136 4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dns.name
import dns.tsig
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    ABSENT,
    BatchFault,
    all_absent,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes

from .connection import Connection, Target
from .kerberos import Kerberos, read_kerberos
from .key_file import read_key
from .zone_check import check_zone


class Primary(NamedTuple):
    """A server that takes updates, and the key that signs what it is sent."""

    target: Target
    key: dns.tsig.Key | Kerberos | None


def read_primaries(options: Options, template: Target) -> list[Primary]:
    """Return the primaries that `dns_server` names, one or a list.

    Each is "address", "address:port", "[IPv6 address]:port" or {address, port, key_file, gss_server}. What
    one does not say is as in `template` and the options. Raises ValueError, OSError, KeyFileError.
    """
    written = options.require("server")
    items = written if isinstance(written, list) else [written]
    if not items:
        raise ValueError("dns_server is an empty list")
    targets = read_addresses(items, template)
    return [
        Primary(
            target,
            _read_key(item if isinstance(item, dict) else {}, target, options, is_only=len(items) == 1),
        )
        for target, item in zip(targets, items, strict=True)
    ]


def _read_key(
    item: Mapping[str, Any], target: Target, options: Options, *, is_only: bool
) -> dns.tsig.Key | Kerberos | None:
    if "key_file" not in item:
        kerberos = read_kerberos(options, target.address, item.get("gss_server"), is_only=is_only)
        if kerberos is not None:
            return kerberos
    key_file = item.get("key_file", options.get("key_file"))
    return read_key(Path(key_file).expanduser()) if key_file else None


def read_addresses(items: Iterable[object], template: Target) -> list[Target]:
    """Return the servers that the items of `dns_server` name. Raises ValueError."""
    return [_read_address(item, template) for item in items]


def _read_address(item: object, template: Target) -> Target:
    if isinstance(item, dict):
        address, port = item.get("address"), item.get("port") or template.port
    else:
        address, port = _split_port(str(item), template.port)
    if not address or not str(port).isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"dns_server: {item!r} is not an address and a port")
    return template._replace(address=str(address), port=int(port))


def _split_port(text: str, default: int) -> tuple[str, int | str]:
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.removeprefix(":") or default
    if text.count(":") > 1:
        return text, default
    address, _, port = text.partition(":")
    return address, port or default


@contextmanager
def open_first(primaries: Sequence[Primary], zone: dns.name.Name, outcomes: Outcomes) -> Iterator[Connection]:
    """Connect to the first primary that answers for the zone, for the block, and note which one that is.

    Only a question is sent before: what is absent has got no update, so that none is ever applied twice.
    Raises BatchFault, the first one where all are absent.
    """
    faults: list[BatchFault] = []
    with ExitStack() as stack:
        for target, key in primaries:
            try:
                connection = stack.enter_context(Connection(target, key))
                check_zone(connection, zone)
            except ABSENT as fault:
                faults.append(fault)
                stack.close()
                continue
            if len(primaries) > 1:
                outcomes.note_server(str(target), faults)
            yield connection
            return
    raise all_absent(faults)
