"""Read what an issuer publishes, within bounds: it may be slow, wrong or away."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2

from app.issuer.public_keys import PublicKeys, read_public_keys

TIMEOUT = 5.0  # seconds for all of it
MAX_ANSWER = 256 * 1024  # bytes
_PATH = "/.well-known/openid-configuration"  # OpenID Connect Discovery 1.0, section 4
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity"}


class NotRead(Exception):
    """What the issuer publishes can't be had; the text says why, for operators."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues tokens, as they name him, and how he may be reached."""

    url: str
    ca_file: Path | None = None  # None: whom the system trusts
    allow_http: bool = False


async def fetch_public_keys(issuer: Issuer) -> PublicKeys:
    """Return the keys that the issuer publishes now. Raises NotRead."""
    async with talking(issuer) as ask:
        described = await read_description(issuer, ask)
        return read_public_keys(await ask(address_in(described, "jwks_uri")))


class Ask(Protocol):
    """Returns the JSON that an address answers; to a form that is posted, where one is given."""

    async def __call__(
        self, address: str, form: Mapping[str, str] | None = None, auth: httpx2.Auth | None = None
    ) -> Any:
        """Ask an address."""


@asynccontextmanager
async def talking(issuer: Issuer) -> AsyncIterator[Ask]:
    """Ask an issuer within the block, for `TIMEOUT` at most. Raises NotRead for whatever goes wrong there."""
    try:
        async with asyncio.timeout(TIMEOUT):
            tls = await asyncio.to_thread(ssl.create_default_context, cafile=issuer.ca_file)
            async with httpx2.AsyncClient(verify=tls, timeout=TIMEOUT, headers=_HEADERS) as http:
                yield partial(_ask, http, issuer)
    except TimeoutError as error:
        raise NotRead(f"no whole answer within {TIMEOUT:g} s") from error
    except Exception as error:  # addresses and answers that are none end in errors of many kinds
        raise NotRead(str(error) or type(error).__name__) from error


async def read_description(issuer: Issuer, ask: Ask) -> Mapping[str, Any]:
    """Return how an issuer describes himself. Who names another one is not the one that is meant."""
    described = await ask(issuer.url.removesuffix("/") + _PATH)
    named = described.get("issuer") if isinstance(described, dict) else None
    if not isinstance(described, dict) or named != issuer.url:
        raise ValueError(f"it says that it is {named!r}, which is not OIDC_ISSUER character by character")
    return described


def address_in(described: Mapping[str, Any], name: str) -> str:
    """Return the address that the description has by that name. Raises ValueError for none."""
    address = described.get(name)
    if not isinstance(address, str):
        raise ValueError(f"it does not say where that is: {name}")
    return address


def require_private(issuer: Issuer, address: str) -> None:
    """Raise ValueError for an address that others on the way can read and change."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (issuer.allow_http or parts.hostname in _HERE):
        raise ValueError(
            f"{address} is no https; OIDC_ALLOW_HTTP lets it pass, and whoever changes it underway"
        )


async def _ask(
    http: httpx2.AsyncClient,
    issuer: Issuer,
    address: str,
    form: Mapping[str, str] | None = None,
    auth: httpx2.Auth | None = None,
) -> Any:
    """Return the JSON at an address. It follows no redirection: an issuer is where it is."""
    require_private(issuer, address)
    content = bytearray()
    method = "GET" if form is None else "POST"
    async with http.stream(method, address, data=form, auth=auth) as answer:
        if answer.status_code != httpx2.codes.OK:
            raise ValueError(f"{address} answered {answer.status_code}")
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise ValueError(f"the answer of {address} is larger than {MAX_ANSWER} bytes")
    return json.loads(content)
