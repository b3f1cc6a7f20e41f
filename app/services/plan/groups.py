"""Whether the changes of a plan are made all or none, on the server too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.atomic import MAX_CHANGES, why_not_atomic
from app.domain.change import Outcome, RRsetState
from app.domain.effects import state_of
from app.domain.errors import BatchRefused
from app.domain.rdata import RecordType
from app.services.plan.from_records import Planned
from app.services.requests.draft import Refused


@dataclass(slots=True)
class _Member:
    zone: str
    name: str
    record_type: RecordType
    rdata: list[str]
    expect: RRsetState | None
    not_before: datetime | None


def require_groupable(planned: Sequence[Planned | Refused]) -> None:
    """Raise BatchRefused with the reasons why these can't be one group."""
    if reasons := list(why_not_atomic([*_members(planned)], datetime.now(UTC))):
        raise BatchRefused(reasons)


def is_groupable(planned: Sequence[Planned | Refused]) -> bool:
    """Return whether these can be one group, and none of them is one that would let the others fail."""
    if len(planned) > MAX_CHANGES or any(_fails(item) for item in planned):
        return False
    return not any(why_not_atomic([*_members(planned)], datetime.now(UTC)))


def _fails(item: Planned | Refused) -> bool:
    return isinstance(item, Refused) or item.effect.planned.outcome == Outcome.FAILED


def _members(planned: Sequence[Planned | Refused]) -> Iterator[_Member]:
    for item in planned:
        if isinstance(item, Planned):
            change, before = item.effect.change, state_of(item.effect.before)
            kind, rdata = RecordType(change.type), list(change.rdata)
            yield _Member(change.zone, change.name, kind, rdata, before, item.not_before)
