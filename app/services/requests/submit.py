"""Submit changes: store the valid ones in one statement, and say what became of each."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from app.core import metrics
from app.core.database import AnySession
from app.core.logging import get_logger
from app.domain.atomic import why_not_atomic
from app.domain.checks import Checks
from app.domain.errors import (
    NOT_ALLOWED_CODES,
    BatchKeysReused,
    BatchNotAllowed,
    BatchRefused,
    Error,
    InvalidName,
    MassChange,
    Reason,
)
from app.domain.names import lineages
from app.domain.ownership import MAKING, OwnedRRset
from app.domain.places import DOMAIN
from app.domain.reasons import MAX_BATCH_REASONS, MORE, at_most
from app.domain.reverse import reverse_name
from app.domain.views import Views
from app.domain.zone_choice import zone_to_make_up
from app.domain.zone_key import view_of
from app.domain.zone_settings import PLAIN
from app.services.requests.backlog import Backlog, Room
from app.services.requests.draft import Draft, Refused, ValidChange
from app.services.requests.honours import conditions_of, refuse_not_honoured, why_not_honoured
from app.services.requests.idempotency import look_up_keys, replay
from app.services.requests.mass_change import limited, why_mass_change
from app.services.requests.owners import Owners
from app.services.requests.place import place_in_zone, ptr_addresses, zone_of
from app.services.requests.ptr_places import ReverseName, find_ptr_places, spot_of
from app.services.requests.reviewed import put_under_review
from app.services.requests.simulation import simulates
from app.services.requests.submission import (
    Accepted,
    KeyReused,
    Replayed,
    Submitted,
    Undecided,
    accepted_request,
    reasons_of,
)
from app.store import records, requests, zones
from app.store.requests import NewBatch, NewRequest
from app.store.reviews import NewReview

log = get_logger(__name__)


def submit(
    session: AnySession,
    drafts: Sequence[Draft],
    *,
    atomic: bool = False,
    grouped: bool = False,
    allow_mass_change: bool = True,
    batch: NewBatch | None = None,
    backlog: Backlog | None = None,
) -> list[Submitted]:
    """Store these changes in order. A bad one never sinks the others, unless they are `atomic`.

    Those that are also `grouped` are applied together or not at all: they have to fit in one message.

    Raises BatchRefused when one of those that are atomic can't be accepted, MassChange when they are together
    more than a zone allows, and what the database raises: the caller rolls the transaction back.
    """
    placed: Sequence[ValidChange | Refused] = place(session, drafts)
    if not atomic:
        placed = refuse_not_honoured(session, placed)
    if not allow_mass_change:
        require_no_mass_change(session, placed)
    if simulates(session):
        zones.add_simulated(session, {change.zone for change in placed if isinstance(change, ValidChange)})
    admitted = _admit(session, placed, backlog) if backlog else placed
    valid = [change for change in admitted if isinstance(change, ValidChange)]
    new = [new_request(change) for change in valid]
    if grouped and len(new) > 1:
        _bind_together(new)
    reviews = put_under_review(valid, new, as_one=atomic and grouped, of_batch=batch is not None)
    stored = iter(_store(session, new, batch, reviews))
    results = [
        _with_warnings(change, next(stored)) if isinstance(change, ValidChange) else change
        for change in admitted
    ]
    if len(new) < len(results):
        results = replay(session, drafts, results)
        _log_not_allowed(drafts, results)
    if atomic:
        group = [change for change in placed if grouped and isinstance(change, ValidChange)]
        _insist_on_all(results, group, _against_all(session, _new_of(placed, results), backlog, bool(group)))
    _count(drafts, results)
    return results


def _count(drafts: Sequence[Draft], results: Sequence[Submitted]) -> None:
    """Count what became of the changes, once for all that are alike."""
    kinds = [
        (draft.via, draft.action, None) if type(result) is Accepted else (draft.via, None, _code(result))
        for draft, result in zip(drafts, results, strict=True)
    ]
    are_alike = bool(kinds) and kinds.count(kinds[0]) == len(kinds)  # as nearly always: no hash is needed
    numbers = [(kinds[0], len(kinds))] if are_alike else Counter(kinds).items()
    for (via, action, code), number in numbers:
        if action is not None:
            metrics.REQUESTS_ACCEPTED.inc(number, door=via, action=action)
        elif code is not None:
            metrics.REQUESTS_REFUSED.inc(number, door=via, code=code)


def _code(result: Submitted) -> str | None:
    """Return the code of the first reason against it; None where there is none."""
    match result:
        case Refused(reasons):
            return reasons[0].code
        case KeyReused(error) | Undecided(error):
            return error.code if isinstance(error, Error) else "try_again"
    return None


def _log_not_allowed(drafts: Sequence[Draft], results: Sequence[Submitted]) -> None:
    """Log for each principal, in one line, how many of his changes are refused for who he is."""
    found: dict[str, list[str]] = {}
    for draft, result in zip(drafts, results, strict=True):
        if isinstance(result, Refused) and result.not_allowed:
            who = draft.caller.principal.name if draft.caller else "nobody"
            found.setdefault(who, []).append(result.reasons[0].message)
    for who, reasons in found.items():
        log.warning("changes not allowed", principal=who, number=len(reasons), first=reasons[0])


def _bind_together(new: Sequence[NewRequest]) -> None:
    """Make these requests a group: they are applied together or not at all."""
    group = uuid7()
    for request in new:
        request.atomic_id = group


def _with_warnings(change: ValidChange, result: Submitted) -> Submitted:
    if change.warnings and isinstance(result, Accepted):
        return result._replace(warnings=change.warnings)
    return result


def _admit(
    session: AnySession, placed: Sequence[ValidChange | Refused], backlog: Backlog
) -> Sequence[ValidChange | Refused | Undecided]:
    """Return the changes, but Undecided for those that find no room, in their order.

    That is room in the backlog, or in the quota of their account.
    """
    asked = Counter(change.account_id for change in placed if isinstance(change, ValidChange))
    backlog.look(session, asked)
    if backlog.has_room(asked):
        return placed
    room = backlog.room()
    scarce = {account for account, number in asked.items() if not backlog.may_make(account, number)}
    made = _made_by(session, placed, scarce) if scarce else {}
    return [_admitted(each, room, made) if isinstance(each, ValidChange) else each for each in placed]


def _made_by(
    session: AnySession, placed: Sequence[ValidChange | Refused], accounts: Container[str]
) -> dict[int, OwnedRRset]:
    """Return the RRsets that changes of these accounts make, by the key of the change."""
    making = {
        id(change): OwnedRRset(change.zone, change.name, change.record_type.value)
        for change in placed
        if isinstance(change, ValidChange) and change.account_id in accounts and change.action in MAKING
    }
    there = records.existing(session, {rrset.name for rrset in making.values()})
    return {key: rrset for key, rrset in making.items() if rrset not in there}


def _admitted(change: ValidChange, room: Room, made: Mapping[int, OwnedRRset]) -> ValidChange | Undecided:
    waits = change.not_before is not None or change.review is not None
    why = room.take(change.account_id, scheduled=waits, makes=made.get(id(change)))
    return Undecided(why) if why else change


def require_no_mass_change(session: AnySession, placed: Sequence[ValidChange | Refused]) -> None:
    """Raise MassChange, with the reasons against single items. What was accepted before does not count."""
    measured = limited(placed)
    if not why_mass_change(session, measured):
        return
    rows = {id(change): new_request(change) for change in measured if change.idempotency_key is not None}
    known = look_up_keys(session, list(rows.values()))
    new = [
        change
        for change in measured
        if (row := rows.get(id(change))) is None or not isinstance(known.get(row.id), Replayed | KeyReused)
    ]
    if reasons := why_mass_change(session, new):
        raise MassChange(at_most(MAX_BATCH_REASONS, [*reasons, *_reasons_of_items(placed)]))


def _reasons_of_items(placed: Sequence[ValidChange | Refused]) -> Iterator[Reason]:
    for index, item in enumerate(placed):
        if isinstance(item, Refused):
            yield from (reason._replace(loc=("requests", index, *reason.loc)) for reason in item.reasons)


def place(session: AnySession, drafts: Sequence[Draft]) -> list[ValidChange | Refused]:
    """Find the zone of each draft, and check what depends on it. The simulation has one for each name."""
    names = [draft.name for draft in drafts if draft.name]
    served = zones.serving(session, lineages(names))
    if simulates(session):
        served |= dict.fromkeys(_made_up(drafts, Views(served)), PLAIN[Checks.WARN])
    views = Views(served)
    # It is nobody's business who owns what while everybody may do everything.
    judged = [draft for draft in drafts if draft.caller is not None and not draft.caller.unrestricted]
    if not judged:
        return [place_in_zone(draft, served, views=views) for draft in drafts]
    ptrs = find_ptr_places(session, {each for draft in judged for each in _reverse_names(draft, views)})
    spots = (spot for place in ptrs.places.values() if (spot := spot_of(place)))
    looked_at = [*names, *(reverse.name for reverse in ptrs.places), *(spot.name for spot in spots)]
    owners = Owners(session, looked_at, {**ptrs.served, **served})
    return [place_in_zone(draft, served, owners, ptrs, views) for draft in drafts]


def _reverse_names(draft: Draft, views: Views) -> Iterator[ReverseName]:
    """Yield what the PTRs that are to be kept with a change are looked up by."""
    if addresses := ptr_addresses(draft):
        zone, _ = zone_of(draft, views)
        view = view_of(zone) if zone else None
        yield from (ReverseName(reverse_name(each), view) for each in addresses)


def _made_up(drafts: Sequence[Draft], views: Views) -> Iterator[str]:
    """Yield the zones that the simulation adds for full names: where a change asks for one, that one."""
    for draft in drafts:
        with suppress(InvalidName):
            if draft.name and (zone := zone_to_make_up(draft.name, draft.asked_zone, views)):
                yield zone


def new_request(change: ValidChange) -> NewRequest:
    """Return the row that a change becomes."""
    return NewRequest(
        id=uuid7(),
        action=change.action,
        account_id=change.account_id,
        source=change.source,
        via=change.via,
        resource=change.asked,
        zone=change.zone,
        name=change.name,
        record_type=change.record_type,
        ttl=change.ttl,
        rdata=change.rdata,
        idempotency_key=change.idempotency_key,
        expect=change.expect.as_json() if change.expect else None,
        not_before=change.not_before,
        undoes=change.undoes,
        ptr_of=change.ptr_of,
        reason=change.reason,
        ticket=change.ticket,
        traceparent=change.traceparent,
    )


def _store(
    session: AnySession, new: Sequence[NewRequest], batch: NewBatch | None, reviews: Sequence[NewReview]
) -> list[Submitted]:
    """Return, for each row, what was stored, or what its idempotency key stands for already."""
    if not new:
        return []
    stored = requests.insert(session, new, batch, reviews)
    batch_id = batch.id if batch else None
    known = look_up_keys(session, [request for request in new if request.id in stored.key_used])
    known |= {row.id: _zone_gone(row) for row in new if row.id in stored.zone_gone}
    for row in new:  # which is stored by now: here there is no need for the copy that `with_ttl` makes
        row.resource["config"].setdefault("ttl", row.ttl)
    return [
        known.get(row.id) or Accepted(accepted_request(row, stored.at, batch_id), stored.transaction)
        for row in new
    ]


def _zone_gone(row: NewRequest) -> Refused:
    """Return the refusal of a change whose zone was removed between two statements."""
    return Refused([Reason(DOMAIN, "zone_unknown", f"{row.zone} is not served any more")])


def _new_of(placed: Sequence[ValidChange | Refused], results: Sequence[Submitted]) -> list[ValidChange]:
    """Return the changes that are new: no idempotency key has answered them."""
    return [
        change
        for change, result in zip(placed, results, strict=True)
        if isinstance(change, ValidChange) and isinstance(result, Accepted | Undecided)
    ]


def _against_all(
    session: AnySession, new: Sequence[ValidChange], backlog: Backlog | None, grouped: bool
) -> list[Reason]:
    """Return what speaks against these changes together, and will at the next try, too."""
    reasons = list(why_not_honoured(session, conditions_of(new, grouped=grouped)).values())
    if backlog:
        asked = ((each.account_id, bool(each.not_before or each.review)) for each in new)
        reasons += backlog.why_never(asked)
        reasons += _why_never_made(session, new, backlog)
    return reasons


def _why_never_made(session: AnySession, new: Sequence[ValidChange], backlog: Backlog) -> Iterator[Reason]:
    """Yield the reasons why accounts can't own as many RRsets as these changes make together."""
    asked = Counter(change.account_id for change in new)
    limits = ((account, number, backlog.quota(account).records) for account, number in asked.items())
    if scarce := {account for account, number, most in limits if most and number > most}:
        made = _made_by(session, new, scarce)
        found = {(change.account_id, made[id(change)]) for change in new if id(change) in made}
        yield from backlog.why_never_made(Counter(account for account, _ in found))


