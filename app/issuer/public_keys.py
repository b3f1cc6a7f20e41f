"""The public keys of an issuer, a JWK set (RFC 7517)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

MAX_KEYS = 100  # of a set; the others are not looked at

# What keys of a type and a curve sign with. Keys that are secrets themselves are none of these.
_ALGORITHMS: Mapping[tuple[str | None, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Keys by their id and the algorithm that they sign with; equal if they were published alike."""

    published: str
    _keys: Mapping[tuple[str | None, str], PyJWK] = field(compare=False, repr=False)

    def __len__(self) -> int:
        return len({key_id for key_id, _ in self._keys})

    def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return the key; for a token that names none the only one that signs so."""
        if key_id is not None:
            return self._keys.get((key_id, algorithm))
        fitting = [key for (_, signs_with), key in self._keys.items() if signs_with == algorithm]
        return fitting[0] if len(fitting) == 1 else None


def read_public_keys(document: Any) -> PublicKeys:
    """Return the keys of a set that signatures can be checked with. Raises ValueError if there is none."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ValueError("it is no set of keys")
    keys: dict[tuple[str | None, str], PyJWK] = {}
    for each in listed[:MAX_KEYS]:
        if isinstance(each, dict):
            for algorithm, key in _usable(each):
                keys.setdefault((key.key_id, algorithm), key)
    if not keys:
        raise ValueError("the set has no key that signatures can be checked with")
    return PublicKeys(json.dumps(listed, sort_keys=True), keys)


def _usable(jwk: Mapping[str, Any]) -> Iterator[tuple[str, PyJWK]]:
    """Yield the key for each algorithm that it signs with."""
    if not all(isinstance(jwk.get(name, ""), str) for name in ("kty", "crv", "kid", "alg", "use")):
        return
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return
    for algorithm in _ALGORITHMS.get((jwk.get("kty"), jwk.get("crv")), ()):
        if jwk.get("alg", algorithm) == algorithm:
            try:
                key = PyJWK(dict(jwk), algorithm)
            except (PyJWTError, ValueError, TypeError, AttributeError, KeyError):
                return  # a key that is none does not keep the others from use
            if not key.Algorithm.check_key_length(key.key):  # which says what is too short
                yield algorithm, key
