"""Log in at the OIDC issuer: lead a browser there, and find out who has come back."""

import asyncio
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlencode

from app.core.config import settings
from app.core.logging import get_logger
from app.domain.errors import IssuerUnavailable
from app.domain.permissions import Principal
from app.domain.retry_policy import READ_ISSUER
from app.issuer.fetch import Issuer, NotRead
from app.issuer.login import Client, Endpoints, exchange_code, fetch_endpoints
from app.services.access.identify import WhyNot
from app.services.access.oidc.access_tokens import AccessTokens, configured_issuer
from app.services.access.oidc.verify import Claims, Expected, is_jwt, verify_id_token

log = get_logger(__name__)

_REFRESH_AFTER = 300.0  # seconds for which the issuer's endpoints are remembered
RETRY_PAUSE = READ_ISSUER.pauses.first  # seconds from a try that has failed to the next


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a browser keeps while its user is at the issuer, and brings back."""

    state: str
    nonce: str
    verifier: str  # RFC 7636, section 4.1
    redirect_uri: str


class LoggedIn(NamedTuple):
    """Who has logged in, and what the issuer has said of him."""

    principal: Principal
    claims: dict[str, Any]


class OidcLogin:
    """The login of one issuer. One for each event loop."""

    def __init__(
        self,
        issuer: Issuer,
        client: Client,
        tokens: AccessTokens,
        expected: Expected,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuer = issuer
        self.client = client
        self._tokens = tokens
        self._expected = expected
        self._clock = clock
        self._endpoints: Endpoints | None = None
        self._looked_at: float | None = None
        self._turn = asyncio.Lock()

    async def begin(self, redirect_uri: str) -> tuple[str, Attempt]:
        """Return where to lead the browser, and what it has to keep. Raises IssuerUnavailable."""
        endpoints = await self._current_endpoints()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, redirect_uri)
        digest = sha256(attempt.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": redirect_uri,
            "scope": self.client.scope,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return _with_query(endpoints.authorization, asked), attempt

    async def logout(self, back: str) -> str | None:
        """Return where to lead a browser so that its user logs out at the issuer, who leads `back` then.

        None where he offers no such thing. He asks who logs out: nothing is kept here that names the login.
        """
        try:
            endpoint = (await self._current_endpoints()).logout
        except IssuerUnavailable:
            return None
        asked = {"client_id": self.client.id, "post_logout_redirect_uri": back}
        return None if endpoint is None else _with_query(endpoint, asked)

    async def finish(self, code: str, attempt: Attempt) -> LoggedIn | WhyNot:
        """Return who has logged in, or why what the issuer has given is of no use.

        He is who he is to the API: what his access token says counts, where it is one for the API; else what
        his ID token says. Raises IssuerUnavailable.
        """
        form = {"code": code, "redirect_uri": attempt.redirect_uri, "code_verifier": attempt.verifier}
        try:
            given = await exchange_code(self.issuer, await self._current_endpoints(), self.client, form)
        except NotRead as error:
            log.warning("nobody is logged in: the OIDC issuer gives nothing for a code", error=str(error))
            return WhyNot.CODE
        claims = await self._read_id_token(given.id_token, attempt.nonce)
        if isinstance(claims, WhyNot):
            return claims
        if given.access_token is not None and is_jwt(given.access_token):
            of_access = await self._tokens.read(given.access_token)
            if not isinstance(of_access, WhyNot) and of_access["sub"] == claims["sub"]:
                claims = of_access
        principal = self._tokens.principal_of(claims)
        return principal if isinstance(principal, WhyNot) else LoggedIn(principal, dict(claims))

    async def _read_id_token(self, token: str, nonce: str) -> Claims | WhyNot:
        found = await self._tokens.find_key(token)
        if isinstance(found, WhyNot):
            return found
        return verify_id_token(token, found.key, self._expected, nonce)

    async def _current_endpoints(self) -> Endpoints:
        """Return where the issuer is asked; he says it now and then. Raises IssuerUnavailable."""
        async with self._turn:
            now = self._clock()
            age = None if self._looked_at is None else now - self._looked_at
            if age is None or age > (RETRY_PAUSE if self._endpoints is None else _REFRESH_AFTER):
                self._looked_at = now
                try:
                    self._endpoints = await fetch_endpoints(self.issuer)
                except NotRead as error:
                    self._endpoints = None
                    log.warning("nobody can log in: the OIDC issuer does not say where", error=str(error))
            if self._endpoints is None:
                raise IssuerUnavailable
            return self._endpoints


def _with_query(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"


def configured_login(tokens: AccessTokens | None) -> OidcLogin | None:
    """Return the login that the settings describe; None where they describe none."""
    found = settings()
    if tokens is None or found.oidc_issuer is None or not found.oidc_client_id:
        return None
    secret = found.oidc_client_secret
    secret_text = secret.get_secret_value() if secret else None
    client = Client(found.oidc_client_id, secret_text, found.oidc_scope)
    issuer = configured_issuer(found.oidc_issuer)
    expected = Expected(issuer.url, (client.id,), found.oidc_algorithms, found.oidc_clock_skew)
    return OidcLogin(issuer, client, tokens, expected)
