"""What a request of an atomic batch says of the others of its group: what was applied can still not last."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.settlement import APPLIED_AND_FAILED, Decision
from app.store import requests
from app.store.queue import Item


def tell_groups(session: Session, settled: Iterable[Item], decisions: Mapping[UUID, Decision]) -> None:
    """Write into the logs of a group's requests which others were applied with them, and are not there.

    The server has taken the whole group, so these have succeeded, perhaps a while ago, or fail themselves.
    """
    fallen: dict[UUID, list[Item]] = {}
    for item in settled:
        if item.change.group and decisions[item.id].code in APPLIED_AND_FAILED:
            fallen.setdefault(item.change.group, []).append(item)
    if fallen:
        members = requests.groups_of(session, [items[0].id for items in fallen.values()])
        requests.add_log_lines(session, _lines(fallen, members, decisions))


def _lines(
    fallen: Mapping[UUID, Sequence[Item]],
    members: Mapping[UUID, Sequence[UUID]],
    decisions: Mapping[UUID, Decision],
) -> Iterator[requests.NewLine]:
    """Yield one line for each member of the groups: it names the first of the others that failed."""
    for group, items in fallen.items():
        failed = {item.id for item in items}
        for member in members[group]:
            first = next((item for item in items if item.id != member), None)
            if first is not None:
                more = len(failed - {member}) - 1
                rest = f", and so did {more} more" if more else ""
                failed_so = (
                    f"of the same group, which was applied with it, failed: {decisions[first.id].code}"
                )
                message = f"{first.change.key} {failed_so}, request {first.id}{rest}"
                yield requests.NewLine(member, message, f"another request {failed_so}")
