"""What the actions have in common: read the changes file, apply the batch, write the results file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import dns.name
from ansible.plugins.action import ActionBase

from .change import read_items
from .errors import KeyFileError
from .options import Options
from .outcomes import Outcomes, task_result
from .result import write_results


class ApplyBatch(Protocol):
    """A function that applies the items of a changes file to a zone."""

    def __call__(self, items: list[Mapping[str, Any]], zone: dns.name.Name, *, dry_run: bool) -> Outcomes:
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
        """Return the server that the options name. Raises OSError, ValueError, KeyFileError."""
        raise NotImplementedError

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Apply the batch, and return the task's result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = Options(self.variables, self._task.args, task_vars or {}, self._templar.template)
        try:
            server = self.server(options)
            zone = dns.name.from_text(options["zone"])
            results_file = Path(options["results_file"])
            items = read_items(Path(options["changes_file"]))
        except (OSError, ValueError, KeyFileError) as error:
            return result | {"failed": True, "msg": str(error)}
        dry_run = bool(self._task.check_mode)
        outcomes = server.apply_batch(items, zone, dry_run=dry_run)
        write_results(results_file, outcomes.results)
        result |= task_result(outcomes, server.name, len(items), self.unit)
        if dry_run:
            result["msg"] = f"dry run, nothing is sent: {result['msg']}"
        return result
