"""Where the PTR of an address belongs."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.names import normalize
from app.domain.reverse import Elsewhere, Place, find_place, parts, possible_cuts, reverse_name

NAME = "10.2.0.192.in-addr.arpa"
PARENT = "2.0.192.in-addr.arpa"
CHILD = "0/25.2.0.192.in-addr.arpa"
NOWHERE = Elsewhere(f"{NAME} is in none of them")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.10", NAME),
        ("10.2.0.52", "52.0.2.10.in-addr.arpa"),  # the example of RFC 1035 3.5
        (
            "4321:0:1:2:3:4:567:89ab",  # that of RFC 3596 2.5
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa",
        ),
        ("::ffff:192.0.2.10", "a.0.2.0.0.0.0.c.f.f.f.f" + ".0" * 20 + ".ip6.arpa"),
    ],
)
def test_the_reverse_name_of_an_address(address: str, name: str) -> None:
    assert reverse_name(address) == name


@given(st.ip_addresses())
def test_every_reverse_name_is_canonical_and_stands_for_its_address(
    address: IPv4Address | IPv6Address,
) -> None:
    name = reverse_name(str(address))
    assert normalize(name) == name
    assert ip_address(dns.reversename.to_address(dns.name.from_text(name))) == address


@given(st.ip_addresses(), st.integers(1, 40))
def test_it_belongs_into_the_longest_match(address: IPv4Address | IPv6Address, depth: int) -> None:
    labels = reverse_name(str(address)).split(".")
    zones = {".".join(labels[-length:]) for length in range(2, min(depth, len(labels)) + 1)}
    place = find_place(".".join(labels), zones, {})
    name = ".".join(labels)
    assert place == (Place(max(zones, key=len), name) if zones else Elsewhere(f"{name} is in none of them"))


def test_without_a_zone_there_is_no_place() -> None:
    assert find_place(NAME, {"3.0.192.in-addr.arpa", "example.test"}, {}) == NOWHERE


@pytest.mark.parametrize(
    ("target", "zones", "place"),
    [
        (f"10.{CHILD}", {PARENT, CHILD}, Place(CHILD, f"10.{CHILD}")),
        ("10.rev.example.test", {PARENT, "example.test"}, Place("example.test", "10.rev.example.test")),
        (f"10.0-127.{PARENT}", {PARENT}, Place(PARENT, f"10.0-127.{PARENT}")),
        (
            "10.elsewhere.example",
            {PARENT, CHILD},
            Elsewhere(f"{NAME} is an alias: 10.elsewhere.example is in none of them"),
        ),
    ],
)
def test_a_delegation_of_a_part_is_followed(target: str, zones: set[str], place: Place | Elsewhere) -> None:
    """RFC 2317 4 and 5.2."""
    assert find_place(NAME, zones, {Place(PARENT, NAME): target}) == place


@pytest.mark.parametrize("zone", [CHILD, f"0-127.{PARENT}", f"8/30.{PARENT}", f"10-11.{PARENT}"])
@pytest.mark.parametrize("others", [set(), {PARENT}, {PARENT, f"0/26.{PARENT}2", f"128/25.{PARENT}"}])
def test_a_served_part_is_found_by_its_name(zone: str, others: set[str]) -> None:
    """The CNAMEs may be somebody else's, or older than the records."""
    assert find_place(NAME, {zone} | others, {}) == Place(zone, f"10.{zone}")


def test_the_smallest_part_counts_and_a_known_alias_more_than_it() -> None:
    zones = {PARENT, CHILD, f"8/29.{PARENT}"}
    assert find_place(NAME, zones, {}) == Place(f"8/29.{PARENT}", f"10.8/29.{PARENT}")
    aliases = {Place(PARENT, NAME): f"10.{CHILD}"}
    assert find_place(NAME, zones, aliases) == Place(CHILD, f"10.{CHILD}")
    elsewhere = find_place(NAME, zones, {Place(PARENT, NAME): "10.elsewhere.example"})
    assert elsewhere == Elsewhere(f"{NAME} is an alias: 10.elsewhere.example is in none of them")


