"""The zone of a name in the simulation, where no server says how names are divided into zones."""

_IPV4_LABELS = 5  # 2.0.192.in-addr.arpa: the reverse zone of 256 addresses
_IPV6_LABELS = 18  # of ip6.arpa: the reverse zone of a /64
_OTHER_LABELS = 2  # example.org


def simulated_zone(name: str) -> str:
    """Return the zone that a normalized name is taken to lie in: its last two labels.

    Of reverse names it is the zone at the boundary of the third octet, or of a /64 (RFC 3596 2.5).
    """
    labels = name.removeprefix("*.").split(".")
    return ".".join(labels[-_zone_labels(labels) :])


def _zone_labels(labels: list[str]) -> int:
    match labels[-2:]:
        case ["in-addr", "arpa"]:
            return _IPV4_LABELS
        case ["ip6", "arpa"]:
            return _IPV6_LABELS
    return _OTHER_LABELS
