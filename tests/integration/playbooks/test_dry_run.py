"""What a dry run says beforehand is what becomes of the same batch; and it changes nothing."""

import random
from pathlib import Path
from typing import Any

import pytest

from stack.embedded import Stack
from tests.integration.conftest import ZoneOn
from tests.support.builders import change
from tests.support.runs import execute
from tests.support.thoroughly import thoroughly
from tests.support.zones import (
    APPLIED,
    UNCHANGED,
    ZoneUnderTest,
    failed,
)

VALUES = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "TXT": ['"one"', '"two"'],
    "CNAME": ["a.example.org.", "b.example.org."],
    "NS": ["ns1.example.org.", "ns2.example.org."],
}


@pytest.fixture(params=["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def zone(zone_on: ZoneOn, request: pytest.FixtureRequest) -> ZoneUnderTest:
    return zone_on(str(request.param))


@pytest.mark.parametrize("seed", range(4))
def test_what_a_dry_run_says_comes_true(zone: ZoneUnderTest, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(3):
        batch = [some_change(zone, dice) for _ in range(25)]
        serial = zone.values("@", "SOA")
        said = zone.dry_run(*batch)
        assert zone.values("@", "SOA") == serial
        assert said == zone.apply(*batch)


def some_change(zone: ZoneUnderTest, dice: random.Random) -> dict[str, Any]:
    rdtype = dice.choice(["A", "A", "TXT", "CNAME"])
    owner = dice.choice(["a", "b", "c"])
    if dice.random() < 0.2:
        owner, rdtype = "@", dice.choice(["NS", "CNAME", "A"])
    action = dice.choice(["create", "create", "update", "upsert", "delete"])
    most = 1 if rdtype == "CNAME" else 2
    values = dice.sample(VALUES[rdtype], dice.randint(0 if action == "delete" else 1, most))
    return zone.change(action, owner, rdtype, *values, ttl=dice.choice([300, 300, 60]))


def test_a_name_that_has_other_data(zone: ZoneUnderTest) -> None:
    zone.do("create", "www", "TXT", '"here"')
    alias = zone.change("create", "www", "CNAME", "a.example.org.")
    assert zone.dry_run(alias) == [failed("cname_conflict")]
    assert zone.dry_run(zone.change("delete", "www", "TXT"), alias) == [APPLIED, APPLIED]
    assert zone.dry_run(alias, zone.change("delete", "www", "TXT")) == [failed("cname_conflict"), APPLIED]


def test_changes_that_can_not_be_sent(zone: ZoneUnderTest) -> None:
    long = [f'"{number:03}{"x" * 250}"' for number in range(260)]
    said = zone.dry_run(
        zone.change("create", "a", "A", "nonsense"),
        zone.change("upsert", "b", "TXT", *long),
        zone.change("delete", "c", "A"),
    )
    assert said == [failed("invalid_change"), failed("too_large"), UNCHANGED]


def test_a_key_that_the_server_refuses(zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    assert zone.key is not None
    zone.key = type(zone.key)(zone.key.name, b"not the secret of the server at all", zone.key.algorithm)
    assert zone.dry_run(zone.change("create", "a", "A", "192.0.2.1")) == [failed("tsig_refused")]


def test_a_server_that_is_down(zone_on: ZoneOn) -> None:
    zone = zone_on("bind")
    zone.target = zone.target._replace(port=1)
    assert zone.dry_run(zone.change("create", "a", "A", "192.0.2.1")) == [failed("server_unreachable")]


@pytest.mark.usefixtures("warm")
def test_the_shipped_playbook_in_check_mode(
    infrastructure: Stack, new_zone: str, dns_inventory: Path
) -> None:
    batch = (
        change("create", "www", "A", "192.0.2.1", zone=new_zone),
        change("create", "www", "A", "192.0.2.1", zone=new_zone),
        change("update", "missing", "A", "192.0.2.1", zone=new_zone),
        change("create", "www", "CNAME", "a.example.org.", zone=new_zone),
    )
    said = execute(dns_inventory, *batch, check=True)
    assert said.result.rc == 0
    assert said.outcomes == [
        ("applied", None),
        ("unchanged", None),
        ("failed", "rrset_missing"),
        ("failed", "cname_conflict"),
    ]
    server = infrastructure.env["DNS_SERVER"]
    message = (
        f"dry run, nothing is sent: 4 changes to {server} in 0 messages: 1 applied, 1 unchanged, 2 failed"
    )
    assert f"bind: task ok, {message}" in said.events
    assert ZoneUnderTest(infrastructure, new_zone).values("www", "A") == set()
    assert execute(dns_inventory, *batch).outcomes == said.outcomes


def test_what_a_wildcard_answers_is_not_at_the_name(zone: ZoneUnderTest) -> None:
    zone.do("create", "*", "A", "192.0.2.99")
    zone.do("create", "a.b", "A", "192.0.2.1")
    zone.do("create", "*.a.b", "A", "192.0.2.98")
    batch = [
        zone.change("update", "www", "A", "192.0.2.1"),
        zone.change("create", "alias", "CNAME", "a.example.org."),
        zone.change("delete", "gone", "A", "192.0.2.99"),
        zone.change("delete", "a.b", "A"),
        zone.change("create", "*", "A", "192.0.2.97"),
        zone.change("create", f"{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 40}", "A", "192.0.2.1"),
    ]
    said = zone.dry_run(*batch)
    assert [zone.before(each) for each in batch[:5]] == [
        *[(None, set())] * 3,
        (300, {"192.0.2.1"}),
        (300, {"192.0.2.99"}),
    ]
    assert said == zone.apply(*batch)
    assert said == [failed("rrset_missing"), APPLIED, UNCHANGED, *[APPLIED] * 3]
