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
