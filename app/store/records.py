"""The RRsets that requests have changed or imports have found, as the authoritative servers answer them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import ARRAY, ColumnElement, Text, any_, cast, func, or_, select, text
from sqlalchemy.orm import Session

from app.core.database import AnySession
from app.domain.change import Action, RRsetKey, RRsetState
from app.domain.ownership import OwnedRRset
from app.domain.reverse import Place
from app.store.models import Record
from app.store.pages import Found, Position, Walk

_PUT = text(
    """
    WITH answered AS (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row (
               zone text, name text, record_type text, ttl int, rdata text[],
               account_id text, owner text, request_id uuid, comment text)
    ), gone AS (
        DELETE FROM dns_records AS record
         WHERE record.ctid = ANY(ARRAY(
            SELECT there.place
              FROM answered
             -- LIMIT keeps this one look-up for each RRset, whatever the planner thinks of the tables
             CROSS JOIN LATERAL (
                SELECT ctid AS place FROM dns_records
                 WHERE (zone, name, record_type) = (answered.zone, answered.name, answered.record_type)
                 LIMIT 1) AS there
             WHERE answered.rdata = '{}'))
    ), candidates AS (
        -- what had drifted may have no more: the watcher asks the primary; what was to restore it has done so
        UPDATE dns_drift AS drift
           SET confirmed = false, kind = NULL, serial = NULL, candidate_at = clock_timestamp(),
               restored_by = NULL
          FROM answered
         WHERE (drift.zone, drift.name, drift.record_type)
               = (answered.zone, answered.name, answered.record_type)
    )
    INSERT INTO dns_records AS record
           (zone, name, record_type, ttl, rdata, account_id, owner, request_id, comment)
    SELECT zone, name, record_type, ttl, rdata, account_id, owner, request_id, comment FROM answered
     WHERE rdata <> '{}'
    ON CONFLICT (zone, name, record_type) DO UPDATE
       SET ttl = excluded.ttl, rdata = excluded.rdata, account_id = excluded.account_id,
           owner = coalesce(excluded.owner, record.owner), origin = excluded.origin,
           request_id = excluded.request_id, comment = excluded.comment, updated_at = now()
     WHERE (record.ttl, record.rdata, record.request_id)
           IS DISTINCT FROM (excluded.ttl, excluded.rdata, excluded.request_id)
    """
)

_COUNT = text("SELECT count(*) FROM (SELECT FROM dns_records WHERE zone = :zone LIMIT :most) AS record")

# JSON: an array of very many names takes longer to write than to look up.
_DELEGATIONS = text(
    """
    SELECT record.zone, record.name
      FROM jsonb_array_elements_text(CAST(:names AS jsonb)) AS wanted (name)
      JOIN dns_records AS record ON record.name = wanted.name
     WHERE record.record_type = 'NS' AND record.name <> split_part(record.zone, '@', 1)
    """
)

# Where nothing is recorded, and what was there before is not known, it is taken for made by who asked for it.
_MADE = text(
    f"""
    SELECT request.id
      FROM dns_requests AS request
     WHERE request.id = ANY(:ids)
       AND (request.before -> 'rdata' = '[]'
            OR ((request.before IS NULL OR request.lost_runs > 0)
                AND request.action IN ('{Action.CREATE}', '{Action.UPSERT}')))
       AND NOT EXISTS (
            SELECT FROM dns_records AS record
             WHERE (record.zone, record.name, record.record_type)
                   = (request.zone, request.name, request.record_type))
    """  # noqa: S608
)

_OWNERS = text(
    """
    SELECT record.zone, record.name, record.record_type, record.owner
      FROM jsonb_array_elements_text(CAST(:names AS jsonb)) AS wanted (name)
      JOIN dns_records AS record ON record.name = wanted.name
    """
)

_EXISTING = text(
    """
    SELECT record.zone, record.name, record.record_type
      FROM jsonb_array_elements_text(CAST(:names AS jsonb)) AS wanted (name)
      JOIN dns_records AS record ON record.name = wanted.name
    """
)

_KEY = ("zone", "name", "record_type")


@dataclass(frozen=True, slots=True)
class AnsweredRRset:
    """An RRset as the servers answer it, and the request that changed it last; it is gone without `rdata`.

    `owner` is the account that has made it just now; None: it was there, and stays whose it is.
    """

    zone: str
    name: str
    record_type: str
    ttl: int
    rdata: tuple[str, ...]
    account_id: str
    request_id: UUID
    comment: str | None
    owner: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON."""
        return {
            "zone": self.zone,
            "name": self.name,
            "record_type": self.record_type,
            "ttl": self.ttl,
            "rdata": self.rdata,
            "account_id": self.account_id,
            "owner": self.owner,
            "request_id": str(self.request_id),
            "comment": self.comment,
        }


