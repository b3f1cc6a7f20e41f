"""What `dns-orchestrator login` has stored: a token for each API, in a file that only its owner reads."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dns_orchestrator.errors import ConfigurationError

_EARLY = 30.0  # seconds before its end at which a token is renewed
_TIMEOUT = 10.0  # seconds


class Credential(BaseModel):
    """What one calls an API with. What an OIDC issuer gave ends at `expires_at` (seconds since 1970)."""

    model_config = ConfigDict(frozen=True)

    token: str = Field(repr=False)
    refresh_token: str | None = Field(None, repr=False)
    expires_at: float | None = None
    token_endpoint: str | None = None
    client_id: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it ends now, or has ended."""
        return self.expires_at is not None and self.expires_at - _EARLY < time.time()


class Credentials:
    """The file of the stored tokens."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def token_for(self, url: str, profile: str | None) -> str | None:
        """Return the token for an API, renewed where that is due and possible. Raises ConfigurationError."""
        credential = _credential(self._read().get(_key(url, profile)))
        if credential is None:
            return None
        if not credential.is_over:
            return credential.token
        renewed = _renewed(credential)
        if renewed is not None:
            self.store(url, profile, renewed)
        return (renewed or credential).token

    def store(self, url: str, profile: str | None, credential: Credential) -> None:
        """Keep a token. Raises ConfigurationError."""
        kept = {**self._read(), _key(url, profile): credential.model_dump(exclude_none=True)}
        self._write(kept)

    def forget(self, url: str, profile: str | None) -> bool:
        """Forget the token for an API; return whether there was one. Raises ConfigurationError."""
        kept = dict(self._read())
        was_there = kept.pop(_key(url, profile), None) is not None
        if was_there:
            self._write(kept)
        return was_there

    def _read(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self._file}: {error}") from error
        return found if isinstance(found, dict) else {}

    def _write(self, kept: Mapping[str, Any]) -> None:
        draft = self._file.with_suffix(f".{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(kept, file, indent=2)
            draft.replace(self._file)
        except OSError as error:
            raise ConfigurationError(f"the token can't be stored: {error}") from error


def _key(url: str, profile: str | None) -> str:
    return f"{profile} {url}" if profile else url


def _credential(found: Any) -> Credential | None:
    try:
        return Credential.model_validate(found)
    except ValidationError:
        return None


def _renewed(credential: Credential) -> Credential | None:
    """Return what the issuer gives for the refresh token (RFC 6749, section 6); None: nothing."""
    if credential.refresh_token is None or credential.token_endpoint is None:
        return None
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credential.refresh_token,
        "client_id": credential.client_id or "",
    }
    try:
        answer = httpx2.post(credential.token_endpoint, data=form, timeout=_TIMEOUT)
        given = answer.raise_for_status().json()
        return credential.model_copy(
            update={
                "token": given["access_token"],
                "refresh_token": given.get("refresh_token", credential.refresh_token),
                "expires_at": time.time() + float(given.get("expires_in", 300)),
            }
        )
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, KeyError, TypeError):
        return None  # the API says that the old one is not good any more
