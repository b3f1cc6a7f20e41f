"""RDATA: canonical forms, and a code for each kind of mistake."""

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire
import pytest
from dns.rdtypes.ANY.TXT import TXT
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.errors import InvalidRdata
from app.domain.rdata import MAX_RDATA, RecordType, canonical, octets, presentation
from tests.support.thoroughly import examples

uint16 = st.integers(0, 0xFFFF)
host_names = st.lists(
    st.from_regex(r"[A-Za-z]([A-Za-z0-9]{0,10}[a-z])?", fullmatch=True), min_size=2, max_size=4
).map(".".join)


def parsed(record_type: RecordType, text: str) -> dns.rdata.Rdata:
    return dns.rdata.from_text("IN", record_type.value, text)


def over_the_wire(record_type: RecordType, text: str) -> str:
    wire = parsed(record_type, text).to_wire()
    assert wire is not None
    rdata_type = dns.rdatatype.from_text(record_type.value)
    return presentation(dns.rdata.from_wire(dns.rdataclass.IN, rdata_type, wire, 0, len(wire)))


@pytest.mark.parametrize(
    ("record_type", "written", "expected"),
    [
        ("A", "192.0.2.10", "192.0.2.10"),
        ("AAAA", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("CNAME", "WWW.Example.test", "www.example.test."),
        ("CNAME", "_x.example.test.", "_x.example.test."),
        ("CNAME", "müller.test", "xn--mller-kva.test."),
        ("NS", "ns1.Example.test", "ns1.example.test."),
        ("PTR", "host.example.test.", "host.example.test."),
        ("MX", "mail.example.test", "10 mail.example.test."),
        ("MX", "20 Mail.example.test", "20 mail.example.test."),
        ("MX", ".", "0 ."),
        ("MX", "0 .", "0 ."),
        ("SRV", "10 5 5060 sip.example.test", "10 5 5060 sip.example.test."),
        ("SRV", "0 0 0 .", "0 0 0 ."),
        ("SRV", ".", "0 0 0 ."),
        ("CAA", '0 issue "ca.example"', '0 issue "ca.example"'),
        ("CAA", "128 ISSUE ca.example", '128 issue "ca.example"'),
        ("CAA", '0 issue ";"', '0 issue ";"'),
        ("CAA", '0 issuewild "ca.example; account=230123"', '0 issuewild "ca.example; account=230123"'),
        ("CAA", '0 iodef "mailto:security@example.test"', '0 iodef "mailto:security@example.test"'),
        ("CAA", '0 tbs "say \\"hi\\" \\\\"', '0 tbs "say \\"hi\\" \\\\"'),
        ("TXT", "v=spf1 -all", '"v=spf1 -all"'),
        ("TXT", "", '""'),
        ("TXT", '"quoted"', '"quoted"'),
        ("TXT", 'half "quoted', r'"half \"quoted"'),
        ("TXT", '"a" b', r'"\"a\" b"'),
        ("TXT", '"one"\t"two"  ""', '"one" "two" ""'),
        ("TXT", r'"\"quoted\""', r'"\"quoted\""'),
        ("TXT", r'"\255\000 \065"', r'"\255\000 A"'),
        ("TXT", '"grün"', r'"gr\195\188n"'),
        ("MX", "20\tMail.example.test", "20 mail.example.test."),
        ("SRV", "10 \t 5\t5060 sip.example.test", "10 5 5060 sip.example.test."),
        ("CAA", '0\t"issue"\t"ca.example"', '0 issue "ca.example"'),
        ("CAA", f'0 tbs "{"x" * 5000}"', f'0 tbs "{"x" * 5000}"'),
        ("PTR", "_http._tcp.example.test", "_http._tcp.example.test."),
        ("PTR", "My Printer._ipp._tcp.example.test", r"my\032printer._ipp._tcp.example.test."),
        ("CNAME", "1.0/25.3.0.192.in-addr.arpa", "1.0/25.3.0.192.in-addr.arpa."),
        ("CNAME", "xn--ls8h.test", "xn--ls8h.test."),
        ("TXT", r"back\slash \000 ;", r'"back\\slash \\000 ;"'),
        ("TXT", "{{ lookup('pipe', 'id') }}", "\"{{ lookup('pipe', 'id') }}\""),
        ("TXT", "grün\n", r'"gr\195\188n\010"'),
        ("TXT", "a" * 255, f'"{"a" * 255}"'),
        ("TXT", "a" * 256, f'"{"a" * 255}" "a"'),
    ],
)
def test_canonical(record_type: str, written: str, expected: str) -> None:
    result = canonical(RecordType(record_type), written)
    assert result == expected
    assert over_the_wire(RecordType(record_type), result) == result
    assert presentation(parsed(RecordType(record_type), result)) == result


@pytest.mark.parametrize(
    ("record_type", "written", "priority", "extra", "expected"),
    [
        ("MX", "mail.example.test", 0, {}, "0 mail.example.test."),
        ("MX", "5 mail.example.test", 5, {}, "5 mail.example.test."),
        ("MX", ".", 0, {}, "0 ."),
        ("SRV", "sip.example.test", None, {"port": 5060}, "0 0 5060 sip.example.test."),
        ("SRV", "sip.example.test", 1, {"port": "5060", "weight": "2"}, "1 2 5060 sip.example.test."),
        ("SRV", "1 2 5060 sip.example.test", 1, {"port": 5060}, "1 2 5060 sip.example.test."),
        ("A", "192.0.2.1", 10, {"any": "thing"}, "192.0.2.1"),
    ],
)
def test_parts_given_apart(
    record_type: str, written: str, priority: int | None, extra: dict[str, object], expected: str
) -> None:
    assert canonical(RecordType(record_type), written, priority=priority, extra=extra) == expected


@pytest.mark.parametrize(
    ("record_type", "written", "code"),
    [
        ("A", "", "ipv4_invalid"),
        ("A", "192.0.2", "ipv4_invalid"),
        ("A", "192.0.2.256", "ipv4_invalid"),
        ("A", "192.0.02.1", "ipv4_invalid"),
        ("A", "١٩٢.0.2.1", "ipv4_invalid"),
        ("A", "2001:db8::1", "ipv4_invalid"),
        ("A", "192.0.2.0/24", "ipv4_invalid"),
        ("A", " 192.0.2.1", "ipv4_invalid"),
        ("A", "192.0.2.1\n", "ipv4_invalid"),
        ("A", "www.example.test", "ipv4_invalid"),
        ("A", "\ud800", "ipv4_invalid"),
        ("AAAA", "192.0.2.1", "ipv6_invalid"),
        ("AAAA", "2001:db8::1::1", "ipv6_invalid"),
        ("AAAA", "fe80::1%eth0", "ipv6_invalid"),
        ("AAAA", "2001:db8::/32", "ipv6_invalid"),
        ("CNAME", "", "target_invalid"),
        ("CNAME", "www", "target_not_fqdn"),
        ("CNAME", "192.0.2.1", "target_is_ip"),
        ("CNAME", "https://www.example.test", "target_is_url"),
        ("CNAME", "www.example.test. ; rm", "target_invalid"),
        ("NS", "ns1", "target_not_fqdn"),
        ("NS", "192.0.2.53", "target_is_ip"),
        ("NS", "2001:db8::53", "target_is_ip"),
        ("NS", "_ns.example.test", "target_invalid"),
        ("NS", "ns1.example.test:53", "target_invalid"),
        ("NS", "host_1.example.test", "target_invalid"),
        ("MX", "1.0/25.3.0.192.in-addr.arpa", "target_invalid"),
        ("NS", r"a\.b._http._tcp.example.test", "target_invalid"),
        ("TXT", f'"{"x" * 256}"', "text_too_long"),
        ("TXT", r'"\256"', "text_invalid"),
        ("TXT", '"\ud800"', "text_invalid"),
        ("TXT", "x" * 63_739, "text_too_long"),
        ("TXT", '"" ' * 64_000 + '""', "text_too_long"),
        ("CAA", '0 "issue ca.example', "caa_invalid"),
        ("CAA", '0 issue "' + "a-" * 30_000 + '"', "caa_invalid"),
        ("PTR", "host", "target_not_fqdn"),
        ("MX", "mail", "target_not_fqdn"),
        ("MX", "192.0.2.25", "target_is_ip"),
        ("MX", "10 192.0.2.25", "target_is_ip"),
        ("MX", "_mail.example.test", "target_invalid"),
        ("MX", "smtp://mail.example.test", "target_is_url"),
        ("MX", "ten mail.example.test", "priority_invalid"),
        ("MX", "65536 mail.example.test", "priority_invalid"),
        ("MX", "-1 mail.example.test", "priority_invalid"),
        ("MX", "10 10 mail.example.test", "rdata_invalid"),
        ("MX", "10 .", "priority_invalid"),
        ("MX", "", "target_invalid"),
        ("SRV", "sip.example.test", "port_missing"),
        ("SRV", "5060 sip.example.test", "rdata_invalid"),
        ("SRV", "0 0 65536 sip.example.test", "port_invalid"),
        ("SRV", "0 x 5060 sip.example.test", "weight_invalid"),
        ("SRV", "x 0 5060 sip.example.test", "priority_invalid"),
        ("SRV", "0 0 5060 _sip.example.test", "target_invalid"),
        ("SRV", "0 0 5060 192.0.2.1", "target_is_ip"),
        ("TXT", "nul\0", "text_invalid"),
        ("TXT", "\ud800", "text_invalid"),
        ("TXT", "ü" * (MAX_RDATA // 2 + 1), "text_too_long"),
        ("CAA", "", "caa_invalid"),
        ("CAA", "ca.example", "caa_invalid"),
        ("CAA", "256 issue ca.example", "caa_invalid"),
        ("CAA", "-1 issue ca.example", "caa_invalid"),
        ("CAA", "0 issue ca.example; policy=ev", "caa_invalid"),  # a zone file would drop the rest
        ("CAA", '0 issue "ca.example', "caa_invalid"),
        ("CAA", '0 issue "https://ca.example"', "caa_invalid"),
        ("CAA", '0 iodef "security@example.test"', "caa_invalid"),
        ("CAA", '0 is-sue "ca.example"', "caa_invalid"),
        ("CAA", '0 issue "cä.example"', "caa_invalid"),
        ("CAA", '0 tbs "a\nb"', "caa_invalid"),
        ("CAA", "\\# 5 0005697373", "rdata_invalid"),
        ("CAA", '0 issue "' + "a." * 100_000 + '"', "caa_invalid"),
    ],
)
def test_refused_rdata(record_type: str, written: str, code: str) -> None:
    with pytest.raises(InvalidRdata) as refused:
        canonical(RecordType(record_type), written)
    assert refused.value.code == code
    refused.value.message.encode()
    assert len(refused.value.message) < 400


@pytest.mark.parametrize(
    ("written", "priority", "extra", "code"),
    [
        ("sip.example.test", 65_536, {"port": 5060}, "priority_invalid"),
        ("sip.example.test", -1, {"port": 5060}, "priority_invalid"),
        ("sip.example.test", None, {"port": 65_536}, "port_invalid"),
        ("sip.example.test", None, {"port": 10**4000}, "port_invalid"),
        ("sip.example.test", None, {"port": True}, "port_invalid"),
        ("sip.example.test", None, {"port": 5060.0}, "port_invalid"),
        ("sip.example.test", None, {"port": "\u0665"}, "port_invalid"),
        ("sip.example.test", None, {"port": [5060]}, "port_invalid"),
        ("sip.example.test", None, {"port": 5060, "weight": "{{ 1 }}"}, "weight_invalid"),
        ("1 2 5060 sip.example.test", 2, {}, "priority_invalid"),
        ("1 2 5060 sip.example.test", None, {"weight": 3}, "weight_invalid"),
        ("1 2 5060 sip.example.test", None, {"port": 5061}, "port_invalid"),
    ],
)
def test_refused_parts_of_srv(written: str, priority: int | None, extra: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRdata) as refused:
        canonical(RecordType.SRV, written, priority=priority, extra=extra)
    assert refused.value.code == code


@pytest.mark.parametrize("priority", [-1, 65_536])
def test_refused_priority_of_mx(priority: int) -> None:
    with pytest.raises(InvalidRdata) as refused:
        canonical(RecordType.MX, "mail.example.test", priority=priority)
    assert refused.value.code == "priority_invalid"


def test_a_disagreement_is_refused() -> None:
    with pytest.raises(InvalidRdata) as refused:
        canonical(RecordType.MX, "10 mail.example.test", priority=20)
    assert refused.value.code == "priority_invalid"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=600))
def test_text_means_exactly_what_was_written(text: str) -> None:
    result = canonical(RecordType.TXT, text)
    rdata = parsed(RecordType.TXT, result)
    assert isinstance(rdata, TXT)
    if not re.fullmatch(r'".*"', text, re.DOTALL):  # which may be read as in a zone file
        assert b"".join(rdata.strings) == text.encode()
    assert over_the_wire(RecordType.TXT, result) == result


@given(st.ip_addresses(v=4).map(str))
def test_round_trip_of_ipv4_addresses(address: str) -> None:
    result = canonical(RecordType.A, address)
    assert over_the_wire(RecordType.A, result) == result


@given(st.lists(st.from_regex(r"[0-9]{1,3}", fullmatch=True), min_size=3, max_size=5).map(".".join))
def test_ipv4_addresses_are_those_of_the_standard_library(written: str) -> None:
    try:
        expected = str(IPv4Address(written))
    except AddressValueError:
        expected = "ipv4_invalid"
    try:
        found = canonical(RecordType.A, written)
    except InvalidRdata as error:
        found = error.code
    assert found == expected


@given(st.ip_addresses(v=6))
def test_round_trip_of_ipv6_addresses(address: Any) -> None:
    result = canonical(RecordType.AAAA, address.exploded)
    assert over_the_wire(RecordType.AAAA, result) == result == canonical(RecordType.AAAA, str(address))


@given(st.sampled_from([RecordType.CNAME, RecordType.NS, RecordType.PTR]), host_names)
def test_round_trip_of_host_names(record_type: RecordType, host: str) -> None:
    result = canonical(record_type, host)
    assert over_the_wire(record_type, result) == result == canonical(record_type, result)


@given(uint16, uint16, uint16, host_names)
def test_round_trip_of_mx_and_srv(priority: int, weight: int, port: int, host: str) -> None:
    mail = canonical(RecordType.MX, host, priority=priority)
    assert over_the_wire(RecordType.MX, mail) == mail == canonical(RecordType.MX, mail)
    service = canonical(RecordType.SRV, host, priority=priority, extra={"weight": weight, "port": port})
    assert over_the_wire(RecordType.SRV, service) == service == canonical(RecordType.SRV, service)


@given(st.sampled_from(tuple(RecordType)), st.text(max_size=60))
def test_any_text_is_either_canonical_in_the_end_or_refused(record_type: RecordType, text: str) -> None:
    try:
        result = canonical(record_type, text)
    except InvalidRdata:
        return
    assert over_the_wire(record_type, result) == result


@pytest.mark.parametrize(
    ("record_type", "answered", "expected"),
    [
        ("MX", "10 Mail.Example.TEST.", "10 mail.example.test."),
        ("SRV", "1 2 3 Sip.Example.TEST.", "1 2 3 sip.example.test."),
        ("CNAME", "WWW.Example.TEST.", "www.example.test."),
        ("TXT", '"Keeps Its CASE"', '"Keeps Its CASE"'),
        ("CAA", '0 ISSUE "CA.example"', '0 issue "CA.example"'),
    ],
)
def test_what_servers_answer_is_compared_without_the_case_of_names(
    record_type: str, answered: str, expected: str
) -> None:
    assert presentation(parsed(RecordType(record_type), answered)) == expected


@settings(max_examples=examples(8))  # large ones
@given(st.lists(st.text(st.characters(codec="latin-1", exclude_characters="\0"), max_size=400), max_size=5))
def test_the_size_is_never_understated(texts: list[str]) -> None:
    values = [canonical(RecordType.TXT, text) for text in texts]
    wires = [parsed(RecordType.TXT, value).to_wire() or b"" for value in values]
    assert octets(RecordType.TXT, values) >= sum(len(wire) + 12 for wire in wires)


def test_the_size_of_short_values_is_never_understated() -> None:
    for record_type, value in ((RecordType.AAAA, "::"), (RecordType.A, "1.1.1.1"), (RecordType.MX, "0 .")):
        assert octets(record_type, [value]) >= 12 + len(parsed(record_type, value).to_wire() or b"")


def test_the_size_is_exact_where_it_matters() -> None:
    values = [canonical(RecordType.TXT, "\x01" * 255 + str(i)) for i in range(80)]
    exact = sum(12 + len(parsed(RecordType.TXT, value).to_wire() or b"") for value in values)
    assert octets(RecordType.TXT, values) == exact


@given(st.lists(st.binary(max_size=255), min_size=1, max_size=5))
def test_whatever_a_server_has_can_be_written(strings: list[bytes]) -> None:
    there = TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings).to_text()
    assert canonical(RecordType.TXT, there) == there


