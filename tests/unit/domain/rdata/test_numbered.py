"""MX, SRV, KX: numbers and a host, in one text or apart."""

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical
from tests.unit.domain.rdata.cases import Bad, Case, Good, accept, cases, name, refusal

GOOD: Good = {
    "MX": [
        "10 mail.example.test.",
        "0 mail.example.test.",
        "65535 mail.example.test.",
        "0 .",
        ("mail.example.test", "10 mail.example.test."),
        ("10 Mail.Example.Test", "10 mail.example.test."),
        ("10\tmail.example.test", "10 mail.example.test."),
        ("10  \t mail.example.test.", "10 mail.example.test."),
        ("010 mail.example.test", "10 mail.example.test."),
        ("00000 mail.example.test", "0 mail.example.test."),
        (".", "0 ."),
        ("10 müller.test", "10 xn--mller-kva.test."),
        (r"\# 9 000a0161047465737400".replace("# 9", "# 10"), "10 a.test."),
    ],
    "SRV": [
        "10 5 5060 sip.example.test.",
        "0 0 0 sip.example.test.",
        "65535 65535 65535 sip.example.test.",
        "0 0 0 .",
        "1 2 3 .",
        (".", "0 0 0 ."),
        ("0 5 5060 Sip.Example.Test", "0 5 5060 sip.example.test."),
        ("0\t5\t5060\tsip.example.test", "0 5 5060 sip.example.test."),
        ("00 05 05060 sip.example.test", "0 5 5060 sip.example.test."),
    ],
    "KX": [
        "10 kx.example.test.",
        ("kx.example.test", "10 kx.example.test."),
        ("2 KX.example.test", "2 kx.example.test."),
    ],
}
BAD: Bad = {
    "MX": [
        ("", "target_invalid"),
        (" ", "priority_invalid"),
        ("10", "target_is_ip"),
        ("10 ", "target_invalid"),
        ("mail", "target_not_fqdn"),
        ("10 mail", "target_not_fqdn"),
        ("10 mail.", "target_not_fqdn"),
        ("mail.example.test 10", "priority_invalid"),
        ("10 20 mail.example.test", "rdata_invalid"),
        ("10 mail.example.test mail2.example.test", "rdata_invalid"),
        ("-1 mail.example.test", "priority_invalid"),
        ("+1 mail.example.test", "priority_invalid"),
        ("1.5 mail.example.test", "priority_invalid"),
        ("1e1 mail.example.test", "priority_invalid"),
        ("0x0a mail.example.test", "priority_invalid"),
        ("65536 mail.example.test", "priority_invalid"),
        ("999999 mail.example.test", "priority_invalid"),
        ("٤ mail.example.test", "priority_invalid"),
        ("10,mail.example.test", "target_invalid"),
        ("10 mail.example.test;", "target_invalid"),
        ("10\nmail.example.test", "target_invalid"),
        ("10 mail_1.example.test", "target_invalid"),
        ("10 _mail.example.test", "target_invalid"),
        ("10 -mail.example.test", "target_invalid"),
        ("10 *.example.test", "target_invalid"),
        ("10 192.0.2.1", "target_is_ip"),
        ("10 [192.0.2.1]", "target_invalid"),
        ("10 2001:db8::1", "target_is_ip"),
        ("10 smtp://mail.example.test", "target_is_url"),
        ("10 mail.example.test:25", "target_invalid"),
        ("10 user@example.test", "target_invalid"),
        ('10 "mail.example.test"', "target_invalid"),
        ("1 .", "priority_invalid"),
        ("10 " + "a." * 100_000, "target_invalid"),
        (" " * 100_000, "priority_invalid"),
        (" 1" * 100_000, "rdata_invalid"),
    ],
    "SRV": [
        ("", "port_missing"),
        ("sip.example.test", "port_missing"),
        ("5060 sip.example.test", "rdata_invalid"),
        ("5 5060 sip.example.test", "rdata_invalid"),
        ("10 5 5060", "rdata_invalid"),
        ("10 5 5060 ", "target_invalid"),
        ("10 5 5060 sip.example.test x", "rdata_invalid"),
        ("65536 5 5060 sip.example.test", "priority_invalid"),
        ("10 65536 5060 sip.example.test", "weight_invalid"),
        ("10 5 65536 sip.example.test", "port_invalid"),
        ("-1 5 5060 sip.example.test", "priority_invalid"),
        ("10 -1 5060 sip.example.test", "weight_invalid"),
        ("10 5 -1 sip.example.test", "port_invalid"),
        ("10 5 sip sip.example.test", "port_invalid"),
        ("10 5 5060 sip", "target_not_fqdn"),
        ("10 5 5060 192.0.2.1", "target_is_ip"),
        ("10 5 5060 _sip._udp.example.test", "target_invalid"),
        ("10 5 5060 *.example.test", "target_invalid"),
        ("10 5 5060 sip:sip.example.test", "target_invalid"),
        ("10 5 5060 sip.example.test:5060", "target_invalid"),
    ],
    "KX": [
        ("10 kx", "target_not_fqdn"),
        ("10 .", "target_invalid"),
        ("65536 kx.example.test", "priority_invalid"),
        ("10 192.0.2.1", "target_is_ip"),
    ],
}
URI_TEXT = "https://example.test/"


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected


