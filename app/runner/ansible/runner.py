"""Executes a run as one `ansible-playbook`, which `process/supervisor.py` starts and follows."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

from app.core.config import settings
from app.domain.change import ChangeResult, Outcome
from app.domain.errors import InventoryError
from app.domain.zone_key import dns_name, view_of
from app.runner.ansible.events import EventReader
from app.runner.ansible.honours import CONDITIONS, honoured, not_to_be_sent
from app.runner.ansible.inventory import host_variables
from app.runner.ansible.redaction import Redactor, backend_redactor
from app.runner.ansible.results import read_results
from app.runner.ansible.workdir import Workdir, temporary_workdir
from app.runner.fork_server.protocol import Command
from app.runner.process.client import NoForkServer, StartAborted
from app.runner.process.environment import run_environment
from app.runner.process.fork_pool import ForkPool
from app.runner.process.own_folders import remove_abandoned, remove_abandoned_now_and_then
from app.runner.process.supervisor import Exit, supervise
from app.runner.protocol import Run, RunEvent, RunResult

_HOST_NAME = re.compile(r"[\w.-]+")  # excludes the patterns that --limit takes
_ERRORS = ("[ERROR]", "ERROR!", "fatal:")
_GRACE = 3.0  # seconds between asking a run to end and killing it
# Shares of the lease. A worker that stands still has extended its lease within the last third: two thirds are
# left. One that can't extend it stops the run when a fifth is left (services/drain/lease.py).
_SILENCE_SHARE, _GRACE_SHARE = 0.4, 0.1


class CannotStart(Exception):
    """The run can't be started; the text says why."""


