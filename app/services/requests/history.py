"""The history of an RRset: what each of its settled requests has made of it."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from app.domain.change import RRsetState
from app.domain.errors import DomainError, InvalidInput, ZoneNotFound
from app.domain.names import name_in_zone
from app.domain.read_zone import read_zone_key
from app.domain.zone_key import dns_name
from app.services.paging import Page
from app.services.requests.lookup import RequestFilter, RequestState, find_requests
from app.store import undo, zones


class Step(NamedTuple):
    """A settled request, and the RRset before and after it; None: not known."""

    request: RequestState
    before: RRsetState | None
    after: RRsetState | None


def rrset_history(
    session: Session, zone: str, owner: str, record_type: str, limit: int, cursor: str | None
) -> Page[Step]:
    """Return a page of the RRset's history, newest first; it outlives the service of its zone.

    Raises ZoneNotFound where there is neither a zone nor a history, InvalidFilter, and InvalidInput for a
    name that is not one of the zone.
    """
    try:
        zone = read_zone_key(zone)
    except DomainError as error:
        raise ZoneNotFound(zone) from error
    try:
        name = name_in_zone(owner, dns_name(zone))
    except DomainError as error:
        raise InvalidInput([error.reason("name")], "path") from error
    wanted = RequestFilter(zone=zone, domain=name, record_type=record_type, settled=True)
    page = find_requests(session, wanted, limit, cursor)
    if not page.items and cursor is None and zones.get(session, zone) is None:
        raise ZoneNotFound(zone)
    states = undo.states(session, [item.id for item in page.items])
    steps = [Step(item, *map(_state, states[item.id])) for item in page.items]
    return Page(steps, page.next_cursor)


def _state(found: undo.State) -> RRsetState | None:
    return RRsetState.from_json(found) if found else None
