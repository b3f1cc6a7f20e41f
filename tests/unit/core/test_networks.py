"""Where callers come from."""

from ipaddress import ip_network

import pytest

from app.core.networks import is_within, parse_address, parse_network


@pytest.mark.parametrize(
    ("address", "networks", "within"),
    [
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["::ffff:10.0.0.0/104"], True),
        ("11.1.2.3", ["10.0.0.0/8", "11.1.2.3/32"], True),
        ("11.1.2.3", ["10.0.0.0/8"], False),
        ("11.1.2.3", ["::/0"], False),
        ("2001:db8::1", ["0.0.0.0/0"], False),
        ("2001:db8::1", ["2001:db8::/32"], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        (None, ["0.0.0.0/0", "::/0"], False),
    ],
)
def test_addresses_and_networks(address: str | None, networks: list[str], within: bool) -> None:
    assert is_within(parse_address(address), map(parse_network, networks)) is within


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::/0", "::/0"),
        ("2001:db8::/104", "2001:db8::/104"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_an_ipv4_network_that_is_written_as_ipv6_is_one_of_ipv4(written: str, meant: str) -> None:
    assert parse_network(written) == ip_network(meant)
