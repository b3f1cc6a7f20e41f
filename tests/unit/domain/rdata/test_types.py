"""Types: by name, by number, and those that are refused."""

import copy
import pickle

import dns.rdatatype
import pytest

from app.domain.rdata import TABLE, RecordType, why_refused

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
