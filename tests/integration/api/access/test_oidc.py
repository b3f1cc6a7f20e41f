"""Access tokens of an OIDC issuer at the API's door, from issuers that change their keys and go away."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from app.issuer.fetch import Issuer, fetch_public_keys
from app.services.access import failures
from app.services.access.identify import WhyNot
from app.services.access.oidc import access_tokens, current_keys
from app.services.access.oidc.access_tokens import AccessTokens, configured_access_tokens
from app.services.access.oidc.claims import ClaimRules
from app.services.access.oidc.current_keys import CurrentKeys
from app.services.access.oidc.verify import MAX_TOKEN, Claims, Expected, verify
from stack.embedded import Stack
from tests.support import http
from tests.support.access import Guarded, bearer, make_token
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.issuer import AUDIENCE, RunningIssuer, SigningKey, claims, rsa_key, written
from tests.support.provider import running_provider
from tests.support.running_api import forget_clients, guarded_app

ME = "/api/v1/access/me"
KEY = SigningKey()
Logged = Callable[[], str]


@pytest.fixture(scope="module")
def issuer() -> Iterator[RunningIssuer]:
    """An issuer that runs."""
    running = RunningIssuer(KEY)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def guarded(infrastructure: Stack, module_database: str, issuer: RunningIssuer) -> Iterator[Guarded]:
    """An API that knows the issuer, for all tests of the module."""
    zone = "oidc.test"
    settings = {
        "DATABASE_URL": module_database,
        "AUTH": "required",
        "BOOTSTRAP_ZONES": f"{zone}=bind",
        "OIDC_ISSUER": issuer.url,
        "OIDC_AUDIENCE": AUDIENCE,
        "OIDC_ACCOUNTS_CLAIM": "groups",
        "OIDC_ROLES_CLAIM": "realm_access.roles",
        "OIDC_ROLE_MAP": "dns-users=requester,dns-admins=admin",
    }
    with pytest.MonkeyPatch.context() as patch:
        forget_clients()
        for name, value in (infrastructure.env | settings).items():
            patch.setenv(name, value)
        patch.setattr(failures, "TRIES", 1_000)
        with TestClient(guarded_app()) as client:
            yield Guarded(client, zone)
        forget_clients()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The issuer may be asked again at once."""
    monkeypatch.setattr(current_keys, "PAUSE", 0.0)


def signed(issuer: RunningIssuer, key: SigningKey = KEY, **changes: Any) -> dict[str, str]:
    """The header with a token of the issuer."""
    return bearer(key.sign(claims(**({"iss": issuer.url} | changes))))


def test_an_access_token_says_who_calls(guarded: Guarded, issuer: RunningIssuer) -> None:
    me = guarded.client.get(ME, headers=signed(issuer)).json()
    assert me["principal"] == f"oidc {issuer.url.partition('://')[2]}/1234"
    assert me["person"] == "Ann@example.org"
    assert (me["accounts"], me["roles"]) == (["team-a"], ["requester"])
    www = body(guarded.zone, "www")
    refused = guarded.client.post("/api/v1/dns/create", json=www, headers=signed(issuer))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    guarded.grant(zone=guarded.zone)
    made = guarded.client.post("/api/v1/dns/create", json=www, headers=signed(issuer))
    assert made.status_code == 202, made.text
    other = signed(issuer, groups=["team-b"])
    assert guarded.client.get(made.headers["location"], headers=other).status_code == 404
    nobody = signed(issuer, realm_access=None)
    assert guarded.client.get(ME, headers=nobody).json()["code"] == "right_missing"


def test_what_an_admin_by_oidc_has_made_remembers_him(guarded: Guarded, issuer: RunningIssuer) -> None:
    admin = signed(issuer, realm_access={"roles": ["dns-admins"]})
    made = guarded.client.post("/api/v1/access/tokens", json={"roles": ["admin"]}, headers=admin).json()
    assert "person:ann@example.org" in made["made_by"]
    entry = guarded.client.get("/api/v1/access/audit", headers=admin).json()["items"][0]
    assert entry["principal"] == made["created_by"] == f"oidc {issuer.url.partition('://')[2]}/1234"


