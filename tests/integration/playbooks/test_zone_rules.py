"""What the state of the zone does not allow: a dynamic update and PowerDNS's API give the same fate."""

import pytest

from tests.integration.conftest import ZoneOn
from tests.support.thoroughly import thoroughly
from tests.support.zones import APPLIED, UNCHANGED, ChangeOutcome, ZoneUnderTest, failed

DS = f"1 8 2 {'AB' * 32}"

Asked = tuple[str, str, str, list[str], ChangeOutcome]  # action, owner, type, values, fate

CASES: dict[str, list[Asked]] = {
    "a DS needs an NS": [
        ("create", "c", "DS", [DS], failed("ds_without_ns")),
        ("upsert", "c", "DS", [DS], failed("ds_without_ns")),
        ("update", "c", "DS", [DS], failed("rrset_missing")),
        ("create", "c", "NS", ["ns.example.org."], APPLIED),
        ("create", "c", "DS", [DS], APPLIED),
        ("create", "c", "DS", [DS], UNCHANGED),
        ("delete", "c", "DS", [], APPLIED),
    ],
    "a DS keeps its NS": [
        ("create", "c", "NS", ["ns.example.org.", "ns2.example.org."], APPLIED),
        ("create", "c", "DS", [DS], APPLIED),
        ("delete", "c", "NS", [], failed("ds_without_ns")),
        ("delete", "c", "NS", ["ns.example.org."], APPLIED),
        ("delete", "c", "NS", ["ns2.example.org.", "ns3.example.org."], failed("ds_without_ns")),
        ("upsert", "c", "NS", ["ns4.example.org."], APPLIED),
        ("create", "c", "DS", [DS], UNCHANGED),
        ("delete", "c", "DS", [DS], APPLIED),
        ("delete", "c", "NS", [], APPLIED),
        ("delete", "c", "NS", [], UNCHANGED),
        ("create", "c", "DS", [DS], failed("ds_without_ns")),
        ("create", "n", "NS", ["ns.example.org."], APPLIED),
        ("create", "x.n", "NS", ["ns.example.org."], APPLIED),
        ("create", "x.n", "DS", [DS], APPLIED),
        ("delete", "x.n", "NS", [], failed("ds_without_ns")),
        ("delete", "x.n", "DS", [], APPLIED),
        ("delete", "x.n", "NS", [], APPLIED),
    ],
    "a name that has other data has no NS": [
        ("create", "c", "TXT", ['"x"'], APPLIED),
        ("create", "c", "DS", [DS], failed("ds_without_ns")),
    ],
    "nothing is added below a DNAME": [
        ("create", "d", "DNAME", ["x.example.org."], APPLIED),
        ("create", "www.d", "A", ["192.0.2.1"], failed("below_dname")),
        ("upsert", "a.b.d", "TXT", ['"x"'], failed("below_dname")),
        ("create", "www.d", "CNAME", ["x.example.org."], failed("below_dname")),
        ("create", "sub.d", "NS", ["ns.example.org."], failed("below_dname")),
        ("create", "sub.d", "DNAME", ["x.example.org."], failed("below_dname")),
        ("create", "d", "TXT", ['"beside"'], APPLIED),
        ("create", "xd", "A", ["192.0.2.1"], APPLIED),
        ("delete", "d", "DNAME", [], APPLIED),
        ("create", "www.d", "A", ["192.0.2.1"], APPLIED),
    ],
    "a DNAME hides no data": [
        ("create", "a.b.d", "A", ["192.0.2.1"], APPLIED),
        ("create", "b.d", "DNAME", ["x.example.org."], failed("dname_above_data")),
        ("upsert", "d", "DNAME", ["x.example.org."], failed("dname_above_data")),
        ("create", "a.b.d", "DNAME", ["x.example.org."], APPLIED),
        ("delete", "a.b.d", "A", [], APPLIED),
        ("delete", "a.b.d", "DNAME", [], APPLIED),
        ("create", "d", "DNAME", ["x.example.org."], APPLIED),
        ("upsert", "d", "DNAME", ["y.example.org."], APPLIED),
        ("create", "d", "DNAME", ["z.example.org."], failed("single_value")),
        ("upsert", "d", "DNAME", ["y.example.org.", "z.example.org."], failed("single_value")),
    ],
    "a DNAME excludes a CNAME and a delegation": [
        ("create", "c", "CNAME", ["x.example.org."], APPLIED),
        ("create", "c", "DNAME", ["x.example.org."], failed("cname_conflict")),
        ("create", "d", "DNAME", ["x.example.org."], APPLIED),
        ("create", "d", "CNAME", ["x.example.org."], failed("cname_conflict")),
        ("create", "d", "NS", ["ns.example.org."], failed("dname_beside_ns")),
        ("create", "n", "NS", ["ns.example.org."], APPLIED),
        ("create", "n", "DNAME", ["x.example.org."], failed("dname_beside_ns")),
        ("create", "n", "NS", ["ns2.example.org."], APPLIED),
        ("update", "n", "NS", ["ns3.example.org."], APPLIED),
    ],
    "below a delegation": [
        ("create", "n", "NS", ["ns.n.example.org."], APPLIED),
        ("create", "ns.n", "A", ["192.0.2.1"], APPLIED),
        ("create", "ns.n", "TXT", ['"kept, and never shown"'], APPLIED),
        ("create", "x.n", "DS", [DS], failed("ds_without_ns")),
        ("create", "x.n", "NS", ["ns.example.org."], APPLIED),
        ("create", "x.n", "DS", [DS], APPLIED),
    ],
    "an apex that is an ancestor, too": [
        ("create", "@", "DNAME", ["x.example.org."], APPLIED),
        ("create", "www", "A", ["192.0.2.1"], failed("below_dname")),
        ("create", "@", "NS", ["ns.example.org."], APPLIED),
        ("delete", "@", "DNAME", [], APPLIED),
        ("create", "www", "A", ["192.0.2.1"], APPLIED),
    ],
}


