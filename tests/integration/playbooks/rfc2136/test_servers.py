"""Where BIND, Knot and PowerDNS answer dynamic updates differently, and what is made of it."""

import base64
from pathlib import Path

import dns.tsig
import pytest

from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.zones import APPLIED, ZoneUnderTest, failed

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


@pytest.mark.parametrize(
    ("server", "code"), [("bind", "refused"), ("knot", "not_zone"), ("powerdns", "refused")]
)
def test_without_a_key(zone_on: ZoneOn, server: str, code: str) -> None:
    zone = zone_on(server)
    zone.key = None
    assert zone.do("create", "a", "A", "192.0.2.1") == failed(code)
    assert zone.values("a", "A") == set()


@pytest.mark.parametrize("server", SERVERS)
def test_a_zone_that_the_server_does_not_have(zone_on: ZoneOn, server: str) -> None:
    zone = zone_on(server)
    zone.name = "not-served-here.test"
    changes = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(20)]
    assert zone.apply(*changes) == [failed("not_zone")] * 20
    assert zone.outcomes.messages < 4
    assert "not authoritative" in zone.message(changes[0])


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