@pytest.mark.parametrize(
    ("record_type", "written", "priority", "extra", "expected"),
    [
        ("MX", "mail.example.test", None, {}, "* mail.example.test."),
        ("MX", "mail.example.test", 20, {}, "20 mail.example.test."),
        ("MX", "20 mail.example.test", None, {}, "20 mail.example.test."),
        ("MX", ".", None, {}, "0 ."),
        ("SRV", "sip.example.test", None, {}, "* * * sip.example.test."),
        ("SRV", "sip.example.test", None, {"port": 5060}, "* * 5060 sip.example.test."),
        ("SRV", "1 2 3 sip.example.test", None, {}, "1 2 3 sip.example.test."),
        ("A", "192.0.2.1", None, {}, "192.0.2.1"),
    ],
)
def test_what_is_left_out_of_a_pattern_is_any(
    record_type: str, written: str, priority: int | None, extra: dict[str, object], expected: str
) -> None:
    found = canonical(RecordType(record_type), written, priority=priority, extra=extra, pattern=True)
    assert found == expected


def test_a_text_that_is_allowed_is_an_rrset_that_is_allowed() -> None:
    assert octets(RecordType.TXT, [canonical(RecordType.TXT, "x" * 63_738)]) == MAX_RDATA


def test_types_in_any_case() -> None:
    assert RecordType("cname") is RecordType.CNAME
    with pytest.raises(ValueError, match="wks"):
        RecordType("wks")
