"""What signs the questions to a server: the key of its file, or a Kerberos context negotiated with it."""

import socket
import time
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.tsig

from app.core.logging import get_logger
from app.domain.server import Kerberos, Server
from app.nameservers.connect import connect
from app.nameservers.errors import NoTicket, ServerUnreachable
from app.nameservers.gssapi import GssError, KdcAway, LibraryMissing, require_library
from app.nameservers.key_file import KeyUnusable, read_key
from app.nameservers.tkey import Refused, negotiate, ticket_store
from app.nameservers.tsig import Signer

log = get_logger(__name__)

_KEYTABS = (b"\x05\x01", b"\x05\x02")  # how the file begins: its format and version


class KerberosRefused(KeyUnusable):
    """The KDC or the server does not accept what the inventory says of Kerberos."""

    code = "kerberos_refused"


def check_kerberos(kerberos: Kerberos) -> None:
    """Raise KeyUnusable where the keytab can't be read or is none, or this machine has no library for it."""
    try:
        require_library()
        if kerberos.keytab is not None:
            with kerberos.keytab.expanduser().open("rb") as file:
                if file.read(2) not in _KEYTABS:
                    raise KeyUnusable(f"{kerberos.keytab} is no keytab")
    except LibraryMissing as error:
        raise KeyUnusable(str(error)) from error
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not found"
        raise KeyUnusable(f"the keytab {kerberos.keytab} can't be read: {reason}") from None


def signer_for(server: Server, timeout: float) -> Signer | None:
    """Return what signs the questions to the server; None where nothing does.

    A context is negotiated each time, within `timeout` seconds for each message, and for the KDC. Raises
    KeyUnusable and ServerUnreachable.
    """
    key = signing_key(server, timeout)
    return None if key is None else Signer(key)


def signing_key(server: Server, timeout: float) -> dns.tsig.Key | None:
    """Return the key that signs the questions to the server, as `signer_for` does."""
    if server.kerberos is not None:
        return _negotiate(server, server.kerberos, timeout)
    return read_key(server.key_file) if server.key_file else None


def _negotiate(server: Server, kerberos: Kerberos, timeout: float) -> dns.tsig.Key:
    store = ticket_store(kerberos.keytab, kerberos.principal, kerberos.ccache)
    try:
        with connect(server, timeout) as sock:
            sock.settimeout(timeout)
            return negotiate(
                kerberos.service,
                kerberos.principal,
                store,
                lambda query: _exchange(sock, query, timeout),
                timeout,
            )
    except KdcAway as error:
        log.warning("no ticket for a server", server=str(server), service=kerberos.service, error=str(error))
        raise NoTicket(server, str(error)) from error
    except LibraryMissing as error:
        raise KeyUnusable(str(error)) from error
    except GssError as error:
        raise KerberosRefused(f"no Kerberos context with {kerberos.service}: {error}") from error
    except Refused as error:
        raise KerberosRefused(f"{server} refuses a context as {kerberos.service}: {error}") from error
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise ServerUnreachable(server, str(error) or type(error).__name__) from error


def _exchange(sock: socket.socket, query: dns.message.Message, timeout: float) -> bytes:
    """Send a message and return the response, whose signature is not checked yet."""
    expiration = time.time() + timeout
    dns.query.send_tcp(sock, query, expiration)
    unchecked: Any = False  # in the place of a keyring
    return dns.query.receive_tcp(sock, expiration, keyring=unchecked)[0].wire or b""
