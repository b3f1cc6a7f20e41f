"""CAA: RFC 8659, RFC 8657, RFC 9495."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "CAA": [
        '0 issue "ca1.example.net"',  # RFC 8659 4.2
        '0 issue ";"',
        '0 issue ""',
        '0 issue "malformed"',
        '0 issue "ca1.example.net; account=230123"',
        '0 issue "ca1.example.net;account=230123"',
        '0 issue "ca1.example.net; account=230123; policy=ev"',
        '0 issue "ca1.example.net; validationmethods=dns-01,http-01"',  # RFC 8657
        '0 issue "ca1.example.net; accounturi=https://example.net/account/1234"',
        '0 issuewild "ca2.example.org"',
        '0 issuewild ";"',
        '0 iodef "mailto:security@example.com"',
        '0 iodef "https://iodef.example.com/"',
        '0 iodef "http://iodef.example.com/"',
        '0 issuemail "ca1.example.net"',
        '0 issuemail ";"',
        '0 issuevmc "ca1.example.net"',
        '0 contactemail "domains@example.com"',
        '0 contactphone "+1 555 0123"',
        '128 issue "ca1.example.net"',
        '128 tbs "Unknown"',
        '1 issue "ca1.example.net"',
        '255 issue "ca1.example.net"',
        ('128 ISSUE "CA1.example.net"', '128 issue "CA1.example.net"'),
        ("0 issue ca1.example.net", '0 issue "ca1.example.net"'),
        ('0\tissue  "ca1.example.net"', '0 issue "ca1.example.net"'),
        ('0 "issue" "ca1.example.net"', '0 issue "ca1.example.net"'),
        ('000 issue "ca1.example.net"', '0 issue "ca1.example.net"'),
        ('0 issue " ca1.example.net "', '0 issue " ca1.example.net "'),
        ('0 tbs "a b"', '0 tbs "a b"'),
        (r'0 tbs "a\"b"', r'0 tbs "a\"b"'),
        (r"\# 15 00056973737565636131 2e746573 74".replace(" 2e", "2e"), '0 issue "ca1.test"'),
        ('0 iodef "MAILTO:a@example.test"', '0 iodef "MAILTO:a@example.test"'),
    ],
}
BAD: Bad = {
    "CAA": [
        (written, "caa_invalid")
        for written in (
            "",
            "0",
            "0 issue",
            "issue ca.example",
            'issue "ca.example"',
            '256 issue "ca.example"',
            '-1 issue "ca.example"',
            'x issue "ca.example"',
            '0 is_sue "ca.example"',
            '0 issue! "ca.example"',
            '0 "" "ca.example"',
            f'0 {"a" * 256} "x"',
            '0 issue "ca.example',
            '0 issue ca.example"',
            "0 issue ca.example; account=1",
            "0 issue ca example",
            '0 issue "ca.example" extra',
            '0 issue "ca example"',
            '0 issue "https://ca.example"',
            '0 issue "-ca.example"',
            '0 issue "ca..example"',
            '0 issue "ca.example; account"',
            '0 issue "ca.example; =1"',
            '0 issuewild "*.ca.example"',
            '0 issuemail "a@example.test"',
            '0 iodef "a@example.test"',
            '0 iodef "mailto:"',
            '0 iodef "ftp://example.test"',
            '0 iodef ""',
            '0 iodef "https://example.test/ x"',
            '0 tbs "ü"',
            '0 tbs "a\tb"',
            '0 tbs "a\0b"',
            '0 issue "ca.example"\n',
            '0 issue "ca.example" ; comment',
            '0 issue "' + "a." * 50_000,
        )
    ]
    + [(r"\# 5 0005697373", "rdata_invalid"), (r"\# 2 0000", "rdata_invalid")],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
