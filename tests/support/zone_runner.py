"""A runner that applies changes as the collection does, without Ansible."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from uuid import UUID

from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import results_file

from app.domain.change import Change, ChangeResult
from app.runner.ansible.redaction import Redactor
from app.runner.ansible.results import read_results
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
        return RunResult(rc=0, results=self._read_results(run.changes))

    def _read_results(self, changes: Sequence[Change]) -> Mapping[UUID, ChangeResult]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "results.json"
            with results_file(path, len(changes)) as write:
                write(self._zone.outcomes.results, self._zone.outcomes.server)
            return read_results(path, changes, Redactor()).results
