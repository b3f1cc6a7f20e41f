"""SVCB, HTTPS: RFC 9460 appendix D and section 2."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, Rows, accept, cases, name, refusal

ECH = "AEn+DQBFKwAgACABWIHUGj4u+PIggYXcR5JF0gYk3dCRioBW8uJq9H4mKAAIAAEAAQABAANAEnB1YmxpYy50bHMtZWNoLmRldgAA"
VALUES: Rows = [
    "0 foo.example.com.",  # D.1
    "0 .",
    "1 .",  # D.2
    '16 foo.example.com. port="53"',
    '1 foo.example.com. key667="hello"',
    r'1 foo.example.com. key667="hello\210qoo"',
    '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"'.replace("::192.0.2.33", "::c000:221"),
    '16 foo.example.org. mandatory="alpn,ipv4hint" alpn="h2,h3-19" ipv4hint="192.0.2.1"',
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    '1 . alpn="h2,h3"',
    '65535 . alpn="h2"',
    '1 . alpn="h2" no-default-alpn',
    '1 . port="0"',
    '1 . port="65535"',
    '1 . ipv4hint="192.0.2.1,192.0.2.2"',
    f'1 . ech="{ECH}"',
    '1 . alpn="dot" dohpath="/dns-query{?dns}"',
    '1 . alpn="h2" ohttp',
    '1 . docpath="a,b"',
    '1 . mandatory="key667" key667="x"',
    '1 . mandatory="alpn,no-default-alpn,port,ipv4hint,ipv6hint" alpn="h2" no-default-alpn port="1" '
    'ipv4hint="192.0.2.1" ipv6hint="::1"',
    '1 . key65534="x"',
    "1 . key667",
    '1 _8443._foo.api.example.com. port="8443"',
    r'1 a\046b.example.com. alpn="h2"',
    ("0 Foo.Example.com", "0 foo.example.com."),
    ("1 . port=53", '1 . port="53"'),
    ("1 . port=053", '1 . port="53"'),
    ("1 . alpn=h2", '1 . alpn="h2"'),
    ("1 . ALPN=h2", '1 . alpn="h2"'),
    ('1 . port="53" alpn="h2"', '1 . alpn="h2" port="53"'),
    ("1 . ipv6hint=2001:DB8:0:0::1", '1 . ipv6hint="2001:db8::1"'),
    ("1 . ipv6hint=::ffff:198.51.100.100", '1 . ipv6hint="::ffff:198.51.100.100"'),
    ("1 . ipv4hint=192.0.2.1 mandatory=ipv4hint", '1 . mandatory="ipv4hint" ipv4hint="192.0.2.1"'),
    (r'1 . alpn="f\\\092oo\092,bar,h2"', '1 . alpn="f\\\\\\\\oo\\\\,bar,h2"'),
    (r'1 . key1="\002h2"', '1 . alpn="h2"'),
    (r'1 . key3="\000\053"', '1 . port="53"'),
    ("1 . key65534=x", '1 . key65534="x"'),
    ("1 . key667=", "1 . key667"),
    ('1 . key667=""', "1 . key667"),
    ("1 . no-default-alpn= alpn=h2", '1 . alpn="h2" no-default-alpn'),
    ('( 1 . alpn="h2"\n port=1 )', '1 . alpn="h2" port="1"'),
    (r"\# 3 000100", "1 ."),
    (r"\# 10 00010000010003 026832".replace(" 02", "02"), '1 . alpn="h2"'),
]
NO_VALUES = [
    ("", "rdata_invalid"),
    ("1", "rdata_invalid"),
    (".", "priority_missing"),
    (". alpn=h2", "priority_missing"),
    ("foo.example.com alpn=h2", "priority_missing"),
    ("65536 .", "priority_invalid"),
    ("1x .", "priority_invalid"),
    ("1 foo alpn=h2", "target_not_fqdn"),
    ("1 192.0.2.1", "target_is_ip"),
    ("1 https://foo.example.com", "target_is_url"),
    ("1 alpn=h2", "target_invalid"),
    ("0 foo.example.com alpn=h2", "svcb_invalid"),  # 2.4.2
    ("1 . alpn", "svcb_invalid"),
    ("1 . alpn=", "svcb_invalid"),
    ('1 . alpn=""', "svcb_invalid"),
    ("1 . alpn=h2,", "svcb_invalid"),
    ("1 . alpn=,h2", "svcb_invalid"),
    ("1 . alpn=h2,,h3", "svcb_invalid"),
    (f"1 . alpn={'a' * 256}", "rdata_invalid"),
    ("1 . alpn=h2 alpn=h3", "svcb_invalid"),  # D.3: a key twice
    ("1 . key123=abc key123=def", "svcb_invalid"),
    (r'1 . alpn=h2 key1="\002h3"', "svcb_invalid"),
    ("1 . port", "svcb_invalid"),
    ("1 . port=65536", "svcb_invalid"),
    ("1 . port=-1", "svcb_invalid"),
    ("1 . port=http", "svcb_invalid"),
    ("1 . port=80,443", "svcb_invalid"),
    ("1 . port=٤", "svcb_invalid"),
    ("1 . ipv4hint", "svcb_invalid"),
    ("1 . ipv4hint=", "svcb_invalid"),
    ("1 . ipv4hint=2001:db8::1", "ipv4_invalid"),
    ("1 . ipv4hint=192.0.2.1,", "ipv4_invalid"),
    ("1 . ipv4hint=192.0.2.256", "ipv4_invalid"),
    ('1 . ipv4hint="192.0.2.1, 192.0.2.2"', "ipv4_invalid"),
    ("1 . ipv6hint=192.0.2.1", "ipv6_invalid"),
    ("1 . ipv6hint=fe80::1%eth0", "ipv6_invalid"),
    ("1 . no-default-alpn", "svcb_invalid"),
    ("1 . no-default-alpn=abc alpn=h2", "svcb_invalid"),
    ("1 . mandatory", "svcb_invalid"),
    ("1 . mandatory=", "svcb_invalid"),
    ("1 . mandatory=key123", "svcb_invalid"),
    ("1 . mandatory=mandatory", "svcb_invalid"),
    ("1 . mandatory=key123,key123 key123=abc", "svcb_invalid"),
    ("1 . mandatory=alpn,alpn alpn=h2", "svcb_invalid"),
    ("1 . mandatory=alpn", "svcb_invalid"),
    ("1 . mandatory=alpn, alpn=h2", "svcb_invalid"),
    ("1 . mandatory=nothing alpn=h2", "svcb_invalid"),
    ("1 . ech", "svcb_invalid"),
    ("1 . ech=!", "rdata_invalid"),
    ("1 . ech=AAAA", "rdata_invalid"),
    ("1 . dohpath", "svcb_invalid"),
    ("1 . dohpath=/dns-query", "svcb_invalid"),
    ("1 . dohpath=dns-query{?dns}", "svcb_invalid"),
    ("1 . dohpath=/dns-query{?dnsx}", "svcb_invalid"),
    ("1 . ohttp=1", "svcb_invalid"),
    ("1 . key65535=x", "svcb_invalid"),
    ("1 . key65536=x", "svcb_invalid"),
    ("1 . key0667=x", "svcb_invalid"),
    ("1 . key=x", "svcb_invalid"),
    ("1 . unknown=x", "svcb_invalid"),
    ("1 . =h2", "svcb_invalid"),
    ("1 . al_pn=h2", "svcb_invalid"),
    ('1 . "alpn=h2"', "svcb_invalid"),
    ('1 . alpn="h2', "rdata_invalid"),
    ("1 . alpn=h2;", "rdata_invalid"),
    ("1 . alpn=h2 ; comment", "rdata_invalid"),
    (r'1 . key667="\256"', "rdata_invalid"),
    ("1 . key667=" + "x" * 70_000, "rrset_too_large"),
    ("1 . " + "key1=x " * 9_000, "svcb_invalid"),
    ("1 . mandatory=" + "alpn," * 9_000 + "alpn alpn=h2", "svcb_invalid"),
]
GOOD: Good = {"SVCB": VALUES, "HTTPS": VALUES}
BAD: Bad = {"SVCB": NO_VALUES, "HTTPS": NO_VALUES}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
