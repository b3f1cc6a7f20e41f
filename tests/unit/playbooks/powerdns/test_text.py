"""Values as PowerDNS writes them, and as it would not take them."""

import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.powerdns.text import in_zone_file, text_of
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rdata import read_rdata


@pytest.mark.parametrize(
    ("rdtype", "value", "written"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:db8::1", "2001:db8::1"),
        ("AAAA", "::ffff:192.0.2.1", "0:0:0:0:0:ffff:c000:201"),
        ("CNAME", r"a\.b\;c.example.org.", r"a\.b;c.example.org."),
        ("PTR", r"a\\\;\"\(.example.org.", r'a\\;"(.example.org.'),
        ("SVCB", r'1 a\;b.example.org. alpn="h2"', "1 a;b.example.org. alpn=h2"),
        ("MX", r"10 a\@b.example.org.", "10 a@b.example.org."),
        ("NAPTR", r'1 2 "s" "a\;b" "" a\;b.example.org.', '1 2 "s" "a;b" "" a;b.example.org.'),
        ("TXT", r'"a;b\"c"', r'"a;b\"c"'),
        ("TLSA", "0 0 0 " + "30" * 100, "0 0 0 " + "30" * 100),
        ("DHCID", "AAIB" * 20, "AAIB" * 20),
        ("CERT", "PGP 0 RSASHA256 " + "AAIB" * 20, "3 0 8 " + "AAIB" * 20),
        ("LOC", "0 0 0 N 0 0 0 E 0.29m", "0 0 0.000 S 0 0 0.000 W 0.29m 1.00m 10000.00m 10.00m"),
        ("LOC", "1 0 0 N 1 0 0 E 0m 2m", "1 0 0.000 N 1 0 0.000 E 0.00m 2.00m 10000.00m 10.00m"),
        ("SVCB", '1 . alpn="h2,h3" no-default-alpn', "1 . alpn=h2,h3 no-default-alpn"),
        ("HTTPS", '1 . ech="AAT+DQAA"', '1 . ech="AAT+DQAA"'),
        ("SVCB", '1 . alpn=h2 dohpath="/q{?dns}" ohttp', '1 . alpn=h2 key7="/q{?dns}" key8=""'),
        ("SVCB", r'1 . docpath="a" key667="b\210"', r'1 . key10="\001a" key667="b\210"'),
        ("SVCB", "1 . key667=" + "x" * 300, f'1 . key667="{"x" * 300}"'),
    ],
)
def test_text(rdtype: str, value: str, written: str) -> None:
    there = read_rdata(rdtype, value)
    assert text_of(there) == written
    assert read_rdata(rdtype, in_zone_file(rdtype, written)) == there


@pytest.mark.parametrize("centimetres", [29, 57, 114, 115, 201, 4_284_967_295])
def test_a_location_is_read_in_whole_centimetres(centimetres: int) -> None:
    text = f"1 0 0.000 N 1 0 0.000 E {centimetres / 100:.2f}m"
    wire = read_rdata("LOC", text).to_wire() or b""
    assert int.from_bytes(wire[12:16]) == centimetres + 10_000_000
