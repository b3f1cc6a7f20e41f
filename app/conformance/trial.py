"""A trial of the playbook contract: harmless changes below a label, and what must become of each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from uuid import uuid4

from app.domain.change import Action, Change, Outcome, RRsetKey
from app.domain.expectation import Expectation

TTL = 300  # seconds

_DONE = frozenset({Outcome.APPLIED, Outcome.UNCHANGED})


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a trial, in words, and the outcomes that the contract allows for it."""

    title: str
    change: Change
    allowed: frozenset[Outcome] = _DONE

    @property
    def is_bad(self) -> bool:
        """Whether it asks for what can't be done."""
        return self.allowed == {Outcome.FAILED}

    def __str__(self) -> str:
        return f"{self.title} ({self.change.key})"


class Trial:
    """The batches of a trial in the zone; `marker` is a path that no template may create."""

    def __init__(self, zone: str, label: str, marker: str) -> None:
        self._zone = zone
        self._label = label
        self._template = f"{{{{ lookup('pipe', 'touch {marker}') }}}}{{{{ 6 * 7 }}}}"

    @property
    def batch(self) -> list[Step]:
        """Every action, in their midst a change that can't be done, and text that looks like a template."""
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
        """An update of an RRset that is not there."""
        change = self._change("update", "missing", "A", "192.0.2.1")
        return Step("update of what is not there", change, frozenset({Outcome.FAILED}))

    @property
    def text(self) -> Step:
        """A TXT, a comment and an extra_config with templates in them."""
        takeover = {"ansible_connection": "none", "ansible_python_interpreter": "/bin/false"}
        change = self._change("create", "text", "TXT", f'"{self._template}"')
        return Step("create of text that looks like a template", self._with_extras(change, takeover))

    @property
    def dry(self) -> Step:
        """A change for check mode."""
        return self._step("create in check mode", "create", "dry", "192.0.2.1")

    @property
    def cleanup(self) -> list[Step]:
        """Deletes of all that the batches may have left."""
        names = ("one", "two", "three", "four", "five", "six", "missing", "dry")
        steps = [self._step("delete", "delete", name) for name in names]
        return [*steps, Step("delete", self._change("delete", "text", "TXT"))]

    def _step(self, title: str, action: str, owner: str, *rdata: str) -> Step:
        return Step(title, self._change(action, owner, "A", *rdata))

    def _change(self, action: str, owner: str, record_type: str, *rdata: str) -> Change:
        name = f"{owner}.{self._label}.{self._zone}"
        return Change(uuid4(), Action(action), self._zone, name, record_type, TTL, rdata)

    def _with_extras(self, change: Change, takeover: dict[str, str]) -> Change:
        extras = {self._template: self._template, "vars": takeover, **takeover}
        return replace(change, comment=self._template, extra_config=extras)


def left_by(steps: Iterable[Step]) -> dict[RRsetKey, Expectation]:
    """What every RRset has to be after the steps, if nothing was there before."""
    state: dict[RRsetKey, Expectation] = {}
    for step in steps:
        before = state.get(step.change.key, Expectation(exact=frozenset()))
        state[step.change.key] = before if step.is_bad else before.after(step.change)
    return state
