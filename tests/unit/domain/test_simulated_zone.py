"""Which zone the simulation takes a name to lie in."""

import pytest

from app.domain.names import normalize
from app.domain.simulated_zone import simulated_zone

_V6 = "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("www.example.com", "example.com"),
        ("example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("_sip._tcp.example.com", "example.com"),
        ("*.example.com", "example.com"),
        ("*.com", "com"),
        ("localhost", "localhost"),
        ("10.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"),
        ("2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"),
        ("192.in-addr.arpa", "192.in-addr.arpa"),
        (_V6, _V6[32:]),
        ("in-addr.arpa", "in-addr.arpa"),
    ],
)
def test_the_zone_of_a_name(name: str, zone: str) -> None:
    assert simulated_zone(normalize(name)) == zone
