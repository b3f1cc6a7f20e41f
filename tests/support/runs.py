"""Runs playbooks with real Ansible."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import NamedTuple
from uuid import UUID

from app.core.config import ROOT
from app.domain.change import Change
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.runner.protocol import Run, RunEvent, RunResult

PROVISION = ROOT / "playbooks" / "provision.yml"

fork_pool: ForkPool | None = None  # starts the runs, if there is one; the fixture `warm` sets it

WRITE_FILE = """
from pathlib import Path
from ansible.plugins.action import ActionBase
class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        Path(self._task.args["path"]).write_text(self._task.args["text"])
        return {}
"""


def make_site(folder: Path) -> Path:
    """Make a folder for playbooks, which all share a fork server; `write_file` is a faster `copy`."""
    (folder / "action_plugins").mkdir()
    (folder / "action_plugins" / "write_file.py").write_text(WRITE_FILE)
    return folder


class FinishedRun(NamedTuple):
    """The result of a run, its log, and the changes that it was given."""

    result: RunResult
    events: list[str]
    changes: Sequence[Change]

    @property
    def outcomes(self) -> list[tuple[str, str | None]]:
        """The outcome and code of each change, in order; ("unknown", None) where there is none."""
        found = (self.result.results.get(change.request_id) for change in self.changes)
        return [(each.outcome.value, each.code) if each else ("unknown", None) for each in found]

    @property
    def everything(self) -> str:
        """All text that the run produced."""
        return "\n".join([self.result.output, *self.events, *map(str, self.result.results.values())])


def execute(
    inventory: Path,
    *changes: Change,
    playbook: Path = PROVISION,
    backend: str = "bind",
    zone: str = "example.test",
    timeout: float = 60,
    cancel: Event | None = None,
    environment: Sequence[str] = (),
    check: bool = False,
) -> FinishedRun:
    """Run a playbook over changes in this thread."""
    events: list[str] = []
    run = Run(UUID(int=7), changes[0].zone if changes else zone, backend, changes, timeout, check)

    def note(event: RunEvent) -> None:
        events.append(event.message)

    result = AnsibleRunner(playbook, inventory, environment, fork_pool).run(run, note, cancel or Event())
    return FinishedRun(result, events, changes)
