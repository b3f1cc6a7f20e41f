"""What the inventory says of Kerberos: its host variables are `dns_gss_…` (RFC 3645)."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.domain.errors import InventoryError
from app.domain.server import Kerberos, Server

Variables = Mapping[str, Any]


def kerberos_for(
    variables: Variables, backend: str, address: str, service: object = None, *, is_only: bool = True
) -> Kerberos | None:
    """Return what signs the updates to the server at this address; None where Kerberos does not.

    `service` is its principal, if one is named for this server alone. `dns_gss_server` is that of an only
    primary. Raises InventoryError.
    """
    keytab, ccache = (_text(variables, name, backend) for name in ("dns_gss_keytab", "dns_gss_ccache"))
    if keytab is None and ccache is None:
        return None
    if variables.get("dns_tsig_key_file"):
        raise InventoryError(
            f"{backend}: dns_tsig_key_file is set, and so is dns_gss_keytab or dns_gss_ccache: set one"
        )
    if service is not None and (not isinstance(service, str) or not service or "{{" in service):
        raise InventoryError(f"{backend}: gss_server is not a plain name: {service!r}")
    return Kerberos(
        service
        or (_text(variables, "dns_gss_server", backend) if is_only else None)
        or _default_service(address, backend),
        _text(variables, "dns_gss_principal", backend),
        Path(keytab) if keytab else None,
        ccache,
    )


def kerberos_for_questions(
    variables: Variables, backend: str, address: str, item: object, services: Mapping[str, str]
) -> Kerberos | None:
    """Return what signs the questions to this server, an item of `dns_verify_servers`.

    None where a key does, or nothing. `services` are the principals of the primaries, by their addresses.
    Raises InventoryError.
    """
    signs = variables.get("dns_gss_questions", False)
    if not isinstance(signs, bool):
        raise InventoryError(f"{backend}: dns_gss_questions is {signs!r}, but must be true or false")
    of_item = item if isinstance(item, dict) else {}
    if not signs or variables.get("dns_verify_key_file") or "key_file" in of_item:
        return None
    service = of_item.get("gss_server", services.get(address))
    return kerberos_for(variables, backend, address, service, is_only=False)


def as_asked(variables: Variables, primary: Server, key_file: Path | None) -> Server:
    """Return a primary with what signs the questions to it: the key of this file, if there is one.

    Kerberos, which signs its updates, signs them only where `dns_gss_questions` says so.
    """
    by_kerberos = key_file is None and variables.get("dns_gss_questions") is True
    return primary._replace(key_file=key_file, kerberos=primary.kerberos if by_kerberos else None)


def _text(variables: Variables, name: str, backend: str) -> str | None:
    value = variables.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "{{" in value:
        raise InventoryError(f"{backend}: {name} is not a plain text: {value!r}")
    return value


def _default_service(address: str, backend: str) -> str:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return f"DNS/{address}"
    raise InventoryError(
        f"{backend}: {address} does not tell the server's name: dns_gss_server, or gss_server of an item of "
        "dns_verify_servers, must name its principal, as DNS/dc1.example.com"
    )
