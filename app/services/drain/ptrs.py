"""What settled requests mean for PTR records, and what became of those that keep them."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from app.domain.lifecycle import Status
from app.domain.ptr import may_remove_address
from app.domain.settlement import Decision
from app.services.requests.ptr import Parent, concerned, submit_ptrs
from app.store import requests
from app.store.queue import Item, States


def keep_ptrs(
    session: Session,
    settled: Iterable[Item],
    decisions: Mapping[UUID, Decision],
    states: Mapping[UUID, States],
) -> set[str]:
    """Submit the changes of PTRs that succeeded requests ask for, and the removal of those whose addresses
    go; return the zones to kick after the commit.

    What became of earlier ones is written into the logs of the requests that have asked for them.
    """
    told, parents = [], []
    for item in settled:
        if item.ptr_of:
            told.append(item)
        elif decisions[item.id].status is not Status.SUCCEEDED:
            continue
        elif item.manages_ptr or may_remove_address(item.change):
            before = states[item.id].before if item.id in states else None
            parents.append(Parent(item.change, before, item.account_id, item.manages_ptr))
    if told:
        requests.add_log_lines(session, _told(told, decisions))
    parents = concerned(session, parents) if parents else parents
    return submit_ptrs(session, parents) if parents else set()


def _told(items: Iterable[Item], decisions: Mapping[UUID, Decision]) -> Iterator[requests.NewLine]:
    """Yield the lines about settled PTRs, with the requests in whose logs they belong."""
    for item in items:
        decision = decisions[item.id]
        if item.ptr_of and decision.status in (Status.SUCCEEDED, Status.FAILED):
            code = f" {decision.code}:" if decision.code else ""
            what = f"undo of {item.change.comment}" if item.undoes else item.change.comment
            message, told = (
                f"{what}: {decision.status}:{code} {words}, request {item.id}"
                for words in (decision.message, decision.told)
            )
            yield requests.NewLine(item.ptr_of, message, told)
