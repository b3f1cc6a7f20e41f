"""What BIND's `check-names` would refuse."""

import pytest

from app.domain.change import Action
from app.domain.checks import check_names
from app.domain.rdata import RecordType


@pytest.mark.parametrize(
    ("name", "record_type", "rdata", "codes"),
    [
        ("a_b.example.test", "A", ["192.0.2.1"], ["name_not_a_host"]),
        ("_x.example.test", "AAAA", ["2001:db8::1"], ["name_not_a_host"]),
        ("a_b.example.test", "MX", ["10 mail.example.test."], ["name_not_a_host"]),
        ("1.0/25.2.0.192.in-addr.arpa", "A", ["192.0.2.1"], ["name_not_a_host"]),
        ("www.example.test", "A", ["192.0.2.1"], []),
        ("*.example.test", "A", ["192.0.2.1"], []),
        ("gc._msdcs.example.test", "A", ["192.0.2.1"], []),
        ("gc._msdcs.example.test", "MX", ["10 mail.example.test."], ["name_not_a_host"]),
        ("a_b.example.test", "CNAME", ["www.example.test."], []),
        ("_dmarc.example.test", "TXT", ['"x"'], []),
        ("_sip._tcp.example.test", "SRV", ["0 0 1 sip.example.test."], []),
        ("1.2.0.192.in-addr.arpa", "PTR", ["www.example.test."], []),
        ("1.2.0.192.in-addr.arpa", "PTR", ["a_b.example.test."], ["target_not_a_host"]),
        (r"a\046b.example.test", "A", ["192.0.2.1"], ["name_not_a_host"]),
        ("svc.example.test", "SVCB", ["1 _x.example.test. port=1"], ["target_not_a_host"]),
        ("svc.example.test", "HTTPS", ["1 a.example.test.", "2 a_b.example.test."], ["target_not_a_host"]),
        ("svc.example.test", "HTTPS", ["0 _x.example.test."], []),
        ("svc.example.test", "HTTPS", ["1 .", "2 . port=1", "3 a.example.test. port=1"], []),
        ("_services._dns-sd._udp.example.test", "PTR", ["_http._tcp.example.test."], []),
    ],
)
def test_check_names(name: str, record_type: str, rdata: list[str], codes: list[str]) -> None:
    found = check_names(Action.CREATE, name, RecordType(record_type), rdata)
    assert [reason.code for reason in found] == codes
    assert list(check_names(Action.DELETE, name, RecordType(record_type), rdata)) == []