def test_bad_tokens_look_alike_from_outside_and_differ_in_the_log(
    guarded: Guarded, issuer: RunningIssuer, logged: Logged
) -> None:
    good = signed(issuer)["Authorization"].partition(" ")[2]
    tries = {
        WhyNot.ISSUER: signed(issuer, iss=issuer.url + "/"),
        WhyNot.AUDIENCE: signed(issuer, aud="somebody"),
        WhyNot.EXPIRED: signed(issuer, exp=int(time.time()) - 60),
        WhyNot.TOO_EARLY: signed(issuer, nbf=int(time.time()) + 60),
        WhyNot.ALGORITHM: bearer(written({"alg": "none"}, claims(iss=issuer.url))),
        WhyNot.SIGNATURE: signed(issuer, SigningKey()),
        WhyNot.KEY: signed(issuer, SigningKey("unknown")),
        WhyNot.KIND: signed(issuer, nonce="of an ID token"),
        WhyNot.SUBJECT: signed(issuer, sub="a\nb"),
        WhyNot.CLAIMS: signed(issuer, exp=None),
        WhyNot.TOO_LONG: signed(issuer, padding="x" * MAX_TOKEN),
        WhyNot.MALFORMED: bearer(f"{'x' * 10}{good}"),
    }
    logged()
    answers = set()
    for why, headers in tries.items():
        answer = guarded.client.get(ME, headers=headers)
        answers.add((answer.status_code, answer.text, tuple(answer.headers.get_list("www-authenticate"))))
        said = logged()
        assert why.value in said
        assert headers["Authorization"][20:] not in said
    assert len(answers) == 1
    assert (next(iter(answers))[0], "credentials_invalid" in next(iter(answers))[1]) == (401, True)
    assert guarded.client.get(ME, headers=bearer(good)).status_code == 200


