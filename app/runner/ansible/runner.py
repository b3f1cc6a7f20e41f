"""A run as one `ansible-playbook`, started in the fork server where there is one."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event

from app.runner.ansible.events import EventReader
from app.runner.ansible.inventory import InventoryError, host_variables
from app.runner.ansible.redaction import Redactor, redactor
from app.runner.ansible.results import read_results
from app.runner.ansible.workdir import Workdir, workdir
from app.runner.process.client import NotStarted, Unavailable
from app.runner.process.environment import run_environment
from app.runner.process.fingerprint import Configuration
from app.runner.process.fork_pool import ForkServers
from app.runner.process.supervisor import Exit, Job, Starter, supervise
from app.runner.protocol import Run, RunEvent, RunResult

_HOST = re.compile(r"[\w.-]+")  # and so no pattern for --limit

_ERRORS = ("[ERROR]", "ERROR!", "fatal:")


class CannotStart(Exception):
    """The run can't be started; the text says why."""


class AnsibleRunner:
    """Runs a playbook on an inventory; `environment` names variables to pass on to it.

    Without fork servers, each run starts an Ansible of its own.
    """

    def __init__(
        self,
        playbook: Path,
        inventory: Path,
        environment: Sequence[str] = (),
        servers: ForkServers | None = None,
    ) -> None:
        self._playbook = playbook.absolute()
        self._inventory = inventory.absolute()
        self._environment = tuple(environment)
        self._servers = servers

    def warm_up(self) -> None:
        """Have a fork server ready for the first run; where none can be had, the log says so."""
        if self._servers is not None:
            cwd = self._playbook.parent
            environment = run_environment(cwd, cwd, self._environment)
            with suppress(Unavailable, NotStarted, OSError):
                self._servers.warm_up(Configuration(environment, cwd))

    def run(self, run: Run, on_event: Callable[[RunEvent], None], cancel: Event) -> RunResult:
        """Execute `run` to its end; report lines as they come; stop early when `cancel` is set.

        A run that can't be started is one that failed: `rc` is not 0 and `output` says why.
        """
        try:
            hide = self._check(run)
            with workdir(run.changes) as files:
                return self._execute(run, files, EventReader(on_event, hide), hide, cancel)
        except (CannotStart, InventoryError, OSError) as error:
            on_event(RunEvent(f"the run could not start: {error}"))
            return RunResult(rc=1, results={}, output=str(error))

    def _check(self, run: Run) -> Redactor:
        """Look for what Ansible would stumble over or take for a pattern; return what hides secrets."""
        if not self._playbook.is_file():
            raise CannotStart(f"the playbook {self._playbook} does not exist")
        if not _HOST.fullmatch(run.backend):
            raise CannotStart(f'"{run.backend}" is no name of a host')
        if "{" in run.zone:
            raise CannotStart(f'"{run.zone}" is no name of a zone')
        return redactor(host_variables(self._inventory, run.backend), self._environment)

    def _execute(
        self, run: Run, files: Workdir, events: EventReader, hide: Redactor, cancel: Event
    ) -> RunResult:
        job = self._job(run, files)
        ended = supervise(job, events.feed, cancel, self._warm(job))
        if ended.why:
            events.say(_ending(ended, run.timeout))
        output = hide.clean(ended.output)
        if ended.rc and not events.failed:
            events.say(_first_error(output) or f"ansible-playbook ended with {ended.rc}")
        read = read_results(files.results, (change.request_id for change in run.changes), hide)
        if read.problems:
            events.say(read.summary)
        return RunResult(ended.rc, read.results, ended.why, events.stats, output, read.problems)

    def _warm(self, job: Job) -> Starter | None:
        if self._servers is None:
            return None
        return partial(self._servers.start, Configuration(job.environment, job.cwd))

    def _job(self, run: Run, files: Workdir) -> Job:
        cwd = self._playbook.parent  # where Ansible finds the playbook's ansible.cfg
        return Job(
            command=self._command(run, files),
            environment=run_environment(cwd, files.scratch, self._environment),
            cwd=cwd,
            folder=files.folder,
            timeout=run.timeout,
        )

    def _command(self, run: Run, files: Workdir) -> list[str]:
        variables = {
            "dns_run_id": str(run.id),
            "dns_zone": run.zone,
            "dns_changes_file": str(files.changes),
            "dns_results_file": str(files.results),
        }
        ansible = [sys.executable, "-m", "ansible", "playbook"]
        where = ["--inventory", str(self._inventory), "--limit", run.backend]
        mode = ["--check"] if run.check else []
        return [*ansible, *where, *mode, "--extra-vars", json.dumps(variables), str(self._playbook)]


def _first_error(output: str) -> str | None:
    """What Ansible says of a playbook that it could not run at all."""
    return next((line.strip() for line in output.splitlines() if line.startswith(_ERRORS)), None)


def _ending(ended: Exit, timeout: float) -> str:
    reasons = {
        "timeout": f"stopped: it took longer than {timeout:g} s",
        "cancelled": "stopped: it was cancelled",
        "lost": "somebody else ended the run's processes",
    }
    return reasons[ended.why or "lost"]
