"""The action `orchestrator.dns.powerdns_update`: a changes file in, calls of an API out, a results file."""

from pathlib import Path
from typing import Any

import dns.name
from ansible.plugins.action import ActionBase
from ansible_collections.orchestrator.dns.plugins.plugin_utils.change import read_items
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import KeyFileError
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import summary
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.api import Api
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.key_file import read_api_key
from ansible_collections.orchestrator.dns.plugins.plugin_utils.result import write_results

DOCUMENTATION = """
name: powerdns_update
short_description: Apply a batch of DNS changes over PowerDNS's HTTP API
description:
  - Reads the changes file itself, so that nothing in it is ever taken for a template.
  - Writes what became of each change to the results file. A change that is refused fails alone.
  - In check mode the server is only asked, and the results say what would become of each change.
  - The task fails when no change of the batch could be carried out for a reason that concerns the whole run.
  - An option that the task does not name is taken from a variable - C(dns_api_url),
    C(dns_api_key_file), C(dns_api_ca_file), C(dns_zone), C(dns_changes_file), C(dns_results_file),
    C(dns_timeout), C(dns_max_message_changes).
options:
  url: {description: "Where the API is, without /api/v1.", type: str, required: true}
  key_file: {description: File that holds the API key and nothing else., type: path, required: true}
  ca_file: {description: "Certificates to trust, instead of the system's.", type: path}
  zone: {description: The zone that the changes are in., type: str, required: true}
  changes_file: {description: The changes to apply., type: path, required: true}
  results_file: {description: Where to write what became of them., type: path, required: true}
  timeout: {description: Seconds to wait for an answer., type: float, default: 30}
  max_changes: {description: "Changes in one call; as many as fit, if 0.", type: int, default: 0}
requirements: [dnspython]
"""

_VARIABLES = {
    "url": "dns_api_url",
    "key_file": "dns_api_key_file",
    "ca_file": "dns_api_ca_file",
    "zone": "dns_zone",
    "changes_file": "dns_changes_file",
    "results_file": "dns_results_file",
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
            api = _api(options)
            zone = dns.name.from_text(options["zone"])
            results_file = Path(options["results_file"])
            items = read_items(Path(options["changes_file"]))
        except (OSError, ValueError, KeyFileError) as error:
            return {"failed": True, "msg": str(error)}
        check = self._task.check_mode
        ledger, problem = apply_batch(items, zone, api, forecast=check)
        write_results(results_file, ledger.results)
        said = summary(ledger, problem, str(api), len(items), "call")
        return {**said, "msg": f"nothing is sent: {said['msg']}"} if check else said


def _api(options: Options) -> Api:
    key = read_api_key(Path(options["key_file"]).expanduser())
    ca_file = options.get("ca_file")
    return Api(
        options["url"],
        key,
        float(options.get("timeout") or 30),
        Path(ca_file).expanduser() if ca_file else None,
        int(options.get("max_changes") or 0) or None,
    )
