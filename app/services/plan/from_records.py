"""What a batch would change, without storing or changing anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from uuid_utils.compat import uuid7

from app.core.database import transaction
from app.domain.change import Change, Outcome, RRsetKey
from app.domain.effects import Effect, Forecast, Place, RRset, effects
from app.domain.rules import Reason
from app.schemas.response import ChangeOut, ForecastOut, RRsetOut
from app.services.requests import validate
from app.services.requests.submit import place
from app.services.requests.validate import Asked, Placed
from app.store import records
from app.store.models import Record

Authority = Literal["records", "servers"]


@dataclass(frozen=True, slots=True)
class Preview:
    """What one asked-for change would do, and by whose word; or the reasons why it can't be accepted."""

    effect: Effect | None = None
    by: Authority = "records"
    reasons: Sequence[Reason] = ()


def preview(asked: Sequence[Asked]) -> list[Preview]:
    """Validate these changes, and look up what they would change, in the order given."""
    read = [validate.read(item) for item in asked]
    with transaction() as session:
        placed = place(session, read)
        changes = [_change(item) for item in placed]
        names = {change.name for change in changes if change}
        known = _known(records.at_names(session, names))
    found = iter(effects([change for change in changes if change], known))
    return [
        Preview(next(found)) if change else Preview(reasons=item.reasons)
        for item, change in zip(placed, changes, strict=True)
    ]


def corrected(item: Preview, said: Mapping[UUID, Forecast]) -> Preview:
    """The preview with the servers' word instead of the records'."""
    if item.effect is None:
        return item
    effect = replace(item.effect, forecast=said[item.effect.change.request_id])
    if effect.forecast.outcome == Outcome.FAILED:
        effect = replace(effect, after=effect.before)
    return Preview(effect, "servers")


def shown(effect: Effect, by: Authority) -> tuple[ChangeOut, ForecastOut]:
    """An effect on the wire."""
    change, forecast = effect.change, effect.forecast
    described = ChangeOut(
        action=change.action,
        zone=change.zone,
        domain=change.name,
        record_type=change.type,
        before=_rrset(effect.before),
        after=_rrset(effect.after),
    )
    return described, ForecastOut(
        by=by, outcome=forecast.outcome, code=forecast.code, message=forecast.message
    )


def _rrset(rrset: RRset | None) -> RRsetOut | None:
    return RRsetOut(ttl=rrset.ttl, target=list(rrset.rdata)) if rrset else None


def _known(found: Iterable[Record]) -> dict[Place, RRset]:
    return {
        (record.zone, RRsetKey(record.name, record.record_type)): RRset(
            record.ttl, tuple(sorted(record.rdata))
        )
        for record in found
    }


def _change(placed: Placed) -> Change | None:
    draft = placed.draft
    if placed.reasons or draft.submission is None or draft.name is None or placed.zone is None:
        return None
    resource = draft.submission.resource
    return Change(
        uuid7(),
        draft.action,
        placed.zone,
        draft.name,
        resource.record_type.value,
        resource.config.ttl,
        tuple(draft.rdata),
        resource.comment,
        resource.config.extra_config,
    )
