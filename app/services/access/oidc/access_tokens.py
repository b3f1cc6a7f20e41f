"""Who calls with an access token. What was checked is not checked again while nothing has changed."""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import NamedTuple

from jwt import PyJWK

from app.core.config import settings
from app.domain.permissions import Principal, Role
from app.issuer.fetch import Issuer, fetch_public_keys
from app.issuer.public_keys import PublicKeys
from app.services.access.identify import WhyNot
from app.services.access.oidc.claims import ClaimRules, principal_of_claims
from app.services.access.oidc.current_keys import CurrentKeys
from app.services.access.oidc.verify import MAX_TOKEN, Claims, Expected, SignedWith, signed_with, verify

MAX_CHECKED = 2_000  # tokens that are remembered: those that were used last
_FAR = 2**63  # seconds: a later end is no number for a clock


class _Checked(NamedTuple):
    principal: Principal
    ends_at: float  # seconds since 1970
    keys: PublicKeys  # by which it was checked


class FoundKey(NamedTuple):
    """A public key, and the set that it is in."""

    key: PyJWK
    keys: PublicKeys


class AccessTokens:
    """The tokens of one issuer."""

    def __init__(
        self,
        keys: CurrentKeys,
        expected: Expected,
        rules: ClaimRules,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.keys = keys
        self._expected = expected
        self._rules = rules
        self._clock = clock
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()  # by their digests

    def __len__(self) -> int:
        return len(self._checked)

    async def identify(self, token: str) -> Principal | WhyNot:
        """Return who shows the token, or why it is of no use. Raises IssuerUnavailable."""
        digest = sha256(token.encode()).digest()
        if digest in self._checked:
            keys = await self.keys.keys()
            known = self._checked.pop(digest, None)  # another call may have had it out meanwhile
            if known is not None and known.keys is keys and self._clock() < known.ends_at:
                self._checked[digest] = known
                return known.principal
        return await self._check(token, digest)

    async def _check(self, token: str, digest: bytes) -> Principal | WhyNot:
        found = await self.find_key(token)
        if isinstance(found, WhyNot):
            return found
        claims = verify(token, found.key, self._expected)
        if isinstance(claims, WhyNot):
            return claims
        principal = self.principal_of(claims)
        if isinstance(principal, Principal):
            ends_at = min(int(claims["exp"]), _FAR) + self._expected.skew
            self._checked[digest] = _Checked(principal, ends_at, found.keys)
            if len(self._checked) > MAX_CHECKED:
                self._checked.popitem(last=False)
        return principal

    async def read(self, token: str) -> Claims | WhyNot:
        """Return what an access token says, or why it is of no use. Raises IssuerUnavailable."""
        found = await self.find_key(token)
        return found if isinstance(found, WhyNot) else verify(token, found.key, self._expected)

    async def find_key(self, token: str) -> FoundKey | WhyNot:
        """Return what the token's signature is to be checked with. Raises IssuerUnavailable."""
        if len(token) > MAX_TOKEN:
            return WhyNot.TOO_LONG
        by = signed_with(token, self._expected)
        if not isinstance(by, SignedWith):
            return by
        keys = await self.keys.keys_with(*by)
        key = keys.find(*by)
        return WhyNot.KEY if key is None else FoundKey(key, keys)

    def principal_of(self, claims: Claims) -> Principal | WhyNot:
        """Return of whom the issuer says this, by the rules in force."""
        if claims.get("iss") != self._expected.issuer:
            return WhyNot.ISSUER
        return principal_of_claims(claims, self._rules)


def configured_access_tokens() -> AccessTokens | None:
    """Return the tokens of the issuer that the settings name, None where they name none, or ask nobody."""
    found = settings()
    if found.oidc_issuer is None or found.auth == "off":
        return None
    issuer = configured_issuer(found.oidc_issuer)
    expected = Expected(issuer.url, found.oidc_audience, found.oidc_algorithms, found.oidc_clock_skew)
    rules = ClaimRules(
        issuer=issuer.url,
        person=found.oidc_person_claim,
        accounts=found.oidc_accounts_claim,
        account_map=found.oidc_account_map,
        roles=found.oidc_roles_claim,
        role_map=found.oidc_role_map,
        default_roles=frozenset(map(Role, found.oidc_default_roles)),
    )
    return AccessTokens(CurrentKeys(partial(fetch_public_keys, issuer)), expected, rules)


def configured_issuer(url: str) -> Issuer:
    """Return the issuer of that name, as the settings let him be reached."""
    return Issuer(url, settings().oidc_ca_file, settings().oidc_allow_http)


def check_oidc_settings() -> list[str]:
    """Return what is wrong with the settings, a line each."""
    named = {
        "OIDC_ROLE_MAP": [role for _, role in settings().oidc_role_map],
        "OIDC_DEFAULT_ROLES": settings().oidc_default_roles,
    }
    known = frozenset(Role)
    return [
        f"{setting} has {role!r}: roles are {', '.join(Role)}"
        for setting, roles in named.items()
        for role in roles
        if role not in known
    ]
