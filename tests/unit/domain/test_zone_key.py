"""The keys of zones."""

import pytest

from app.domain.errors import InvalidName
from app.domain.read_zone import read_view, read_zone_key
from app.domain.zone_key import dns_name, view_of, zone_key


@pytest.mark.parametrize(
    ("written", "key", "name", "view"),
    [
        ("example.test", "example.test", "example.test", None),
        ("Example.Test.@Internal", "example.test@internal", "example.test", "internal"),
        ("bücher.test@a_b-0", "xn--bcher-kva.test@a_b-0", "xn--bcher-kva.test", "a_b-0"),
        ("0/25.2.0.192.in-addr.arpa@x", "0/25.2.0.192.in-addr.arpa@x", "0/25.2.0.192.in-addr.arpa", "x"),
    ],
)
def test_a_key_is_a_name_and_maybe_a_view(written: str, key: str, name: str, view: str | None) -> None:
    assert read_zone_key(written) == key == zone_key(name, view)
    assert (dns_name(key), view_of(key)) == (name, view)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("example.test@", "view_invalid"),
        ("example.test@-a", "view_invalid"),
        ("example.test@a.b", "view_invalid"),
        ("example.test@" + "a" * 64, "view_invalid"),
        ("example.test@ä", "view_invalid"),
        ("@internal", "name_empty"),
        ("a@b.test@internal", "name_invalid"),
        ("a b@internal", "name_invalid"),
    ],
)
def test_what_is_no_key(written: str, code: str) -> None:
    with pytest.raises(InvalidName) as error:
        read_zone_key(written)
    assert error.value.code == code


def test_views_are_compared_in_lower_case() -> None:
    assert read_view("DMZ") == "dmz"