@pytest.mark.parametrize(
    ("record_type", "written", "priority", "extra", "expected"),
    [
        ("MX", "mail.example.test", 5, {}, "5 mail.example.test."),
        ("MX", "5 mail.example.test", 5, {}, "5 mail.example.test."),
        ("MX", ".", 0, {}, "0 ."),
        ("SRV", "a.test", 1, {"weight": 2, "port": 3}, "1 2 3 a.test."),
        ("SRV", "a.test", None, {"port": "3"}, "0 0 3 a.test."),
        ("SRV", ".", None, {"port": 3}, "0 0 3 ."),
        ("KX", "a.test", 0, {}, "0 a.test."),
        ("LP", "a.test", 7, {}, "7 a.test."),
        ("NID", "1:2:3:4", 7, {}, "7 0001:0002:0003:0004"),
        ("L64", "1:2:3:4", 7, {}, "7 0001:0002:0003:0004"),
        ("L32", "192.0.2.0", 7, {}, "7 192.0.2.0"),
        ("URI", URI_TEXT, 7, {"weight": 8}, f'7 8 "{URI_TEXT}"'),
        ("URI", f"7 8 {URI_TEXT}", 7, {"weight": 8}, f'7 8 "{URI_TEXT}"'),
        ("HTTPS", ". alpn=h2", 1, {}, '1 . alpn="h2"'),
        ("HTTPS", "1 . alpn=h2", 1, {}, '1 . alpn="h2"'),
        ("SVCB", "a.example.test", 0, {}, "0 a.example.test."),
        ("A", "192.0.2.1", 7, {"port": 1}, "192.0.2.1"),
    ],
)
def test_numbers_that_are_given_apart(
    record_type: str, written: str, priority: int | None, extra: dict[str, object], expected: str
) -> None:
    assert canonical(RecordType(record_type), written, priority=priority, extra=extra) == expected


@pytest.mark.parametrize(
    ("record_type", "written", "priority", "extra", "code"),
    [
        ("MX", "10 mail.example.test", 20, {}, "priority_invalid"),
        ("MX", ".", 10, {}, "priority_invalid"),
        ("MX", "mail.example.test", 65_536, {}, "priority_invalid"),
        ("SRV", "a.test", None, {"port": None}, "port_missing"),
        ("SRV", "a.test", None, {"port": 3, "weight": []}, "weight_invalid"),
        ("SRV", "1 2 3 a.test", None, {"port": 4}, "port_invalid"),
        ("KX", "10 a.test", 20, {}, "priority_invalid"),
        ("URI", f"7 8 {URI_TEXT}", 7, {"weight": 9}, "weight_invalid"),
        ("HTTPS", "1 . alpn=h2", 2, {}, "priority_invalid"),
        ("HTTPS", "a.example.test alpn=h2", 0, {}, "svcb_invalid"),
        ("NID", "10 1:2:3:4", 11, {}, "priority_invalid"),
    ],
)
def test_numbers_that_do_not_agree(
    record_type: str, written: str, priority: int | None, extra: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidRdata) as refused:
        canonical(RecordType(record_type), written, priority=priority, extra=extra)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("record_type", "written", "extra", "expected"),
    [
        ("KX", "a.test", {}, "* a.test."),
        ("LP", "a.test", {}, "* a.test."),
        ("NID", "1:2:3:4", {}, "* 0001:0002:0003:0004"),
        ("L32", "192.0.2.0", {}, "* 192.0.2.0"),
        ("URI", URI_TEXT, {}, f'* * "{URI_TEXT}"'),
        ("URI", URI_TEXT, {"weight": 8}, f'* 8 "{URI_TEXT}"'),
        ("TLSA", "3 0 0 00", {}, "3 0 0 00"),
    ],
)
def test_numbers_that_are_left_out_of_a_deletion(
    record_type: str, written: str, extra: dict[str, object], expected: str
) -> None:
    assert canonical(RecordType(record_type), written, extra=extra, pattern=True) == expected
