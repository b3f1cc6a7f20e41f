"""What was checked is remembered, as much of it as may be."""

import asyncio

import pytest

from app.core.config import settings
from app.domain.permissions import Principal
from app.issuer.public_keys import PublicKeys, read_public_keys
from app.services.access.oidc import access_tokens
from app.services.access.oidc.access_tokens import AccessTokens, check_oidc_settings
from app.services.access.oidc.claims import ClaimRules
from app.services.access.oidc.current_keys import CurrentKeys
from app.services.access.oidc.verify import Expected
from tests.support.issuer import AUDIENCE, ISSUER, SigningKey, claims
from tests.support.settings import SetSettings

KEY = SigningKey()


async def published() -> PublicKeys:
    return read_public_keys({"keys": [KEY.jwk()]})


def test_those_that_were_used_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_tokens, "MAX_CHECKED", 2)
    one, two, three = (KEY.sign(claims(sub=str(number))) for number in range(3))
    expected = Expected(ISSUER, (AUDIENCE,), ("ES256",), 0)

    async def call() -> list[bool]:
        tokens = AccessTokens(CurrentKeys(published), expected, ClaimRules(ISSUER))
        seen: dict[str, Principal] = {}
        again = []
        for token in (one, two, one, three, one, two):
            found = await tokens.identify(token)
            assert isinstance(found, Principal)
            again.append(seen.get(token) is found)
            seen[token] = found
            assert len(tokens) <= 2
        return again

    assert asyncio.run(call()) == [False, False, True, False, True, False]


def test_a_token_that_ends_at_no_time_of_a_clock() -> None:
    tokens = AccessTokens(
        CurrentKeys(published), Expected(ISSUER, (AUDIENCE,), ("ES256",), 0), ClaimRules(ISSUER)
    )
    assert isinstance(asyncio.run(tokens.identify(KEY.sign(claims(exp=10**400)))), Principal)


def test_roles_that_there_are_not(set_settings: SetSettings) -> None:
    set_settings(OIDC_ROLE_MAP="dns=x=admin,a=king", OIDC_DEFAULT_ROLES="requester,nobody")
    assert settings().oidc_role_map == (("dns=x", "admin"), ("a", "king"))
    assert [line.partition(":")[0] for line in check_oidc_settings()] == [
        "OIDC_ROLE_MAP has 'king'",
        "OIDC_DEFAULT_ROLES has 'nobody'",
    ]
