"""Log in, with a token and by an OIDC issuer, at an API that asks everybody who he is."""

import json
import os
import stat
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest

from dns_orchestrator import Client, device_flow
from dns_orchestrator.credentials import Credential, Credentials
from dns_orchestrator.device_flow import LoginFailed, UserCode, log_in
from dns_orchestrator.models.access import OidcLogin
from stack.embedded import Stack
from stack.ports import HOST
from tests.client.conftest import Run
from tests.support.api_process import Api


@pytest.fixture(scope="module")
def guarded(stack: Stack) -> Iterator[str]:
    """The address of another API of the same system, which asks everybody who he is."""
    api = Api(**stack.env, AUTH="required")
    with api.process:
        api.wait()
        yield api.url


@pytest.fixture
def token(dns: Client) -> str:
    """A token of a requester."""
    return dns.access.tokens.create(["requester"], accounts=["team-t"]).token


def stored() -> Path:
    """The file of the tokens."""
    return Path(os.environ["XDG_CONFIG_HOME"]) / "dns-orchestrator/credentials.json"


def test_who_is_not_known_is_told_how_to_log_in(run: Run, guarded: str) -> None:
    done = run("zones", "list", "--url", guarded)
    assert done.exit_code == 3
    assert "dns-orchestrator login" in done.stderr


def test_a_token_is_kept_for_its_owner_until_the_logout(run: Run, guarded: str, token: str) -> None:
    done = run("login", "--with-token", "--url", guarded, typed=f"{token}\n")
    assert done.exit_code == 0, done.output
    assert token not in done.output
    assert stat.S_IMODE(stored().stat().st_mode) == 0o600
    assert "team-t" in run("access", "me", "--url", guarded).stdout
    asked = run("upsert", "www.example.test", "A", "192.0.2.1", "--url", guarded)
    assert asked.exit_code == 3  # no grant
    assert "[not_allowed]" in asked.stderr
    assert run("logout", "--url", guarded).exit_code == 0
    assert run("access", "me", "--url", guarded).exit_code == 3


def test_a_token_that_is_not_good_is_not_kept(run: Run, guarded: str) -> None:
    done = run("login", "--with-token", "--url", guarded, typed="dnso_wrong\n")
    assert done.exit_code == 3
    assert not stored().exists()


def test_nobody_logs_in_where_nobody_is_asked(run: Run) -> None:
    assert "no need to log in" in run("login").stdout


class Issuer(ThreadingHTTPServer):
    """An issuer of the device grant: none that can be had here lets a test say what it answers."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server_port}"
        self.answers: list[tuple[int, dict[str, object]]] = []
        self.interval: float = 0
        self.forms: list[dict[str, list[str]]] = []
        self.described: dict[str, object] = {
            "device_authorization_endpoint": f"{self.url}/device",
            "token_endpoint": f"{self.url}/token",
        }


class Handler(BaseHTTPRequestHandler):
    """What the issuer answers."""

    server: Issuer

    def do_GET(self) -> None:
        self._answer(200, self.server.described)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        self.server.forms.append(parse_qs(content.decode()))
        if self.path == "/device":
            given = {"device_code": "d", "user_code": "WXYZ", "verification_uri": "https://x"}
            self._answer(200, given | {"interval": self.server.interval})
        else:
            self._answer(*self.server.answers.pop(0))

    def _answer(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """A running issuer, which is asked without pauses."""
    monkeypatch.setattr(device_flow, "PAUSES", (0.0, 0.0))
    with Issuer() as running:
        Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield running
        running.shutdown()


def test_a_device_login_waits_for_the_user_and_is_renewed(issuer: Issuer, tmp_path: Path) -> None:
    issuer.answers = [
        (400, {"error": "authorization_pending"}),
        (200, {"access_token": "a1", "refresh_token": "r1", "expires_in": 5}),
        (200, {"access_token": "a2", "expires_in": 300}),
    ]
    shown: list[UserCode] = []
    credential = log_in(OidcLogin(issuer=issuer.url, client_id="cli", scope="openid"), shown.append)
    assert [each.code for each in shown] == ["WXYZ"]
    assert credential.token == "a1"
    credentials = Credentials(tmp_path / "credentials.json")
    credentials.store("http://api", None, credential)
    assert credentials.token_for("http://api", None) == "a2"  # the first one is about to end
    assert credentials.token_for("http://api", None) == "a2"
    assert [form.get("grant_type") for form in issuer.forms] == [
        None,
        ["urn:ietf:params:oauth:grant-type:device_code"],
        ["urn:ietf:params:oauth:grant-type:device_code"],
        ["refresh_token"],
    ]


@pytest.mark.parametrize(("interval", "pause"), [(-5, 1.0), (1e9, 60.0)])
def test_the_issuer_is_asked_neither_all_the_time_nor_never(
    issuer: Issuer, interval: float, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.interval = interval
    issuer.answers = [(200, {"access_token": "a"})]
    pauses: list[float] = []
    monkeypatch.setattr(device_flow, "PAUSES", (1.0, 60.0))
    clock = SimpleNamespace(sleep=pauses.append, monotonic=time.monotonic, time=time.time)
    monkeypatch.setattr(device_flow, "time", clock)  # others in this process sleep as ever
    log_in(OidcLogin(issuer=issuer.url, client_id="cli", scope="openid"), lambda _: None)
    assert pauses == [pause]


def test_a_device_login_that_is_denied_says_so(issuer: Issuer) -> None:
    login = OidcLogin(issuer=issuer.url, client_id="cli", scope="openid")
    issuer.answers = [(400, {"error": "access_denied"})]
    with pytest.raises(LoginFailed, match="access_denied"):
        log_in(login, lambda _: None)
    issuer.described = {}
    with pytest.raises(LoginFailed, match="use a token"):
        log_in(login, lambda _: None)


def test_a_token_that_can_not_be_renewed_is_used_as_it_is(issuer: Issuer, tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "credentials.json")
    over = Credential(token="a", refresh_token="r", expires_at=1.0, token_endpoint=f"{issuer.url}/token")
    credentials.store("http://api", None, over)
    issuer.answers = [(400, {"error": "invalid_grant"})]
    assert credentials.token_for("http://api", None) == "a"
