"""A runner that applies changes as the collection does, without Ansible."""

from collections.abc import Callable
from threading import Event
from uuid import UUID

from app.domain.change import ChangeResult, Outcome
from app.runner.protocol import Run, RunEvent, RunResult
from tests.support.zones import ZoneUnderTest


class Died(Exception):
    """Stands for a kill: nothing that follows is done."""


class ZoneRunner:
    """Applies changes as the collection does, without Ansible; may die once, before it tells the results."""

    def __init__(self, zone: ZoneUnderTest, *, dies: bool = False) -> None:
        self._zone = zone
        self._dies = dies
        self.runs = 0

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        self.runs += 1
        self._zone.apply(*(change.as_json() for change in run.changes))
        if self._dies and self.runs == 1:
            raise Died
        results = {
            UUID(key): ChangeResult(Outcome(said.outcome), said.code, said.message)
            for key, said in self._zone.outcomes.results.items()
        }
        return RunResult(rc=0, results=results)
