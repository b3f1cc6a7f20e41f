"""The authorization code flow of an issuer: where a browser is led, and what its code is exchanged for.

OpenID Connect Core 1.0, section 3.1, with PKCE (RFC 7636).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from app.issuer.fetch import Issuer, address_in, read_description, require_private, talking

_BASIC, _POST = "client_secret_basic", "client_secret_post"


class Endpoints(NamedTuple):
    """Where an issuer lets people log in, and where it takes codes."""

    authorization: str
    token: str
    takes_basic: bool  # the client's secret in a header; else it takes it in the form
    logout: str | None  # where people log out there


@dataclass(frozen=True, slots=True)
class Client:
    """What this service is to the issuer. A public client has no secret."""

    id: str
    secret: str | None
    scope: str


class Given(NamedTuple):
    """What an issuer gives for a code. Nobody has looked yet whether it is good."""

    id_token: str
    access_token: str | None


async def fetch_endpoints(issuer: Issuer) -> Endpoints:
    """Return the endpoints that the issuer names now. Raises NotRead."""
    async with talking(issuer) as ask:
        described = await read_description(issuer, ask)
        authorization = address_in(described, "authorization_endpoint")
        require_private(issuer, authorization)
        methods = described.get("token_endpoint_auth_methods_supported") or [_BASIC]
        return Endpoints(
            authorization,
            address_in(described, "token_endpoint"),
            _BASIC in methods or _POST not in methods,
            _logout_in(issuer, described),
        )


async def exchange_code(
    issuer: Issuer, endpoints: Endpoints, client: Client, form: Mapping[str, str]
) -> Given:
    """Return what the issuer gives for a code. Raises NotRead, also where it gives nothing."""
    asked = {"grant_type": "authorization_code", "client_id": client.id, **form}
    auth = None
    if client.secret is not None and endpoints.takes_basic:
        auth = httpx2.BasicAuth(quote(client.id, safe=""), quote(client.secret, safe=""))  # RFC 6749, 2.3.1
    elif client.secret is not None:
        asked["client_secret"] = client.secret
    async with talking(issuer) as ask:
        given = await ask(endpoints.token, asked, auth)
        if not isinstance(given, dict) or not isinstance(given.get("id_token"), str):
            raise ValueError("it has given no ID token")
        access_token = given.get("access_token")
        return Given(given["id_token"], access_token if isinstance(access_token, str) else None)


def _logout_in(issuer: Issuer, described: Mapping[str, Any]) -> str | None:
    """Return where people log out (RP-Initiated Logout 1.0); None where the issuer does not offer it."""
    if described.get("end_session_endpoint") is None:
        return None
    address = address_in(described, "end_session_endpoint")
    require_private(issuer, address)
    return address
