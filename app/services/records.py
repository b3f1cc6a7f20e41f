"""Look up records: what the authoritative servers answer for the RRsets that requests have changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.change import RRsetKey
from app.domain.errors import RRsetNotFound
from app.domain.origin import Origin
from app.domain.permissions import Caller
from app.services.paging import (
    Page,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
    normalize_name,
    normalize_zone,
)
from app.services.rows import values_for
from app.store import records
from app.store.models import Record
from app.store.pages import Position
from app.store.records import position_of

_AT_ONCE, _MOST_LOOKS = 1_000, 5  # rows that are looked at for who may not see all of them


@dataclass(slots=True)
class RecordState:
    """An RRset as the authoritative servers last answered it; its fields are those of the table."""

    zone: str
    name: str
    record_type: str
    ttl: int
    rdata: list[str]
    account_id: str | None  # None, as the next three: it is another account's, and not for the reader
    owner: str | None
    request_id: UUID | None
    origin: Origin
    comment: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """What the records of a page have in common; None: anything."""

    zone: str | None = None
    domain: str | None = None
    record_type: str | None = None
    account_id: str | None = None
    owner: str | None = None
    text: str | None = None  # that stands in the name, or in a value

    def columns(self) -> Mapping[str, Any]:
        """Return the wanted value of each column that is filtered by. Raises InvalidFilter."""
        wanted = {
            "zone": normalize_zone("zone", self.zone),
            "name": normalize_name("domain", self.domain),
            "record_type": self.record_type,
            "account_id": self.account_id,
            "owner": self.owner,
        }
        return {column: value for column, value in wanted.items() if value is not None}


def find_records(
    session: Session, wanted: RecordFilter, limit: int, cursor: str | None, reader: Caller
) -> Page[RecordState]:
    """Return a page of at most `limit` records by zone, name and type. Raises InvalidFilter.

    They are those of the reader's accounts, and those that his grants cover. What a page looks at is bounded:
    it can have fewer items than `limit`, even none, and yet a cursor. Pages are filled past what is not for
    the reader, or else the number of short ones would tell how much of that there is.
    """
    columns = wanted.columns()  # a filter is judged before the cursor
    after: Position | None = _read_cursor(session, cursor) if cursor is not None else None
    if reader.principal.reads_in_full:
        found = records.page(session, columns, limit, after, wanted.text)
        items, after = list(map(_state, found.rows)), found.position
    else:
        seen, after = _look_for(session, wanted, limit + 1, after, reader)
        items = [item for _, item in seen[:limit]]
        after = seen[limit - 1][0] if len(seen) > limit else after
    return Page(items, encode_cursor(session, after) if after else None)


def find_rrset(session: Session, zone: str, key: RRsetKey, reader: Caller) -> RecordState:
    """Return an RRset as it is recorded. Raises RRsetNotFound, also where the reader may not see it."""
    row = records.get(session, zone, key)
    if row is not None and reader.principal.reads_in_full:
        return _state(row)
    found = _as_seen(row, reader) if row is not None else None
    if found is None:
        raise RRsetNotFound(zone, key)
    return found


def _look_for(
    session: Session, wanted: RecordFilter, number: int, after: Position | None, reader: Caller
) -> tuple[list[tuple[Position, RecordState]], Position | None]:
    """Return so many records that the reader may see, with their positions, and where the next ones begin."""
    columns = wanted.columns()
    seen: list[tuple[Position, RecordState]] = []
    for _ in range(_MOST_LOOKS):
        found = records.page(session, columns, _AT_ONCE, after, wanted.text)
        seen += [(position_of(row), item) for row in found.rows if (item := _as_seen(row, reader))]
        after = found.position
        if after is None or len(seen) >= number:
            break
    return seen, after


def _state(row: Record) -> RecordState:
    return RecordState(**values_for(RecordState, row))


def _as_seen(row: Record, reader: Caller) -> RecordState | None:
    """Return what the reader may see of a record: all, the RRset alone, or nothing."""
    state = _state(row)
    if any(account and reader.principal.reads(account) for account in (row.account_id, row.owner)):
        return state
    if reader.grants.covers(reader.principal, row.zone, row.name, row.record_type):
        return replace(state, account_id=None, owner=None, request_id=None, comment=None)
    return None


def _read_cursor(session: Session, cursor: str) -> tuple[str, str, str]:
    match decode_cursor(session, cursor):
        case [str(zone), str(name), str(record_type)] if (zone + name + record_type).isprintable():
            return zone, name, record_type
    raise invalid_cursor()
