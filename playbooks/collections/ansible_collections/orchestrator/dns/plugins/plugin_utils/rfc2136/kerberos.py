"""What the inventory says of Kerberos, and contexts with DNS servers by it (RFC 3645)."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    KdcUnreachable,
    KerberosRefused,
    KeyFileError,
    NoAnswer,
    Unreachable,
)
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options

from .gssapi import GssError, KdcAway, LibraryMissing
from .tkey import ContextKey, Exchange, Refused, negotiate, ticket_store


class Kerberos(NamedTuple):
    """With which service a context is negotiated, whose tickets it is shown, and what is signed with it."""

    service: str
    principal: str | None
    store: Mapping[str, str]
    signs_questions: bool = False  # updates are always signed


def read_kerberos(
    options: Options, address: str, service: str | None = None, *, is_only: bool = True
) -> Kerberos | None:
    """Return what the options say of Kerberos for the server at this address; None where they say nothing.

    `service` is the server's principal where the option is not meant for this one. Where it is not the only
    one, the option is meant for none. Raises ValueError, KeyFileError.
    """
    keytab, ccache = options.get("gss_keytab"), options.get("gss_ccache")
    if not keytab and not ccache:
        return None
    if options.get("key_file"):
        raise ValueError("dns_tsig_key_file is set, and so is dns_gss_keytab or dns_gss_ccache: set one")
    signs_questions = options.get("gss_questions") or False
    if not isinstance(signs_questions, bool):
        raise ValueError(f"dns_gss_questions is {signs_questions!r}, but must be true or false")
    principal, path = options.get("gss_principal"), Path(os.path.expanduser(keytab)) if keytab else None
    if path is not None:
        _check_keytab(path)
    return Kerberos(
        service or (options.get("gss_server") if is_only else None) or _default_service(address),
        principal,
        ticket_store(path, principal, ccache),
        signs_questions,
    )


def _default_service(address: str) -> str:
    try:
        ip_address(address)
    except ValueError:
        return f"DNS/{address}"
    raise ValueError(f"dns_gss_server is not set: {address} does not tell the server's name, as DNS/dc1.…")


def _check_keytab(path: Path) -> None:
    """Raise KeyFileError unless the file can be read, and begins as a keytab does."""
    try:
        with path.open("rb") as file:
            is_keytab = file.read(2) in (b"\x05\x01", b"\x05\x02")
    except OSError as error:
        raise KeyFileError(f"the keytab {path} can't be read: {error.strerror}") from None
    if not is_keytab:
        raise KeyFileError(f"{path} is no keytab")


def new_context(kerberos: Kerberos, server: object, exchange: Exchange, timeout: float) -> ContextKey:
    """Return a new context with the server that `exchange` reaches. Raises BatchFault.

    `timeout` is in seconds, for the KDC.
    """
    try:
        return negotiate(kerberos.service, kerberos.principal, kerberos.store, exchange, timeout)
    except LibraryMissing as error:
        raise KeyFileError(str(error)) from error
    except KdcAway as error:
        raise KdcUnreachable(f"no Kerberos ticket for {kerberos.service}: {error}") from error
    except GssError as error:
        raise KerberosRefused(f"no Kerberos context with {kerberos.service}: {error}") from error
    except Refused as error:
        raise KerberosRefused(f"{server} refuses a context as {kerberos.service}: {error}") from error
    except NoAnswer as error:
        raise Unreachable(f"no context is negotiated: {error}") from error
