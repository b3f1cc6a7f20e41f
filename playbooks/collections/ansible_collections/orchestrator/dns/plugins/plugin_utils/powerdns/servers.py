"""The servers whose API changes a zone, in order of preference: what `dns_api_url` says in the inventory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.primaries import read_addresses

from .api import Api
from .key_file import read_api_key


class Defaults(NamedTuple):
    """What holds for each API that does not say otherwise; timeouts are in seconds."""

    key_file: str | None
    ca_file: str | None
    timeout: float
    connect_timeout: float
    max_changes: int | None


def read_apis(written: object, dns_servers: object, dns_port: int, defaults: Defaults) -> list[Api]:
    """Return the APIs that `dns_api_url` names, one or a list, each a URL or {url, key_file, ca_file}.

    Where `dns_server` lists as many servers, these are where they answer over DNS, in the same order. Raises
    ValueError, OSError, KeyFileError.
    """
    items = written if isinstance(written, list) else [written]
    if not items:
        raise ValueError("dns_api_url is an empty list")
    names: list[str | None] = [None] * len(items)
    if isinstance(dns_servers, list) and len(dns_servers) == len(items):
        names = [str(target) for target in read_addresses(dns_servers, Target("", dns_port, 0, 0))]
    return [
        _api(item if isinstance(item, dict) else {"url": item}, name, defaults, is_only=len(items) == 1)
        for item, name in zip(items, names, strict=True)
    ]


def _api(item: Mapping[str, Any], name: str | None, defaults: Defaults, *, is_only: bool) -> Api:
    key_file, ca_file = item.get("key_file", defaults.key_file), item.get("ca_file", defaults.ca_file)
    if not key_file:
        raise ValueError(f"dns_api_key_file is not set, and {item.get('url')} has no key_file")
    return Api(
        str(item.get("url") or ""),
        read_api_key(Path(key_file).expanduser()),
        defaults.timeout,
        Path(ca_file).expanduser() if ca_file else None,
        defaults.max_changes,
        dns_server=name,
        first_timeout=None if is_only else defaults.connect_timeout,
    )
