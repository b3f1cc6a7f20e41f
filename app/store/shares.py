"""What each account has waiting in a zone whose queue is longer than a run: its share of the next one.

All of it walks along ix_dns_requests_shares or ix_dns_requests_name, and visits no more rows than it is
allowed to: of a million requests of one account, those in front of another account's are passed over.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.lifecycle import Status
from app.domain.precedence import Tie
from app.store import open_floor
from app.store.models import OPEN_ONLY, QUEUED, SINCE_FLOOR

# Indexes give the order, whatever the statistics say: leases.check has turned off the other plans.
_IN_ORDER = text(
    "SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)"
)

# Conditions on rows of columns begin in the index where they say, and end there: "=" would let the planner
# leave a column out of the order, and take other indexes for fit.
_ACCOUNT = 'account_id COLLATE "C"'
_ORDER = f"ORDER BY zone, {_ACCOUNT}, seq"
_ACCOUNTS = open_floor.statement(
    f"""
    WITH RECURSIVE waiting (account_id, number) AS (
        (SELECT account_id, 1 FROM dns_requests
          WHERE zone <= :zone AND (zone, {_ACCOUNT}) >= (:zone, :first)
            AND {QUEUED} AND {SINCE_FLOOR} AND seq >= :floor
          {_ORDER} LIMIT 1)
        UNION ALL
        SELECT following.account_id, number + 1
          FROM waiting CROSS JOIN LATERAL (
            SELECT account_id FROM dns_requests
             WHERE zone <= :zone AND (zone, {_ACCOUNT}) > (:zone, waiting.account_id)
               AND {QUEUED} AND {SINCE_FLOOR} AND seq >= :floor
             {_ORDER} LIMIT 1) AS following
         WHERE number < :limit
    )
    SELECT account_id FROM waiting
    """  # noqa: S608
)

_PENDING = f"{QUEUED} AND status = '{Status.PENDING}'"
_ACCOUNTS_AT_ONCE = 100
_SHARES = open_floor.statement(
    f"""
    SELECT share.place, request.id, request.seq, request.atomic_id
      FROM unnest(CAST(:accounts AS text[])) WITH ORDINALITY AS share (account_id, place)
     CROSS JOIN LATERAL (
        SELECT id, seq, atomic_id FROM dns_requests
         WHERE (zone, {_ACCOUNT}, seq) >= (:zone, share.account_id, :floor)
           AND (zone, {_ACCOUNT}) <= (:zone, share.account_id) AND {SINCE_FLOOR} AND {_PENDING}
         {_ORDER} LIMIT :number) AS request
     WHERE request.seq > :behind AND request.seq < :end
     ORDER BY share.place, request.seq
    """  # noqa: S608
)
_GROUPS = open_floor.statement(
    f"""
    SELECT atomic_id, array_agg(id ORDER BY seq) AS ids FROM dns_requests
     WHERE atomic_id = ANY(CAST(:groups AS uuid[])) AND zone = :zone AND {SINCE_FLOOR} AND {_PENDING}
     GROUP BY atomic_id
    """  # noqa: S608
)

_MOST_AT_NAME = 100  # requests of a name that are looked at, the newest ones
# What is open is not older than the oldest open one: the history of a name before that is passed over.
_EARLIER = open_floor.statement(
    f"""
    SELECT tie.name, of_name.*
      FROM unnest(CAST(:names AS text[])) AS tie (name)
     CROSS JOIN LATERAL (
        SELECT count(*) AS number,
               array_agg(seq) FILTER (WHERE waits) AS all_types,
               array_agg(seq) FILTER (WHERE waits AND record_type = 'DNAME') AS dnames
          FROM (
            SELECT seq, record_type, zone = :zone AND seq > :behind AND {_PENDING} AS waits
              FROM dns_requests
             WHERE name <= tie.name AND {SINCE_FLOOR} AND (name, id) >= (tie.name, (
                SELECT id FROM dns_requests WHERE {OPEN_ONLY} ORDER BY id LIMIT 1))
             ORDER BY name DESC, id DESC LIMIT {_MOST_AT_NAME}) AS newest) AS of_name
    """  # noqa: S608
)


Unit = Sequence[UUID]  # requests that are applied together or not at all: most often one


def list_accounts(session: Session, zone: str, floor: int, first: str, limit: int) -> list[str]:
    """Return accounts with open requests in the zone: from `first` on in the order of their octets, then
    those before it.
    """
    session.execute(_IN_ORDER)
    parameters = {"zone": zone, "floor": floor, "open_from": open_floor.read(session)}
    found = list(session.scalars(_ACCOUNTS, {**parameters, "first": first, "limit": limit}))
    if first and len(found) < limit:
        before = session.scalars(_ACCOUNTS, {**parameters, "first": "", "limit": limit - len(found)})
        found += [account for account in before if account < first]
    return found


def list_shares(
    session: Session,
    zone: str,
    accounts: Sequence[str],
    *,
    floor: int,
    behind: int,
    end: int,
    number: int,
    limit: int,
) -> list[list[Unit]]:
    """Return the first `number` pending requests of each account, but those that have a `seq` up to `behind`,
    or from `end` on.

    Groups are whole, each at the first account that has a part of it. Accounts at the end are left out once
    there are `limit` requests.
    """
    found: list[list[Unit]] = []
    seen: set[UUID] = set()
    for start in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
        if len(seen) >= limit:
            break
        some = list(accounts[start : start + _ACCOUNTS_AT_ONCE])
        parameters = {"zone": zone, "accounts": some, "floor": floor, "number": number}
        parameters |= {"behind": behind, "end": end}
        rows = session.execute(_SHARES, parameters | {"open_from": open_floor.read(session)}).all()
        groups = _groups(session, zone, {row.atomic_id for row in rows if row.atomic_id})
        for _, share in groupby(rows, key=lambda row: row.place):
            units: list[Unit] = []
            for row in share:
                if row.id not in seen:
                    units.append(groups.get(row.atomic_id, [row.id]))
                    seen.update(units[-1])
            found.append(units)
    return found


def _groups(session: Session, zone: str, groups: Collection[UUID]) -> Mapping[UUID, Unit]:
    """Return the pending requests of each group."""
    if not groups:
        return {}
    parameters = {"zone": zone, "groups": list(groups), "open_from": open_floor.read(session)}
    rows = session.execute(_GROUPS, parameters)
    return {row.atomic_id: row.ids for row in rows}


@dataclass(frozen=True, slots=True)
class Earlier:
    """Pending requests by the names that they change, those with a `seq` above a certain one."""

    _all_types: Mapping[str, Collection[int]]
    _dnames: Mapping[str, Collection[int]]
    _crowded: Collection[str]  # names at which there are more than were looked at

    def holds(self, tie: Tie, seq: int, taken: Collection[int]) -> bool:
        """Return whether one of them, or one that was not looked at, stands before `seq` and is not taken."""
        found = (self._dnames if tie.record_type else self._all_types).get(tie.name, ())
        return tie.name in self._crowded or any(each < seq and each not in taken for each in found)


def list_earlier(session: Session, zone: str, names: Collection[str], behind: int) -> Earlier:
    """Return what is pending at these names with a `seq` above `behind`."""
    parameters = {"zone": zone, "names": sorted(names), "behind": behind}
    rows = session.execute(_EARLIER, parameters | {"open_from": open_floor.read(session)}).all()
    return Earlier(
        {row.name: row.all_types for row in rows if row.all_types},
        {row.name: row.dnames for row in rows if row.dnames},
        {row.name for row in rows if row.number == _MOST_AT_NAME},
    )
