"""The action `orchestrator.dns.powerdns_update`: applies a changes file over PowerDNS's HTTP API."""

from functools import partial
from pathlib import Path

from ansible_collections.orchestrator.dns.plugins.plugin_utils.batch_action import BatchAction, Server
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.api import Api
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.key_file import read_api_key

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


class ActionModule(BatchAction):
    """Calls the API of the server that has the zone."""

    variables = _VARIABLES
    unit = "call"
    _VALID_ARGS = frozenset(_VARIABLES)

    def server(self, options: Options) -> Server:
        """Return the server that the options name. Raises OSError, ValueError, KeyFileError."""
        ca_file = options.get("ca_file")
        api = Api(
            options["url"],
            read_api_key(Path(options["key_file"]).expanduser()),
            float(options.get("timeout") or 30),
            Path(ca_file).expanduser() if ca_file else None,
            int(options.get("max_changes") or 0) or None,
        )
        return Server(str(api), partial(apply_batch, api=api))
