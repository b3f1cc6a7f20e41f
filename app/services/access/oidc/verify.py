"""Whether a token is an access token of the issuer, for us, and good now (RFC 7519, RFC 8725, RFC 9068)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, NamedTuple

import jwt
from jwt import PyJWK
from jwt.exceptions import InvalidSubjectError
from jwt.types import Options

from app.services.access.identify import WhyNot

MAX_TOKEN = 16 * 1024  # characters
_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_OPTIONS: Options = {"require": ["exp", "iss", "aud", "sub"]}
# What a header calls access tokens: RFC 9068 the first, issuers before it the second, or nothing.
_TYPES = frozenset({"at+jwt", "jwt"})
_OF_ID_TOKENS = frozenset({"at_hash", "c_hash"})  # OpenID Connect Core 1.0, sections 3.1.3.6 and 3.3.2.11
_WHY: Mapping[type[jwt.PyJWTError], WhyNot] = {
    jwt.InvalidIssuerError: WhyNot.ISSUER,
    jwt.InvalidAudienceError: WhyNot.AUDIENCE,
    jwt.ExpiredSignatureError: WhyNot.EXPIRED,
    jwt.ImmatureSignatureError: WhyNot.TOO_EARLY,
    InvalidSubjectError: WhyNot.SUBJECT,
    jwt.InvalidSignatureError: WhyNot.SIGNATURE,
}

_WHY_MISSING = {"iss": WhyNot.ISSUER, "aud": WhyNot.AUDIENCE, "sub": WhyNot.SUBJECT}

Claims = Mapping[str, Any]


class SignedWith(NamedTuple):
    """What a token says that it is signed with; nobody has checked that."""

    key_id: str | None
    algorithm: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must have."""

    issuer: str
    audience: Sequence[str]  # one of these
    algorithms: Sequence[str]
    skew: float  # seconds that the clocks may differ


def is_jwt(shown: str) -> bool:
    """Return whether it is written as a signed token (RFC 7515, section 3.1)."""
    return _JWT.fullmatch(shown) is not None


def signed_with(token: str, expected: Expected) -> SignedWith | WhyNot:
    """Return what the token's signature is to be checked with, or why that need not be done."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return WhyNot.MALFORMED
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        return WhyNot.KIND
    if header.get("alg") not in expected.algorithms:
        return WhyNot.ALGORITHM
    return SignedWith(header.get("kid"), header["alg"])


def verify(token: str, key: PyJWK, expected: Expected) -> Claims | WhyNot:
    """Return what an access token says, which can be believed then, or why it is of no use."""
    claims = _decode(token, key, expected)
    if isinstance(claims, WhyNot):
        return claims
    return WhyNot.KIND if _is_of_another_kind(claims) else claims


def verify_id_token(token: str, key: PyJWK, expected: Expected, nonce: str) -> Claims | WhyNot:
    """Return what an ID token says of who has just logged in, or why it is of no use.

    OpenID Connect Core 1.0, section 3.1.3.7; `expected.audience` is the client's id.
    """
    claims = _decode(token, key, expected)
    if isinstance(claims, WhyNot):
        return claims
    said = claims.get("nonce")
    if not isinstance(said, str) or not compare_digest(said.encode(), nonce.encode()):
        return WhyNot.NONCE
    is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (is_for_several or "azp" in claims) and claims.get("azp") not in expected.audience:
        return WhyNot.AUDIENCE
    return claims


def _decode(token: str, key: PyJWK, expected: Expected) -> Claims | WhyNot:
    try:
        return jwt.decode(
            token,
            key,
            [key.algorithm_name],
            _OPTIONS,
            audience=expected.audience,
            issuer=expected.issuer,
            leeway=expected.skew,
        )
    except jwt.MissingRequiredClaimError as error:
        return _WHY_MISSING.get(error.claim, WhyNot.CLAIMS)
    except jwt.PyJWTError as error:
        return _WHY.get(type(error), WhyNot.CLAIMS)


def _is_of_another_kind(claims: Claims) -> bool:
    """Return whether it is an ID token, say: that tells a client who its user is, and lets nobody in.

    Keycloak says in `typ` what a token is; a `nonce` stood in its access tokens, too, before release 24.
    What is bound to a key (`cnf`, RFC 7800) must not be taken from who does not show that he has the key.
    """
    kind = claims.get("typ")
    if "cnf" in claims or not _OF_ID_TOKENS.isdisjoint(claims):
        return True
    return kind != "Bearer" if kind is not None else "nonce" in claims
