"""The action `orchestrator.dns.powerdns_update`: applies a changes file over PowerDNS's HTTP API."""

from functools import partial

from ansible_collections.orchestrator.dns.plugins.plugin_utils.batch_action import BatchAction, Server
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.servers import Defaults, read_apis

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
    C(dns_timeout), C(dns_connect_timeout), C(dns_max_message_changes), C(dns_server), C(dns_port).
options:
  url:
    description:
      - Where the API is, without /api/v1, or a list of APIs in order of preference. Each is a URL, or a
        dictionary of C(url), C(key_file) and C(ca_file).
      - The next one gets the changes only where the one before does not show the zone.
    type: raw
    required: true
  key_file: {description: File that holds the API key and nothing else., type: path}
  ca_file: {description: "Certificates to trust, instead of the system's.", type: path}
  zone: {description: The zone that the changes are in., type: str, required: true}
  changes_file: {description: The changes to apply., type: path, required: true}
  results_file: {description: Where to write what became of them., type: path, required: true}
  timeout: {description: Seconds to wait for an answer., type: float, default: 30}
  connect_timeout: {description: "Seconds for the first answer, of several.", type: float, default: 5}
  dns_server: {description: "Where they answer over DNS, in the same order.", type: raw}
  dns_port: {description: Their port., type: int, default: 53}
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
    "connect_timeout": "dns_connect_timeout",
    "dns_server": "dns_server",
    "dns_port": "dns_port",
    "max_changes": "dns_max_message_changes",
}


class ActionModule(BatchAction):
    """Calls the API of the server that has the zone."""

    variables = _VARIABLES
    unit = "call"
    _VALID_ARGS = frozenset(_VARIABLES)

    def server(self, options: Options) -> Server:
        """Return the server that the options name. Raises OSError, ValueError, KeyFileError."""
        defaults = Defaults(
            options.get("key_file"),
            options.get("ca_file"),
            float(options.get("timeout") or 30),
            float(options.get("connect_timeout") or 5),
            int(options.get("max_changes") or 0) or None,
        )
        written, dns_port = options.require("url"), int(options.get("dns_port") or 53)
        apis = read_apis(written, options.get("dns_server"), dns_port, defaults)
        return Server(", ".join(map(str, apis)), partial(apply_batch, apis=apis))
