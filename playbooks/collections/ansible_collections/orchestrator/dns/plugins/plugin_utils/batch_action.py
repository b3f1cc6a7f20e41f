"""What the actions have in common: read the changes file, apply the batch, write the results file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import dns.name
from ansible.plugins.action import ActionBase

from .change import read_items
from .errors import BackendUnusable, BatchFault
from .options import Options
from .outcomes import Outcomes, task_result
from .result import WriteResults, results_file

Items = list[Mapping[str, Any]]  # of the changes file


class ApplyBatch(Protocol):
    """A function that applies the items of a changes file to a zone."""

    def __call__(self, items: Items, zone: dns.name.Name, *, dry_run: bool) -> Outcomes:
        """Return what became of the changes, or in a dry run what would become of them."""


class Server(NamedTuple):
    """The server of a batch: its name in messages, and how a batch is applied to it."""

    name: str
    apply_batch: ApplyBatch


class BatchAction(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """An action that applies a changes file to one zone.

    It runs on the controller, in Ansible's own process: nothing is copied to the host. A subclass names the
    variable of each of its options, and the server.
    """

    TRANSFERS_FILES = False
    _requires_connection = False
    variables: ClassVar[Mapping[str, str]]
    unit: ClassVar[str]  # what the server gets the changes in

    def server(self, options: Options) -> Server:
        """Return the server that the options name. Raises OSError, ValueError, BatchFault."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Apply the batch, and return the task's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = Options(self.variables, self._task.args, task_vars or {}, self._templar.template)
        try:
            zone = dns.name.from_text(options["zone"])
            items = read_items(Path(options["changes_file"]))
            with results_file(Path(options["results_file"]), len(items)) as write_results:
                result |= self._apply(items, zone, options, write_results)
        except (OSError, ValueError) as error:  # not even results can be written; nothing was sent
            return result | {"failed": True, "msg": str(error)}
        return result

    def _apply(
        self, items: Items, zone: dns.name.Name, options: Options, write_results: WriteResults
    ) -> dict[str, Any]:
        """Apply the items and write their results; return the task's."""
        dry_run = bool(self._task.check_mode)
        try:
            name, apply_batch = self._server(options)
        except BatchFault as fault:
            name, outcomes = "no server", Outcomes.of_fault(items, zone, fault)
        else:
            outcomes = apply_batch(items, zone, dry_run=dry_run)
        write_results(outcomes.results, outcomes.server)
        result = task_result(outcomes, name, len(items), self.unit)
        return result | {"msg": f"dry run, nothing is sent: {result['msg']}"} if dry_run else result

    def _server(self, options: Options) -> Server:
        try:
            return self.server(options)
        except (OSError, ValueError) as error:
            raise BackendUnusable(str(error)) from error
