"""MX, SRV, KX: numbers and a host, in one text or apart."""

import pytest

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical

URI_TEXT = "https://example.test/"


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