class AnsibleRunner:
    """Runs a playbook on an inventory; `environment` names the worker's variables to pass on to it.

    Changes with a condition that the playbook is not known to honour are not sent, except on `trial`.
    Without a fork pool, each run starts Ansible in a process of its own.
    """

    def __init__(
        self,
        playbook: Path,
        inventory: Path,
        environment: Sequence[str] = (),
        fork_pool: ForkPool | None = None,
        *,
        trial: bool = False,
    ) -> None:
        self._playbook = playbook.absolute()
        self._inventory = inventory.absolute()
        self._environment = tuple(environment)
        self._fork_pool = fork_pool
        self._trial = trial

    def warm_up(self) -> None:
        """Start a fork server for the first run; where that fails, the log says why.

        What killed workers have left behind is removed.
        """
        remove_abandoned(settings().run_timeout)
        if self._fork_pool is not None:
            cwd = self._playbook.parent
            with suppress(NoForkServer, StartAborted, OSError):
                self._fork_pool.warm_up(run_environment(cwd, cwd, self._environment), cwd)

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Execute `run` to its end; report its log as it goes; stop early when `cancel` is set.

        A run that can't be started has failed: `rc` is not 0, and `fault` and `output` say why.
        """
        remove_abandoned_now_and_then(settings().run_timeout)
        try:
            variables = self._check(run)
            redactor = backend_redactor(variables, self._environment)
            honours = CONDITIONS if self._trial else honoured(variables, self._playbook)
            unsent = not_to_be_sent(run.changes, honours)
            if unsent:
                run = replace(run, changes=[each for each in run.changes if each.request_id not in unsent])
            if not run.changes:
                return RunResult(0, unsent)
            with temporary_workdir(run.changes) as workdir:
                events = EventReader(on_event, redactor, {change.request_id for change in run.changes})
                result = self._execute(run, workdir, events, redactor, cancel)
                return replace(result, results={**result.results, **unsent}) if unsent else result
        except (CannotStart, InventoryError, OSError) as error:
            on_event(RunEvent(f"the run could not start: {error}"))
            return _not_started(error)

    def _check(self, run: Run) -> Mapping[str, Any]:
        """Refuse what Ansible could not use, or would take for a pattern or a template.

        Returns the variables of the backend.
        """
        if not self._playbook.is_file():
            raise CannotStart(f"the playbook {self._playbook} does not exist")
        if not _HOST_NAME.fullmatch(run.backend):
            raise CannotStart(f'"{run.backend}" is not the name of a host')
        if "{" in run.zone:
            raise CannotStart(f'"{run.zone}" is not the name of a zone')
        return host_variables(self._inventory, run.backend)

    def _execute(
        self, run: Run, workdir: Workdir, events: EventReader, redactor: Redactor, cancel: Event
    ) -> RunResult:
        start_fork = self._fork_pool.start if self._fork_pool is not None else None
        ended = supervise(self._command(run, workdir), events.feed, cancel, start_fork)
        if ended.why:
            events.report(_ending(ended, run.timeout))
        output = redactor.clean(ended.output)
        if ended.rc and not events.failed:
            events.report(_first_error(output) or f"ansible-playbook failed with exit status {ended.rc}")
        parsed = read_results(workdir.results, run.changes, redactor)
        if parsed.problems:
            events.report(parsed.summary)
        result = RunResult(
            ended.rc,
            parsed.results,
            ended.why,
            stats=events.stats,
            output=output,
            problems=parsed.problems,
            update_rcodes=events.updates.rcodes,
            updates=events.updates.timed,
        )
        return result if parsed.results or ended.why else _without_results(result)

    def _command(self, run: Run, workdir: Workdir) -> Command:
        cwd = self._playbook.parent  # where Ansible finds the playbook's ansible.cfg
        return Command(
            argv=self._argv(run, workdir),
            environment=run_environment(cwd, workdir.scratch, self._environment),
            cwd=str(cwd),
            folder=str(workdir.folder),
            timeout=run.timeout,
            grace=min(_GRACE, _GRACE_SHARE * settings().lease),
            silence=_SILENCE_SHARE * settings().lease,
        )

    def _argv(self, run: Run, workdir: Workdir) -> list[str]:
        variables = {
            "dns_run_id": str(run.id),
            "dns_zone": dns_name(run.zone),
            "dns_view": view_of(run.zone) or "",
            "dns_changes_file": str(workdir.changes),
            "dns_results_file": str(workdir.results),
        }
        ansible = [sys.executable, "-m", "ansible", "playbook"]
        hosts = ["--inventory", str(self._inventory), "--limit", run.backend]
        mode = ["--check"] if run.check else []
        return [*ansible, *hosts, *mode, "--extra-vars", json.dumps(variables), str(self._playbook)]


def _not_started(error: Exception) -> RunResult:
    """Return the result of a run that could not start: nothing was sent, and that is known."""
    code = error.code if isinstance(error, InventoryError) else "run_not_started"
    fault = ChangeResult(Outcome.FAILED, code, "the run could not start")
    return RunResult(1, {}, fault=fault, detail=str(error), output=str(error))


def _without_results(result: RunResult) -> RunResult:
    """Return the result of a playbook that has ended without a result for anybody: that is nobody's fault."""
    message = f"the playbook ended without a result for any change (exit status {result.rc})"
    detail = _first_error(result.output) or "; ".join(result.problems) or message
    fault = ChangeResult(Outcome.FAILED, "playbook_failed", message)
    return replace(result, fault=fault, detail=detail)


def _first_error(output: str) -> str | None:
    """Return the line in which Ansible says why it could not run the playbook at all."""
    return next((line.strip() for line in output.splitlines() if line.startswith(_ERRORS)), None)


def _ending(ended: Exit, timeout: float) -> str:
    """Return why a run did not end by itself, as a line of its log."""
    messages = {
        "timeout": f"stopped: the run took longer than its timeout of {timeout:g} s",
        "cancelled": "stopped: the run was cancelled",
        "frozen": "stopped: this worker stood still for too long to keep the zone",
        "lost": "lost: something outside this worker has killed the run's processes",
    }
    return messages[ended.why or "lost"]
