"""Look up records: what the authoritative servers answer for the RRsets that requests have changed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.permissions import Caller
from app.services.paging import Page, decode_cursor, encode_cursor, invalid_cursor, normalize_name
from app.store import records
from app.store.models import Record


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

    def columns(self) -> Mapping[str, Any]:
        """Return the wanted value of each column that is filtered by. Raises InvalidFilter."""
        wanted = {
            "zone": normalize_name("zone", self.zone),
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
    it can have fewer items than `limit`, even none, and yet a cursor.
    """
    columns = wanted.columns()
    after = _read_cursor(cursor) if cursor is not None else None
    found = records.page(session, columns, limit, after)
    items = [item for row in found.rows if (item := _as_seen(row, reader)) is not None]
    return Page(items, encode_cursor(found.position) if found.position else None)


def _as_seen(row: Record, reader: Caller) -> RecordState | None:
    """Return what the reader may see of a record: all, the RRset alone, or nothing."""
    state = RecordState(**{field.name: getattr(row, field.name) for field in fields(RecordState)})
    if any(account and reader.principal.reads(account) for account in (row.account_id, row.owner)):
        return state
    if reader.grants.covers(reader.principal, row.zone, row.name, row.record_type):
        return replace(state, account_id=None, owner=None, request_id=None, comment=None)
    return None


def _read_cursor(cursor: str) -> tuple[str, str, str]:
    match decode_cursor(cursor):
        case [str(zone), str(name), str(record_type)] if (zone + name + record_type).isprintable():
            return zone, name, record_type
    raise invalid_cursor()
