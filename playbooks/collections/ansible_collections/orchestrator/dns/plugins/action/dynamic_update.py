"""The action `orchestrator.dns.dynamic_update`: applies a changes file by RFC 2136 dynamic update."""

from functools import partial

from ansible_collections.orchestrator.dns.plugins.plugin_utils.batch_action import BatchAction, Server
from ansible_collections.orchestrator.dns.plugins.plugin_utils.options import Options
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.primaries import read_primaries

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
    C(dns_connect_timeout), C(dns_timeout), C(dns_max_message_changes), C(dns_gss_keytab),
    C(dns_gss_principal), C(dns_gss_server), C(dns_gss_ccache), C(dns_gss_questions).
options:
  server:
    description:
      - The primary server of the zone, or a list of them in order of preference. Each is C(address),
        C(address:port), C([IPv6 address]:port), or a dictionary of C(address), C(port), C(key_file) and
        C(gss_server).
      - The next one gets the changes only where the one before has been sent none, since it takes no
        connection or does not answer for the zone.
    type: raw
    required: true
  port: {description: The port of servers that name none., type: int, default: 53}
  zone: {description: The zone that the changes are in., type: str, required: true}
  key_file: {description: File with the TSIG key in BIND's syntax; without one nothing is signed., type: path}
  changes_file: {description: The changes to apply., type: path, required: true}
  results_file: {description: Where to write what became of them., type: path, required: true}
  connect_timeout: {description: "Seconds to connect, and for the first answer.", type: float, default: 5}
  timeout: {description: Seconds to wait for an answer., type: float, default: 30}
  max_changes: {description: "Changes in one message; as many as fit, if 0.", type: int, default: 0}
  gss_keytab: {description: Keytab of the principal that signs updates by Kerberos., type: path}
  gss_principal: {description: That principal; the first one of the keytab unless named., type: str}
  gss_server: {description: "Principal of the server; DNS/ and its host name unless named.", type: str}
  gss_ccache: {description: Cache of Kerberos tickets; without a keytab it is kept by others., type: str}
  gss_questions: {description: "Whether questions are signed, too.", type: bool, default: false}
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
    "gss_keytab": "dns_gss_keytab",
    "gss_principal": "dns_gss_principal",
    "gss_server": "dns_gss_server",
    "gss_ccache": "dns_gss_ccache",
    "gss_questions": "dns_gss_questions",
}


class ActionModule(BatchAction):
    """Sends update messages to the primary server of the zone."""

    variables = _VARIABLES
    unit = "message"
    _VALID_ARGS = frozenset(_VARIABLES)

    def server(self, options: Options) -> Server:
        """Return the server that the options name. Raises OSError, ValueError, KeyFileError."""
        template = Target(
            "",
            int(options.get("port") or 53),
            float(options.get("connect_timeout") or 5),
            float(options.get("timeout") or 30),
            int(options.get("max_changes") or 0) or None,
        )
        primaries = read_primaries(options, template)
        names = ", ".join(str(primary.target) for primary in primaries)
        return Server(names, partial(apply_batch, primaries=primaries))
