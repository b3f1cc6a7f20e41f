"""Where BIND, Knot and PowerDNS answer dynamic updates differently, and what is made of it."""

import base64
from pathlib import Path

import dns.tsig
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key

from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.policies import set_policy
from tests.support.powerdns import insert
from tests.support.zones import APPLIED, UNCHANGED, ZoneUnderTest, failed

SERVERS = ["bind", "knot", "powerdns"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("wrong", ["secret", "name", "algorithm"])
def test_a_key_that_the_server_refuses(zone_on: ZoneOn, server: str, wrong: str) -> None:
    zone = zone_on(server)
    key = zone.key
    assert key is not None
    zone.key = dns.tsig.Key(
        "somebody-else" if wrong == "name" else key.name,
        base64.b64encode(b"not the secret of the server, it is not") if wrong == "secret" else key.secret,
        dns.tsig.HMAC_SHA512 if wrong == "algorithm" else key.algorithm,
    )
    changes = zone.change("create", "a", "A", "192.0.2.1"), zone.change("update", "b", "A", "192.0.2.1")
    assert zone.apply(*changes) == [failed("tsig_refused")] * 2
    assert zone.apply(changes[1]) == [failed("tsig_refused")]  # noticed when asking, before any update
    assert zone.values("a", "A") == set()


@pytest.mark.parametrize("server", SERVERS)
def test_without_a_key(zone_on: ZoneOn, server: str) -> None:
    zone = zone_on(server)
    zone.key = None
    assert zone.do("create", "a", "A", "192.0.2.1") == failed("zone_refuses_updates")
    assert zone.values("a", "A") == set()


@pytest.mark.parametrize("server", SERVERS)
def test_a_zone_that_the_server_does_not_have(zone_on: ZoneOn, server: str) -> None:
    zone = zone_on(server)
    zone.name = "not-served-here.test"
    changes = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(20)]
    assert zone.apply(*changes) == [failed("zone_not_loaded")] * 20
    assert zone.outcomes.messages == 0  # nothing was sent
    assert "does not answer for the zone" in zone.message(changes[0])


@pytest.mark.parametrize("server", SERVERS)
def test_a_key_whose_name_is_written_in_capitals(zone_on: ZoneOn, server: str, tmp_path: Path) -> None:
    zone = zone_on(server)
    assert zone.key is not None
    file = tmp_path / "key"
    secret = base64.b64encode(zone.key.secret).decode()
    file.write_text(f'key "OrcheStrator" {{ algorithm HMAC-SHA256; secret "{secret}"; }};')
    zone.key = read_key(file)
    assert zone.do("create", "a", "A", "192.0.2.1") == APPLIED


def test_a_zone_that_is_frozen(zone_on: ZoneOn, infrastructure: Stack) -> None:
    zone = zone_on("bind")
    changes = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(20)]
    changes.append(zone.change("delete", "h1", "A"))
    with infrastructure.frozen(zone.name):
        assert zone.apply(*changes) == [failed("zone_refuses_updates")] * 21
        assert zone.apply(changes[0]) == [failed("zone_refuses_updates")]
        assert "frozen" in zone.message(changes[0])
    assert zone.apply(*changes) == [APPLIED] * 21


def test_what_a_key_may_not_change_is_told_from_a_zone_that_it_may_not_change(
    zone_on: ZoneOn, infrastructure: Stack
) -> None:
    zone = zone_on("bind")
    set_policy(infrastructure, zone.name, f"update-policy {{ grant orchestrator name ok.{zone.name}; }}")
    said = zone.apply(
        zone.change("create", "ok", "A", "192.0.2.1"), zone.change("create", "other", "A", "192.0.2.1")
    )
    assert said == [APPLIED, failed("refused")]
    assert zone.do("create", "other", "A", "192.0.2.1") == failed("refused")
    set_policy(infrastructure, zone.name, "allow-update { none; }")
    assert zone.do("create", "ok", "A", "192.0.2.2") == failed("zone_refuses_updates")


