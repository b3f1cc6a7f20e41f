"""Types that are asked for by their numbers, and have a form of their own: servers hold the octets to it.

dnspython reads some of them; here is what it does not know, or takes more of than servers do.
"""

from collections.abc import Callable, Mapping

import dns.exception
import dns.name

_DIGESTS = {1: 20, 2: 32, 4: 48}  # octets, by the digest type: RFC 3658, 4509, 6605
_NO_KEY = 0xC0  # in the first octet of a KEY's flags (RFC 2535 3.1.2)
_WKS_HEAD = 5  # octets: an address and a protocol
_KEY_HEAD = 4  # flags, protocol, algorithm
_DS_HEAD = 4  # key tag, algorithm, digest type
_DOA_HEAD = 9  # enterprise, type, location


def has_form(number: int, octets: bytes) -> bool:
    """Whether the octets have the form of the type, as far as it is known here."""
    form = _FORMS.get(number)
    return form is None or form(octets)


def _at_least(number: int) -> Callable[[bytes], bool]:
    return lambda octets: len(octets) >= number


def _names(number: int) -> Callable[[bytes], bool]:
    return lambda octets: _are_names(octets, number)


def _are_names(octets: bytes, number: int) -> bool:
    """Whether there are so many names, none of them compressed (RFC 3597 4), and nothing behind."""
    place = 0
    try:
        for _ in range(number):
            name, length = dns.name.from_wire(octets, place)
            if name.to_wire() != octets[place : place + length]:
                return False
            place += length
    except dns.exception.DNSException:
        return False
    return place == len(octets)


def _is_well_known_services(octets: bytes) -> bool:
    """Whether the bit map does not end with an octet that says nothing (RFC 1035 3.4.2)."""
    return len(octets) <= _WKS_HEAD or octets[-1] != 0


def _is_key(octets: bytes) -> bool:
    """Whether there is a key, unless the flags say that there is none (RFC 2535 3.1.2)."""
    return (len(octets) == _KEY_HEAD) == (octets[0] & _NO_KEY == _NO_KEY)


def _is_number_of_x25(octets: bytes) -> bool:
    """Whether it is one string of at least four digits (RFC 1183 3.1)."""
    digits = octets[1:]
    return len(digits) == octets[0] and len(digits) >= 4 and digits.isdigit()


def _is_atm_address(octets: bytes) -> bool:
    """Whether a number (format 1) is one of digits."""
    return len(octets) > 1 and (octets[0] != 1 or octets[1:].isdigit())


def _is_digital_object(octets: bytes) -> bool:
    """Whether a media type, which is a string, is there behind enterprise, type and location."""
    return len(octets) > _DOA_HEAD and len(octets) > _DOA_HEAD + octets[_DOA_HEAD]


def _is_rkey(octets: bytes) -> bool:
    """Whether it is a key without flags."""
    return len(octets) > _KEY_HEAD and octets[:2] == bytes(2)


def _is_ipsec_key(octets: bytes) -> bool:
    """Whether there is a key where an algorithm is named (RFC 4025 2.4); the rest dnspython has read."""
    _, kind, algorithm = octets[:3]
    behind = octets[3:]
    lengths = {0: 0, 1: 4, 2: 16}
    gateway = lengths[kind] if kind in lengths else dns.name.from_wire(octets, 3)[1]
    return not algorithm or len(behind) > gateway


def _is_host_identity(octets: bytes) -> bool:
    """Whether tag and key are not empty (RFC 8005 5)."""
    return bool(octets[0] and octets[2:4] != b"\0\0")


def _is_digest(octets: bytes) -> bool:
    """Whether it is as a DS (RFC 4034 5.1), with a digest of the length of its kind."""
    length = len(octets) - _DS_HEAD
    return length > 0 and _DIGESTS.get(octets[3], length) == length


_FORMS: Mapping[int, Callable[[bytes], bool]] = {
    7: _names(1),  # MB, RFC 1035 3.3.3
    8: _names(1),  # MG, 3.3.6
    9: _names(1),  # MR, 3.3.8
    11: _is_well_known_services,
    14: _names(2),  # MINFO, 3.3.7
    19: _is_number_of_x25,
    22: _at_least(1),  # NSAP, RFC 1706 5
    25: _is_key,
    31: _at_least(1),  # EID
    32: _at_least(1),  # NIMLOC
    34: _is_atm_address,
    40: _at_least(3),  # SINK
    45: _is_ipsec_key,
    55: _is_host_identity,
    57: _is_rkey,
    58: _names(2),  # TALINK
    67: _at_least(1),  # HHIT, RFC 9886
    68: _at_least(1),  # BRID, RFC 9886
    259: _is_digital_object,
    32768: _is_digest,  # TA
    32769: _is_digest,  # DLV, RFC 4431
}
