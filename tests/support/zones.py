"""A zone of a test: applies batches to it as the collection does, without Ansible, and asks its server."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import dns.message
import dns.name
import dns.query
import dns.tsig
import dns.xfr
import dns.zone
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns import batch as powerdns
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.api import Api
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.key_file import read_api_key
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.batch import apply_batch
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.primaries import Primary

from stack.embedded import Stack
from tests.support.builders import change, full_name


class ChangeOutcome(NamedTuple):
    """What became of a change: the outcome and its code, or None for both where that is unknown."""

    outcome: str | None
    code: str | None = None


APPLIED, UNCHANGED, UNKNOWN = ChangeOutcome("applied"), ChangeOutcome("unchanged"), ChangeOutcome(None)


def failed(code: str) -> ChangeOutcome:
    return ChangeOutcome("failed", code)


class ZoneUnderTest:
    """A zone on one of the servers. Owner names are relative to it; "@" is its apex."""

    standbys: Sequence[Target] = ()  # that take updates, too, in order of preference

    def __init__(self, stack: Stack, name: str, server: str = "bind") -> None:
        variable = "DNS_SERVER" if server == "bind" else f"{server.upper()}_SERVER"
        address, _, port = stack.env[variable].rpartition(":")
        self.name = name
        self.target = Target(address, int(port), 3, 10)
        self.key_file = stack.key_file(server)
        self.key: dns.tsig.Key | None = read_key(self.key_file)
        self.transfers_are_signed = server != "powerdns"  # the stack's grants them by address
        self.shows_hidden = self.transfers_are_signed  # in a dry run, what no answer shows
        self.outcomes = Outcomes()

    def full(self, owner: str) -> str:
        """The absolute name of an owner, without the final dot."""
        return full_name(owner, self.name)

    def change(self, action: str, owner: str, rdtype: str, *rdata: str, ttl: int = 300) -> dict[str, Any]:
        """An item of a changes file."""
        return change(action, owner, rdtype, *rdata, zone=self.name, ttl=ttl).as_json()

    def apply(self, *changes: dict[str, Any]) -> list[ChangeOutcome]:
        """Apply changes as one batch; return what became of each."""
        return self._run(changes, dry_run=False)

    def dry_run(self, *changes: dict[str, Any]) -> list[ChangeOutcome]:
        """Apply changes as one batch in a dry run; return what would become of each."""
        return self._run(changes, dry_run=True)

    def _run(self, changes: Sequence[dict[str, Any]], *, dry_run: bool) -> list[ChangeOutcome]:
        self.outcomes = self.apply_batch(changes, dns.name.from_text(self.name), dry_run=dry_run)
        results = [self.outcomes.results.get(change["request_id"]) for change in changes]
        return [ChangeOutcome(result.outcome, result.code) if result else UNKNOWN for result in results]

    def apply_batch(
        self, changes: Sequence[dict[str, Any]], zone: dns.name.Name, *, dry_run: bool
    ) -> Outcomes:
        primaries = [Primary(target, self.key) for target in (self.target, *self.standbys)]
        return apply_batch(changes, zone, primaries, dry_run=dry_run)

    def do(self, action: str, owner: str, rdtype: str, *rdata: str, ttl: int = 300) -> ChangeOutcome:
        """Apply one change, as a batch of its own."""
        return self.apply(self.change(action, owner, rdtype, *rdata, ttl=ttl))[0]

    def message(self, change: dict[str, Any]) -> str:
        """What the collection said about a change of the last batch."""
        return self.outcomes.results[change["request_id"]].message

    def before(self, change: dict[str, Any]) -> tuple[int | None, set[str]] | None:
        """What the collection found before a change of the last batch, as `answer` would have it."""
        found = self.outcomes.results[change["request_id"]].before
        return None if found is None else (found.ttl, {str(value) for value in found.values})

    def answer(self, owner: str, rdtype: str) -> tuple[int | None, set[str]]:
        """The TTL and values that the server answers for an owner name, without following CNAMEs."""
        name = dns.name.from_text(self.full(owner))
        query = dns.message.make_query(name, rdtype, flags=0)
        response = dns.query.tcp(query, self.target.address, timeout=30, port=self.target.port)
        for rrset in (*response.answer, *response.authority):
            if rrset.name == name and rrset.rdtype == query.question[0].rdtype:
                return rrset.ttl, {value.to_text() for value in rrset}
        return None, set()

    def ttls(self, owner: str, rdtype: str) -> list[int]:
        """The TTL of each record that the server answers."""
        query = dns.message.make_query(self.full(owner), rdtype, flags=0)
        address, port = self.target.address, self.target.port
        response = dns.query.tcp(query, address, timeout=30, port=port, one_rr_per_rrset=True)
        return [rrset.ttl for rrset in response.answer]

    def transfer(self) -> set[str]:
        """All records of the zone but its SOA, as the server transfers them."""
        zone = dns.zone.Zone(dns.name.from_text(self.name), relativize=False)
        keyring = {self.key.name: self.key} if self.key and self.transfers_are_signed else None
        query, _ = dns.xfr.make_query(zone, keyring=keyring)
        dns.query.inbound_xfr(self.target.address, zone, query, port=self.target.port, timeout=30)
        return {line for line in zone.to_text().splitlines() if " SOA " not in line}

    def values(self, owner: str, rdtype: str) -> set[str]:
        """The values of `answer` alone."""
        return self.answer(owner, rdtype)[1]


class ApiZoneUnderTest(ZoneUnderTest):
    """A zone on PowerDNS that is changed over the API."""

    def __init__(self, stack: Stack, name: str) -> None:
        super().__init__(stack, name, "powerdns")
        self.url = stack.env["POWERDNS_API_URL"]
        self.api_key = read_api_key(stack.data("powerdns") / "api.key")
        self.timeout = 10.0
        self.shows_hidden = True

    def apply_batch(
        self, changes: Sequence[dict[str, Any]], zone: dns.name.Name, *, dry_run: bool
    ) -> Outcomes:
        api = Api(self.url, self.api_key, self.timeout)
        return powerdns.apply_batch(changes, zone, [api], dry_run=dry_run)
