"""Among which pending requests the next run's are chosen: the oldest ones, and each account's share."""

from collections.abc import Iterator, Sequence
from itertools import chain
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.precedence import ties
from app.services.drain.shares import in_rounds
from app.services.drain.units import units
from app.store import queue, shares
from app.store.leases import Lease
from app.store.queue import MAX_RUN_OCTETS, READ_AT_ONCE, Item


def list_candidates(session: Session, lease: Lease, limit: int) -> list[Item]:
    """Return pending requests in the order of their acceptance: the first `limit`, and those of each account.

    Where one account alone waits, or all that waits is among the first, these are the first ones. Whatever
    is further behind is there only if all that it must come after (domain/precedence.py) is there, too.
    """
    window, is_cut = queue.list_pending(session, lease.zone, limit, lease.floor, lease.places_end)
    if not is_cut or not window:
        return window
    accounts = shares.list_accounts(session, lease.zone, lease.floor, lease.next_account, limit + 1)
    if len(accounts) < 2:
        return window
    behind = window[-1].seq
    further = _read_shares(session, lease, accounts, behind, limit)
    return [*window, *_without_hasty(session, lease.zone, further, behind)]


def _read_shares(
    session: Session, lease: Lease, accounts: Sequence[str], behind: int, limit: int
) -> list[Item]:
    """Return what of the accounts' shares has a `seq` above `behind`, as much as fits into one run."""
    found = shares.list_shares(
        session,
        lease.zone,
        accounts,
        floor=lease.floor,
        behind=behind,
        end=lease.places_end,
        number=max(1, limit // len(accounts)),
        limit=2 * limit,
    )
    items: list[Item] = []
    octets = 0
    for some in _portions(in_rounds(found)):
        if len(items) >= limit or octets >= MAX_RUN_OCTETS:
            break
        read = queue.list_items(session, some)
        items += read
        octets += sum(item.octets for item in read)
    return sorted(items, key=lambda item: item.seq)


def _portions(found: Iterator[shares.Unit]) -> Iterator[list[UUID]]:
    """Yield the requests of whole units, as many as are read at once."""
    portion: list[UUID] = []
    for unit in found:
        portion += unit
        if len(portion) >= READ_AT_ONCE:
            yield portion
            portion = []
    yield portion


def _without_hasty(session: Session, zone: str, further: Sequence[Item], behind: int) -> Iterator[Item]:
    """Yield those requests that pass nobody they have to come after, nor an earlier one of their account."""
    tied = {item.id: ties(item.change) for item in further}
    names = {tie.name for tie in chain.from_iterable(tied.values())}
    earlier = shares.list_earlier(session, zone, names, behind)
    taken = {item.seq for item in further}
    stopped: set[str] = set()  # accounts
    for unit in units(further):
        if any(
            item.account_id in stopped
            or item.change.type == "DNAME"  # it is tied to all names below it
            or any(earlier.holds(tie, item.seq, taken) for tie in tied[item.id])
            for item in unit
        ):
            stopped |= {item.account_id for item in unit}
            taken -= {item.seq for item in unit}
        else:
            yield from unit
