"""Dynamic updates that are signed with a Kerberos context (RFC 3645), to BIND, with tickets of a real KDC."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
import dns.xfr
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import BatchFault
from ansible_collections.orchestrator.dns.plugins.plugin_utils.outcomes import Outcomes
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Connection, Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.kerberos import Kerberos
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.tkey import ContextKey, ticket_store

from stack.embedded import Stack
from stack.ports import HOST
from tests.support.builders import change
from tests.support.kerberos import (
    BRIEF,
    BRIEF_LIFE,
    GENERATED,
    PRIVATE_ZONE,
    SERVER,
    SERVICE,
    STRANGER,
    USER,
    ZONE,
    Realm,
    realm_with_bind,
)
from tests.support.runs import execute
from tests.support.zones import APPLIED, ZoneUnderTest, failed


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    with realm_with_bind(tmp_path_factory.mktemp("realm")) as found:
        yield found


class KerberosZone(ZoneUnderTest):
    """A zone of the realm's BIND, changed by a principal."""

    def __init__(self, realm: Realm, cache: str, name: str = ZONE) -> None:
        self.name = name
        self.target = Target(HOST, realm.ports.dns, 3, 10)
        self.outcomes = Outcomes()
        self._realm = realm
        self._cache = cache
        self.use(USER)

    def use(
        self, principal: str, keytab: Path | None = None, service: str = SERVICE, *, questions: bool = False
    ) -> None:
        store = ticket_store(keytab or self._realm.keytab(principal), principal, f"{self._cache}-{principal}")
        self.key: Any = Kerberos(service, principal, store, questions)


@pytest.fixture
def zone(realm: Realm, request: pytest.FixtureRequest) -> KerberosZone:
    return KerberosZone(realm, f"MEMORY:{request.node.name}")


def test_a_batch_of_one_who_may(zone: KerberosZone) -> None:
    changes = [zone.change("create", f"h{number}", "A", f"192.0.2.{number}") for number in range(1, 100)]
    refused = zone.change("create", "h1", "CNAME", "www.example.test.")
    assert zone.apply(*changes, refused) == [APPLIED] * 99 + [failed("cname_conflict")]
    assert zone.values("h99", "A") == {"192.0.2.99"}
    assert zone.do("delete", "h99", "A") == APPLIED
    assert zone.values("h99", "A") == set()


def test_a_principal_that_has_no_right_in_the_zone(zone: KerberosZone) -> None:
    zone.use(STRANGER)
    assert zone.do("create", "a", "A", "192.0.2.1") == failed("refused")
    assert zone.values("a", "A") == set()


def test_questions_are_signed_where_the_zone_is_shown_to_principals_alone(realm: Realm) -> None:
    zone = KerberosZone(realm, "MEMORY:private", PRIVATE_ZONE)
    planned = zone.change("create", "new", "A", "192.0.2.1")
    assert zone.dry_run(planned) == [failed("zone_not_loaded")]
    zone.use(USER, questions=True)
    assert zone.dry_run(planned) == [APPLIED]


def test_transfers_are_signed_where_questions_are(zone: KerberosZone) -> None:
    def transfer() -> int:
        with Connection(zone.target, zone.key) as connection:
            messages = list(connection.transfer(dns.name.from_text(ZONE)))
        return sum(len(rrset) for message in messages for rrset in message.answer)

    with pytest.raises(dns.xfr.TransferError, match="REFUSED"):
        transfer()
    zone.use(USER, questions=True)
    assert transfer() > GENERATED


def test_a_context_that_is_over_is_negotiated_anew(
    zone: KerberosZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.use(BRIEF)
    with Connection(zone.target, zone.key) as ours, Connection(zone.target, zone.key) as of_server:
        time.sleep(BRIEF_LIFE + 1.5)
        assert ours.exchange(addition("over", "192.0.2.1")).rcode() == dns.rcode.NOERROR
        monkeypatch.setattr(
            ContextKey, "is_over", False
        )  # so that it is noticed by the server's BADKEY alone
        assert of_server.exchange(addition("over", "192.0.2.2")).rcode() == dns.rcode.NOERROR
    assert zone.values("over", "A") == {"192.0.2.1", "192.0.2.2"}


def addition(owner: str, address: str) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(ZONE)
    message.add(owner, 300, "A", address)
    return message


def test_nothing_is_sent_while_the_kdc_is_away(zone: KerberosZone, realm: Realm) -> None:
    with realm.kdc_away():
        assert zone.do("create", "later", "A", "192.0.2.1") == failed("kdc_unreachable")
    assert zone.values("later", "A") == set()
    assert zone.do("create", "later", "A", "192.0.2.1") == APPLIED


def test_a_silent_kdc_costs_no_more_time_than_a_silent_server(zone: KerberosZone, realm: Realm) -> None:
    zone.target = zone.target._replace(connect_timeout=0.5)
    with realm.kdc_silent():
        begun = time.monotonic()
        assert zone.do("create", "silent", "A", "192.0.2.1") == failed("kdc_unreachable")
        assert time.monotonic() - begun < 8


def test_what_the_kdc_and_the_server_refuse(zone: KerberosZone, realm: Realm, infrastructure: Stack) -> None:
    wanted = zone.change("create", "a", "A", "192.0.2.1")
    zone.use("nobody@AD.TEST", realm.keytab(USER))
    assert zone.apply(wanted) == [failed("kerberos_refused")]
    assert "the keytab has no key of nobody@AD.TEST" in zone.message(wanted)
    zone.use(USER, service="DNS/elsewhere")
    assert zone.apply(wanted) == [failed("kerberos_refused")]
    assert "DNS/elsewhere@AD.TEST not found" in zone.message(wanted)
    zone.use(USER)
    port = int(infrastructure.env["DNS_SERVER"].rpartition(":")[2])  # of a BIND that negotiates nothing
    zone.target = zone.target._replace(port=port)
    assert zone.apply(wanted) == [failed("kerberos_refused")]
    assert "refuses a context as DNS/localhost" in zone.message(wanted)


def test_a_refusal_with_our_own_signature_is_a_refusal(zone: KerberosZone) -> None:
    asked = addition("echo", "192.0.2.1")
    asked.use_tsig(dns.tsig.Key("context", b"secret"))
    asked.to_wire()
    answer = dns.message.make_response(dns.message.from_wire(asked.to_wire(), keyring=False))
    for rcode in (dns.rcode.REFUSED, dns.rcode.NOERROR):
        answer.set_rcode(rcode)
        answer.tsig = asked.tsig
        connection = Connection(zone.target, zone.key)
        if rcode == dns.rcode.REFUSED:
            assert connection.read(answer.to_wire(), asked).rcode() == dns.rcode.REFUSED
        else:
            with pytest.raises(BatchFault):
                connection.read(answer.to_wire(), asked)


@pytest.mark.usefixtures("warm")
def test_a_run_of_the_shipped_playbook(realm: Realm, tmp_path: Path) -> None:
    of_host = {
        "ansible_connection": "local",
        "dns_server": SERVER,
        "dns_port": realm.ports.dns,
        "dns_gss_keytab": str(realm.keytab(USER)),
    }
    (tmp_path / "hosts.yml").write_text(json.dumps({"dns": {"hosts": {"bind": of_host}}}))
    wanted = change("create", "run", "A", "192.0.2.1", zone=ZONE)
    ended = execute(tmp_path / "hosts.yml", wanted, environment=("LD_LIBRARY_PATH",))
    assert ended.outcomes == [("applied", None)]