@pytest.fixture(params=["bind", *map(thoroughly, ("knot", "powerdns")), "api"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def zone(zone_on: ZoneOn, server: str) -> ZoneUnderTest:
    return zone_on(server)


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "powerdns", "api"))])
@pytest.mark.parametrize("case", CASES)
def test_one_by_one(zone: ZoneUnderTest, case: str) -> None:
    fates = [
        (action, owner, rdtype, values, zone.do(action, owner, rdtype, *values))
        for action, owner, rdtype, values, _ in CASES[case]
    ]
    assert fates == CASES[case]


@pytest.mark.parametrize("case", CASES)
def test_in_one_batch_and_in_a_dry_run_of_it(zone: ZoneUnderTest, case: str) -> None:
    def items() -> list[dict[str, object]]:
        return [
            zone.change(action, owner, rdtype, *values) for action, owner, rdtype, values, _ in CASES[case]
        ]

    expected = [fate for *_, fate in CASES[case]]
    said = zone.dry_run(*items())
    assert zone.apply(*items()) == expected
    assert said == expected


def test_a_name_that_has_data_and_names_below(zone: ZoneUnderTest, server: str) -> None:
    """Only a transfer of the zone tells, or the API: this PowerDNS grants its key no transfer."""
    zone.do("create", "d", "TXT", '"x"')
    zone.do("create", "www.d", "A", "192.0.2.1")
    fate = zone.do("create", "d", "DNAME", "x.example.org.")
    assert fate == (APPLIED if server == "powerdns" else failed("dname_above_data"))


@pytest.mark.parametrize("server", ["bind", *map(thoroughly, ("knot", "powerdns", "api"))])
def test_a_thousand_names_of_which_one_is_hidden(zone: ZoneUnderTest) -> None:
    zone.do("create", "d", "DNAME", "x.example.org.")
    batch = [zone.change("create", f"h{number}", "A", "192.0.2.1") for number in range(1_000)]
    batch[500] = zone.change("create", "www.d", "A", "192.0.2.1")
    fates = zone.apply(*batch)
    assert fates.pop(500) == failed("below_dname")
    assert set(fates) == {APPLIED}
