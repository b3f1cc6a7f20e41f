"""Readers of the console over HTTP, each with a session of his own."""

from collections.abc import Mapping
from http.cookies import SimpleCookie

import httpx2
from fastapi.testclient import TestClient

from tests.support.access import make_token


class Visitor:
    """Somebody at the console, with the cookies that it has given him. He follows no redirection."""

    def __init__(self, client: TestClient) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}

    def get(self, path: str = "/", **parameters: str) -> httpx2.Response:
        """Open a page."""
        return self._call("GET", path, params=parameters)

    def post(self, path: str, **fields: object) -> httpx2.Response:
        """Send a form."""
        return self._call("POST", path, data=fields)

    def log_in(self, token: str, wanted: str = "/") -> httpx2.Response:
        """Log in with a token."""
        return self.post("/login", token=token, next=wanted)

    def _call(self, method: str, path: str, **given: Mapping[str, object]) -> httpx2.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookies} if cookies else {}
        there = f"/console{path}"
        answer = self._client.request(method, there, headers=headers, follow_redirects=False, **given)  # type: ignore[arg-type]
        self._client.cookies.clear()
        for line in answer.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self.cookies[name]
        return answer


class Guests:
    """An API that asks everybody who he is, and readers of its console with different roles."""

    def __init__(self, client: TestClient, zone: str) -> None:
        self.client = client
        self.zone = zone
        self._known: dict[tuple[str, ...], Visitor] = {}

    def nobody(self) -> Visitor:
        """Somebody who has not logged in."""
        return Visitor(self.client)

    def with_token(self, token: str) -> Visitor:
        """Somebody who has logged in with this token."""
        self.expire()
        visitor = Visitor(self.client)
        answer = visitor.log_in(token)
        assert answer.status_code == 303, answer.text
        return visitor

    def by(self, *roles: str, accounts: tuple[str, ...] = ("team-a",)) -> Visitor:
        """Somebody who has logged in with a token of these roles and accounts, the same each time."""
        key = (*roles, "/", *accounts)
        if key not in self._known:
            self._known[key] = self.with_token(make_token(*roles, accounts=accounts))
        return self._known[key]

    def expire(self) -> None:
        """Let what was changed about tokens and grants count for the next call."""
        self.client.app.state.access.expire()  # type: ignore[attr-defined]
