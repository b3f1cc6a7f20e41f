"""NAPTR: RFC 3403, RFC 2915, RFC 3402."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "NAPTR": [
        '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.test!" .',
        '100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech.edu.',  # RFC 2915 7.2
        '100 50 "s" "rcds+I2C" "" _rcds._udp.gatech.edu.',
        '100 90 "" "" "!http://([^/:]+)!\\\\1!i" .',
        '0 0 "a" "" "" host.example.test.',
        '65535 65535 "P" "x" "" .',
        '1 1 "" "" "" .',
        '100 10 "U" "SIP+D2U" "!^.*$!sip:a@example.test!" .',
        '100 10 "u" "E2U+email:mailto" "/^.*$/mailto:a@example.test/" .',
        '100 10 "u" "E2U+sip" "|^\\\\+1(.*)\\\\.(.*)$|sip:\\\\2\\\\1@example.test|" .',
        '100 10 "S" "aaa:diameter.tls.tcp" "" _diameters._tcp.example.test.',
        '100 10 "u" "E2U+pstn:tel" "!^(.*)$!tel:\\\\1\\\\;spn=42!" .',
        ('100 10 u E2U+sip "" _sip._udp.example.test', '100 10 "u" "E2U+sip" "" _sip._udp.example.test.'),
        ('100\t10 "u"  "E2U+sip" "" Sip.Example.test', '100 10 "u" "E2U+sip" "" sip.example.test.'),
        ('( 100 10 "s" "SIP+D2T"\n "" a.example.test. )', '100 10 "s" "SIP+D2T" "" a.example.test.'),
        (r'100 10 "\117" "" "!a!b!" .', '100 10 "u" "" "!a!b!" .'),
        (r'1 1 "s" "" "" a\.b.example.test', r'1 1 "s" "" "" a\046b.example.test.'),
        (r"1 1 s x !a!b! .", '1 1 "s" "x" "!a!b!" .'),
        ("1 1 s x !ü!b! .", r'1 1 "s" "x" "!\195\188!b!" .'),
    ],
}
BAD: Bad = {
    "NAPTR": [
        ("", "rdata_invalid"),
        ("100", "rdata_invalid"),
        ('100 10 "u"', "rdata_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b!"', "rdata_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b!" . .', "rdata_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b! .', "rdata_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b!".', "rdata_invalid"),
        ('100 10 u"x" "E2U+sip" "!a!b!" .', "rdata_invalid"),
        ('65536 10 "u" "E2U+sip" "!a!b!" .', "number_invalid"),
        ('-1 10 "u" "E2U+sip" "!a!b!" .', "number_invalid"),
        ('100 65536 "u" "E2U+sip" "!a!b!" .', "number_invalid"),
        ('first 10 "u" "E2U+sip" "!a!b!" .', "number_invalid"),
        ('100 10 "u-x" "E2U+sip" "!a!b!" .', "naptr_invalid"),
        ('100 10 "ü" "E2U+sip" "!a!b!" .', "naptr_invalid"),
        ('100 10 "u" "E2U/sip" "!a!b!" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b!" a.example.test.', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "a" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "!a" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b!x" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "!a!b!!" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "!!b!" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "1a1b1" .', "naptr_invalid"),
        ('100 10 "u" "E2U+sip" "iaibi" .', "naptr_invalid"),
        (r'100 10 "u" "E2U+sip" "!a!\\1!" .', "naptr_invalid"),
        (r'100 10 "u" "E2U+sip" "!(a)!\\2!" .', "naptr_invalid"),
        (r'100 10 "u" "E2U+sip" "!\\(a\\)!\\1!" .', "naptr_invalid"),
        ('100 10 "s" "SIP+D2U" "" _sip', "target_not_fqdn"),
        ('100 10 "s" "SIP+D2U" "" 192.0.2.1', "target_is_ip"),
        ('100 10 "s" "SIP+D2U" "" sip:a@example.test', "target_invalid"),
        (f'100 10 "u" "{"x" * 256}" "!a!b!" .', "text_too_long"),
        (f'100 10 "u" "" "!{"x" * 256}!b!" .', "text_too_long"),
        (r'100 10 "\256" "" "" .', "text_invalid"),
        ('100 10 "s" "" "" . ; comment', "rdata_invalid"),
        ('100 10 "s" "" "" ' + "a." * 100_000, "target_invalid"),
        ('100 10 "u" "" "!' + "(" * 260 + '!\\\\9!" .', "text_too_long"),
    ],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
