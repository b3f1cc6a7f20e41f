"""Master files: what is written is read as the same, and what can't be read has its line."""

from collections.abc import Iterable

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import master_file
from app.domain.errors import InvalidInput
from app.domain.escapes import escaped
from app.domain.master_file import MAX_GENERATED, MasterFile, written
from app.domain.rdata import RecordType, canonical
from app.domain.zone_record import Soa, ZoneRecord

ZONE = "example.test"
HEAD = "$TTL 300\n@ SOA ns1 h.example.test. 1 2 3 4 5\n@ NS ns1\n"
NS = ZoneRecord(ZONE, "NS", 300, f"ns1.{ZONE}.")

labels = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=3)
texts = st.lists(st.binary(max_size=255), min_size=1, max_size=3)


def read(text: str, most: int = 10**6) -> list[ZoneRecord]:
    return list(MasterFile(text.splitlines(keepends=True), ZONE, most).records())


def at(owner: str, kind: str, rdata: str, ttl: int = 300) -> ZoneRecord:
    return ZoneRecord(f"{owner}.{ZONE}", kind, ttl, rdata)


def reasons(lines: str | Iterable[str], most: int = 10**6) -> list[tuple[object, str]]:
    parts = lines.splitlines(keepends=True) if isinstance(lines, str) else lines
    with pytest.raises(InvalidInput) as refused:
        list(MasterFile(parts, ZONE, most).records())
    return [(each.loc[-1] if len(each.loc) > 1 else None, each.code) for each in refused.value.reasons]


@given(labels, texts, st.integers(0, 2**31 - 1))
def test_any_name_and_text_comes_back_as_it_was(owner: list[bytes], strings: list[bytes], ttl: int) -> None:
    name = dns.name.Name([*(label.lower() for label in owner), b"example", b"test", b""])
    text = canonical(RecordType.TXT, " ".join(f'"{quoted(part)}"' for part in strings))
    record = ZoneRecord(escaped(name.to_text(omit_final_dot=True)), "TXT", ttl, text)
    assert read(HEAD + written(record)) == [NS, record]


PIECES = [
    *'@a\\();$\n \t"',
    "$TTL",
    "$ORIGIN",
    "$GENERATE",
    "$INCLUDE",
    "1-3",
    "${1,2,d}",
    "${0,3,x}",
    "\\#",
    "\\097",
]
PIECES += [
    "IN",
    "CH",
    "A",
    "192.0.2.1",
    "TXT",
    "SOA",
    "NS",
    "CNAME",
    "SVCB",
    "LOC",
    "TYPE65280",
    "1h",
    "60",
    "4294967296",
]
PIECES += ["a.example.test.", "b.other.test.", "1 . alpn=h2", "1 2 3 N 4 5 6 E 7m", "ns1 h 1 2 3 4 5"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=25), st.sampled_from(["", " "]))
def test_any_text_is_read_or_refused(pieces: list[str], between: str) -> None:
    """And what is read comes back as it was."""
    text = between.join(pieces)
    try:
        records = read(f"{HEAD}{text}\n")
    except InvalidInput:
        return
    for record in records:
        assert record in read(HEAD + written(record))


def quoted(octets: bytes) -> str:
    return "".join(f"\\{octet:03d}" for octet in octets)


def test_forms() -> None:
    text = HEAD + (
        "a 60 IN A 192.0.2.1\n"
        '  IN 1h TXT (\n\n   "one (" ; a comment )\n   two ) ; the end\n'
        "$ORIGIN sub\n@ A 192.0.2.2\n$TTL 1d\n\n; nothing (\nUP AAAA 2001:DB8::1\n"
        "$GENERATE 1-2 g$ CNAME ${0,2}.x.example.test.\nz TYPE65280 \\# 1 AB\n"
    )
    assert read(text) == [
        NS,
        at("a", "A", "192.0.2.1", 60),
        at("a", "TXT", '"one (" "two"', 3600),
        at("sub", "A", "192.0.2.2"),
        at("up.sub", "AAAA", "2001:db8::1", 86_400),
        at("g1.sub", "CNAME", "01.x.example.test.", 86_400),
        at("g2.sub", "CNAME", "02.x.example.test.", 86_400),
        at("z.sub", "TYPE65280", "\\# 1 ab", 86_400),
    ]


