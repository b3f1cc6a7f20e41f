"""Random changes, through us and beside us: the zone, and what we say of it, is as a model has it.

Each step goes the whole way: submit, drain, a run of real Ansible, BIND. Hypothesis chooses the steps, the
same ones each time. So many sequences, others each time, and the shortest one that fails:

    RANDOM_SEQUENCES=500 pytest --timeout 0 tests/integration/services/drain/test_random_changes.py
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.integration.services.drain.conftest import MakeZone
from tests.support.modelled_zone import Foreseen, ModelledZone, Unit, fate, state_of
from tests.support.random_changes import VALUES, asked
from tests.support.thoroughly import examples
from tests.support.zone_model import NOTHING, SUCCEEDED, Asked, Key, RRset, ZoneModel, after, meaning, rrset

SEQUENCES = int(os.environ.get("RANDOM_SEQUENCES", "0"))
STEPS = 12  # of a sequence

CUT = ("c", "x.c")  # c may be delegated or redirected, so that no answer shows what is at or below it
KEYS = [
    *(Key("@", kind) for kind in ("A", "TXT", "MX", "NS")),
    *(Key(owner, kind) for owner in "ab" for kind in ("A", "AAAA", "CNAME", "TXT", "MX", "SRV")),
    *(Key("*", kind) for kind in ("A", "CNAME", "TXT")),
    *(Key("c", kind) for kind in ("A", "CNAME", "TXT", "NS", "DNAME", "NS", "DNAME")),
    *(Key("x.c", kind) for kind in ("A", "CNAME", "TXT", "NS", "A", "CNAME")),
]


def spelled_alike(asked: Asked) -> Asked:
    """Return the change; where no answer shows how a text is written, all are written alike."""
    values = (meaning(value) if asked.key.type == "TXT" else value for value in asked.values)
    return asked._replace(values=tuple(values)) if asked.owner in CUT else asked


ASKED = st.sampled_from(KEYS).flatmap(asked).map(spelled_alike)
CONDITIONS = st.sampled_from([None, None, None, "as it is", "any TTL", "nothing", "another"])
CHANGES = st.lists(st.tuples(ASKED, CONDITIONS), min_size=1, max_size=4)
UNITS = st.lists(st.tuples(CHANGES, st.booleans()), min_size=1, max_size=3)
BESIDE = st.lists(ASKED, min_size=1, max_size=3)


class RandomChanges(RuleBasedStateMachine):
    """A zone that we and somebody else change, and what must be so after each step."""

    def __init__(self, zone: ModelledZone) -> None:
        super().__init__()
        self.zone = zone
        self.recorded = ZoneModel({})
        self.shown: dict[str, dict[str, Any]] = {}  # settled requests as the API shows them, by id

    @rule(units=UNITS, beside=st.just([]) | BESIDE)
    def ask(self, units: list[tuple[list[tuple[Asked, str | None]], bool]], beside: list[Asked]) -> None:
        """Ask for changes; before a worker has them, somebody may change the zone beside us."""
        keys = [asked.key for changes, _ in units for asked, _ in changes]
        chosen = [
            Unit([self._with_condition(*change, keys) for change in changes], atomic and len(changes) > 1)
            for changes, atomic in units
        ]
        ids = [self.zone.submit(unit) for unit in chosen]
        for each in beside:
            self.zone.change_beside(each)
        start = ZoneModel(self.zone.model.rrsets)
        pairs = zip(chosen, ids, strict=True)
        foreseen = [each for unit, own in pairs for each in self.zone.foresee(unit, own)]
        self._drain_and_check(start, foreseen)

    @rule(beside=BESIDE)
    def change_beside(self, beside: list[Asked]) -> None:
        """Somebody changes the zone beside us."""
        for each in beside:
            self.zone.change_beside(each)
        assert self.zone.transfer() == self.zone.model.rrsets

    @precondition(lambda self: self.shown)
    @rule(place=st.integers(1, 12))
    def undo(self, place: int) -> None:
        """Undo one of the last requests."""
        original = list(self.shown.values())[-min(place, len(self.shown))]
        answer = self.zone.undo(original["id"])
        refusal = self._undo_refusal(original)
        assert (answer.status_code, answer.json().get("code")) == (409 if refusal else 202, refusal)
        if refusal:
            return
        original["undone_by"] = answer.json()["id"]
        start = ZoneModel(self.zone.model.rrsets)
        unit = Unit([_inverse(self.zone.key_of(original["resource"]), original)])
        [foreseen] = self.zone.foresee(unit, [answer.json()["id"]])
        fates = frozenset("undo_conflict" if code == "state_changed" else code for code in foreseen.fates)
        self._drain_and_check(start, [foreseen._replace(fates=fates)])

    def _with_condition(self, asked: Asked, kind: str | None, keys: Sequence[Key]) -> Asked:
        """Return the change with what it expects: only if its RRset is changed once in the step."""
        there = self.zone.model.at(asked.key)
        conditions: Mapping[str | None, RRset] = {
            "as it is": there,
            "any TTL": there._replace(ttl=None),
            "nothing": NOTHING,
            "another": rrset(300, VALUES[asked.type][:1]),
        }
        return asked._replace(expect=conditions.get(kind)) if keys.count(asked.key) == 1 else asked

    def _undo_refusal(self, original: Mapping[str, Any]) -> str | None:
        """Return the code with which an undo is refused at once; None if it is accepted."""
        before, made = original["before"], original["after"]
        if original["status"] != SUCCEEDED:
            return "request_not_undoable"
        if original["undone_by"] and self.shown[original["undone_by"]]["status"] == SUCCEEDED:
            return "undone_already"
        if before is None or made is None or (before["target"] and before["ttl"] is None):
            return "state_unknown"
        if state_of(before) == state_of(made):
            return "unchanged"
        recorded = self.recorded.at(self.zone.key_of(original["resource"]))
        return "undo_conflict" if recorded != state_of(made) else None

    def _drain_and_check(self, start: ZoneModel, foreseen: Sequence[Foreseen]) -> None:
        """Have a worker do what is asked for, and compare everything."""
        self.zone.drain()
        found = self.zone.settled([each.id for each in foreseen])
        wrong = [(each, fate(found[each.id])) for each in foreseen if fate(found[each.id]) not in each.fates]
        assert wrong == []
        assert self.zone.transfer() == self.zone.model.rrsets
        succeeded = [each for each in foreseen if fate(found[each.id]) == SUCCEEDED]
        self._check_records(succeeded)
        self._check_states(start, succeeded, found)
        self.shown |= found

    def _check_records(self, succeeded: Sequence[Foreseen]) -> None:
        """The records have what the server shows of RRsets that were changed, or else what was asked for."""
        for each in succeeded:
            key, model = each.asked.key, self.zone.model
            known = after(each.asked, self.recorded.at(key))
            self.recorded.put(key, model.at(key) if model.shows(key) else known)
        assert self.zone.records() == self.recorded.rrsets

    def _check_states(
        self, start: ZoneModel, succeeded: Sequence[Foreseen], found: Mapping[str, Any]
    ) -> None:
        """Each request says what was there before and after it, where answers show it."""
        cut_moves = any(each.asked.key in (("c", "NS"), ("c", "DNAME"), ("x.c", "NS")) for each in succeeded)
        for each in succeeded:
            key, request = each.asked.key, found[each.id]
            if start.shows(key) and not (cut_moves and key.owner in CUT) and each.fates == {SUCCEEDED}:
                shown = [request["before"] and state_of(request["before"])]
                shown.append(request["after"] and state_of(request["after"]))
                assert (each, shown) == (each, [each.before, each.after])


def _inverse(key: Key, original: Mapping[str, Any]) -> Asked:
    before = state_of(original["before"])
    values = tuple(before.values)
    expect = state_of(original["after"])
    return Asked("upsert" if values else "delete", key.owner, key.type, values, before.ttl or 300, expect)


def test_zone_and_requests_are_as_the_model_has_them(make_zone: MakeZone) -> None:
    class InZoneOfItsOwn(RandomChanges):
        def __init__(self) -> None:
            super().__init__(make_zone())

    chosen = settings(
        max_examples=SEQUENCES or examples(3),
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not SEQUENCES,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if SEQUENCES else [Phase.generate],
    )
    run_state_machine_as_test(InZoneOfItsOwn, settings=chosen)
