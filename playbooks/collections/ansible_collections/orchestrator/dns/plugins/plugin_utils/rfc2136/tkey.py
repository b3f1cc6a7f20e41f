"""Negotiates a Kerberos context with a DNS server, which then signs messages as a TSIG key does (RFC 3645).

The app and the Ansible collection each have this file, as Ansible's processes can't import the app; a test
compares them.
"""

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TKEY import TKEY

from .gssapi import Context, GssError, KdcAway

Exchange = Callable[[dns.message.Message], bytes]  # sends a message, returns the response unchecked

_MAX_STEPS = 5  # of a negotiation; Kerberos needs one or two
_DEFAULT_LIFE = 3600  # seconds that the messages of the negotiation claim for the context
_MARGIN = 0.1  # of its life: so long before its end a context is not used any more


class Refused(Exception):
    """The server refuses the context; the text says how."""


class _Turns:
    """One thread at a time gets tickets: two that make the same cache anew would empty it for each other."""

    def __init__(self) -> None:
        self._lock = Lock()

    def forget_lock(self) -> None:
        """Take a new lock: whoever holds the old one is no thread of this process."""
        self._lock = Lock()

    @contextmanager
    def turn(self, timeout: float) -> Iterator[None]:
        """Have a turn for the block. Raises KdcAway if there is none within `timeout` seconds."""
        lock = self._lock
        if not lock.acquire(timeout=timeout):
            raise KdcAway("another thread still waits for the KDC")
        try:
            yield
        finally:
            lock.release()


_turns = _Turns()
os.register_at_fork(after_in_child=_turns.forget_lock)  # a process may be forked while a thread waits


class ContextKey(dns.tsig.Key):
    """A context in the place of a TSIG key: dnspython has it sign and verify messages."""

    def __init__(self, name: dns.name.Name, context: Context) -> None:
        super().__init__(name, "", dns.tsig.GSS_TSIG)
        self.secret: Any = context
        self._ends: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether the server has forgotten the context, or soon will: another has to be negotiated."""
        return self._ends is not None and time.monotonic() > self._ends

    def note_life(self, seconds: int) -> None:
        """Note how long the server will keep the context; 0 if it does not say."""
        self._ends = time.monotonic() + seconds * (1 - _MARGIN) if seconds > 0 else None

    def note_refusal(self) -> None:
        """Note that the server has forgotten the context."""
        self._ends = 0.0


def ticket_store(keytab: Path | None, principal: str | None, ccache: str | None) -> Mapping[str, str]:
    """Return where tickets are got and kept: in memory, unless a cache is named as Kerberos writes it."""
    own = hashlib.sha256(f"{keytab} {principal}".encode()).hexdigest()
    places = {"ccache": ccache or f"MEMORY:dns-{own}"}
    return places | ({"client_keytab": f"FILE:{os.path.expanduser(keytab)}"} if keytab else {})


def negotiate(
    service: str, principal: str | None, store: Mapping[str, str], exchange: Exchange, timeout: float
) -> ContextKey:
    """Return a new context with the server that `exchange` reaches.

    `service` is the server's principal, DNS/host or DNS/host@REALM; `principal` is ours, the first one in the
    store if None. The KDC gets `timeout` seconds. Raises GssError, Refused, and what `exchange` raises.
    """
    context, token = _within(timeout, lambda: _begin(service, principal, store, timeout))
    key = ContextKey(_new_name(service), context)
    for _ in range(_MAX_STEPS):
        query = _query(key.name, token)
        response = exchange(query)
        answer = _read(response, query)
        key.note_life(answer.expiration - answer.inception)
        token = b"" if context.is_complete else context.step(answer.key)
        if context.is_complete and not token:
            _verify(response, key)
            return key
    raise Refused("the negotiation of a context does not end")


def _begin(
    service: str, principal: str | None, store: Mapping[str, str], timeout: float
) -> tuple[Context, bytes]:
    with _turns.turn(timeout):
        context = Context(service, principal, store)
        return context, context.step()


def _within(timeout: float, begin: Callable[[], tuple[Context, bytes]]) -> tuple[Context, bytes]:
    """Return what `begin` returns: in a thread, as nothing else limits how long a KDC is waited for."""
    results: Queue[tuple[Context, bytes] | GssError] = Queue()

    def work() -> None:
        try:
            results.put(begin())
        except GssError as error:
            results.put(error)

    Thread(target=work, name="ticket", daemon=True).start()
    try:
        result = results.get(timeout=timeout)
    except Empty:
        raise KdcAway(f"no ticket within {timeout:g} s") from None
    if isinstance(result, GssError):
        raise result
    return result


def _new_name(service: str) -> dns.name.Name:
    """Return a name for the context that no other has (RFC 3645 3.1.2)."""
    host = service.partition("/")[2].partition("@")[0]
    try:
        return dns.name.from_text(f"{secrets.token_hex(16)}.sig-{host}").canonicalize()
    except dns.exception.DNSException:
        return dns.name.from_text(secrets.token_hex(16))


def _query(name: dns.name.Name, token: bytes) -> dns.message.Message:
    now = int(time.time())
    query = dns.message.make_query(name, dns.rdatatype.TKEY, dns.rdataclass.ANY, flags=0)
    rdata = TKEY(
        dns.rdataclass.ANY, dns.rdatatype.TKEY, dns.tsig.GSS_TSIG, now, now + _DEFAULT_LIFE,
        TKEY.GSSAPI_NEGOTIATION, dns.rcode.NOERROR, token,
    )  # type: ignore[no-untyped-call]  # fmt: skip
    query.find_rrset(query.additional, name, dns.rdataclass.ANY, dns.rdatatype.TKEY, create=True).add(rdata)
    return query


def _read(response: bytes, query: dns.message.Message) -> TKEY:
    """Return the TKEY record of a response (RFC 2930 4). Raises Refused."""
    try:
        message = dns.message.from_wire(response, keyring=False)
        if message.rcode() != dns.rcode.NOERROR:
            raise Refused(f"it negotiates no context ({dns.rcode.to_text(message.rcode())})")
        name = query.question[0].name
        [found] = message.find_rrset(message.answer, name, dns.rdataclass.ANY, dns.rdatatype.TKEY)
    except (dns.exception.DNSException, KeyError, ValueError):
        raise Refused("it does not answer a TKEY query as RFC 2930 has it") from None
    answer: TKEY = found
    if answer.error != dns.rcode.NOERROR:
        raise Refused(f"it does not accept the ticket ({dns.rcode.to_text(answer.error)})")
    return answer


def _verify(response: bytes, key: ContextKey) -> None:
    """Raise Refused unless the last response is signed with the context (RFC 3645 4.1.3)."""
    try:
        if not dns.message.from_wire(response, keyring=key).had_tsig:
            raise Refused("the end of the negotiation is not signed")
    except dns.exception.DNSException as error:
        raise Refused(f"the signature of the negotiation is not right: {type(error).__name__}") from None
