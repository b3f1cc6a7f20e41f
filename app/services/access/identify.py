"""Who calls: the token that a client shows, compared with those that are known."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hmac import compare_digest
from ipaddress import IPv6Address, IPv6Network
from typing import Any
from uuid import UUID

from app.core.networks import Network, is_within, parse_address, parse_network
from app.domain.permissions import Principal, Role
from app.services.access.tokens import digest_of, prefix_of

_NOBODYS = bytes(32)  # the digest of no token
_ROLES = frozenset(Role)


class WhyNot(StrEnum):
    """Why a token is of no use: for the log, never for the client."""

    MALFORMED = "it is not written as a token"
    UNKNOWN = "no token has this prefix, or none has had it for a long time"
    WRONG = "there is a token with this prefix, and it is another one"
    REVOKED = "it was revoked"
    EXPIRED = "it has expired"
    ELSEWHERE = "it may not be used from this address"
    # of access tokens of an OIDC issuer
    TOO_LONG = "it is longer than a token may be"
    ALGORITHM = "it is not signed by an algorithm that is allowed"
    KEY = "its issuer has no such key"
    SIGNATURE = "its signature is wrong"
    KIND = "it is no access token, or one that is bound to a key: an ID token, say"
    ISSUER = "another issuer has made it"
    AUDIENCE = "it is for nobody, or for somebody else: its aud has none of OIDC_AUDIENCE"
    SUBJECT = "it does not say whose it is: it has no sub that can be used"
    TOO_EARLY = "it is not good yet"
    CODE = "its issuer has given nothing for the code that came back"
    NONCE = "it was not made for this login"
    CLAIMS = "it lacks what a token must say, or says it otherwise than it must"


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token that was given to somebody."""

    id: UUID
    digest: bytes
    principal: Principal
    networks: tuple[Network, ...]
    expires_at: datetime | None
    revoked: bool


def known_tokens(rows: Iterable[Any]) -> Mapping[str, KnownToken]:
    """Return the stored tokens by their prefixes."""
    return {
        row.prefix: KnownToken(
            id=row.id,
            digest=row.digest,
            principal=principal_of(row),
            networks=tuple(map(parse_network, row.networks)),
            expires_at=row.expires_at,
            revoked=row.revoked_at is not None,
        )
        for row in rows
    }


def principal_of(row: Any) -> Principal:
    """Return who calls with a stored token. A role that only a later release knows gives no right."""
    roles = frozenset(Role(role) for role in row.roles if role in _ROLES)
    accounts, made_by = frozenset(row.accounts), frozenset(row.made_by)
    return Principal(f"token {row.prefix}", accounts, roles, row.person, made_by)


def identify(tokens: Mapping[str, KnownToken], shown: str, address: str | None) -> KnownToken | WhyNot:
    """Return the token that was shown by a client at that address, or why it is of no use.

    It takes as long whether there is such a token or not.
    """
    prefix = prefix_of(shown)
    token = tokens.get(prefix) if prefix else None
    is_right = compare_digest(token.digest if token else _NOBODYS, digest_of(shown))
    if prefix is None:
        return WhyNot.MALFORMED
    if token is None:
        return WhyNot.UNKNOWN
    if not is_right:
        return WhyNot.WRONG
    return why_unusable(token, address) or token


def why_unusable(token: KnownToken, address: str | None) -> WhyNot | None:
    """Return why a token is of no use now to who is at that address; None: it is."""
    if token.revoked:
        return WhyNot.REVOKED
    if token.expires_at is not None and token.expires_at <= datetime.now(UTC):
        return WhyNot.EXPIRED
    if token.networks and not is_within(parse_address(address), token.networks):
        return WhyNot.ELSEWHERE
    return None


def source_of(address: str | None) -> str:
    """Return who is taken for one source: an address, or the /64 that one of IPv6 lies in."""
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False))
    return str(parsed) if parsed else "unknown"
