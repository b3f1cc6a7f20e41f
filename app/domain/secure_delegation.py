"""Which keys of a zone the DS records above it name (RFC 4034 section 5)."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import dns.name
import dns.rdata
from dns.rdataclass import IN
from dns.rdatatype import DNSKEY

from app.domain.rdata.dnssec import DELETE_CDNSKEY, DELETE_CDS

_HASHES: dict[int, Callable[[bytes], Any]] = {1: hashlib.sha1, 2: hashlib.sha256, 4: hashlib.sha384}
_RSAMD5 = 1
_SEP, _REVOKED = 0x0001, 0x0080  # flags, RFC 4034 2.1.1 and RFC 5011 2.1


class _Ds(NamedTuple):
    tag: int
    algorithm: int
    digest_type: int
    digest: str


class Keys(NamedTuple):
    """What a zone says of its keys, as canonical values of these types."""

    dnskey: Iterable[str] = ()
    cdnskey: Iterable[str] = ()
    cds: Iterable[str] = ()


class Mismatch(NamedTuple):
    """The tags of keys that a DS names and the zone has not, and of those that want a DS and have none."""

    without_key: set[int]
    without_ds: set[int]
    is_bogus: bool  # no DS names a key that is there: validators take the zone for forged


def compare(zone: str, ds: Iterable[str], keys: Keys) -> Mismatch:
    """Compare the DS records above a zone with its keys.

    Keys with the SEP flag want a DS, and what CDS and CDNSKEY name (RFC 7344), unless these ask for none (RFC
    8078 4). A digest of a type that is not known here counts by its key tag and algorithm.
    """
    above = {_read(value) for value in ds}
    wanted = {_read(value) for value in keys.cds if value != DELETE_CDS}
    for value in keys.cdnskey:
        wanted |= _digests(zone, value) if value != DELETE_CDNSKEY else set()
    for value in filter(_wants_ds, keys.dnskey):
        wanted |= _digests(zone, value)
    there = wanted.union(*(_digests(zone, value) for value in keys.dnskey))
    if DELETE_CDS in keys.cds or DELETE_CDNSKEY in keys.cdnskey:
        wanted = there = set()
    keys_there = {each[:2] for each in there}
    named = {each for each in above if each in there or (_is_vague(each) and each[:2] in keys_there)}
    without_ds = {each.tag for each in wanted} - {each.tag for each in named}
    return Mismatch({each.tag for each in above - named}, without_ds, bool(above) and not named)


def _read(ds: str) -> _Ds:
    tag, algorithm, digest_type, digest = ds.split(" ")
    return _Ds(int(tag), int(algorithm), int(digest_type), digest.lower())


def _is_vague(ds: _Ds) -> bool:
    return ds.digest_type not in _HASHES


def _wants_ds(dnskey: str) -> bool:
    flags = int(dnskey.partition(" ")[0])
    return bool(flags & _SEP) and not flags & _REVOKED


def _digests(zone: str, dnskey: str) -> set[_Ds]:
    """Return all DS that name a key: the digest is of the owner name and the key (RFC 4034 5.1.4)."""
    algorithm = int(dnskey.split(" ")[2])
    rdata = dns.rdata.from_text(IN, DNSKEY, dnskey).to_wire() or b""
    owner = dns.name.from_text(zone).canonicalize().to_wire() or b""
    tag = _key_tag(rdata, algorithm)
    return {_Ds(tag, algorithm, each, make(owner + rdata).hexdigest()) for each, make in _HASHES.items()}


def _key_tag(rdata: bytes, algorithm: int) -> int:
    """RFC 4034 appendix B."""
    if algorithm == _RSAMD5:
        return int.from_bytes(rdata[-3:-1])
    total = sum(octet if place % 2 else octet << 8 for place, octet in enumerate(rdata))
    return total + (total >> 16) & 0xFFFF
