"""What the authoritative servers must answer once a batch has been applied."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from app.domain.change import Action, Change, RRsetKey

_MAX_NAMED = 3  # values that a sentence names before it counts the rest


class Answer(NamedTuple):
    """What one server answers for one RRset, in canonical form; without `rdata` there is no RRset.

    `error` says why the server's response decides nothing; the other fields mean nothing then.
    """

    ttl: int | None
    rdata: frozenset[str]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What one RRset must be: exactly `exact`; or, where that is None, with `present` and without `absent`.

    `ttl` (seconds) is compared too, unless it is None or the RRset is gone.
    """

    exact: frozenset[str] | None = None
    present: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    ttl: int | None = None

    def after(self, change: Change) -> "Expectation":
        """Return the expectation after `change` is applied on top of this one."""
        values = frozenset(change.rdata)
        if change.action is Action.DELETE:
            return self._without(values) if values else NO_RRSET
        if change.action is Action.CREATE and change.type != "CNAME":
            return self._with(values, change.ttl)
        return Expectation(exact=values, ttl=change.ttl)  # a CNAME has one value: a new one takes its place

    def unmet(self, answer: Answer) -> str | None:
        """Return what is wrong with the answer, in words; None when it is as expected."""
        if answer.error is not None:
            return answer.error
        return self._unmet_rdata(answer.rdata) or self._unmet_ttl(answer)

    def _with(self, values: frozenset[str], ttl: int) -> "Expectation":
        if self.exact is not None:
            return Expectation(exact=self.exact | values, ttl=ttl)
        return Expectation(present=self.present | values, absent=self.absent - values, ttl=ttl)

    def _without(self, values: frozenset[str]) -> "Expectation":
        if self.exact is not None:
            return Expectation(exact=self.exact - values, ttl=self.ttl)
        return Expectation(present=self.present - values, absent=self.absent | values, ttl=self.ttl)

    def _unmet_rdata(self, there: frozenset[str]) -> str | None:
        wanted = self.present if self.exact is None else self.exact
        missing = wanted - there
        surplus = there & self.absent if self.exact is None else there - self.exact
        if missing:
            instead = there - wanted
            verb = "is" if len(missing) == 1 else "are"
            return f"{_names(missing)} {verb} missing" + (f", there is {_names(instead)}" if instead else "")
        return f"there is still {_names(surplus)}" if surplus else None

    def _unmet_ttl(self, answer: Answer) -> str | None:
        if self.ttl is None or answer.ttl == self.ttl or not answer.rdata:
            return None
        return f"the TTL is {answer.ttl}, not {self.ttl}"


NO_RRSET = Expectation(exact=frozenset())


def expectations(changes: Iterable[Change]) -> dict[RRsetKey, Expectation]:
    """Return what every RRset must be after all of `changes`, applied in the order given."""
    result: dict[RRsetKey, Expectation] = {}
    for change in changes:
        result[change.key] = result.get(change.key, Expectation()).after(change)
    return result


def _names(values: frozenset[str]) -> str:
    named = sorted(values)[:_MAX_NAMED]
    more = len(values) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
