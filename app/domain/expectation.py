"""What the authoritative servers must answer once a batch has been applied."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import NamedTuple

from app.domain import values
from app.domain.change import Action, Change, RRsetKey, RRsetState
from app.domain.errors import shortened

_MAX_NAMED = 3  # values that a sentence names before it counts the rest
_MAX_VALUE = 50  # characters of a value that a sentence repeats
_MAX_ERROR = 200  # characters of an error that a sentence repeats


class Answer(NamedTuple):
    """What one server answers for one RRset, in canonical form; without `rdata` there is no RRset.

    `error` says why the server's response decides nothing, `hidden` why no response can show the RRset: a
    delegation, a DNAME or a child zone covers it. The other fields mean nothing then.
    """

    ttl: int | None
    rdata: frozenset[str]
    error: str | None = None
    hidden: str | None = None
    other_ttls: frozenset[int] = frozenset()  # of its records, where they differ; `ttl` is the lowest


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one RRset must be: exactly `exact`; or, where that is None, with `present` and without `absent`.

    Values are compared by what they mean (`domain/values.py`); a pattern in `absent` stands for all values
    that fit it and are not in `present`. `ttl` (seconds) is compared too, unless it is None or the RRset is
    gone. `type` is that of the changes that it comes from.
    """

    exact: frozenset[str] | None = None
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    ttl: int | None = None
    type: str = field(default="", compare=False)

    @property
    def may_be_gone(self) -> bool:
        """Whether it is fulfilled without any RRset, and with one as well."""
        return self.exact is None and not self.present

    def after(self, change: Change) -> "Expectation":
        """Return the expectation after `change` is applied on top of this one."""
        rdata = frozenset(change.rdata)
        if change.action is Action.DELETE:
            return self._without(change.type, rdata) if rdata else NO_RRSET
        if change.action is Action.CREATE and change.type != "CNAME":
            return self._with(change.type, rdata, change.ttl)
        return Expectation(
            exact=rdata, ttl=change.ttl, type=change.type
        )  # a CNAME has one value: a new one takes its place

    def after_each(self, changes: Sequence[Change]) -> "Expectation":
        """Return the expectation after creates and deletions of values: of each value, the last counts."""
        last = {
            values.meaning(change.type, value): (value, change.action)
            for change in changes
            for value in change.rdata
        }
        added = frozenset(value for value, action in last.values() if action is Action.CREATE)
        removed = frozenset(value for value, action in last.values() if action is Action.DELETE)
        ttls = [change.ttl for change in changes if change.action is Action.CREATE]
        state = self._without(changes[0].type, removed) if removed else self
        return state._with(changes[0].type, added, ttls[-1]) if ttls else state

    def unmet(self, answer: Answer) -> str | None:
        """Return what is wrong with the answer, in a short sentence; None when nothing is.

        Nothing is wrong with an answer that is hidden: the server will never show more. It proves nothing.
        """
        if answer.error is not None:
            return shortened(answer.error, _MAX_ERROR)
        if answer.hidden is not None:
            return None
        return self._unmet_rdata(answer.rdata) or self._unmet_ttl(answer)

    def differs_in_ttl_alone(self, answer: Answer) -> bool:
        """Return whether the answer has the values that it should have, with another TTL."""
        return self._unmet_rdata(answer.rdata) is None

    def concerns(self, change: Change, answer: Answer) -> bool:
        """Return whether what is wrong with the answer is about this one of the changes that were expected.

        It is when a value of the change is missing, a value that it removed is still there, or the TTL that
        it set is not.
        """
        if answer.error is not None or answer.hidden is not None:
            return answer.error is not None
        rdata = frozenset(change.rdata)
        missing, _, surplus = self._differences(answer.rdata)
        match change.action:
            case Action.DELETE:
                return values.any_matching(change.type, surplus, rdata) if rdata else bool(surplus)
            case Action.UPDATE | Action.UPSERT:
                about_it = values.without(change.type, surplus, rdata)
            case Action.CREATE:
                about_it = frozenset()
        return bool(about_it or values.any_matching(change.type, missing, rdata) or self._unmet_ttl(answer))

    def _with(self, kind: str, added: frozenset[str], ttl: int) -> "Expectation":
        if self.exact is not None:
            return Expectation(exact=values.union(kind, self.exact, added), ttl=ttl, type=kind)
        patterns = frozenset(filter(values.is_pattern, self.absent))
        absent = values.without(kind, self.absent - patterns, added) | patterns
        present = values.union(kind, self.present, added)
        return Expectation(present=present, absent=absent, ttl=ttl, type=kind)

    def _without(self, kind: str, removed: frozenset[str]) -> "Expectation":
        if self.exact is not None:
            return Expectation(exact=values.without(kind, self.exact, removed), ttl=self.ttl, type=kind)
        present = values.without(kind, self.present, removed)
        absent = values.union(kind, self.absent, removed)
        return Expectation(present=present, absent=absent, ttl=self.ttl, type=kind)

    def _unmet_rdata(self, there: frozenset[str]) -> str | None:
        missing, instead, surplus = self._differences(there)
        if missing:
            verb = "is" if len(missing) == 1 else "are"
            return f"{_names(missing)} {verb} missing" + (f", there is {_names(instead)}" if instead else "")
        return f"there is still {_names(surplus)}" if surplus else None

    def _differences(self, there: frozenset[str]) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Return what is missing, what is there beside the wanted values, and what of that must not be."""
        wanted = self.present if self.exact is None else self.exact
        if there == wanted:
            return frozenset(), frozenset(), frozenset()
        return _differences(self.type, wanted, there, self.absent if self.exact is None else None)

    def _unmet_ttl(self, answer: Answer) -> str | None:
        if self.ttl is None or not answer.rdata:
            return None
        if answer.other_ttls:
            ttls = sorted({answer.ttl or 0, *answer.other_ttls})
            return f"the TTLs of its records differ, from {ttls[0]} to {ttls[-1]}, and are not all {self.ttl}"
        return None if answer.ttl == self.ttl else f"the TTL is {answer.ttl}, not {self.ttl}"


@lru_cache(maxsize=16)  # thousands of changes of one RRset ask for the same
def _differences(
    kind: str, wanted: frozenset[str], there: frozenset[str], unwanted: frozenset[str] | None
) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    instead = values.without(kind, there, wanted)
    surplus = instead if unwanted is None else values.matching(kind, instead, unwanted)
    return values.without(kind, wanted, there), instead, surplus


NO_RRSET = Expectation(exact=frozenset())


def after(change: Change, before: RRsetState) -> RRsetState:
    """Return what a change makes of an RRset."""
    there = Expectation(exact=frozenset(before.rdata), ttl=before.ttl).after(change)
    return RRsetState(there.ttl if there.exact else None, tuple(sorted(there.exact or ())))


def is_unexpected(change: Change, expect: RRsetState, there: RRsetState) -> bool:
    """Return whether a change that expects an RRset finds another one, and not what it makes of the one.

    That is what a run has left of which nobody knows how it ended.
    """
    return not (is_like(change.type, there, expect) or is_like(change.type, there, after(change, expect)))


def is_like(record_type: str, there: RRsetState, wanted: RRsetState) -> bool:
    """Return whether there is what is wanted; a TTL counts unless it is None, or there is no RRset."""
    same_ttl = not there.rdata or wanted.ttl is None or there.ttl == wanted.ttl
    return same_ttl and values.same(record_type, there.rdata, wanted.rdata)


def expectations(changes: Iterable[Change]) -> dict[RRsetKey, Expectation]:
    """Return what every RRset must be after all of `changes`, applied in the order given."""
    by_rrset: dict[RRsetKey, list[Change]] = {}
    for change in changes:
        by_rrset.setdefault(change.key, []).append(change)
    return {key: _after_all(own) for key, own in by_rrset.items()}


def _after_all(changes: Sequence[Change]) -> Expectation:
    """Return what `after` adds up to, in a time that grows with the number of the changes, not its square."""
    if len(changes) == 1 or any(values.is_pattern(value) for change in changes for value in change.rdata):
        return reduce(Expectation.after, changes, Expectation())
    start = next((place for place in reversed(range(len(changes))) if _sets_all(changes[place])), -1)
    state = Expectation() if start < 0 else Expectation().after(changes[start])
    return state.after_each(changes[start + 1 :])


def _sets_all(change: Change) -> bool:
    """Whether nothing of what was there before can be there after it."""
    if change.action is Action.DELETE:
        return not change.rdata
    return change.action is not Action.CREATE or change.type == "CNAME"


def _names(rdata: frozenset[str]) -> str:
    named = [shortened(value, _MAX_VALUE) for value in sorted(rdata)[:_MAX_NAMED]]
    more = len(rdata) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
