"""Keys, certificates and their fingerprints: TLSA, SMIMEA, SSHFP, OPENPGPKEY, CERT, DHCID."""

from collections.abc import Mapping

from app.domain.rdata.dnssec import ALGORITHMS
from app.domain.rdata.fields import Fields, in_base64
from app.domain.rdata.reading import NOTHING_GIVEN, Given

_USAGES = {"PKIX-TA": 0, "PKIX-EE": 1, "DANE-TA": 2, "DANE-EE": 3, "PRIVCERT": 255}  # RFC 7218 2.1
_SELECTORS = {"CERT": 0, "SPKI": 1, "PRIVSEL": 255}
_MATCHINGS = {"FULL": 0, "SHA2-256": 1, "SHA2-512": 2, "PRIVMATCH": 255}
_MATCHING_OCTETS = {1: 32, 2: 64}  # RFC 6698 2.1.3
_SSH_ALGORITHMS = (1, 2, 3, 4, 6)  # RSA, DSA, ECDSA, Ed25519, Ed448: RFC 4255, 6594, 7479, 8709
_FINGERPRINT_OCTETS = {1: 20, 2: 32}  # SHA-1, SHA-256
_CERTIFICATES = {  # RFC 4398 2.1
    "PKIX": 1,
    "SPKI": 2,
    "PGP": 3,
    "IPKIX": 4,
    "ISPKI": 5,
    "IPGP": 6,
    "ACPKIX": 7,
    "IACPKIX": 8,
    "URI": 253,
    "OID": 254,
}
_SHA_256 = 1  # the only digest type of RFC 4701 that there is
_DHCID_OCTETS = 35  # identifier type, digest type, digest: RFC 4701 3.3

_TLSA = "3 1 1 " + "8a2b" * 16
_SSHFP = "4 2 " + "8a2b" * 16
_OPENPGPKEY = "mDMEZ0000xYJKwYBBAHaRw8BAQdA"
_CERT = "PGP 0 0 mDMEZ0000xYJKwYBBAHaRw8BAQdA"
_DHCID = "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="


def read_tlsa(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 6698 2.2, and SMIMEA likewise (RFC 8162 2): usage, selector, matching type, data."""
    fields = Fields(target, _TLSA)
    usage = _one_of(fields, "certificate usage", _USAGES)
    selector = _one_of(fields, "selector", _SELECTORS)
    matching = _one_of(fields, "matching type", _MATCHINGS)
    data = fields.hexadecimal("certificate data")
    _check_length(fields, data, _MATCHING_OCTETS.get(matching, len(data)), f"matching type {matching}")
    return f"{usage} {selector} {matching} {data.hex()}"


def read_sshfp(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 4255 3.2: algorithm, fingerprint type, fingerprint."""
    fields = Fields(target, _SSHFP)
    algorithm = fields.number("algorithm", 0xFF)
    if algorithm not in _SSH_ALGORITHMS:
        fields.refuse(
            "number_invalid", "the algorithm is 1 (RSA), 2 (DSA), 3 (ECDSA), 4 (Ed25519) or 6 (Ed448)"
        )
    digest = fields.number("fingerprint type", 0xFF)
    if digest not in _FINGERPRINT_OCTETS:
        fields.refuse("number_invalid", "the fingerprint type is 1 (SHA-1) or 2 (SHA-256)")
    fingerprint = fields.hexadecimal("fingerprint")
    _check_length(fields, fingerprint, _FINGERPRINT_OCTETS[digest], f"fingerprint type {digest}")
    return f"{algorithm} {digest} {fingerprint.hex()}"


def read_openpgpkey(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 7929 2.3: a transferable public key, without the armor."""
    return in_base64(Fields(target, _OPENPGPKEY).base64("key"))


def read_cert(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 4398 2.2: type, key tag, algorithm, certificate. Types and algorithms have names."""
    fields = Fields(target, _CERT)
    kind = fields.number("certificate type", 0xFFFF, _CERTIFICATES)
    if kind in (0, 0xFF, 0xFFFF):
        fields.refuse("number_invalid", f"the certificate type {kind} is reserved (RFC 4398 2.1)")
    key_tag = fields.number("key tag", 0xFFFF)
    algorithm = fields.number("algorithm", 0xFF, ALGORITHMS)
    return f"{kind} {key_tag} {algorithm} {in_base64(fields.base64('certificate'))}"


def read_dhcid(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 4701 3.4."""
    fields = Fields(target, _DHCID)
    octets = fields.base64("identifier")
    if len(octets) != _DHCID_OCTETS or octets[2] != _SHA_256:
        fields.refuse(
            "digest_invalid", "an identifier is two octets for its type, a 1 for SHA-256, and the digest"
        )
    return in_base64(octets)


def _one_of(fields: Fields, what: str, names: Mapping[str, int]) -> int:
    number = fields.number(what, 0xFF, names)
    if number not in names.values():
        known = ", ".join(f"{value} ({name})" for name, value in names.items())
        fields.refuse("number_invalid", f"the {what} is one of {known}")
    return number


def _check_length(fields: Fields, digest: bytes, expected: int, what: str) -> None:
    if len(digest) != expected:
        fields.refuse(
            "digest_invalid", f"{what} has {expected * 2} hexadecimal digits, not {len(digest) * 2}"
        )
