"""How a client says who it is, and what it is answered when it does not."""

import base64
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient

from app.core.config import Settings
from app.services.access.current import MAX_AGE
from app.services.access.failures import TRIES
from app.services.access.tokens import MAX_MAKERS
from tests.support.access import Guarded, bearer, make_token, prefix_of
from tests.support.builders import body
from tests.support.running_api import RunningApi, guarded_app
from tests.support.settings import SetSettings

ME = "/api/v1/access/me"


def basic(user: str, password: str) -> dict[str, str]:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def wrong(token: str) -> str:
    """The token with another last character."""
    return token[:-1] + ("A" if token[-1] != "A" else "B")


def test_a_token_says_who_calls(guarded: Guarded) -> None:
    token = make_token("requester", "auditor", accounts=["team-b", "team-a"])
    for headers in (bearer(token), basic("", token), basic("anybody", token), bearer(f"  {token} ")):
        answer = guarded.client.get(ME, headers=headers)
        assert answer.status_code == 200
        me = answer.json()
        assert me["principal"] == f"token {prefix_of(token)}"
        assert me["accounts"] == ["team-a", "team-b"]
        assert me["roles"] == ["auditor", "requester"]
        assert me["any_account"] is False
        assert {"submit", "read", "read_access"} <= set(me["rights"])
        assert "manage_access" not in me["rights"]


def test_nobody_calls_unknown_but_for_the_state_of_the_service(guarded: Guarded) -> None:
    for path in ("/healthz", "/readyz"):
        assert guarded.client.get(path).status_code == 200
    assert guarded.client.get("/readyz").json()["auth"] == "required"
    for path in (ME, "/docs", "/openapi.json", "/", "/api/v1/nowhere", "/healthz/", "//healthz", "/HEALTHZ"):
        answer = guarded.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (401, "credentials_missing"), path
        assert [each.partition(" ")[0] for each in answer.headers.get_list("www-authenticate")] == [
            "Bearer",
            "Basic",
        ]


def test_who_is_known_can_read_how_to_say_it(guarded: Guarded) -> None:
    token = make_token("auditor")
    assert guarded.client.get("/docs", headers=basic("me", token)).status_code == 200
    document = guarded.client.get("/openapi.json", headers=bearer(token)).json()
    schemes = {name: each["scheme"] for name, each in document["components"]["securitySchemes"].items()}
    assert schemes == {"token": "bearer", "password": "basic"}
    assert document["security"] == [{"token": []}, {"password": []}]
    refused = {"401", "403", "429"}
    open_to_all = {
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if not refused <= operation["responses"].keys()
    }
    assert open_to_all == {"/healthz", "/readyz", "/api/v1/access/login"}


def test_a_body_is_not_looked_at_before_its_sender(guarded: Guarded) -> None:
    for call in ("create", "batch", "plan"):
        answer = guarded.client.post(f"/api/v1/dns/{call}", content=b"no json")
        assert (answer.status_code, answer.headers["connection"]) == (401, "close")


