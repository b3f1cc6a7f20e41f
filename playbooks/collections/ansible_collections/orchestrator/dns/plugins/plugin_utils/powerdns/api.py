"""PowerDNS's HTTP API: one call at a time, and the ways in which it fails."""

import json
import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ansible_collections.orchestrator.dns.plugins.plugin_utils.errors import (
    ApiKeyRefused,
    NoAnswer,
    Unreachable,
)

MAX_REASON = 300  # characters of the server's text that a message repeats
_SERVER = "/api/v1/servers/localhost"  # an authoritative server has no other
_KEY_REFUSED = (401, 403)
_NOT_SENT = (ConnectionRefusedError, socket.gaierror)


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect: the key is for this server alone."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Return no request, so that the answer becomes an error."""


def _https(scheme: str, ca_file: Path | None) -> list[HTTPSHandler]:
    if scheme != "https":
        return []  # reading the system's certificates takes a while
    return [HTTPSHandler(context=ssl.create_default_context(cafile=ca_file))]


class Refused(Exception):
    """The server refused a call and changed nothing; the text is the server's own."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Api:
    """The API of one PowerDNS server.

    `timeout` is in seconds, and so is `first_timeout`, for the first call where that is to take less time.
    `max_changes` is how many one call may hold, `dns_server` is where the server answers over DNS. Raises
    ValueError or OSError if the URL or the CA file can't be used.
    """

    def __init__(
        self,
        url: str,
        key: str,
        timeout: float,
        ca_file: Path | None = None,
        max_changes: int | None = None,
        *,
        dns_server: str | None = None,
        first_timeout: float | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError("dns_api_url must be an address like https://dns.example.net:8081")
        self._base = url.rstrip("/") + _SERVER
        self._key = key
        self._timeout = timeout
        self._next_timeout = timeout if first_timeout is None else min(timeout, first_timeout)
        self.max_changes = max_changes
        self.dns_server = dns_server
        self._opener = build_opener(_NoRedirects(), *_https(parts.scheme, ca_file))
        self._name = parts.netloc

    def __str__(self) -> str:
        return self._name

    def get(self, path: str, **query: str) -> Any:
        """Return what a path holds. Raises Unreachable, ApiKeyRefused, Refused."""
        try:
            return json.loads(self._call("GET", f"{path}?{urlencode(query)}" if query else path))
        except NoAnswer as error:
            raise Unreachable(str(error)) from error
        except ValueError:
            raise Unreachable(f"{self} does not answer in JSON: is it PowerDNS's API?") from None

    def get_text(self, path: str) -> str:
        """Return the text that a path holds. Raises Unreachable, ApiKeyRefused, Refused."""
        try:
            return self._call("GET", path).decode("utf-8", "replace")
        except NoAnswer as error:
            raise Unreachable(str(error)) from error

    def patch(self, path: str, body: str) -> None:
        """Carry out the changes of a body, all or none. Raises BatchFault, Refused."""
        self._call("PATCH", path, body)

    def put(self, path: str) -> None:
        """Have something done. Raises BatchFault, Refused."""
        self._call("PUT", path)

    def _call(self, method: str, path: str, body: str | None = None) -> bytes:
        try:
            with self._opener.open(self._request(method, path, body), timeout=self._next_timeout) as answer:
                content: bytes = answer.read()
                self._next_timeout = self._timeout
                return content
        except HTTPError as error:
            raise self._error_of_status(error.code, _reason(error)) from None
        except (OSError, HTTPException) as error:
            raise self._error_without_answer(error) from None

    def _request(self, method: str, path: str, body: str | None) -> Request:
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        data = None if body is None else body.encode()
        return Request(self._base + path, data, headers, method=method)  # noqa: S310 - see __init__

    def _error_of_status(self, status: int, reason: str) -> Exception:
        if status in _KEY_REFUSED:
            return ApiKeyRefused(f"{self} refused the API key ({status})")
        if 300 <= status < 400:
            return Unreachable(f"{self} redirects ({status}): dns_api_url must be the API's own address")
        return Refused(status, f"{reason} ({status})")

    def _error_without_answer(self, error: Exception) -> Exception:
        cause = error.reason if isinstance(error, URLError) else error
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        kind = Unreachable if isinstance(cause, _NOT_SENT) else NoAnswer
        return kind(f"no answer from {self}: {words}")


def _reason(error: HTTPError) -> str:
    """Return the server's text about an error, which it sends as JSON or as plain text."""
    try:
        text = error.read().decode("utf-8", "replace")
    except (OSError, HTTPException):
        return str(error.reason)
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if isinstance(said, Mapping) and isinstance(said.get("error"), str):
        text = said["error"]
    return text.strip()[:MAX_REASON] or str(error.reason)
