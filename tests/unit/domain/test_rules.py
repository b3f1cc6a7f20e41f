"""Rules across the fields of a change: all reasons are returned, none is raised."""

import pytest

from app.domain.change import Action
from app.domain.rdata import RecordType
from app.domain.rules import check

ZONE = "example.test"
WWW = f"www.{ZONE}"
ADDING = [Action.CREATE, Action.UPDATE, Action.UPSERT]


def codes(action: Action, name: str, record_type: RecordType, *rdata: str) -> list[str]:
    return [reason.code for reason in check(action, ZONE, name, record_type, rdata)]


@pytest.mark.parametrize("action", ADDING)
@pytest.mark.parametrize(
    ("name", "record_type", "rdata", "expected"),
    [
        (WWW, "A", ["192.0.2.1"], []),
        (ZONE, "A", ["192.0.2.1", "192.0.2.2"], []),
        (WWW, "A", [], ["target_missing"]),
        (WWW, "CNAME", ["a.test."], []),
        (f"*.{ZONE}", "CNAME", ["a.test."], []),
        (ZONE, "CNAME", ["a.test."], ["cname_at_apex"]),
        (WWW, "CNAME", ["a.test.", "b.test."], ["cname_single_value"]),
        (WWW, "CNAME", ["a.test.", "a.test."], []),
        (WWW, "CNAME", [f"{WWW}."], ["cname_loop"]),
        (ZONE, "CNAME", [f"{ZONE}.", "b.test."], ["cname_at_apex", "cname_single_value", "cname_loop"]),
        (ZONE, "CNAME", [], ["target_missing", "cname_at_apex"]),
        (ZONE, "NS", ["ns1.example.test."], []),
        (WWW, "NS", ["ns1.example.test."], []),
        (f"*.{ZONE}", "NS", ["ns1.example.test."], ["ns_wildcard"]),
        (ZONE, "MX", ["0 ."], []),
        (ZONE, "MX", ["0 .", "10 mail.example.test."], ["null_mx_not_alone"]),
        ("-www.example.test", "A", ["192.0.2.1"], ["name_invalid"]),
        ("a.b-.example.test", "AAAA", ["2001:db8::1"], ["name_invalid"]),
        ("a--b.example.test", "A", ["192.0.2.1"], []),
        ("-www-.example.test", "TXT", ['"x"'], []),
        (WWW, "DNAME", ["a.test."], []),
        (ZONE, "DNAME", ["a.test."], []),
        (WWW, "DNAME", ["a.test.", "b.test."], ["single_value"]),
        (WWW, "DNAME", [f"{WWW}."], ["dname_loop"]),
        (WWW, "DNAME", [f"a.b.{WWW}."], ["dname_loop"]),
        (WWW, "DNAME", [f"{ZONE}."], []),
        (WWW, "DNAME", [f"x{WWW}."], []),
        (WWW, "DNAME", ["."], []),
        (f"*.{ZONE}", "DNAME", ["a.test."], ["dname_wildcard"]),
        (WWW, "DS", ["1 8 2 00"], []),
        (ZONE, "DS", ["1 8 2 00"], ["ds_at_apex"]),
        (ZONE, "DNSKEY", ["257 3 8 AAAA"], []),
        (WWW, "DNSKEY", ["257 3 8 AAAA"], ["apex_only"]),
        (f"_dsboot.a._signal.{ZONE}", "DNSKEY", ["257 3 8 AAAA"], ["apex_only"]),
        (ZONE, "CDS", ["1 8 2 00", "1 8 4 00"], []),
        (ZONE, "CDS", ["0 0 0 00"], []),
        (ZONE, "CDS", ["0 0 0 00", "1 8 2 00"], ["cds_delete_not_alone"]),
        (WWW, "CDS", ["0 0 0 00"], ["apex_only"]),
        (f"_dsboot.a.test._signal.{WWW}", "CDS", ["1 8 2 00"], []),
        (ZONE, "CDNSKEY", ["0 3 0 AA==", "257 3 8 AAAA"], ["cds_delete_not_alone"]),
        (WWW, "CDNSKEY", ["257 3 8 AAAA"], ["apex_only"]),
        (f"_dsboot.a.test._signal.{WWW}", "CDNSKEY", ["257 3 8 AAAA"], []),
        (ZONE, "CSYNC", ["66 3 A"], []),
        (ZONE, "CSYNC", ["66 3 A", "67 3 A"], ["single_value"]),
        (WWW, "CSYNC", ["66 3 A"], ["apex_only"]),
        (WWW, "TYPE65280", [r"\# 0"], ["type_not_allowed"]),
        (WWW, "TYPE65280", [], ["target_missing", "type_not_allowed"]),
        (WWW, "HTTPS", ["1 . ipv6hint=" + ",".join(["::"] * 2_000)] * 2, []),
        (
            WWW,
            "HTTPS",
            [f"{n} . ipv6hint=" + ",".join(["::"] * 2_000) for n in (1, 2, 3)],
            ["rrset_too_large"],
        ),
        (WWW, "TXT", [f'"{i:0>255}"' for i in range(200)], []),
        (WWW, "TXT", [f'"{i:0>255}"' for i in range(250)], ["rrset_too_large"]),
    ],
)
def test_what_adds(
    action: Action, name: str, record_type: str, rdata: list[str], expected: list[str]
) -> None:
    assert codes(action, name, RecordType(record_type), *rdata) == expected


@pytest.mark.parametrize(
    ("name", "record_type", "rdata", "expected"),
    [
        (WWW, "A", [], []),
        (WWW, "A", ["192.0.2.1"], []),
        (ZONE, "CNAME", [], []),
        (ZONE, "NS", [], ["apex_ns_protected"]),
        (ZONE, "NS", ["ns2.example.test."], []),
        (WWW, "NS", [], []),
        ("-www.example.test", "A", [], []),
        (ZONE, "DS", [], []),
        (WWW, "DNSKEY", [], []),
        (WWW, "CDS", ["0 0 0 00", "1 8 2 00"], []),
        (f"*.{ZONE}", "DNAME", [], []),
        (WWW, "TYPE65280", [], ["type_not_allowed"]),
    ],
)
def test_what_deletes(name: str, record_type: str, rdata: list[str], expected: list[str]) -> None:
    assert codes(Action.DELETE, name, RecordType(record_type), *rdata) == expected


def test_a_reason_names_the_place_and_speaks_to_a_person() -> None:
    (reason,) = check(Action.CREATE, ZONE, ZONE, RecordType.CNAME, ["a.test."])
    assert reason.loc == ("resource", "domain")
    assert reason.message == "example.test is the zone's apex, which cannot be a CNAME"
    (reason,) = check(Action.UPDATE, ZONE, WWW, RecordType.A, [])
    assert reason.loc == ("resource", "target")
    assert reason.message == "update needs a target; only delete goes without"


def test_types_that_a_zone_allows() -> None:
    unknown = RecordType("TYPE65280")
    assert check(Action.CREATE, ZONE, WWW, unknown, [r"\# 0"], unknown_types=True) == []
    (reason,) = check(Action.CREATE, ZONE, WWW, unknown, [r"\# 0"])
    assert (reason.loc, reason.code) == (("resource", "record_type"), "type_not_allowed")
