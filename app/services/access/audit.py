"""The audit: each privileged act, in the transaction that does it.

The entries are a chain: each has the number after the one before, and its hash covers its content and the
hash of the one before. So nobody can change, remove or insert one without a break that `find_break` finds;
but for the last ones, which can be cut off: keep the hash of the last one elsewhere now and then.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import inf
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.orm import Session

from app.core.logging import get_logger
from app.domain.permissions import SERVICE, Caller
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor
from app.store import audit as store
from app.store.models import AuditEntry

log = get_logger("audit")

_NOT_LOGGED = "audit entries that are not committed"  # in the information of a session
_LOGGED = ("seq", "principal", "address", "act", "subject", "before", "after", "hash")

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
    has_kept: bool = True  # whether one of them has the hash that was kept elsewhere
    is_whole: bool = True  # the time was enough to look at all of them


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What entries have in common; None: anything. The subject is looked for in part."""

    principal: str | None = None
    act: str | None = None
    subject: str | None = None


def note(
    session: Session, caller: Caller, act: str, subject: str, before: State = None, after: State = None
) -> None:
    """Add what the caller does, with what was there before and is there afterwards, as JSON.

    Where a person stands behind him, `by_person` of `after` names that one: another token may be his by then.
    It is a line of the log, too, once the transaction is committed.
    """
    if caller.principal.person is not None:
        after = {**(after or {}), "by_person": caller.principal.person}
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
    _log_when_committed(session, entry_of(entry))


def note_auth(session: Session, auth: str) -> None:
    """Note that `AUTH` was switched, if it is not as it was at the last start; at first it is off."""
    if _noted_auth(session) != auth:
        store.lock_last(session)  # of several that start now one notes it
        before = _noted_auth(session)
        if before != auth:
            note(session, SERVICE, "auth_switched", "AUTH", {"auth": before}, {"auth": auth})


def _noted_auth(session: Session) -> str:
    entry = store.last_of(session, "auth_switched")
    return str(entry.after["auth"]) if entry and entry.after else "off"


def _log_when_committed(session: Session, entry: Entry) -> None:
    if _NOT_LOGGED in session.info:
        session.info[_NOT_LOGGED].append(entry)
        return
    session.info[_NOT_LOGGED] = [entry]

    @event.listens_for(session, "after_commit")
    def say(committed: Session) -> None:
        if not committed.in_nested_transaction():
            for each in committed.info[_NOT_LOGGED]:
                log.info("audit", **{field: getattr(each, field) for field in _LOGGED})
            committed.info[_NOT_LOGGED].clear()


def list_entries(session: Session, limit: int, cursor: str | None) -> Page[Entry]:
    """Return entries, the newest first. Raises InvalidFilter for a cursor that was not given out."""
    before = None if cursor is None else decode_cursor(session, cursor)
    if before is not None and type(before) is not int:
        raise invalid_cursor()
    found = store.list_newest(session, before, limit + 1)
    items = list(map(entry_of, found[:limit]))
    return Page(items, encode_cursor(session, items[-1].seq) if len(found) > limit else None)


def find_entries(session: Session, wanted: AuditFilter, limit: int, cursor: str | None) -> Page[Entry]:
    """Return a page of the entries that are wanted, the newest first. Raises InvalidFilter.

    What a page looks at is bounded: it can have fewer entries than `limit`, even none, and yet a cursor.
    """
    before = None if cursor is None else decode_cursor(session, cursor)
    if before is not None and type(before) is not int:
        raise invalid_cursor()
    after = None if before is None else (before,)
    found = store.page(session, wanted.principal, wanted.act, wanted.subject, limit, after)
    following = encode_cursor(session, found.position[0]) if found.position else None
    return Page(list(map(entry_of, found.rows)), following)


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


def follow(session: Session, kept: bytes | None = None, seconds: float = inf) -> Chain:
    """Follow the chain from its beginning, as far as it goes without a fault, for so long at most.

    `kept` is the hash of what was the last entry once: if none has it, entries were cut off, or made anew.
    """
    length, head = 0, BEGINNING
    has_kept = kept in (None, BEGINNING)
    until = time.monotonic() + seconds
    with closing(store.read_all(session)) as found:
        for entry in found:
            if fault := _fault(entry, length, head):
                return Chain(length, head, fault, has_kept)
            length, head = entry.seq, entry.hash
            has_kept = has_kept or head == kept
            if time.monotonic() > until:
                return Chain(length, head, None, has_kept, is_whole=False)
    return Chain(length, head, None, has_kept)


def _fault(entry: AuditEntry, length: int, head: bytes) -> str | None:
    if entry.seq != length + 1:
        return f"entry {length + 1} is missing: the next one is {entry.seq}"
    if entry.previous != head:
        return f"entry {entry.seq} does not follow on the one before: one of the two was replaced"
    if entry.hash != hash_of(entry):
        return f"entry {entry.seq} was changed"
    return None
