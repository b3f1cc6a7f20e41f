"""What is below a delegation no answer shows; the server tells by prerequisites what is there."""

from typing import Any

import dns.query
import dns.update
import pytest

from tests.integration.conftest import ZoneOn
from tests.support.thoroughly import thoroughly
from tests.support.zones import APPLIED, UNCHANGED, ApiZoneUnderTest, ChangeOutcome, ZoneUnderTest, failed

CONFLICT = failed("cname_conflict")


SERVERS = ["bind", *map(thoroughly, ("knot", "powerdns")), "api"]
# A child answers for itself, where a server that only delegates refers: what decides is tried with both.
also_with_a_child = pytest.mark.parametrize("zone", [*SERVERS, "a child on bind"], indirect=True)


@pytest.fixture(params=[*SERVERS, thoroughly("a child on bind")])
def zone(request: pytest.FixtureRequest, zone_on: ZoneOn) -> ZoneUnderTest:
    """A zone that has an alias and an address below a delegation; where a child is there, it answers."""
    server = str(request.param).split()[-1]
    made = zone_on(server)
    made.do("create", "alias.sub", "CNAME", "a.example.org.")
    made.do("create", "a.sub", "A", "192.0.2.1")
    made.do("create", "sub", "NS", "ns.example.org.")
    if server != request.param:
        request.getfixturevalue("infrastructure").add_zone(made.full("sub"))
    return made


def expecting(*there: str) -> dict[str, Any]:
    return {"expect": {"ttl": None, "rdata": list(there)}}


@also_with_a_child
def test_aliases(zone: ZoneUnderTest) -> None:
    fates: list[tuple[ChangeOutcome, tuple[str, str, str, str]]] = [
        (UNCHANGED, ("create", "alias.sub", "CNAME", "a.example.org.")),
        (UNCHANGED, ("upsert", "alias.sub", "CNAME", "a.example.org.")),
        (failed("cname_exists"), ("create", "alias.sub", "CNAME", "b.example.org.")),
        (CONFLICT, ("create", "alias.sub", "A", "192.0.2.1")),
        (CONFLICT, ("upsert", "alias.sub", "TXT", '"a"')),
        (CONFLICT, ("create", "alias.sub", "NS", "ns.example.org.")),
        (CONFLICT, ("create", "a.sub", "CNAME", "a.example.org.")),
        (CONFLICT, ("upsert", "a.sub", "CNAME", "a.example.org.")),
        (failed("rrset_missing"), ("update", "a.sub", "CNAME", "a.example.org.")),
        (APPLIED, ("upsert", "alias.sub", "CNAME", "b.example.org.")),
        (APPLIED, ("update", "alias.sub", "CNAME", "c.example.org.")),
    ]
    if not isinstance(zone, ApiZoneUnderTest):  # what is there already is sent once more: none sees it
        fates = [(APPLIED if fate == UNCHANGED else fate, asked) for fate, asked in fates]
    assert [(zone.do(*asked), asked) for _, asked in fates] == fates
    again = ("update", "alias.sub", "CNAME", "d.example.org.")
    assert zone.apply(zone.change(*again) | expecting("b.example.org.")) == [failed("state_changed")]
    assert zone.apply(zone.change(*again) | expecting("c.example.org.")) == [APPLIED]


def test_a_dname_that_is_hidden_too(zone: ZoneUnderTest) -> None:
    assert zone.do("create", "d.sub", "DNAME", "example.org.") == APPLIED
    below = [
        zone.change("create", "x.d.sub", "A", "192.0.2.1"),
        zone.change("upsert", "y.x.d.sub", "TXT", '"a"'),
        zone.change("create", "alias.d.sub", "CNAME", "a.example.org."),
    ]
    fates = [failed("below_dname")] * 3
    assert zone.dry_run(*below) == zone.apply(*below) == fates
    group = [change | {"group": "g"} for change in below]
    assert zone.apply(*group) == fates
    assert zone.apply(zone.change("create", "d.sub", "A", "192.0.2.1")) == [APPLIED]
    removed = [zone.change("delete", "d.sub", "DNAME"), below[0]]
    assert zone.apply(*removed) == [APPLIED] * 2


def test_what_is_expected_tells_how_it_is_written(zone: ZoneUnderTest) -> None:
    zone.do("create", "txt.sub", "TXT", '"ab"', '"c"')
    delete = zone.change("delete", "txt.sub", "TXT", '"a" "b"')
    assert zone.apply(delete | expecting('"ab"', '"c"')) == [APPLIED]
    update = zone.change("update", "txt.sub", "TXT", '"d"')
    assert zone.apply(update | expecting('"c"')) == [APPLIED]


