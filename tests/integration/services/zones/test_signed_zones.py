"""Zones that their server signs: what the signer makes is left alone, what requesters own is theirs."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event

import dns.dnssec
import dns.name
import pytest
from fastapi.testclient import TestClient

from app.services.zones.imports import import_wanted
from tests.support.master_files import check_by_bind
from tests.support.signed_zones import DS, SIGNAL, SignedZone, signed_zones
from tests.support.thoroughly import thoroughly
from tests.support.watching import WatchedZone, transferred

OTHER_DS = DS.replace("60485", "60486")
OTHER_KEY = (
    "256 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
)
OWN = {
    ("@", "NS"),
    ("www", "A"),
    ("*.w", "TXT"),
    ("child", "NS"),
    ("child", "DS"),
    (SIGNAL, "CDS"),
}
OF_THE_SIGNER = {"nsec.test": {"NSEC"}, "nsec3.test": {"NSEC3", "NSEC3PARAM"}}


@pytest.fixture(scope="module")
def servers_zones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, SignedZone]]:
    """The zones, on a BIND for all tests: each leaves them as it found them."""
    with signed_zones(tmp_path_factory.mktemp("signed")) as zones:
        yield zones


@pytest.fixture(params=[thoroughly("nsec.test"), "nsec3.test"])
def beside(request: pytest.FixtureRequest, servers_zones: Mapping[str, SignedZone]) -> SignedZone:
    """One of the zones, as its server has it."""
    return servers_zones[str(request.param)]


def assert_nothing_drifted(zone: WatchedZone, beside: SignedZone) -> None:
    zone.look()
    drift = zone.drift()
    assert (drift["items"], drift["candidates"], drift["serial"]) == ([], 0, beside.serial())


def test_what_the_signer_makes_is_neither_imported_nor_drift(zone: WatchedZone, beside: SignedZone) -> None:
    there = transferred(beside)
    made = {kind for _, kind in there} & {"DNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "TYPE65534"}
    assert made == {"DNSKEY", "RRSIG", "TYPE65534"} | OF_THE_SIGNER[beside.name]
    own = {(beside.full(owner), kind) for owner, kind in OWN}
    assert zone.records() == {key: state for key, state in there.items() if key in own}
    before = beside.serial()
    beside.sign_again()
    assert zone.shown()["serial"] < beside.serial()
    assert_nothing_drifted(zone, beside)
    assert before < zone.shown()["serial"]
    assert zone.post("check").json()["comparison_wanted"]
    assert_nothing_drifted(zone, beside)
    assert zone.records().keys() == own


@pytest.mark.parametrize("beside", ["nsec.test"], indirect=True)  # BIND takes no keys beside unsigned zones
def test_keys_that_come_are_no_drift(zone: WatchedZone, beside: SignedZone) -> None:
    digest = dns.dnssec.make_ds(dns.name.from_text(beside.name), beside.keys()[0], "SHA256").to_text()
    for kind, value in (("DNSKEY", OTHER_KEY), ("CDS", digest)):
        assert beside.do("create", "@", kind, value).outcome == "applied"
    assert len(beside.keys()) == 2
    assert_nothing_drifted(zone, beside)
    for kind, value in (("DNSKEY", OTHER_KEY), ("CDS", digest)):
        assert beside.do("delete", "@", kind, value).outcome == "applied"
    assert_nothing_drifted(zone, beside)


def test_a_change_of_ours_is_verified_and_signed_and_no_drift(zone: WatchedZone, beside: SignedZone) -> None:
    zone.change("create", "ours", "192.0.2.5")
    zone.change("create", "x.w", "192.0.2.6")
    beside.require_signed("ours", "A", "192.0.2.5")
    assert_nothing_drifted(zone, beside)
    zone.change("upsert", "ours", "192.0.2.7")
    beside.require_signed("ours", "A", "192.0.2.7")
    for owner, value in (("ours", "192.0.2.7"), ("x.w", "192.0.2.6")):
        zone.change("delete", owner, value)
    assert_nothing_drifted(zone, beside)


def test_what_requesters_own_at_a_delegation_drifts_and_is_restored(
    zone: WatchedZone, beside: SignedZone
) -> None:
    zone.change("create", "second", "ns.example.org.", "NS")
    zone.change("create", "second", OTHER_DS, "DS")
    beside.require_signed("second", "DS", OTHER_DS)
    assert_nothing_drifted(zone, beside)
    beside.do("delete", "second", "DS")
    beside.do("upsert", SIGNAL, "CDS", OTHER_DS)
    zone.look()
    assert zone.kinds() == {"second DS": "missing", f"{SIGNAL} CDS": "changed"}
    items = zone.post("restore").json()["items"]
    zone.drain()
    assert zone.statuses([item["request_id"] for item in items]) == ["succeeded"] * 2
    assert_nothing_drifted(zone, beside)
    beside.require_signed("second", "DS", OTHER_DS)
    beside.require_signed(SIGNAL, "CDS", DS)
    zone.change("delete", "second", OTHER_DS, "DS")
    zone.change("delete", "second", "ns.example.org.", "NS")


def test_what_is_changed_beside_us_is_adopted_and_restored(zone: WatchedZone, beside: SignedZone) -> None:
    beside.do("create", "new", "TXT", '"not ours"')
    beside.do("upsert", "www", "A", "192.0.2.9")
    zone.look()
    assert zone.kinds() == {"new TXT": "added", "www A": "changed"}
    assert zone.post("adopt", rrsets=[{"domain": "new", "record_type": "TXT"}]).json()["adopted"] == 1
    [item] = zone.post("restore").json()["items"]
    zone.drain()
    assert zone.statuses([item["request_id"]]) == ["succeeded"]
    beside.require_signed("www", "A", "192.0.2.1")
    assert_nothing_drifted(zone, beside)
    assert zone.records()[beside.full("new"), "TXT"] == (300, frozenset({'"not ours"'}))
    zone.change("delete", "new", '"not ours"', "TXT")


def test_the_export_is_the_zone_without_its_signatures(
    client: TestClient, zone: WatchedZone, beside: SignedZone, tmp_path: Path
) -> None:
    file = client.get(f"{zone.url}/export").raise_for_status().text
    check_by_bind(file, beside.name, tmp_path)
    lines = {tuple(line.split(" ")[:4:3]) for line in file.splitlines()}
    assert lines == {(f"{beside.full(owner)}.", kind) for owner, kind in OWN | {("@", "SOA")}}
    headers = {"Content-Type": "text/dns"}
    client.post(f"{zone.url}/import", content=file, headers=headers).raise_for_status()
    import_wanted(Event())
    again = client.get(f"{zone.url}/import").json()
    assert (again["state"], again["result"]["added"], again["result"]["candidates"]) == ("done", 0, 0)
    assert client.get(f"{zone.url}/export").text == file


def test_nobody_can_have_the_keys_looked_at(zone: WatchedZone, beside: SignedZone) -> None:
    """They would be drift, and to restore the zone would take its keys away."""
    rrsets = [
        {"domain": "@", "record_type": "DNSKEY"},
        {"domain": "@", "record_type": "TYPE65534"},
        {"domain": SIGNAL, "record_type": "CDS"},
    ]
    answer = zone.post("check", rrsets=rrsets)
    found = [(each["loc"], each["type"]) for each in answer.json()["detail"]]
    assert found == [(["body", "rrsets", n, "record_type"], "kept_by_server") for n in (0, 1)]
    assert zone.post("check", rrsets=rrsets[2:]).status_code == 202
    assert_nothing_drifted(zone, beside)
