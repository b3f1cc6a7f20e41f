"""International names as people read them."""

import pytest

from app.domain.international import asked_in_unicode, name_in_unicode, values_in_unicode
from app.domain.rdata import RecordType, canonical

LONG = "xn--" + "a" * 59


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("www.example.test", None),
        ("xn--mller-kva.example.test", "müller.example.test"),
        ("xn--ls8h.test", None),  # an emoji, which IDNA 2008 does not allow
        ("xn--ls8h.xn--mller-kva.test", "xn--ls8h.müller.test"),
        ("*.xn--mller-kva.test", "*.müller.test"),
        ("a-xn--mller-kva.test", None),
        ("xn--.test", None),
        (f"{LONG}.test", None),
        ("xn--a-ecp.ru", None),  # U+200D where no script joins
    ],
)
def test_a_name(name: str, shown: str | None) -> None:
    assert name_in_unicode(name) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("WWW.example.test.", None),
        ("Müller.example.test", "müller.example.test"),
        ("XN--Mller-KVA.example.test.", "müller.example.test"),
        ("xn--mller-kva.example.test", "müller.example.test"),
        ("☃", None),  # accepted by nobody
        ("", None),
    ],
)
def test_a_name_as_it_was_asked_for(written: str, shown: str | None) -> None:
    assert asked_in_unicode(written) == shown


@pytest.mark.parametrize(
    ("record_type", "value", "shown"),
    [
        ("CNAME", "grün.example.org", "grün.example.org."),
        ("MX", "10 mail.grün.test", "10 mail.grün.test."),
        ("SRV", "1 2 443 grün.test", "1 2 443 grün.test."),
        ("RP", "grün.test müller.test", "grün.test. müller.test."),
        ("SVCB", "1 grün.test alpn=h2", '1 grün.test. alpn="h2"'),
        ("NAPTR", '1 1 "s" "xn--grn-ioa.test" "" grün.test', '1 1 "s" "xn--grn-ioa.test" "" grün.test.'),
        ("TXT", "xn--grn-ioa.test", None),
        ("URI", '1 1 "https://xn--grn-ioa.test/"', None),
        ("CNAME", "example.org", None),
    ],
)
def test_values_that_have_names(record_type: str, value: str, shown: str | None) -> None:
    stored = canonical(RecordType(record_type), value)
    assert stored.isascii()
    assert values_in_unicode(record_type, [stored]) == (shown and [shown])


def test_values_keep_their_order_and_number() -> None:
    values = ["10 a.test.", "20 xn--grn-ioa.test."]
    assert values_in_unicode("MX", values) == ["10 a.test.", "20 grün.test."]


def test_a_type_that_nobody_knows_has_no_names() -> None:
    assert values_in_unicode("SOA", ["xn--grn-ioa.test. xn--grn-ioa.test. 1 2 3 4 5"]) is None
