"""The changes of a trial: harmless ones below one label, and which outcomes the contract allows for each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import uuid4

from app.domain.change import Action, Change, Outcome, RRsetKey, RRsetState
from app.domain.expectation import Expectation
from app.domain.zone_key import dns_name

TTL = 300  # seconds

_DONE = frozenset({Outcome.APPLIED, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a trial, what it does in words, and the outcomes that the contract allows for it."""

    title: str
    change: Change
    allowed: frozenset[Outcome] = _DONE

    @property
    def is_bad(self) -> bool:
        """Whether the change can't be made, and so must fail."""
        return self.allowed == {Outcome.FAILED}

    def __str__(self) -> str:
        return f"{self.title} ({self.change.key})"


class Trial:
    """The changes of a trial below `label` in the zone.

    `marker` is the path of a file that the templates in texts would create if they were executed.
    """

    def __init__(self, zone: str, label: str, marker: str) -> None:
        self._zone = zone
        self._label = label
        self._template = f"{{{{ lookup('pipe', 'touch {marker}') }}}}{{{{ 6 * 7 }}}}"

    @property
    def batch(self) -> list[Step]:
        """Changes of every action, among them a bad one and one of text that looks like a template."""
        return [
            self._step("create", "create", "one", "192.0.2.1"),
            self._step("create of what is there", "create", "one", "192.0.2.1"),
            self._step("create of a second value", "create", "one", "192.0.2.2"),
            self._step("create", "create", "two", "192.0.2.1"),
            self._step("update", "update", "two", "192.0.2.3"),
            self.bad,
            self._step("upsert", "upsert", "three", "192.0.2.4"),
            self._step("create of two values", "create", "four", "192.0.2.1", "192.0.2.2"),
            self._step("delete of one value", "delete", "four", "192.0.2.1"),
            self._step("create", "create", "five", "192.0.2.1"),
            self._step("delete of an RRset", "delete", "five"),
            self._step("delete of what is not there", "delete", "six"),
            self.text,
        ]

    @property
    def bad(self) -> Step:
        """The bad change: an update of an RRset that does not exist."""
        change = self._change("update", "missing", "A", "192.0.2.1")
        return Step("update of what is not there", change, frozenset({Outcome.FAILED}))

    @property
    def text(self) -> Step:
        """A TXT, a comment and an extra_config with templates, and with keys like Ansible's own."""
        takeover: dict[str, object] = {
            "ansible_connection": "none",
            "ansible_python_interpreter": "/bin/false",
        }
        tags = {
            "__ansible_unsafe": "x",
            "__ansible_type": "x",
            "__ansible_vault": "x",
            "\N{PARTY POPPER}": 1e22,
        }
        change = self._change("create", "text", "TXT", f'"{self._template}"')
        return Step("create of text that looks like a template", self._with_extras(change, takeover | tags))

    @property
    def unexpected(self) -> list[Step]:
        """A change that expects what is not there, and so must fail."""
        change = replace(
            self._change("create", "seven", "A", "192.0.2.1"), expect=RRsetState(300, ("192.0.2.9",))
        )
        return [Step("create where something else is expected", change, frozenset({Outcome.FAILED}))]

    @property
    def group(self) -> list[Step]:
        """Changes that are all or none, of which one can't be made."""
        group = uuid4()
        good, bad = self._change("create", "eight", "A", "192.0.2.1"), self.bad.change
        return [
            Step(title, replace(change, group=group), frozenset({Outcome.FAILED}))
            for title, change in (("create in a group of which one fails", good), ("the one that fails", bad))
        ]

    @property
    def check_mode(self) -> Step:
        """A change for a run in check mode."""
        return self._step("create in check mode", "create", "dry", "192.0.2.1")

    @property
    def cleanup(self) -> list[Step]:
        """Deletes of everything that the other changes may have left behind."""
        names = ("one", "two", "three", "four", "five", "six", "seven", "eight", "missing", "dry")
        steps = [self._step("delete", "delete", name) for name in names]
        return [*steps, Step("delete", self._change("delete", "text", "TXT"))]

    def _step(self, title: str, action: str, owner: str, *rdata: str) -> Step:
        return Step(title, self._change(action, owner, "A", *rdata))

    def _change(self, action: str, owner: str, record_type: str, *rdata: str) -> Change:
        name = f"{owner}.{self._label}.{dns_name(self._zone)}"
        return Change(uuid4(), Action(action), self._zone, name, record_type, TTL, rdata)

    def _with_extras(self, change: Change, takeover: dict[str, object]) -> Change:
        extras = {self._template: self._template, "vars": takeover, **takeover}
        return replace(change, comment=self._template, extra_config=extras)


def expected_after(steps: Iterable[Step]) -> dict[RRsetKey, Expectation]:
    """Return what the servers must answer for each RRset after the steps, if none of them existed before."""
    state: dict[RRsetKey, Expectation] = {}
    for step in steps:
        before = state.get(step.change.key, Expectation(exact=frozenset()))
        state[step.change.key] = before if step.is_bad else before.after(step.change)
    return state
