"""What is allowed, and may not be meant."""

import pytest

from app.domain.change import Action
from app.domain.rdata import RecordType, canonical
from app.domain.warnings import warnings_of


@pytest.mark.parametrize(
    ("name", "record_type", "targets", "codes"),
    [
        ("www.example.test", "A", ["192.0.2.1"], []),
        ("www.example.test", "TXT", ["text"], []),
        ("www.example.test", "TXT", ['say "hi"', '"a" b', '"'], []),
        ("www.example.test", "TXT", ['"text"'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['""'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['"a"', '"b"'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['"one" "two"'], []),
        ("www.example.test", "TXT", [r'"\"text\""'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['( "one"\n "two" )'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['"one""two"'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['"one"\n"two"'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", [' "one" "two"'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['"one" "two" ; comment'], ["quotes_not_kept"]),
        ("www.example.test", "TXT", ['( "one"'], []),
        ("www.example.test", "CAA", ['128 issue "ca.example"'], []),
        ("www.example.test", "CAA", ['0 tbs "x"'], []),
        ("www.example.test", "CAA", ['128 tbs "x"'], ["caa_tag_unknown"]),
        ("www.example.test", "CNAME", ["a.example.test"], []),
        ("www.example.test", "CNAME", ["*.example.test"], ["target_is_wildcard"]),
        ("www.example.test", "DNAME", ["a.example.invalid"], ["target_reserved"]),
        ("www.example.test", "PTR", ["printer.local"], ["target_reserved"]),
        ("www.example.test", "CNAME", ["abc.onion"], ["target_reserved"]),
        ("www.example.test", "CNAME", ["a.notlocal"], []),
        ("www.example.test", "CNAME", ["a.local.test"], []),
        ("www.example.test", "MX", ["10 mail.localhost", "20 mail.example.test"], ["target_reserved"]),
        ("www.example.test", "MX", ["."], []),
        ("www.example.test", "NS", ["ns.alt"], ["target_reserved"]),
        ("_sip._tcp.example.test", "SRV", ["0 0 1 sip.example.test"], []),
        ("www.example.test", "SRV", ["0 0 1 sip.example.test"], ["name_not_a_service"]),
        ("www.example.test", "SRV", ["0 0 1 sip.invalid.invalid"], ["target_reserved", "name_not_a_service"]),
        ("_443._tcp.www.example.test", "TLSA", ["3 0 0 00"], []),
        ("*._tcp.www.example.test", "TLSA", ["3 0 0 00"], []),
        ("www.example.test", "TLSA", ["3 0 0 00"], ["name_not_a_service"]),
        ("www.example.test", "URI", ["https://www.example.test/"], ["name_not_a_service"]),
        ("a.b.example.test", "TYPE65280", [r"\# 0"], []),
    ],
)
def test_warnings(name: str, record_type: str, targets: list[str], codes: list[str]) -> None:
    kind = RecordType(record_type)
    rdata = [canonical(kind, target) for target in targets]
    assert [each.code for each in warnings_of(Action.CREATE, name, kind, targets, rdata)] == codes
    assert warnings_of(Action.DELETE, name, kind, targets, rdata) == ()


def test_a_warning_says_which_values_of_a_list_it_is_about() -> None:
    targets = ["text", '"a"', '"b" "c"', '("d")']
    rdata = [canonical(RecordType.TXT, target) for target in targets]
    (warning,) = warnings_of(Action.CREATE, "www.example.test", RecordType.TXT, targets, rdata)
    assert warning.loc == ("resource", "target", 1)
    assert "of the values 1, 3" in warning.message
