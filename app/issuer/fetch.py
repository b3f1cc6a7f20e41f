"""Read what an issuer publishes, within bounds: it may be slow, wrong or away."""

import asyncio
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
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
    try:
        async with asyncio.timeout(TIMEOUT):
            tls = await asyncio.to_thread(ssl.create_default_context, cafile=issuer.ca_file)
            async with httpx2.AsyncClient(verify=tls, timeout=TIMEOUT, headers=_HEADERS) as http:
                described = await _get(http, issuer, issuer.url.removesuffix("/") + _PATH)
                return read_public_keys(await _get(http, issuer, _address_of_keys(issuer, described)))
    except TimeoutError as error:
        raise NotRead(f"no whole answer within {TIMEOUT:g} s") from error
    except Exception as error:  # addresses and answers that are none end in errors of many kinds
        raise NotRead(str(error) or type(error).__name__) from error


async def _get(http: httpx2.AsyncClient, issuer: Issuer, address: str) -> Any:
    """Return the JSON at an address. It follows no redirection: an issuer is where it is."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (issuer.allow_http or parts.hostname in _HERE):
        raise ValueError(
            f"{address} is no https; OIDC_ALLOW_HTTP lets it pass, and whoever changes it underway"
        )
    content = bytearray()
    async with http.stream("GET", address) as answer:
        if answer.status_code != httpx2.codes.OK:
            raise ValueError(f"{address} answered {answer.status_code}")
        async for chunk in answer.aiter_raw():
            content += chunk
            if len(content) > MAX_ANSWER:
                raise ValueError(f"the answer of {address} is larger than {MAX_ANSWER} bytes")
    return json.loads(content)


def _address_of_keys(issuer: Issuer, described: Any) -> str:
    """Return where the keys are. Who says that he is another issuer is not the one that is meant."""
    named = described.get("issuer") if isinstance(described, dict) else None
    if named != issuer.url:
        raise ValueError(f"it says that it is {named!r}, which is not OIDC_ISSUER character by character")
    address = described.get("jwks_uri")
    if not isinstance(address, str):
        raise ValueError("it does not say where its keys are (jwks_uri)")
    return address
