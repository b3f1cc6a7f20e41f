"""To whom the RRsets belong that a run has made."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.change import RRsetKey
from app.domain.ownership import Made, makers
from app.store import records
from app.store.queue import Item, States


def owners_of_made(
    session: Session, applied: Sequence[Item], states: Mapping[UUID, States], verifying: Collection[UUID]
) -> dict[RRsetKey, str]:
    """Return, of the RRsets that these requests have made, the accounts that have made them.

    They are in the order in which they were applied. Those that are `verifying` were before this run: what
    they have made is recorded, unless no server has answered it until now.
    """
    doubtful = [item.id for item in applied if _is_doubtful(item, states, verifying)]
    made = records.made_by(session, doubtful)
    unsure = frozenset(doubtful)
    return makers(
        Made(item.change.key, item.account_id, item.change.action, _found_nothing(item, states, unsure, made))
        for item in applied
    )


def _is_doubtful(item: Item, states: Mapping[UUID, States], verifying: Collection[UUID]) -> bool:
    """Whether it is not known, or not of this run, what was there before: a lost run may have made it."""
    state = states.get(item.id)
    return item.lost_runs > 0 or item.id in verifying or state is None or state.before is None


def _found_nothing(
    item: Item, states: Mapping[UUID, States], unsure: Collection[UUID], made: Collection[UUID]
) -> bool:
    if item.id in unsure:
        return item.id in made
    before = states[item.id].before
    return before is not None and not before.rdata
