"""The action `orchestrator.dns.dynamic_update`: a changes file in, dynamic updates out, a results file."""

from pathlib import Path
from typing import Any

import dns.name
from ansible.plugins.action import ActionBase
from ansible_collections.orchestrator.dns.plugins.plugin_utils.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import read_items
from ansible_collections.orchestrator.dns.plugins.plugin_utils.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.forecast import forecast_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.key_file import KeyFileError, read_key
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import write_results
from ansible_collections.orchestrator.dns.plugins.plugin_utils.summary import summary

DOCUMENTATION = """
name: dynamic_update
short_description: Apply a batch of DNS changes by RFC 2136 dynamic update
description:
  - Reads the changes file itself, so that nothing in it is ever taken for a template.
  - Writes what became of each change to the results file. A change that is refused fails alone.
  - In check mode the server is only asked, and the results say what would become of each change.
  - The task fails when no change of the batch could be carried out for a reason that concerns the whole run.
options:
  server: {description: Address or host name of the primary server., type: str, required: true}
  port: {description: Its port., type: int, default: 53}
  zone: {description: The zone that the changes are in., type: str, required: true}
  key_file: {description: File with the TSIG key in BIND's syntax; without one nothing is signed., type: path}
  changes_file: {description: The changes to apply., type: path, required: true}
  results_file: {description: Where to write what became of them., type: path, required: true}
  connect_timeout: {description: Seconds to wait for a connection., type: float, default: 5}
  timeout: {description: Seconds to wait for an answer., type: float, default: 30}
  max_changes: {description: "Changes in one message; as many as fit, if 0.", type: int, default: 0}
requirements: [dnspython]
"""


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs on the controller, in Ansible's own process: nothing is copied to the host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset(
        {
            *("server", "port", "zone", "key_file", "changes_file", "results_file"),
            *("connect_timeout", "timeout", "max_changes"),
        }
    )

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Apply the batch and return its summary."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result | self._apply(dict(self._task.args))

    def _apply(self, args: dict[str, Any]) -> dict[str, Any]:
        target = Target(
            str(args["server"]),
            int(args.get("port") or 53),
            float(args.get("connect_timeout") or 5),
            float(args.get("timeout") or 30),
            int(args.get("max_changes") or 0) or None,
        )
        try:
            items = read_items(Path(args["changes_file"]))
            key = read_key(Path(args["key_file"]).expanduser()) if args.get("key_file") else None
        except (OSError, ValueError, KeyFileError) as error:
            return {"failed": True, "msg": str(error)}
        zone = dns.name.from_text(str(args["zone"]))
        work = forecast_batch if self._task.check_mode else apply_batch
        ledger, problem = work(items, zone, target, key)
        write_results(Path(args["results_file"]), ledger.results)
        said = summary(ledger, problem, str(target), len(items))
        return {**said, "msg": f"nothing is sent: {said['msg']}"} if self._task.check_mode else said