def test_failed_tries_are_slowed_down(
    guarded: Guarded, issuer: RunningIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = signed(issuer, aud="somebody")
    assert guarded.client.get(ME, headers=bad).status_code == 401
    monkeypatch.setattr(failures, "TRIES", 1)
    assert guarded.client.get(ME, headers=bad).status_code == 429
    assert guarded.client.get(ME, headers=signed(issuer)).status_code == 200


def test_what_was_checked_is_not_checked_again_while_nothing_changes(
    guarded: Guarded, issuer: RunningIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def count(token: str, *given: Any) -> Claims | WhyNot:
        checked.append(token)
        return verify(token, *given)

    monkeypatch.setattr(access_tokens, "verify", count)
    one, other = signed(issuer, jti="1"), signed(issuer, jti="2")
    for headers in (one, one, other, one):
        assert guarded.client.get(ME, headers=headers).status_code == 200
    assert len(checked) == 2
    tokens: AccessTokens = guarded.client.app.state.oidc  # type: ignore[attr-defined]
    monkeypatch.setattr(tokens, "_clock", lambda: time.time() + 331)
    guarded.client.get(ME, headers=one)  # which would be over by then
    assert len(checked) == 3


def test_keys_change(guarded: Guarded, issuer: RunningIssuer, impatient: None) -> None:
    old = signed(issuer)
    assert guarded.client.get(ME, headers=old).status_code == 200
    rotated = SigningKey("k2", "RS256", rsa_key())
    issuer.keys.append(rotated.jwk())
    assert guarded.client.get(ME, headers=signed(issuer, rotated)).status_code == 200
    assert guarded.client.get(ME, headers=old).status_code == 200
    del issuer.keys[0]
    assert guarded.client.get(ME, headers=signed(issuer, SigningKey("k3"))).status_code == 401
    assert guarded.client.get(ME, headers=old).status_code == 401  # also what was checked before
    issuer.keys[:] = [KEY.jwk()]
    assert guarded.client.get(ME, headers=old).status_code == 200


def test_invented_keys_cost_the_issuer_nothing(guarded: Guarded, issuer: RunningIssuer) -> None:
    guarded.client.get(ME, headers=signed(issuer, SigningKey("x0")))
    issuer.asked.clear()
    for number in range(20):
        headers = signed(issuer, SigningKey(f"x{number}", key=KEY.key))
        assert guarded.client.get(ME, headers=headers).status_code == 401
    assert len(issuer.asked) <= 2


def test_while_the_issuer_is_away_known_keys_go_on_and_the_rest_is_503(
    guarded: Guarded,
    issuer: RunningIssuer,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
) -> None:
    assert guarded.client.get(ME, headers=signed(issuer)).status_code == 200
    issuer.stop()
    try:
        assert guarded.client.get(ME, headers=signed(issuer)).status_code == 200
        unknown = guarded.client.get(ME, headers=signed(issuer, SigningKey("k9")))
        assert (unknown.status_code, unknown.json()["code"]) == (503, "issuer_unavailable")
        assert unknown.headers["retry-after"]
        assert "can't be read; the known ones go on" in logged()
        with monkeypatch.context() as old:
            old.setattr(current_keys, "MAX_AGE", -1.0)
            assert guarded.client.get(ME, headers=signed(issuer)).status_code == 503
        assert guarded.client.get(ME, headers=guarded.by("auditor")).status_code == 200
    finally:
        issuer.start()
    assert guarded.client.get(ME, headers=signed(issuer, SigningKey("k9"))).status_code == 401


def test_an_issuer_that_is_away_when_the_api_starts(
    guarded: Guarded, issuer: RunningIssuer, impatient: None
) -> None:
    guarded.client.app.state.oidc = configured_access_tokens()  # type: ignore[attr-defined]
    issuer.stop()
    try:
        assert guarded.client.get(ME, headers=signed(issuer)).status_code == 503
        assert guarded.client.get(ME, headers=guarded.by("auditor")).status_code == 200
    finally:
        issuer.start()
    assert guarded.client.get(ME, headers=signed(issuer)).status_code == 200


def test_an_issuer_that_does_not_answer_keeps_nobody_else_waiting(
    guarded: Guarded, issuer: RunningIssuer, impatient: None
) -> None:
    token = bearer(make_token("auditor"))
    guarded.client.app.state.access.expire()  # type: ignore[attr-defined]
    issuer.answering.clear()
    issuer.asked.clear()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(guarded.client.get, ME, headers=signed(issuer, SigningKey("k8")))
        try:
            eventually(lambda: issuer.asked or slow.done())
            for headers in (token, signed(issuer)):
                assert guarded.client.get(ME, headers=headers).status_code == 200
            assert not slow.done()
        finally:
            issuer.answering.set()
        assert slow.result().status_code == 401


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The address of a provider that is not ours."""
    with running_provider() as url:
        yield url


def log_in(provider: str, client: str) -> dict[str, Any]:
    """What the provider gives a client whose user has logged in."""
    back = "http://127.0.0.1/back"
    asked = {"client_id": client, "redirect_uri": back, "response_type": "code", "scope": "openid email"}
    answer = http.post(f"{provider}/oauth2/authorize", params=asked, data={"sub": "ann@example.org"})
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back}
    given = http.post(f"{provider}/oauth2/token", data=form, auth=(client, "secret"))
    found: dict[str, Any] = given.raise_for_status().json()
    return found


@pytest.mark.thorough
def test_a_provider_that_is_not_ours(provider: str) -> None:
    """Its access tokens are none that anybody else can read.

    An ID token is signed by the same keys. It is refused for what it is only after its signature, its issuer
    and its audience were found right.
    """
    given = log_in(provider, AUDIENCE)

    async def identify(audience: str, token: str) -> object:
        keys = CurrentKeys(lambda: fetch_public_keys(Issuer(provider)))
        expected = Expected(provider, (audience,), ("RS256",), 30)
        return await AccessTokens(keys, expected, ClaimRules(provider)).identify(token)

    head, payload, _ = given["id_token"].split(".")
    assert asyncio.run(identify("another", given["id_token"])) is WhyNot.AUDIENCE
    assert asyncio.run(identify(AUDIENCE, given["id_token"])) is WhyNot.KIND
    assert asyncio.run(identify(AUDIENCE, f"{head}.{payload}.{'A' * 342}")) is WhyNot.SIGNATURE
