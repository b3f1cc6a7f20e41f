"""Log in at an OIDC issuer from a terminal: the device authorization grant (RFC 8628)."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from dns_orchestrator.credentials import Credential
from dns_orchestrator.errors import ConnectionFailed, OrchestratorError
from dns_orchestrator.models.access import OidcLogin

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_TIMEOUT = 10.0  # seconds
_LONGEST = 3_600.0  # seconds for which the user is waited for
PAUSES = (1.0, 60.0)  # seconds between two questions, whatever the issuer says
_SLOWER = 5.0  # seconds more between two questions, when the issuer says so (section 3.5)


class LoginFailed(OrchestratorError):
    """The issuer does not let the user in, or can't by this way."""

    code = "login_failed"


@dataclass(frozen=True)
class UserCode:
    """What the user enters, and where."""

    code: str
    address: str
    whole_address: str | None  # with the code in it


def log_in(login: OidcLogin, show: Callable[[UserCode], None]) -> Credential:
    """Have the user log in with a browser, which may be anywhere; return what the issuer gives.

    `show` is told what the user has to enter. Raises LoginFailed, ConnectionFailed.
    """
    with httpx2.Client(timeout=_TIMEOUT) as http:
        try:
            return _log_in(http, login, show)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ConnectionFailed(f"{login.issuer}: {error}", sent=True) from error
        except (KeyError, ValueError, TypeError) as error:
            raise LoginFailed(f"{login.issuer} answers what can't be read: {error!r}") from error


def _log_in(http: httpx2.Client, login: OidcLogin, show: Callable[[UserCode], None]) -> Credential:
    described = _json(http.get(f"{login.issuer.rstrip('/')}/.well-known/openid-configuration"))
    endpoint = described.get("device_authorization_endpoint")
    if endpoint is None:
        raise LoginFailed(f"{login.issuer} has no login for devices (RFC 8628): use a token")
    asked = {"client_id": login.client_id, "scope": login.scope}
    given = _json(http.post(str(endpoint), data=asked))
    show(
        UserCode(
            str(given["user_code"]), str(given["verification_uri"]), given.get("verification_uri_complete")
        )
    )
    token_endpoint = str(described["token_endpoint"])
    tokens = _wait(http, token_endpoint, login.client_id, given)
    return Credential(
        token=tokens["access_token"],
        refresh_token=tokens.get("refresh_token"),
        expires_at=time.time() + float(tokens.get("expires_in", 300)),
        token_endpoint=token_endpoint,
        client_id=login.client_id,
    )


def _wait(http: httpx2.Client, endpoint: str, client_id: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for the tokens until the user has logged in."""
    ends = time.monotonic() + min(float(given.get("expires_in", 600)), _LONGEST)
    pause = float(given.get("interval", 5))
    form = {"grant_type": _GRANT, "device_code": str(given["device_code"]), "client_id": client_id}
    while time.monotonic() < ends:
        shortest, longest = PAUSES
        time.sleep(min(max(pause, shortest), longest, max(ends - time.monotonic(), 0.0)))
        answer = http.post(endpoint, data=form)
        if answer.is_success:
            return _json(answer)
        error = _json(answer, accept_errors=True).get("error")
        if error == "slow_down":
            pause += _SLOWER
        elif error != "authorization_pending":
            raise LoginFailed(f"the issuer does not let you in: {error}")
    raise LoginFailed("nobody has logged in in time")


def _json(answer: httpx2.Response, *, accept_errors: bool = False) -> Mapping[str, Any]:
    if not accept_errors:
        answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
