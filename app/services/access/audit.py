"""The audit: each privileged act, in the transaction that does it.

The entries are a chain: each has the number after the one before, and its hash covers its content and the
hash of the one before. So nobody can change, remove or insert one without a break that `find_break` finds;
but for the last ones, which can be cut off: keep the hash of the last one elsewhere now and then.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from app.domain.permissions import Caller
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor
from app.store import audit as store
from app.store.models import AuditEntry

BEGINNING = bytes(32)  # what the first entry has for the hash of the one before

State = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A privileged act; `hash` is hexadecimal, and covers all entries before this one, too."""

    seq: int
    at: datetime
    principal: str
    address: str | None
    act: str
    subject: str
    before: State
    after: State
    hash: str


class Chain(NamedTuple):
    """How many entries were looked at, the hash of the last one, and what is wrong with the one behind it."""

    length: int
    head: bytes
    fault: str | None


def note(
    session: Session, caller: Caller, act: str, subject: str, before: State = None, after: State = None
) -> None:
    """Add what the caller does, with what was there before and is there afterwards, as JSON."""
    last = store.lock_last(session)
    entry = AuditEntry(
        seq=last.seq + 1 if last else 1,
        at=datetime.now(UTC),
        principal=caller.principal.name,
        address=caller.address,
        act=act,
        subject=subject,
        before=before,
        after=after,
        previous=last.hash if last else BEGINNING,
    )
    entry.hash = hash_of(entry)
    store.add(session, entry)


def list_entries(session: Session, limit: int, cursor: str | None) -> Page[Entry]:
    """Return entries, the newest first. Raises InvalidFilter for a cursor that was not given out."""
    before = None if cursor is None else decode_cursor(cursor)
    if before is not None and type(before) is not int:
        raise invalid_cursor()
    found = store.list_newest(session, before, limit + 1)
    items = list(map(entry_of, found[:limit]))
    return Page(items, encode_cursor(items[-1].seq) if len(found) > limit else None)


def entry_of(row: AuditEntry) -> Entry:
    """Return a stored entry."""
    what = (row.principal, row.address, row.act, row.subject, row.before, row.after)
    return Entry(row.seq, row.at, *what, row.hash.hex())


def hash_of(entry: AuditEntry) -> bytes:
    """Return the hash that the entry must have."""
    content = [
        entry.seq,
        entry.at.astimezone(UTC).isoformat(),
        entry.principal,
        entry.address,
        entry.act,
        entry.subject,
        entry.before,
        entry.after,
    ]
    return sha256(entry.previous + json.dumps(content, sort_keys=True).encode()).digest()


def entries(session: Session) -> Iterator[Entry]:
    """Yield every entry, the oldest first."""
    return map(entry_of, store.read_all(session))


def follow(session: Session) -> Chain:
    """Follow the chain from its beginning, as far as it goes without a fault."""
    length, head = 0, BEGINNING
    with closing(store.read_all(session)) as found:
        for entry in found:
            if fault := _fault(entry, length, head):
                return Chain(length, head, fault)
            length, head = entry.seq, entry.hash
    return Chain(length, head, None)


def _fault(entry: AuditEntry, length: int, head: bytes) -> str | None:
    if entry.seq != length + 1:
        return f"entry {length + 1} is missing: the next one is {entry.seq}"
    if entry.previous != head:
        return f"entry {entry.seq} does not follow on the one before: one of the two was replaced"
    if entry.hash != hash_of(entry):
        return f"entry {entry.seq} was changed"
    return None
