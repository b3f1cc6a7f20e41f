"""The action `orchestrator.dns.dynamic_update`: a changes file in, dynamic updates out, a results file."""

from pathlib import Path
from typing import Any

import dns.name
from ansible.plugins.action import ActionBase
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import read_items
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import summary
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import write_results
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.dry_run import forecast_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key

DOCUMENTATION = """
name: dynamic_update
short_description: Apply a batch of DNS changes by RFC 2136 dynamic update
description:
  - Reads the changes file itself, so that nothing in it is ever taken for a template.
  - Writes what became of each change to the results file. A change that is refused fails alone.
  - In check mode the server is only asked, and the results say what would become of each change.
  - The task fails when no change of the batch could be carried out for a reason that concerns the whole run.
  - An option that the task does not name is taken from a variable - C(dns_server), C(dns_port),
    C(dns_zone), C(dns_tsig_key_file), C(dns_changes_file), C(dns_results_file),
    C(dns_connect_timeout), C(dns_timeout), C(dns_max_message_changes).
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

_VARIABLES = {
    "server": "dns_server",
    "port": "dns_port",
    "zone": "dns_zone",
    "key_file": "dns_tsig_key_file",
    "changes_file": "dns_changes_file",
    "results_file": "dns_results_file",
    "connect_timeout": "dns_connect_timeout",
    "timeout": "dns_timeout",
    "max_changes": "dns_max_message_changes",
}


class ActionModule(ActionBase):  # type: ignore[misc]  # Ansible has no types
    """Runs on the controller, in Ansible's own process: nothing is copied to the host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _VALID_ARGS = frozenset(_VARIABLES)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Apply the batch and return its summary."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result | self._apply(
            Options(_VARIABLES, self._task.args, task_vars or {}, self._templar.template)
        )

    def _apply(self, options: Options) -> dict[str, Any]:
        try:
            target = _target(options)
            zone = dns.name.from_text(options["zone"])
            results_file = Path(options["results_file"])
            items = read_items(Path(options["changes_file"]))
            key_file = options.get("key_file")
            key = read_key(Path(key_file).expanduser()) if key_file else None
        except (OSError, ValueError, KeyFileError) as error:
            return {"failed": True, "msg": str(error)}
        work = forecast_batch if self._task.check_mode else apply_batch
        ledger, problem = work(items, zone, target, key)
        write_results(results_file, ledger.results)
        said = summary(ledger, problem, str(target), len(items))
        return {**said, "msg": f"nothing is sent: {said['msg']}"} if self._task.check_mode else said


def _target(options: Options) -> Target:
    return Target(
        options["server"],
        int(options.get("port") or 53),
        float(options.get("connect_timeout") or 5),
        float(options.get("timeout") or 30),
        int(options.get("max_changes") or 0) or None,
    )