def _insist_on_all(
    results: Sequence[Submitted], group: Sequence[ValidChange], against_all: Sequence[Reason]
) -> None:
    """Raise what prevents an atomic batch: all the reasons, with the index of the item in their place.

    Those that are `against_all` of it come before what passes by itself, such as a full backlog.
    """
    reasons = [*against_all]
    if any(isinstance(result, Accepted) for result in results):
        reasons += why_not_atomic(group, datetime.now(UTC))
    left_out = 0
    keys_only = not reasons
    for index, result in enumerate(results):
        if isinstance(result, Undecided) and not against_all:
            raise result.error
        found = reasons_of(result)
        given = found[: MAX_BATCH_REASONS - len(reasons)]
        left_out += len(found) - len(given)
        reasons += [reason._replace(loc=("requests", index, *reason.loc)) for reason in given]
        keys_only = keys_only and not isinstance(result, Refused)
    if reasons:
        limited = at_most(MAX_BATCH_REASONS, reasons, left_out)
        raise batch_refused(limited, keys_only=keys_only)


def batch_refused(reasons: Sequence[Reason], *, keys_only: bool = False) -> BatchRefused:
    """Return the error of changes that are refused together, by what is wrong with all of them."""
    if keys_only:
        return BatchKeysReused(reasons)
    of_callers = all(reason.code in NOT_ALLOWED_CODES or reason.code == MORE for reason in reasons)
    return (BatchNotAllowed if of_callers else BatchRefused)(reasons)
