"""The login at an OIDC issuer: one that does wrong, and a provider that is not ours."""

import base64
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from app.services.access.oidc import login
from app.services.access.oidc.access_tokens import configured_access_tokens
from app.services.access.oidc.login import configured_login
from tests.support import http
from tests.support.console import Guests, Visitor
from tests.support.issuer import AUDIENCE, RunningIssuer, SigningKey, claims
from tests.support.provider import running_provider
from tests.support.settings import SetSettings

KEY = SigningKey()
CLIENT = "the console"
BACK = "http://testserver/console/login/callback"
RULES = {
    "OIDC_AUDIENCE": AUDIENCE,
    "OIDC_CLIENT_ID": CLIENT,
    "OIDC_ACCOUNTS_CLAIM": "groups",
    "OIDC_ROLES_CLAIM": "realm_access.roles",
    "OIDC_ROLE_MAP": "dns-users=requester,dns-readers=auditor",
}


@pytest.fixture(scope="module")
def issuer() -> Iterator[RunningIssuer]:
    running = RunningIssuer(KEY)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def more_settings(issuer: RunningIssuer) -> dict[str, str]:
    return {"OIDC_ISSUER": issuer.url, "OIDC_CLIENT_SECRET": "a secret: 100 %", **RULES}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer may be asked again at once."""
    monkeypatch.setattr(login, "RETRY_PAUSE", 0.0)


def begin(visitor: Visitor, wanted: str = "/") -> dict[str, str]:
    """Be led to the issuer; return what it is asked."""
    there = visitor.get("/login/oidc", next=wanted)
    assert there.status_code == 303, there.text
    return dict(parse_qsl(urlsplit(there.headers["location"]).query))


def id_token(asked: dict[str, str], key: SigningKey = KEY, **changes: Any) -> str:
    said = {"iss": changes.pop("issuer"), "aud": CLIENT, "nonce": asked["nonce"], **changes}
    return key.sign(claims(**said), typ="JWT")


def come_back(visitor: Visitor, asked: dict[str, str], **changes: str) -> httpx2.Response:
    return visitor.get("/login/callback", **{"code": "a code", "state": asked["state"], **changes})


def test_who_logs_in_at_the_issuer_is_who_he_is_to_the_api(guests: Guests, issuer: RunningIssuer) -> None:
    visitor = guests.nobody()
    assert 'href="/console/login/oidc?next=%2Frequests"' in visitor.get("/login", next="/requests").text
    asked = begin(visitor, "/requests?zone=example.test")
    assert (asked["realm"], asked["client_id"], asked["redirect_uri"]) == ("main", CLIENT, BACK)
    assert (asked["scope"], asked["response_type"]) == ("openid profile email", "code")
    access = KEY.sign(claims(iss=issuer.url))
    issuer.given = {
        "id_token": id_token(asked, issuer=issuer.url, groups=None, realm_access=None),
        "access_token": access,
    }
    back = come_back(visitor, asked, iss=issuer.url)
    assert (back.status_code, back.headers["location"]) == (303, "/console/requests?zone=example.test")
    assert visitor.cookies.keys() == {"dnso_session"}
    page = visitor.get("/requests")
    assert (page.status_code, "Ann@example.org" in page.text) == (200, True)
    form = issuer.forms[-1]
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == ("authorization_code", "a code", BACK)
    challenge = base64.urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode()
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (challenge.rstrip("="), "S256")
    out = visitor.post("/logout")
    assert out.headers["location"] == "/console/logout/oidc?done=logged-out"
    assert "dnso_session" not in visitor.cookies
    there = (
        f"{issuer.url}/logout?realm=main&client_id=the+console"
        "&post_logout_redirect_uri=http%3A%2F%2Ftestserver%2Fconsole%2Flogin"
    )
    assert f'content="0; url={escape(there)}"' in visitor.get("/logout/oidc").text
    assert visitor.get("/requests").status_code == 303
    basic = base64.b64decode((issuer.authorizations[-1] or "").removeprefix("Basic ")).decode()
    assert basic == "the%20console:a%20secret%3A%20100%20%25"


def test_what_is_not_good_logs_nobody_in(
    guests: Guests, issuer: RunningIssuer, logged: Callable[[], str]
) -> None:
    visitor = guests.nobody()
    asked = begin(visitor)
    url = issuer.url
    tries: dict[str, object] = {
        "it was not made for this login": id_token(asked, issuer=url, nonce="another"),
        "it is for nobody, or for somebody else": id_token(asked, issuer=url, aud="another client"),
        "another issuer has made it": id_token(asked, issuer="https://elsewhere.example"),
        "its signature is wrong": id_token(asked, SigningKey(), issuer=url),
        "it has expired": id_token(asked, issuer=url, exp=1),
        "it does not say whose it is": id_token(asked, issuer=url, sub="a\nb"),
    }
    several = id_token(asked, issuer=url, aud=[CLIENT, "another"], azp="another")
    for why, token in [*tries.items(), ("it is for nobody", several), ("given nothing for the code", None)]:
        issuer.given = {"id_token": token}
        answer = come_back(visitor, asked)
        assert answer.status_code == 401, why
        assert why in logged()
        assert "dnso_session" not in visitor.cookies
    issuer.given = {"id_token": id_token(asked, issuer=url)}
    assert come_back(visitor, asked).status_code == 303


def test_an_access_token_of_somebody_else_says_nothing(guests: Guests, issuer: RunningIssuer) -> None:
    visitor = guests.nobody()
    asked = begin(visitor)
    others = claims(iss=issuer.url, sub="another", realm_access={"roles": ["dns-readers"]})
    issuer.given = {
        "id_token": id_token(asked, issuer=issuer.url, realm_access=None),
        "access_token": KEY.sign(others),
    }
    assert come_back(visitor, asked).status_code == 303
    assert "right_missing" in visitor.get("/requests").text


def test_only_who_has_begun_a_login_ends_it(guests: Guests, issuer: RunningIssuer) -> None:
    visitor, other = guests.nobody(), guests.nobody()
    asked, others = begin(visitor), begin(other)
    issuer.given = {"id_token": id_token(others, issuer=issuer.url)}
    asked_before = len(issuer.forms)
    for changes in ({"state": others["state"]}, {"state": ""}, {"iss": "https://elsewhere.example"}):
        assert come_back(visitor, asked, **changes).status_code == 400
    surrogates = json.dumps({"state": "\ud800", "nonce": "", "verifier": "", "redirect_uri": "", "next": "/"})
    forged = (base64.urlsafe_b64encode(each.encode()).decode() for each in ("[" * 30_000, surrogates))
    for cookie in ("", "e30=", "nonsense", "W10=", *forged):
        visitor.cookies["dnso_login"] = cookie
        assert come_back(visitor, asked).status_code == 400
    refused = come_back(other, others, code="", error="access_denied")
    assert (refused.status_code, "access_denied" in refused.text) == (403, True)
    hostile = come_back(other, others, error="<script>alert(1)</script>")
    assert (hostile.status_code, "<script>alert" in hostile.text) == (403, False)
    assert len(issuer.forms) == asked_before


def test_sessions_end_with_their_issuer_and_follow_the_rules(
    guests: Guests, issuer: RunningIssuer, set_settings: SetSettings
) -> None:
    visitor = guests.nobody()
    asked = begin(visitor)
    issuer.given = {"id_token": id_token(asked, issuer=issuer.url)}
    come_back(visitor, asked)
    assert visitor.get("/requests").status_code == 200
    state = guests.client.app.state  # type: ignore[attr-defined]
    now = state.oidc
    try:
        set_settings(OIDC_ROLE_MAP="others=auditor")
        state.oidc = configured_access_tokens()
        assert "right_missing" in visitor.get("/requests").text
        set_settings(OIDC_ISSUER="https://elsewhere.example")
        state.oidc = configured_access_tokens()
        assert visitor.get("/requests").status_code == 303
    finally:
        state.oidc = now


def test_an_issuer_that_is_away_or_says_what_it_should_not(
    guests: Guests, issuer: RunningIssuer, set_settings: SetSettings
) -> None:
    state = guests.client.app.state  # type: ignore[attr-defined]
    known, described = state.oidc_login, dict(issuer.described)
    try:
        for wrong in (
            {"authorization_endpoint": "http://elsewhere.example/"},
            {"authorization_endpoint": None},
            {"token_endpoint": 7},
            {"issuer": "https://elsewhere.example"},
        ):
            issuer.described = described | wrong
            state.oidc_login = configured_login(state.oidc)
            answer = guests.nobody().get("/login/oidc")
            assert (answer.status_code, "issuer_unavailable" in answer.text) == (503, True), wrong
        issuer.described = described
        assert begin(guests.nobody())["client_id"] == CLIENT
    finally:
        issuer.described = described
        state.oidc_login = known


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that is not ours, which knows ann."""
    ann = {
        "sub": "ann",
        "email": "ann@example.org",
        "groups": ["team-a"],
        "realm_access": {"roles": ["dns-users"]},
    }
    with running_provider(ann) as url:
        yield url


