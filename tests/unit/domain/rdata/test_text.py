"""TXT: RFC 1035 3.3.14, 5.1."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "TXT": [
        ("", '""'),
        (" ", '" "'),
        ("a", '"a"'),
        ("two words", '"two words"'),
        ("  blanks  around  ", '"  blanks  around  "'),
        ("v=spf1 include:_spf.example.test -all", '"v=spf1 include:_spf.example.test -all"'),
        ("v=DMARC1; p=none; rua=mailto:a@example.test", '"v=DMARC1; p=none; rua=mailto:a@example.test"'),
        ("k=rsa; p=MIGfMA0GCSq+/==", '"k=rsa; p=MIGfMA0GCSq+/=="'),
        ("google-site-verification=abc_DEF-123", '"google-site-verification=abc_DEF-123"'),
        ("a;b", '"a;b"'),
        ("(a)", '"(a)"'),
        ("@ $ORIGIN", '"@ $ORIGIN"'),
        ("a'b", '"a\'b"'),
        ('a"b', r'"a\"b"'),
        ('"a', r'"\"a"'),
        ('a"', r'"a\""'),
        ('"', r'"\""'),
        ('"a" b', r'"\"a\" b"'),
        ('a "b"', r'"a \"b\""'),
        ('"a""b"', r'"\"a\"\"b\""'),
        ("a\\b", r'"a\\b"'),
        ("\\", r'"\\"'),
        (r"\065", r'"\\065"'),
        (r"\"a\"", r'"\\\"a\\\""'),
        ("tab\there", r'"tab\009here"'),
        ("line\nbreak", r'"line\010break"'),
        ("\r\n", r'"\013\010"'),
        ("\x7f", r'"\127"'),
        ("ü", r'"\195\188"'),
        ("日本", r'"\230\151\165\230\156\172"'),
        ("💩", r'"\240\159\146\169"'),
        ("\u200b", r'"\226\128\139"'),
        ("e\u0301", r'"e\204\129"'),
        ("{{ 7*7 }}", '"{{ 7*7 }}"'),
        ("'; DROP TABLE dns_requests; --", '"\'; DROP TABLE dns_requests; --"'),
        ("x" * 255, f'"{"x" * 255}"'),
        ("x" * 256, f'"{"x" * 255}" "x"'),
        ("x" * 510, f'"{"x" * 255}" "{"x" * 255}"'),
        ("x" * 511, f'"{"x" * 255}" "{"x" * 255}" "x"'),
        ("ü" * 127 + "xü", '"' + r"\195\188" * 127 + 'x" "' + r"\195\188" + '"'),
        ("ü" * 128, '"' + r"\195\188" * 127 + r'\195" "\188"'),
        '"v=spf1 -all"',
        '""',
        '"" ""',
        '"one" "two"',
        '"one" "two" "three"',
        '"a;b" "(c)"',
        r'"\"" "\\"',
        r'"\000"',
        r'"\255\128"',
        ('"one"  "two"', '"one" "two"'),
        ('"one"\t"two"', '"one" "two"'),
        (r'"\065\066"', '"AB"'),
        (r'"\a\b"', '"ab"'),
        (r'"a\;b"', '"a;b"'),
        ('"ü"', r'"\195\188"'),
        ('"a\nb"', r'"a\010b"'),
        (f'"{"x" * 255}" "{"y" * 255}"', f'"{"x" * 255}" "{"y" * 255}"'),
        (r"\# 4 c0000201", r'"\\# 4 c0000201"'),
        ("192.0.2.1", '"192.0.2.1"'),
        (".", '"."'),
    ],
}
BAD: Bad = {
    "TXT": [
        ("\0", "text_invalid"),
        ("a\0b", "text_invalid"),
        ("\ud800", "text_invalid"),
        ("a\udfffb", "text_invalid"),
        ('"\ud800"', "text_invalid"),
        (r'"\256"', "text_invalid"),
        (r'"\999"', "text_invalid"),
        (f'"{"x" * 256}"', "text_too_long"),
        (f'"a" "{"x" * 256}"', "text_too_long"),
        (f'"{"ü" * 128}"', "text_too_long"),
        ("x" * 63_739, "text_too_long"),
        ("ü" * 31_870, "text_too_long"),
        ('"" ' * 63_999 + '""', "text_too_long"),
        ("\\" * 63_739, "text_too_long"),
    ],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
