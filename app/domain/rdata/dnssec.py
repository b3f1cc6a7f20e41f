"""DS and CDS, DNSKEY and CDNSKEY (RFC 4034, RFC 7344): keys of zones, and digests of them."""

from collections.abc import Collection

from dns.dnssectypes import Algorithm

from app.domain.rdata.fields import Fields, in_base64
from app.domain.rdata.reading import NOTHING_GIVEN, Given

ALGORITHMS = {algorithm.name: int(algorithm) for algorithm in Algorithm} | {
    "RSASHA1-NSEC3-SHA1": int(Algorithm.RSASHA1NSEC3SHA1),  # as IANA writes them
    "DSA-NSEC3-SHA1": int(Algorithm.DSANSEC3SHA1),
    "ECC-GOST": int(Algorithm.ECCGOST),
}
DELETE_CDS = "0 0 0 00"  # RFC 8078 4, with erratum 5049
DELETE_CDNSKEY = "0 3 0 AA=="

# By type: SHA-1, SHA-256, GOST, SHA-384, GOST 2012 (RFC 9558 4), SM3 (RFC 9563 4).
_DIGEST_OCTETS = {1: 20, 2: 32, 3: 32, 4: 48, 5: 32, 6: 32}
# By algorithm: RFC 5933 2, RFC 6605 4, RFC 8080 3, RFC 9563 2, RFC 9558 2.
_KEY_OCTETS = {12: 64, 13: 64, 14: 96, 15: 32, 16: 57, 17: 64, 23: 64}
_RSA = frozenset({1, 5, 7, 8, 10})
_MAX_EXPONENT = 255  # octets whose number one octet tells, RFC 3110 2
_DS = "60485 13 2 " + "8a2b" * 16
_DNSKEY = "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="


def read_ds(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 4034 5.3: key tag, algorithm, digest type, digest. Types without a known length are let through."""
    fields = Fields(target, _DS)
    key_tag = fields.number("key tag", 0xFFFF)
    algorithm = fields.number("algorithm", 0xFF, ALGORITHMS)
    digest_type = fields.number("digest type", 0xFF)
    if not algorithm or not digest_type:
        fields.refuse("number_invalid", "the algorithm and the digest type of a DS are not 0")
    digest = fields.hexadecimal("digest")
    expected = _DIGEST_OCTETS.get(digest_type, len(digest))
    if len(digest) != expected:
        fields.refuse(
            "digest_invalid",
            f"a digest of type {digest_type} has {expected * 2} hexadecimal digits, not {len(digest) * 2}",
        )
    return f"{key_tag} {algorithm} {digest_type} {digest.hex()}"


def read_cds(target: str, given: Given = NOTHING_GIVEN) -> str:
    """RFC 7344 3.1: as a DS, or `0 0 0 0`: there is to be no DS (RFC 8078 4)."""
    return DELETE_CDS if _is_one_of(("0 0 0 0", DELETE_CDS), target, _DS) else read_ds(target, given)


def read_dnskey(target: str, _: Given = NOTHING_GIVEN) -> str:
    """RFC 4034 2.2: flags, protocol (3), algorithm, key."""
    fields = Fields(target, _DNSKEY)
    flags = fields.number("flags", 0xFFFF)
    if fields.number("protocol", 0xFF) != 3:
        fields.refuse("number_invalid", "the protocol of a key is 3 (RFC 4034 2.1.2)")
    algorithm = fields.number("algorithm", 0xFF, ALGORITHMS)
    if not algorithm:
        fields.refuse("number_invalid", "the algorithm of a key is not 0")
    return f"{flags} 3 {algorithm} {_key(fields, algorithm)}"


def read_cdnskey(target: str, given: Given = NOTHING_GIVEN) -> str:
    """RFC 7344 3.2: as a DNSKEY, or `0 3 0 AA==` (before its erratum `0 3 0 0`): no DS (RFC 8078 4)."""
    if _is_one_of(("0 3 0 0", DELETE_CDNSKEY), target, _DNSKEY):
        return DELETE_CDNSKEY
    return read_dnskey(target, given)


def _is_one_of(values: Collection[str], target: str, form: str) -> bool:
    """Whether the target says one of the values, of four fields, the last of which may have blanks within."""
    words = Fields(target, form).words()
    return " ".join([*words[:3], "".join(words[3:])]) in values


def _key(fields: Fields, algorithm: int) -> str:
    key = fields.base64("key")
    expected = _KEY_OCTETS.get(algorithm, len(key))
    if len(key) != expected:
        fields.refuse("key_invalid", f"a key of algorithm {algorithm} has {expected} octets, not {len(key)}")
    if algorithm in _RSA and not _is_rsa(key):
        fields.refuse("key_invalid", "an RSA key is an exponent and a modulus (RFC 3110 2)")
    return in_base64(key)


def _is_rsa(key: bytes) -> bool:
    exponent = key[0] or int.from_bytes(key[1:3], "big")
    head = 1 if key[0] else 3
    return 0 < exponent < len(key) - head and (key[0] > 0 or exponent > _MAX_EXPONENT)
