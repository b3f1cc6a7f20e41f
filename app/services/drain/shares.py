"""Fair runs: each account that waits in a zone has its share of the next run.

Requests are taken in rounds: the first ones of each account, then the second ones, until the run is full.
What one account has asked for is applied in the order of acceptance, and so is what the names tie together,
whoever has asked for it (domain/precedence.py).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from app.domain.precedence import LeftBehind
from app.services.drain.units import max_batch_with, units
from app.store.queue import MAX_RUN_OCTETS, Item

_Unit = list[Item]
Each = TypeVar("Each")


def in_rounds(queues: Iterable[Iterable[Each]]) -> Iterator[Each]:
    """Yield the first of each queue, then the second of each, and so on."""
    waiting = [iter(queue) for queue in queues]
    while waiting:
        left = []
        for queue in waiting:
            for each in queue:
                yield each
                left.append(queue)
                break
        waiting = left


def fair_batch(ready: Sequence[Item], limit: int, next_account: str) -> tuple[Sequence[Item], str]:
    """Return requests of several accounts for the next run, in the order of their acceptance.

    `ready` are all that could be in it, in that order. Those of `next_account` come first, or of the first
    account after it: whether few requests may be in a run with them decides for the others. Returns also
    whose turn it is in the run after that: the first account that has got nothing, or else the second one.
    There may be no requests at all, where all that would fit must stay behind others.
    """
    waiting: dict[str, list[_Unit]] = {}
    for unit in units(ready):
        waiting.setdefault(unit[0].account_id, []).append(unit)
    accounts = _accounts_in_turn(waiting, next_account)
    most = max_batch_with(waiting[accounts[0]][0][0])
    limit = min(limit, most)
    chosen = _choose(in_rounds(_like(most, waiting[account]) for account in accounts), limit)
    batch = _keep_order(ready, chosen)
    if len(batch) < limit:  # room for others
        batch = _keep_order(ready, {item.id for item in batch}, limit, most)
    return batch, _next_account(accounts, batch)


def _accounts_in_turn(waiting: Mapping[str, object], first: str) -> list[str]:
    return sorted(waiting, key=lambda account: (account < first, account))


def _next_account(accounts: Sequence[str], batch: Iterable[Item]) -> str:
    served = {unit[0].account_id for unit in units(batch)}
    after_first = [*accounts[1:], accounts[0]]
    return next((account for account in after_first if account not in served), after_first[0])


def _like(most: int, waiting: Iterable[_Unit]) -> Iterator[_Unit]:
    """Yield an account's units up to the first one of which another number may be in a run."""
    for unit in waiting:
        if max_batch_with(unit[0]) != most:
            break
        yield unit


def _choose(in_turn: Iterable[_Unit], limit: int) -> set[UUID]:
    """Return the requests that are taken one after the other until the run is full: one unit at least."""
    chosen: set[UUID] = set()
    octets = 0
    for unit in in_turn:
        if chosen and (len(chosen) + len(unit) > limit or octets >= MAX_RUN_OCTETS):
            break
        chosen |= {item.id for item in unit}
        octets += sum(item.octets for item in unit)
    return chosen


def _keep_order(ready: Iterable[Item], chosen: Collection[UUID], limit: int = 0, most: int = 0) -> list[Item]:
    """Return those of the chosen requests that pass nobody they have to stay behind.

    With a limit, others are added until there are so many, if `most` may be in a run with them.
    """
    batch: list[Item] = []
    octets = 0
    left, stopped = LeftBehind(), set[str]()  # accounts of which something is left for a later run
    room = limit - len(chosen)
    for unit in units(ready):
        held = any(item.account_id in stopped or left.hold(item.change) for item in unit)
        is_added = unit[0].id not in chosen
        fits = len(unit) <= room and octets < MAX_RUN_OCTETS
        if held or (is_added and not (fits and max_batch_with(unit[0]) == most)):
            for item in unit:
                left.add(item.change)
                stopped.add(item.account_id)
            continue
        room -= len(unit) if is_added else 0
        octets += sum(item.octets for item in unit)
        batch += unit
    return batch