@given(st.ip_addresses(v=4), st.integers(25, 31))
def test_a_part_has_the_addresses_of_its_network(address: IPv4Address, length: int) -> None:
    network = ip_network((address, length), strict=False)
    parent = reverse_name(str(address)).partition(".")[2]
    zone = f"{network[0].packed[3]}/{length}.{parent}"
    place = find_place(reverse_name(str(address)), {parent, zone}, {})
    assert place == Place(zone, f"{address.packed[3]}.{zone}")
    outside = network[0] - 1 if network[0].packed[3] else network[-1] + 1
    if ip_network((outside, 24), strict=False) == ip_network((address, 24), strict=False):
        assert isinstance(find_place(reverse_name(str(outside)), {zone}, {}), Elsewhere)


def test_ipv6_has_no_such_parts() -> None:
    assert list(parts(reverse_name("2001:db8::1"))) == []


def test_an_alias_in_another_zone_than_the_longest_match_does_not_count() -> None:
    aliases = {Place("0.192.in-addr.arpa", NAME): "10.rev.example.test"}
    assert find_place(NAME, {PARENT, "example.test", "0.192.in-addr.arpa"}, aliases) == Place(PARENT, NAME)


@pytest.mark.parametrize("target", [f"10.{CHILD}", f"10.rev.{CHILD}", CHILD])
def test_what_an_alias_names_below_a_delegation_is_others(target: str) -> None:
    aliases, cuts = {Place(PARENT, NAME): target}, {Place(PARENT, CHILD)}
    why = f"{NAME} is an alias: {CHILD} is delegated by {PARENT}, and not served here"
    assert find_place(NAME, {PARENT}, aliases, cuts) == Elsewhere(why, Place(PARENT, target))
    assert find_place(NAME, {PARENT, CHILD}, aliases, cuts) == Place(CHILD, target)


@pytest.mark.parametrize("cut", [NAME, "2.0.192.in-addr.arpa", "0.192.in-addr.arpa"])
def test_what_is_at_or_below_a_delegation_is_others(cut: str) -> None:
    zone = "192.in-addr.arpa"
    cuts = {Place(zone, cut)}
    why = f"{cut} is delegated by {zone}, and not served here"
    assert find_place(NAME, {zone}, {}, cuts) == Elsewhere(why, Place(zone, NAME))
    served = cut if cut != NAME else PARENT
    assert find_place(NAME, {zone, served}, {}, cuts) == Place(served, NAME)
    assert find_place(NAME, {zone}, {}, {Place("in-addr.arpa", cut)}) == Place(zone, NAME)


def test_a_part_that_is_delegated_to_others_is_theirs() -> None:
    cuts = {Place(PARENT, CHILD)}
    assert find_place(NAME, {PARENT}, {}, cuts) == Elsewhere(
        f"{CHILD} is delegated by {PARENT}, and not served here"
    )
    assert find_place(NAME, {PARENT, f"8/29.{PARENT}"}, {}, cuts) == Place(
        f"8/29.{PARENT}", f"10.8/29.{PARENT}"
    )
    above = f"200.{PARENT}"
    assert find_place(above, {PARENT}, {}, cuts) == Place(PARENT, above)


def test_delegations_are_looked_for_between_the_apex_and_the_name() -> None:
    name = reverse_name("2001:db8::1")
    zone = "8.b.d.0.1.0.0.2.ip6.arpa"
    found = possible_cuts([name, f"10.rev.{zone}"], {zone})
    assert found == {name, f"10.rev.{zone}", f"rev.{zone}"} | {
        name.split(".", count)[-1] for count in range(1, 24)
    }
    assert possible_cuts([NAME], {PARENT}) == {NAME}
