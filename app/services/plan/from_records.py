"""Plan changes by the records: what they would do, without storing or changing anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Literal

from uuid_utils.compat import uuid7

from app.core.database import reading
from app.domain.change import Change, RRsetKey
from app.domain.checks import Checks
from app.domain.effects import NO_ADDRESS, Effect, RRset, ZoneRRset, effects, targets_in_zone
from app.domain.names import lineages
from app.services.requests.submit import place, require_no_mass_change
from app.services.requests.validate import RawChange, Refused, ValidChange, read_changes
from app.store import records
from app.store.models import Record


@dataclass(frozen=True, slots=True)
class Planned:
    """What one change would do, and whether the records or the servers say so."""

    effect: Effect
    by: Literal["records", "servers"] = "records"


def plan_from_records(raw: Sequence[RawChange], *, allow_mass_change: bool = True) -> list[Planned | Refused]:
    """Validate these changes, and return what each would change, applied in the order given.

    Raises MassChange.
    """
    drafts = read_changes(raw)
    with reading() as session:
        placed = place(session, drafts)
        if not allow_mass_change:
            require_no_mass_change(session, placed)
        changes = [_change(item) for item in placed if isinstance(item, ValidChange)]
        names = lineages(change.name for change in changes) | set(chain(*map(targets_in_zone, changes)))
        known = _known(records.at_names(session, names))
    found = iter(effects(changes, known))
    return [item if isinstance(item, Refused) else _planned(item, next(found)) for item in placed]


def _planned(valid: ValidChange, effect: Effect) -> Planned:
    warnings = effect.warnings
    if valid.settings.checks is Checks.OFF:
        warnings = tuple(warning for warning in warnings if warning.code != NO_ADDRESS)
    return Planned(replace(effect, warnings=(*valid.warnings, *warnings)))


def _known(rows: Iterable[Record]) -> dict[ZoneRRset, RRset]:
    return {
        (row.zone, RRsetKey(row.name, row.record_type)): RRset(row.ttl, tuple(sorted(row.rdata)))
        for row in rows
    }


def _change(valid: ValidChange) -> Change:
    return Change(
        request_id=uuid7(),
        action=valid.action,
        zone=valid.zone,
        name=valid.name,
        type=valid.record_type.value,
        ttl=valid.ttl,
        rdata=tuple(valid.rdata),
        comment=valid.comment,
        extra_config=valid.extra_config,
    )