def test_what_is_expected_and_beside_something_else(zone: ZoneUnderTest) -> None:
    text = zone.change("upsert", "alias.sub", "TXT", '"a"')
    alias = zone.change("upsert", "a.sub", "CNAME", "a.example.org.")
    other = zone.change("upsert", "alias.sub", "CNAME", "b.example.org.")
    assert zone.apply(text | expecting()) == [CONFLICT]
    assert zone.apply(alias | expecting()) == [CONFLICT]
    assert zone.apply(other | expecting("c.example.org.")) == [failed("state_changed")]
    for fate in (APPLIED, UNCHANGED):
        assert zone.apply(other | expecting("a.example.org.")) == [fate]


def test_an_update_of_what_is_not_there(zone: ZoneUnderTest) -> None:
    update = zone.change("update", "new.sub", "TXT", '"d"')
    assert zone.apply(update | expecting()) == [failed("rrset_missing")]


@also_with_a_child
def test_a_run_that_was_lost_has_made_what_is_there(zone: ZoneUnderTest) -> None:
    upsert = zone.change("upsert", "a.sub", "A", "192.0.2.2")
    new = zone.change("create", "new.sub", "CNAME", "a.example.org.")
    gone = zone.change("delete", "alias.sub", "CNAME")
    assert zone.apply(upsert | expecting("192.0.2.9")) == [failed("state_changed")]
    for fate in (APPLIED, UNCHANGED):
        assert zone.apply(upsert | expecting("192.0.2.1")) == [fate]
        assert zone.apply(new | expecting()) == [fate]
        assert zone.apply(gone | expecting("a.example.org.")) == [fate]


@pytest.mark.parametrize("cover", ["NS", "DNAME"])
def test_a_group_fails_for_what_is_hidden(zone_on: ZoneOn, cover: str) -> None:
    zone = zone_on("bind")
    zone.do("create", "a.sub", "TXT", '"a"')
    update = dns.update.UpdateMessage(zone.name)
    update.use_tsig(zone.key)
    update.add("sub", 300, cover, "x.example.org.")
    dns.query.tcp(update, zone.target.address, port=zone.target.port, timeout=30)
    group = [
        zone.change("create", "new", "A", "192.0.2.1"),
        zone.change("delete", "a.sub", "TXT") | expecting('"b"'),
    ]
    fates = zone.apply(*(change | {"group": "g"} for change in group))
    assert fates == [failed("atomic_failed"), failed("state_changed")]


@pytest.mark.parametrize(("rdtype", "group"), [("NS", None), ("NS", "g"), ("DNAME", None)])
def test_a_dname_that_somebody_has_made_beside_ns(zone_on: ZoneOn, rdtype: str, group: str | None) -> None:
    zone = zone_on("bind")
    zone.do("create", "sub", "NS", "ns.example.org.")
    update = dns.update.UpdateMessage(zone.name)
    update.use_tsig(zone.key)
    update.add("sub", 300, "DNAME", "x.example.org.")
    dns.query.tcp(update, zone.target.address, port=zone.target.port, timeout=30)
    upsert = zone.change("upsert", "sub", rdtype, "y.example.org.")
    assert zone.apply(upsert | {"group": group}) == [failed("dname_beside_ns")]
    assert zone.do("delete", "sub", "DNAME") == APPLIED
    assert zone.do("upsert", "sub", "NS", "y.example.org.") == APPLIED


@also_with_a_child
def test_a_dry_run_says_what_becomes_of_it(zone: ZoneUnderTest) -> None:
    """A transfer shows what is there, or PowerDNS's API; prerequisites tell whether there is anything."""
    batch = [
        zone.change("update", "new.sub", "A", "192.0.2.1"),
        zone.change("create", "new.sub", "A", "192.0.2.1"),
        zone.change("create", "alias.sub", "A", "192.0.2.1"),
        zone.change("create", "x.sub", "DS", f"1 8 2 {'ab' * 32}"),
        zone.change("delete", "gone.sub", "A"),
        zone.change("create", "free.sub", "CNAME", "a.example.org."),
    ]
    serial = zone.values("@", "SOA")
    said = zone.dry_run(*batch)
    assert said == [failed("rrset_missing"), APPLIED, CONFLICT, failed("ds_without_ns"), UNCHANGED, APPLIED]
    assert [zone.before(each) for each in batch] == [(None, set())] * 6
    assert zone.values("@", "SOA") == serial
    fates = zone.apply(*batch)
    assert fates[:4] + fates[5:] == said[:4] + said[5:]
    assert fates[4] in (UNCHANGED, APPLIED)  # what is not seen is sent


