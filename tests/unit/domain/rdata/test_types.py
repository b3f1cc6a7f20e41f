"""Types: by name, by number, and those that are refused."""

import copy
import pickle

import dns.rdatatype
import pytest

from app.domain.rdata import TABLE, RecordType, why_refused
from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "TYPE65280": [
        r"\# 4 0a000001",  # RFC 3597 5
        r"\# 0",
        r"\# 1 00",
        (r"\# 4 0A000001", r"\# 4 0a000001"),
        (r"\# 4 0a 00 00 01", r"\# 4 0a000001"),
        ("\\#\t4 \t0a000001", r"\# 4 0a000001"),
        (r"\# 04 0a000001", r"\# 4 0a000001"),
        (r"\# 300 " + "ab" * 300, r"\# 300 " + "ab" * 300),
    ],
    "TYPE11": [r"\# 5 c000020106"],  # WKS, which dnspython would show by its fields
    "TYPE55": [r"\# 4 00000000"],
    "type45": [r"\# 3 010002"],
    "TYPE1": ["192.0.2.1"],
    "type16": [("v=spf1 -all", '"v=spf1 -all"')],
    "TYPE65": [("1 . alpn=h2", '1 . alpn="h2"')],
    "https": ["0 a.example.test."],
}
BAD: Bad = {
    "TYPE65280": [
        (written, "generic_invalid")
        for written in (
            "",
            "#",
            r"\#",
            r"\# ",
            r"\# 4",
            r"\# 4 0a0000",
            r"\# 4 0a000001 00",
            r"\# 4 0a00000",
            r"\# 4 0a00000g",
            r"\# -1 00",
            r"\# x 00",
            r"\# 0 00",
            r"\# 999999 00",
            r"\#4 0a000001",
            r"# 4 0a000001",
            r"\# 4 (0a000001)",
            r"\# 4 0a000001 ; comment",
            r"\# 4 0x0a000001",
            "0a000001",
            "10.0.0.1",
            " \\# 1 00",
            r"\# 1 00" + " " * 100_000 + "x",
            r"\# 1 " + "0 " * 100_000,
        )
    ],
}
REFUSED = [
    "SOA",
    "RRSIG",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "ZONEMD",
    "SPF",
    "ANY",
    "AXFR",
    "IXFR",
    "OPT",
    "TSIG",
]
REFUSED += [
    "TKEY",
    "MAILA",
    "MAILB",
    "NULL",
    "SIG",
    "NXT",
    "soa",
    "TYPE6",
    "TYPE41",
    "TYPE99",
    "type255",
    "TYPE0",
]
REFUSED += ["TYPE128", "WKS", "KEY", "HIP", "IPSECKEY"]
UNKNOWN = [
    "",
    "FOO",
    "A ",
    " A",
    "TYPE",
    "TYPE-1",
    "TYPE65536",
    "TYPE01",
    "TYPE1.5",
    "TYPE٤",
    "TYPE" + "9" * 9999,
]
UNKNOWN += ["\0", "\ud800", "A" * 100_000, "A6X", "*"]


@pytest.mark.parametrize("written", REFUSED)
def test_types_that_are_refused(written: str) -> None:
    assert why_refused(written)
    with pytest.raises(ValueError, match=written):
        RecordType(written)


@pytest.mark.parametrize("written", UNKNOWN, ids=range(len(UNKNOWN)))
def test_what_is_no_type(written: str) -> None:
    assert why_refused(written) is None
    with pytest.raises(ValueError, match="is not a valid RecordType"):
        RecordType(written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("SPF", "TXT"),
        ("TYPE99", "TXT"),
        ("WKS", "TYPE11"),
        ("SOA", "serial"),
        ("ZONEMD", "8976"),
        ("ANY", "questions"),
    ],
)
def test_a_refusal_says_what_to_do(written: str, words: str) -> None:
    assert words in (why_refused(written) or "")


def test_the_types_that_have_names() -> None:
    assert len(RecordType) == 37
    assert set(TABLE) == set(RecordType)
    assert all(RecordType(each.lower()) is each for each in RecordType)
    assert all(RecordType(f"TYPE{int(dns.rdatatype.from_text(each))}") is each for each in RecordType)


def test_a_type_without_a_name_is_one_by_its_number() -> None:
    found = RecordType("type65280")
    assert (found, found.value, str(found), f"{found}") == ("TYPE65280",) * 4
    assert found == RecordType("TYPE65280")
    assert hash(found) == hash("TYPE65280")
    assert found.is_unknown
    assert not RecordType.A.is_unknown
    assert found not in RecordType.__members__
    assert pickle.loads(pickle.dumps(found)) == found
    assert copy.deepcopy(found) == found


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