def test_what_is_no_good_token_looks_alike_from_outside_and_differs_in_the_log(
    guarded: Guarded, logged: Callable[[], str]
) -> None:
    good = make_token("requester", accounts=["team-a"])
    over = make_token("requester", accounts=["team-a"], lifetime=0.01)
    elsewhere = make_token("requester", accounts=["team-a"], networks=["10.0.0.0/8", "fd00::/8"])
    revoked = make_token("requester", accounts=["team-a"])
    admin = bearer(make_token("admin"))
    guarded.client.delete(f"/api/v1/access/tokens/{prefix_of(revoked)}", headers=admin).raise_for_status()
    unknown = good.replace(prefix_of(good), "0" * 12)
    tries = {
        "not written as a token": "hello",
        "no token has this prefix": unknown,
        "it is another one": wrong(good),
        "it has expired": over,
        "it was revoked": revoked,
        "not be used from this address": elsewhere,
    }
    logged()
    answers = set()
    for words, token in tries.items():
        answer = guarded.client.get(ME, headers=bearer(token))
        answers.add((answer.status_code, answer.text, tuple(answer.headers.get_list("www-authenticate"))))
        said = logged()
        assert words in said
        assert token[20:] not in said or token == "hello"
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401
    assert 'error="invalid_token"' in next(iter(answers))[2][0]
    assert guarded.client.get(ME, headers=bearer(good)).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic ", "Basic !", "Basic AAAA", "Digest x", "Basic /w==", "Bearer a b"],
)
def test_what_is_no_credential_at_all(guarded: Guarded, header: str) -> None:
    answer = guarded.client.get(ME, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_invalid")


def test_two_headers_are_none(guarded: Guarded) -> None:
    token = make_token("requester", accounts=["team-a"])
    both = [("Authorization", f"Bearer {token}")] * 2
    assert guarded.client.get(ME, headers=both).status_code == 401


def test_a_token_of_a_network(app_settings: Settings, running_api: RunningApi) -> None:
    running_api.stop()
    with TestClient(guarded_app(), client=("10.1.2.3", 1)) as client:
        within = make_token("requester", accounts=["team-a"], networks=["192.0.2.0/24", "10.0.0.0/8"])
        outside = make_token("requester", accounts=["team-a"], networks=["10.1.2.4/32", "fd00::/8"])
        assert client.get(ME, headers=bearer(within)).status_code == 200
        assert client.get(ME, headers=bearer(outside)).status_code == 401


def test_failed_tries_are_slowed_down_and_good_ones_are_not(guarded: Guarded) -> None:
    good = make_token("requester", accounts=["team-a"])
    codes = [guarded.client.get(ME, headers=bearer(wrong(good))).status_code for _ in range(TRIES)]
    assert codes == [401] * TRIES
    slowed = guarded.client.get(ME, headers=bearer("hello"))
    assert (slowed.status_code, slowed.json()["code"]) == (429, "too_many_failures")
    assert 1 <= int(slowed.headers["retry-after"]) <= 60
    assert guarded.client.get(ME, headers=bearer(good)).status_code == 200


def test_the_life_of_a_token_over_http(guarded: Guarded) -> None:
    admin = guarded.by("admin", accounts=())
    order = {
        "accounts": ["team-a"],
        "roles": ["requester"],
        "networks": ["0.0.0.0/0", "::/0", "::ffff:10.0.0.0/104"],
        "expires_at": "2999-01-01T00:00:00Z",
        "person": "Ann@example.org",
        "comment": "ci of team-a",
    }
    made = guarded.client.post("/api/v1/access/tokens", json=order, headers=admin)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    token, prefix = made.json()["token"], made.json()["prefix"]
    assert token.startswith(f"dnso_{prefix}_")
    listed = guarded.client.get("/api/v1/access/tokens", headers=admin)
    assert token not in listed.text
    [mine] = [each for each in listed.json()["items"] if each["prefix"] == prefix]
    stored = order | {"networks": ["0.0.0.0/0", "::/0", "10.0.0.0/8"], "expires_at": mine["expires_at"]}
    assert {name: mine[name] for name in order} == stored
    assert mine["created_by"].startswith("token ")
    revoked = guarded.client.delete(f"/api/v1/access/tokens/{prefix}", headers=admin).json()
    assert revoked["revoked_at"]
    again = guarded.client.delete(f"/api/v1/access/tokens/{prefix}", headers=admin)
    assert (again.status_code, again.json()) == (200, revoked)
    assert guarded.client.get(ME, headers=bearer(token)).status_code == 401
    assert guarded.client.delete("/api/v1/access/tokens/ffff", headers=admin).status_code == 404


def test_a_token_remembers_who_may_have_kept_it(guarded: Guarded) -> None:
    def make_by(token: str, person: str) -> dict[str, Any]:
        order = {"roles": ["admin"], "person": person}
        answer = guarded.client.post("/api/v1/access/tokens", json=order, headers=bearer(token))
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    first = make_token("admin", person="Ann@Example.org")
    second = make_by(first, "bob")
    third = make_by(second["token"], "carol")
    ann = ["name:token " + prefix_of(first), "person:ann@example.org"]
    assert second["made_by"] == ann
    assert third["made_by"] == sorted([*ann, f"name:token {second['prefix']}", "person:bob"])
    me = guarded.client.get(ME, headers=bearer(third["token"])).json()
    assert me["person"] == "carol"
    for made in (first, second["token"]):
        [one] = [
            each
            for each in guarded.client.get("/api/v1/access/tokens", headers=bearer(made)).json()["items"]
            if each["prefix"] == prefix_of(first)
        ]
        assert (one["made_by"], one["person"]) == ([], "Ann@Example.org")


def test_a_chain_of_tokens_has_an_end_and_forgets_what_ended_long_ago(
    guarded: Guarded, app_settings: Settings
) -> None:
    token = make_token("admin")
    with psycopg.connect(app_settings.database_url.get_secret_value()) as connection:
        connection.execute(
            "UPDATE access_tokens SET made_by = %s", [[f"name:{n}" for n in range(MAX_MAKERS)]]
        )
    order = {"roles": ["admin"]}
    refused = guarded.client.post("/api/v1/access/tokens", json=order, headers=bearer(token))
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["type"] == "too_many_makers"
    with psycopg.connect(app_settings.database_url.get_secret_value()) as connection:
        made_by = [f"name:token {prefix_of(make_token('admin'))}" for _ in range(2)]
        connection.execute(
            "UPDATE access_tokens SET made_by = %s WHERE prefix = %s", [made_by, prefix_of(token)]
        )
        connection.execute(
            "UPDATE access_tokens SET revoked_at = now() - interval '31 days' WHERE prefix = %s",
            [made_by[0].rpartition(" ")[2]],
        )
        connection.execute("UPDATE access_version SET version = gen_random_uuid()")
    guarded.client.app.state.access.expire()  # type: ignore[attr-defined]
    made = guarded.client.post("/api/v1/access/tokens", json=order, headers=bearer(token)).json()
    assert made["made_by"] == sorted([made_by[1], f"name:token {prefix_of(token)}"])


def test_orders_for_tokens_that_can_not_be_meant(guarded: Guarded) -> None:
    admin = guarded.by("admin", accounts=())

    def reasons(**order: object) -> list[list[str]]:
        answer = guarded.client.post("/api/v1/access/tokens", json=order, headers=admin)
        assert answer.status_code == 422
        return [each["loc"] for each in answer.json()["detail"]]

    assert reasons(roles=[]) == [["body", "roles"]]
    assert reasons(roles=["requester"]) == [["body", "accounts"]]
    assert reasons(roles=["admin"], person=" ann") == [["body", "person"]]
    assert reasons(roles=["king"]) == [["body", "roles", 0]]
    for network in ("10.0.0.1/8", 1, 2.0, True, None, ["10.0.0.0", 8]):
        assert reasons(roles=["admin"], networks=[network]) == [["body", "networks", 0]]
    assert reasons(roles=["requester"], expires_at="2001-01-01T00:00:00Z") == [
        ["body", "accounts"],
        ["body", "expires_at"],
    ]
    assert reasons(roles=["admin"], expires_at="9999-12-31T23:59:59-14:00") == [["body", "expires_at"]]


def test_the_last_use_is_noted(guarded: Guarded) -> None:
    admin = guarded.by("admin", accounts=())
    guarded.client.get(ME, headers=admin)
    guarded.client.app.state.access.expire()  # type: ignore[attr-defined]
    [token] = guarded.client.get("/api/v1/access/tokens", headers=admin).json()["items"]
    assert token["last_used_at"]


@pytest.mark.parametrize("extra_settings", [{}])
def test_with_auth_off_nobody_is_asked(client: TestClient, new_zone: str) -> None:
    assert client.get("/readyz").json()["auth"] == "off"
    for headers in ({}, bearer("hello")):
        assert client.post("/api/v1/dns/create", json=body(new_zone), headers=headers).status_code == 202
        assert client.get(ME, headers=headers).json()["principal"] == "everybody"


def test_nobody_is_let_in_by_what_may_have_changed_since(
    app_settings: Settings, set_settings: SetSettings, running_api: RunningApi
) -> None:
    running_api.stop()
    set_settings(DATABASE_TIMEOUT="1")
    with TestClient(guarded_app()) as client:
        token = make_token("requester", accounts=["team-a"])
        assert client.get(ME, headers=bearer(token)).status_code == 200
        with psycopg.connect(app_settings.database_url.get_secret_value()) as connection:
            connection.execute("LOCK TABLE access_version IN ACCESS EXCLUSIVE MODE")
            time.sleep(MAX_AGE)
            refused = client.get(ME, headers=bearer(token))
            assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
            assert refused.headers["retry-after"]
            assert client.get("/healthz").status_code == 200
        assert client.get(ME, headers=bearer(token)).status_code == 200