def test_a_dry_run_of_what_is_there(zone: ZoneUnderTest) -> None:
    batch = [
        zone.change("create", "a.sub", "A", "192.0.2.1"),
        zone.change("update", "a.sub", "A", "192.0.2.2"),
        zone.change("create", "alias.sub", "CNAME", "b.example.org."),
        zone.change("upsert", "a.sub", "CNAME", "b.example.org."),
        zone.change("create", "new.sub", "A", "192.0.2.2"),
    ]
    if zone.shows_hidden:
        assert zone.dry_run(*batch) == [UNCHANGED, APPLIED, failed("cname_exists"), CONFLICT, APPLIED]
        assert zone.before(batch[1]) == (300, {"192.0.2.1"})
    else:
        group = [change | {"group": "g"} for change in batch]
        assert zone.dry_run(*batch) == zone.dry_run(*group) == [failed("hidden")] * 4 + [APPLIED]


def test_a_delegation_below_a_delegation(zone: ZoneUnderTest) -> None:
    """Whether there is one decides about its DS."""
    zone.do("create", "x.sub", "NS", "ns.example.org.")
    ds = zone.change("create", "x.sub", "DS", f"1 8 2 {'ab' * 32}")
    assert zone.dry_run(ds) == zone.apply(ds) == [APPLIED]


@pytest.mark.parametrize(
    ("owner", "rdtype", "lone", "others", "code"),
    [
        ("sub", "MX", "0 .", ["10 a.example.org.", "20 b.example.org."], "null_mx_not_alone"),
        ("m.sub", "CDS", "0 0 0 00", [f"{tag} 8 2 {'ab' * 32}" for tag in (1, 2)], "cds_delete_not_alone"),
        ("m.sub", "CSYNC", "68 3 A", ["70 3 A", "71 3 A"], "single_value"),
    ],
)
def test_what_stands_alone(
    zone: ZoneUnderTest, owner: str, rdtype: str, lone: str, others: list[str], code: str
) -> None:
    assert zone.do("create", owner, rdtype, lone) == APPLIED
    assert zone.do("create", owner, rdtype, lone, ttl=60) == APPLIED
    assert zone.do("create", owner, rdtype, others[0]) == failed(code)
    group = [zone.change("create", owner, rdtype, others[0]), zone.change("create", "new", "A", "192.0.2.1")]
    assert zone.apply(*(each | {"group": "g"} for each in group)) == [failed(code), failed("atomic_failed")]
    assert zone.apply(group[0] | expecting(lone)) == [failed(code)]
    assert zone.do("upsert", owner, rdtype, others[0]) == APPLIED
    assert zone.do("create", owner, rdtype, lone) == failed(code)
    assert zone.do("create", owner, rdtype, others[1]) == (failed(code) if rdtype == "CSYNC" else APPLIED)


def test_changes_of_one_rrset_in_a_group(zone: ZoneUnderTest) -> None:
    """A server carries them out in their order; what they leave is not seen between them."""
    group = [
        zone.change("delete", "a.sub", "A", "192.0.2.1"),
        zone.change("create", "a.sub", "A", "192.0.2.2"),
        zone.change("upsert", "a.sub", "TXT", '"x"'),
        zone.change("create", "a.sub", "TXT", '"y"'),
    ]
    assert zone.apply(*(each | {"group": "g"} for each in group)) == [APPLIED] * 4
    removed = [zone.change("create", "a.sub", "A", "192.0.2.3"), zone.change("delete", "a.sub", "A")]
    fates = zone.apply(*(each | {"group": "g"} for each in removed))
    assert fates == [APPLIED if isinstance(zone, ApiZoneUnderTest) else failed("refused")] * 2
    zone.do("delete", "sub", "NS")
    held = {tuple(line.split()[3:]) for line in zone.transfer() if line.startswith("a.sub ")}
    left = {("TXT", '"x"'), ("TXT", '"y"')}
    assert held == (left if isinstance(zone, ApiZoneUnderTest) else {*left, ("A", "192.0.2.2")})


def test_what_is_there_and_what_comes_are_more_than_a_message(zone: ZoneUnderTest) -> None:
    """The values are the only condition that the server can check: a dry run says that they do not fit."""
    large, larger = (" ".join([f'"{each * 250}"'] * 140) for each in "ab")
    zone.do("create", "large.sub", "TXT", large)
    wanted = zone.change("upsert", "large.sub", "TXT", larger)
    fits = isinstance(zone, ApiZoneUnderTest)
    if zone.shows_hidden:
        assert zone.dry_run(wanted) == [APPLIED if fits else failed("too_large")]
    assert zone.apply(wanted | expecting(large)) == [APPLIED if fits else failed("too_large")]
    if not fits:
        steps = [zone.change("delete", "large.sub", "TXT"), zone.change("create", "large.sub", "TXT", larger)]
        assert zone.apply(steps[0] | expecting(large)) == [APPLIED]
        assert zone.apply(steps[1] | expecting()) == [APPLIED]
