"""The order in which the PTRs of several changes are made and removed, so that addresses can change hands."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from app.domain.ptr import PtrStep, Standing, Wish, standing_after, step_for
from app.domain.reverse import Elsewhere, Place


class Asked(NamedTuple):
    """What one of several changes means for a PTR.

    What is asked by changes with the same `run` is submitted together.
    """

    by: int  # the change's place among them
    wish: Wish
    name: str
    ttl: int
    place: Place | Elsewhere
    run: Hashable


Judge = Callable[[Asked, PtrStep], PtrStep | None]  # returns the step as the rules leave it; None: nothing


def steps_in_order(
    asked: Sequence[Asked], standing: Mapping[Place, Standing], judge: Judge
) -> Iterator[tuple[Asked, PtrStep]]:
    """Yield what is done for PTRs, in the order in which it is to be submitted.

    What is asked is carried out in its order, but for a new PTR where another name has its own: that waits
    until a later change of the same run takes this away. So names can swap addresses, or pass them on in any
    order. Where none does, it comes last of its run, and the server refuses it.
    """
    return _Order(dict(standing), judge).steps(asked)


class _Order:
    def __init__(self, standing: dict[Place, Standing], judge: Judge) -> None:
        self._standing = standing
        self._judge = judge
        # What waits for a place, by the name that asks for it: first come, first served.
        self._waiting: dict[Hashable, dict[Place | Elsewhere, OrderedDict[str, list[Asked]]]] = {}

    def steps(self, asked: Sequence[Asked]) -> Iterator[tuple[Asked, PtrStep]]:
        left = Counter(each.run for each in asked)
        for each in asked:
            in_run = self._waiting.setdefault(each.run, {})
            waiting = in_run.setdefault(each.place, OrderedDict())
            if each.wish.keep and self._is_taken(each):
                waiting.setdefault(each.name, []).append(each)
            else:
                yield from self._go_on(each, waiting)
            left[each.run] -= 1
            if not left[each.run]:
                for own in in_run.values():
                    yield from self._carry_out(chain(*own.values()))

    def _go_on(self, asked: Asked, waiting: OrderedDict[str, list[Asked]]) -> Iterator[tuple[Asked, PtrStep]]:
        if not asked.wish.keep:  # what the same name has asked for before comes before
            yield from self._carry_out(waiting.pop(asked.name, ()))
        yield from self._carry_out([asked])
        while waiting and asked.place not in self._standing:
            yield from self._carry_out(waiting.popitem(last=False)[1])

    def _is_taken(self, asked: Asked) -> bool:
        last = None if isinstance(asked.place, Elsewhere) else self._standing.get(asked.place)
        return last is not None and last.target != f"{asked.name}."

    def _carry_out(self, asked: Iterable[Asked]) -> Iterator[tuple[Asked, PtrStep]]:
        for each in asked:
            step = step_for(each.wish, each.name, each.ttl, each.place, self._standing)
            step = step and self._judge(each, step)
            if step is None:
                continue
            if change := step.change:
                after = standing_after(change, self._standing.pop(change.place, None))
                self._standing |= {} if after is None else {change.place: after}
            yield each, step