def test_a_provider_that_is_not_ours(guests: Guests, provider: str, set_settings: SetSettings) -> None:
    """Its access tokens are none that anybody else can read: what its ID token says counts."""
    set_settings(OIDC_ISSUER=provider, PUBLIC_URL="https://dns.example.org")
    state = guests.client.app.state  # type: ignore[attr-defined]
    before = state.oidc, state.oidc_login
    state.oidc = configured_access_tokens()
    state.oidc_login = configured_login(state.oidc)
    try:
        visitor = guests.nobody()
        there = visitor.get("/login/oidc", next="/requests").headers["location"]
        led_back = http.post(there, data={"sub": "ann"}).headers["location"]
        assert led_back.startswith("https://dns.example.org/console/login/callback?")
        given = {name: values[0] for name, values in parse_qs(urlsplit(led_back).query).items()}
        back = visitor.get("/login/callback", **given)
        assert (back.status_code, back.headers["location"]) == (303, "/console/requests"), back.text
        assert all("; Secure" in each for each in back.headers.get_list("set-cookie") if "session" in each)
        assert "ann@example.org" in visitor.get("/requests").text
    finally:
        state.oidc, state.oidc_login = before


def test_what_the_settings_name_is_told(guests: Guests, issuer: RunningIssuer) -> None:
    told = guests.client.get("/api/v1/access/login").json()
    assert told["oidc"] == {"issuer": issuer.url, "client_id": CLIENT, "scope": "openid profile email"}