def test_the_soa_and_what_a_signer_makes_are_no_records() -> None:
    signed = "@ DNSKEY 256 3 13 AAAA\n@ NSEC a.example.test. NS\nsub DS 1 13 2 " + "ab" * 32 + "\n"
    file = MasterFile((HEAD + signed).splitlines(keepends=True), ZONE, 100)
    assert [each.type for each in file.records()] == ["NS", "DS"]
    assert file.soa == Soa(1, 300, "ns1.example.test. h.example.test. 1 2 3 4 5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a A 1.2.3\nb A 192.0.2.1\nc NOTYPE x\n", [(4, "master_file_invalid"), (6, "master_file_invalid")]),
        ('a TXT (\n"x"\n', [(4, "master_file_invalid")]),
        ('a TXT "x\n', [(4, "master_file_invalid")]),
        ("$include x\n", [(4, "include_refused")]),
        ("$NONSENSE x\n", [(4, "master_file_invalid")]),
        ("a.example.org. A 192.0.2.1\n", [(4, "not_in_zone")]),
        ("a CH A 192.0.2.1\n", [(4, "master_file_invalid")]),
        ("@ SOA a b 1 2 3 4 5\n", [(4, "master_file_invalid")]),
        ("a SOA a b 1 2 3 4 5\n", [(4, "master_file_invalid")]),
        (f"$GENERATE 0-{MAX_GENERATED} a$ A 192.0.2.1\n", [(4, "master_file_invalid")]),
        ("$generate 0-4294967294/2 a$ A 192.0.2.1\n", [(4, "master_file_invalid")]),
        ("$GENERATE 0-9/0 a$ A 192.0.2.1\n", [(4, "master_file_invalid")]),
        ("$GENERATE 0-4294967294 a$ A 192.0.2.1\n", [(4, "master_file_invalid")]),
        (f"{'x' * 64} A 192.0.2.1\n", [(4, "master_file_invalid")]),
        ("a 2147483648 A 192.0.2.1\n", [(4, "master_file_invalid")]),
        (f"a TXT {'x ' * 32_768}\n", [(4, "master_file_invalid")]),
        *((f"a TYPE{number} \\# 1 00\n", [(4, "master_file_invalid")]) for number in (0, 251, 252, 255)),
    ],
)
def test_what_is_wrong_has_its_line(text: str, expected: list[tuple[object, str]]) -> None:
    assert reasons(HEAD + text) == expected


def test_what_can_not_be_read_is_shown() -> None:
    with pytest.raises(InvalidInput) as refused:
        list(MasterFile([HEAD, "a A 1.2.3\n"], ZONE, 10).records())
    assert [reason.message for reason in refused.value.reasons] == ["this can't be read: 'a A 1.2.3'"]


def test_what_is_missing() -> None:
    assert reasons("") == [(None, "soa_missing"), (None, "ns_missing")]
    assert reasons("$TTL 1\n@ SOA a b 1 2 3 4 5\nsub NS a\n") == [(None, "ns_missing")]


def test_a_cheap_file_makes_no_large_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_file, "MAX_GENERATED", 100)
    file = HEAD + "$GENERATE 1-90 a$ A 192.0.2.1\n" * 1_000
    assert reasons(file, most=500) == [(None, "zone_too_large")]
    assert reasons(HEAD + "a A 1\n" * 1_000) == [(line, "master_file_invalid") for line in range(4, 104)]
    monkeypatch.setattr(master_file, "MAX_ENTRY", 1_000)
    endless = [HEAD, "a TXT (\n", *["x\n"] * 10_000]
    assert reasons(endless)[-1][1] == "master_file_invalid"