def put(session: Session, answered: Iterable[AnsweredRRset]) -> None:
    """Store these RRsets, and remove those that are gone."""
    session.execute(_PUT, {"rows": json.dumps([rrset.as_json() for rrset in answered])})


def made_by(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the requests, none of which is known to have made its RRset, that have: see `_MADE`."""
    return set(session.scalars(_MADE, {"ids": list(ids)})) if ids else set()


def owners(session: AnySession, names: Iterable[str]) -> dict[OwnedRRset, str | None]:
    """Return who owns the RRsets that are recorded at these owner names; None: nobody."""
    found = session.execute(_OWNERS, {"names": to_json(list(names)).decode()})
    return {OwnedRRset(row.zone, row.name, row.record_type): row.owner for row in found}


def existing(session: AnySession, names: Iterable[str]) -> set[OwnedRRset]:
    """Return which RRsets at these owner names are recorded."""
    found = session.execute(_EXISTING, {"names": to_json(list(names)).decode()})
    return {OwnedRRset(*row) for row in found}


def page(
    session: Session,
    filters: Mapping[str, Any],
    limit: int,
    after: Position | None,
    part_of: str | None = None,
) -> Found[Record]:
    """Return records whose columns equal the filters, by zone, name and type, after the given position.

    With a text only those that have it in the name or in a value, whatever its case.
    """
    if "name" in filters:
        return _page_at_name(session, filters, limit, after)
    zone = filters.get("zone")
    # The index that begins with who is asked for; there is none for both.
    first = next(({name: filters[name]} for name in ("owner", "account_id") if name in filters), {})
    owned = (Record.owner.is_not(None),) if "owner" in first else ()
    walk = Walk(
        table=Record,
        order=_KEY,
        wanted=lambda row: [
            *(getattr(row, name) == value for name, value in filters.items()),
            *(() if part_of is None else (_has_text(row, part_of),)),
        ],
        first=first,
        part=(*owned, *(() if zone is None else (Record.zone >= zone, Record.zone <= zone))),
    )
    return walk.page(session, limit, after)


def _has_text(row: Any, wanted: str) -> ColumnElement[bool]:
    values = func.array_to_string(row.rdata, "\n")
    return or_(*(each.icontains(wanted, autoescape=True) for each in (row.name, values)))


def _page_at_name(
    session: Session, filters: Mapping[str, Any], limit: int, after: Position | None
) -> Found[Record]:
    """Return a page of the records at one name: there are few, one for each zone above it and type."""
    rows = [
        row
        for row in sorted(at_names(session, [filters["name"]]), key=position_of)
        if all(getattr(row, name) == value for name, value in filters.items())
        and (after is None or position_of(row) > after)
    ]
    return Found(rows[:limit], position_of(rows[limit - 1]) if len(rows) > limit else None)


def position_of(row: Record) -> Position:
    """Return where a record stands among all."""
    return tuple(getattr(row, name) for name in _KEY)


def at_names(session: AnySession, names: Iterable[str]) -> list[Record]:
    """Return the records at these owner names, of every type and zone."""
    return list(session.scalars(select(Record).where(Record.name == any_(cast(list(names), ARRAY(Text))))))


def delegations(session: AnySession, names: Iterable[str]) -> set[Place]:
    """Return where zones delegate one of these names, as far as that is recorded."""
    found = session.execute(_DELEGATIONS, {"names": to_json(list(names)).decode()})
    return {Place(*row) for row in found}


def of_zones(session: AnySession, zones: Iterable[str], limit: int) -> list[Record]:
    """Return so many records of these zones at most."""
    of_these = Record.zone == any_(cast(list(zones), ARRAY(Text)))
    return list(session.scalars(select(Record).where(of_these).limit(limit)))


def states(session: Session, zone: str, names: Iterable[str]) -> dict[RRsetKey, RRsetState]:
    """Return the zone's records at these owner names."""
    return {
        RRsetKey(row.name, row.record_type): RRsetState(row.ttl, tuple(sorted(row.rdata)))
        for row in at_names(session, names)
        if row.zone == zone
    }


def get(session: Session, zone: str, key: RRsetKey) -> Record | None:
    """Return the record of that RRset."""
    return session.get(Record, (zone, key.name, key.type))


def count_up_to(session: AnySession, zone: str, most: int) -> int:
    """Return how many RRsets of the zone are recorded; `most` where there are more."""
    return int(session.execute(_COUNT, {"zone": zone, "most": most}).scalar_one())
