"""What holds for every value of every type."""

import time
from itertools import product

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical, octets, presentation, wire
from app.domain.rdata.text import strings_of
from tests.support.thoroughly import THOROUGH, examples
from tests.unit.domain.rdata.cases import Case, cases, on_the_wire
from tests.unit.domain.rdata.tables import TABLES

ACCEPTED = [case for table in TABLES for case in cases(table.GOOD) if len(case.written) < 500]
TYPES = [*RecordType, RecordType("TYPE65280")]
PIECES = st.one_of(st.characters(), st.sampled_from([*' \t\n"\\();.,:-/*@=#0123456789', "\\000", '" "']))


LONG = 250_000 if THOROUGH else 20_000  # characters
PIECES_OF_MANY = ['"', "\\", "(", "a ", "a.", "1:", "0,", "=", '" "', "\\000", "ü", "key1=", "-", "::,"]
PIECES_OF_MANY += ["1:0.0.0.0/0 "]
PARAMETERS = ["mandatory", "alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp", "docpath"]
PIECES_OF_PARAMETERS = [
    "dns,",
    "dns",
    "a",
    ",",
    "::1,",
    "1.1.1.1,",
    "{?dns}",
    "/{",
    "0",
    "A",
    "\\,",
    "\\000",
    "alpn,",
    "ü",
]


def outcome(record_type: RecordType, text: str) -> str | InvalidRdata:
    """The canonical form, or the refusal."""
    try:
        return canonical(record_type, text)
    except InvalidRdata as error:
        return error


@st.composite
def misspelled(draw: st.DrawFn) -> tuple[RecordType, str]:
    """A value that is accepted, with a few characters replaced, added or left out."""
    case = draw(st.sampled_from(ACCEPTED))
    text = case.written
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(PIECES | st.just("")) + text[start + draw(st.integers(0, 2)) :]
    return case.type, text


@settings(max_examples=examples(75), deadline=None)
@given(misspelled() | st.tuples(st.sampled_from(TYPES), st.lists(PIECES, max_size=40).map("".join)))
def test_any_text_is_canonical_in_the_end_or_refused(written: tuple[RecordType, str]) -> None:
    record_type, text = written
    value = outcome(record_type, text)
    if isinstance(value, InvalidRdata):
        assert value.message.isprintable()
        return
    assert value.isascii()
    assert value.isprintable()
    assert canonical(record_type, value) == value == on_the_wire(record_type, value)
    assert octets(record_type, [value]) >= len(wire(record_type, value))


def fields_of_master_file(text: str) -> list[bytes] | None:
    """The fields as dnspython reads them in a zone file (RFC 1035 5.1); None where it reads no such line."""
    tokenizer = dns.tokenizer.Tokenizer(text)
    found: list[bytes] = []
    try:
        while not (token := tokenizer.get(want_comment=True)).is_eol_or_eof():
            found.append(token.value.encode() if token.is_comment() else token.unescape_to_bytes().value)
    except (dns.exception.DNSException, ValueError):
        return None
    return found


def reads_zone_files(record_type: RecordType, text: str) -> bool:
    """Whether such a target is written as in a zone file, not just taken as it is."""
    if record_type is RecordType.TXT:
        return bool(strings_of(text))
    if record_type is RecordType.RP and "@" in text:
        return False
    return record_type not in (RecordType.CNAME, RecordType.DNAME, RecordType.PTR)


@settings(max_examples=examples(75), deadline=None)
@given(misspelled())
@example((RecordType.NAPTR, r'100 10 "u" "E2U+sip" "!^(.*)$!sip:\1@example.test!" .'))
@example((RecordType.NAPTR, r'1 1 "" "" "!^urn:cid:.+@([^\.]+\.)(.*)$!\2!i" .'))
@example((RecordType.TXT, r'"\2"'))
@example((RecordType.TXT, r'"\25a"'))
@example((RecordType.HINFO, r'"\2" x'))
@example((RecordType.HINFO, r"\2 x"))
@example((RecordType.SVCB, r'1 . key667="\2"'))
@example((RecordType.URI, r'1 1 "a:\2"'))
@example((RecordType.CAA, r'0 tbs "\2"'))
def test_what_is_accepted_means_in_a_zone_file_what_it_means_here(written: tuple[RecordType, str]) -> None:
    record_type, text = written
    value = outcome(record_type, text)
    if isinstance(value, InvalidRdata) or not reads_zone_files(record_type, text):
        return
    assert fields_of_master_file(text) is not None or "\n" in text  # which may be within quotes here
    try:
        there = dns.rdata.from_text("IN", record_type.value, text, dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return  # a spelling that is understood here alone: numbers given apart, names of numbers
    assert wire(record_type, presentation(there)) == wire(record_type, value)


@settings(max_examples=examples(75), deadline=None)
@given(st.sampled_from(TYPES), st.binary(max_size=80))
@example(RecordType.CNAME, b"\x03a/b\x04test\x00")
@example(RecordType.HINFO, b"\x00\x00")
def test_what_a_server_has_is_itself_or_refused(record_type: RecordType, there: bytes) -> None:
    rdtype = dns.rdatatype.from_text(record_type)
    try:
        shown = presentation(dns.rdata.from_wire(dns.rdataclass.IN, rdtype, there, 0, len(there)))
    except (dns.exception.DNSException, ValueError):
        return
    value = outcome(record_type, shown)
    assert value == shown or isinstance(value, InvalidRdata)
    assert record_type is not RecordType.TXT or value == shown


@given(st.sampled_from([case for case in ACCEPTED if case.type is not RecordType.TXT]))
def test_octets_stand_for_the_value(case: Case) -> None:
    there = wire(case.type, case.expected)
    assert canonical(case.type, f"\\# {len(there)} {there.hex()}") == (
        case.expected if not case.type.is_unknown else f"\\# {len(there)} {there.hex()}".strip()
    )


@pytest.mark.parametrize("record_type", TYPES)
def test_no_input_takes_long(record_type: RecordType) -> None:
    for piece in PIECES_OF_MANY:
        for text in (piece * (LONG // len(piece)), f"1 1 1 {piece * (LONG // len(piece))}"):
            assert_soon(record_type, text)


@pytest.mark.parametrize("parameter", [*PARAMETERS, "key3", "key7", "key667"])
def test_no_parameter_takes_long(parameter: str) -> None:
    for piece, size in product(PIECES_OF_PARAMETERS, (260_000, 63_000, 16_000) if THOROUGH else (63_000,)):
        repeated = piece * (size // len(piece))
        assert_soon(RecordType.SVCB, f"1 . {parameter}={repeated}")
        assert_soon(RecordType.SVCB, f'1 . {parameter}="/{{?{repeated}"')
        assert_soon(RecordType.SVCB, f'1 . {parameter}="/{repeated}{{?dns}}"')


def test_no_number_of_parts_takes_long() -> None:
    assert_soon(RecordType.SVCB, "1 . " + " ".join(f"key{number}=a" for number in range(11, 24_000)))
    assert_soon(RecordType.SVCB, "1 . " + " ".join(f"key{number}" for number in range(11, 1_500)))
    assert_soon(RecordType.CSYNC, "1 3 " + " ".join(f"TYPE{number}" for number in range(300, 27_000)))


def assert_soon(record_type: RecordType, text: str) -> None:
    """The text is read, or refused, in a time that holds nobody up: less than 4 microseconds a character."""
    started = time.process_time()
    outcome(record_type, text)
    assert time.process_time() - started < max(0.1, len(text) * 4e-6), text[:40]