def test_knot_says_badkey_to_a_type_that_its_access_list_does_not_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stack.knot.ACTIONS", "update\n    update-type: [A, AAAA]")
    with Stack(tmp_path, parts=["knot"]) as stack:
        zone = ZoneUnderTest(stack, "example.test", "knot")
        good = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(20)]
        text = zone.change("create", "h7", "TXT", '"x"')
        assert zone.apply(*good[:9], text, *good[9:]) == [APPLIED] * 9 + [failed("refused")] + [APPLIED] * 11


def test_bind_fails_on_more_than_a_hundred_values(zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    many = [f"192.0.2.{number}" for number in range(101)]
    said = zone.apply(
        zone.change("create", "a", "A", "192.0.2.1"),
        zone.change("upsert", "many", "A", *many),
        zone.change("upsert", "enough", "A", *many[:100]),
    )
    assert said == [APPLIED, failed("server_failed"), APPLIED]


def test_a_limit_of_one_rrset_is_named_and_leaves_its_zone_alone(zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    zone.do("create", "full", "A", *(f"192.0.2.{number}" for number in range(100)))
    over = zone.change("create", "full", "A", "192.0.2.200")
    assert zone.apply(over) == [failed("server_failed")]
    assert "max-records-per-type" in zone.message(over)
    assert "101 records" in zone.message(over)
    there = zone.change("create", "full", "A", "192.0.2.7")
    more = [zone.change("create", "full", "A", f"192.0.2.{number}") for number in range(201, 221)]
    assert zone.apply(over, there, *more) == [
        failed("server_failed"),
        UNCHANGED,
        *[failed("server_failed")] * 20,
    ]


@pytest.mark.parametrize("server", SERVERS)
def test_the_ttl_of_the_apex_name_servers_changes_whatever_stays(zone_on: ZoneOn, server: str) -> None:
    zone = zone_on(server)
    assert zone.do("upsert", "@", "NS", "a.example.org.", "b.example.org.", ttl=300) == APPLIED
    for ttl, values in [
        (50, {"a.example.org.", "b.example.org."}),
        (60, {"b.example.org.", "c.example.org."}),
        (70, {"b.example.org."}),
        (80, {"b.example.org."}),
        (90, {"d.example.org."}),
    ]:
        assert zone.do("update", "@", "NS", *values, ttl=ttl) == APPLIED
        assert zone.answer("@", "NS") == (ttl, values)


def test_records_of_one_rrset_that_differ_in_their_ttl(zone_on: ZoneOn, more_name_servers: Stack) -> None:
    zone = zone_on("powerdns")
    insert(more_name_servers, zone, "www", "A", "192.0.2.1", 3600)
    insert(more_name_servers, zone, "www", "A", "192.0.2.2", 60)
    both = ("192.0.2.1", "192.0.2.2")
    assert zone.dry_run(zone.change("upsert", "www", "A", *both, ttl=60)) == [APPLIED]
    assert zone.do("upsert", "www", "A", *both, ttl=60) == APPLIED
    assert zone.ttls("www", "A") == [60, 60]
    assert zone.do("upsert", "www", "A", *both, ttl=60) == UNCHANGED


@pytest.mark.parametrize("owner", ["a_b", "_x._tcp.a_b"])
def test_a_refusal_names_the_rule_that_is_likely(zone_on: ZoneOn, owner: str) -> None:
    zone = zone_on("bind")
    host = zone.change("create", owner, "A", "192.0.2.1")
    assert zone.apply(host) == [failed("refused")]
    assert "check-names" in zone.message(host)
    nowhere = zone.change("create", "p", "MX", f"10 {zone.full('nowhere')}.")
    assert zone.apply(nowhere) == [failed("refused")]
    assert "check-integrity" in zone.message(nowhere)
