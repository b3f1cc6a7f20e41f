"""Who calls, by what his token says and the operator wants read."""

from typing import Any

import pytest

from app.domain.permissions import Principal, Role
from app.services.access.identify import WhyNot
from app.services.access.oidc.claims import ClaimRules, find_claim, principal_of_claims
from tests.support.issuer import ISSUER, claims

RULES = ClaimRules(
    ISSUER,
    accounts="groups",
    roles="realm_access.roles",
    role_map=(
        ("dns-users", "requester"),
        ("dns-ops", "operator"),
        ("dns-ops", "auditor"),
    ),
)


def principal(rules: ClaimRules = RULES, **changes: Any) -> Principal:
    found = principal_of_claims(claims(**changes), rules)
    assert isinstance(found, Principal)
    return found


def test_a_token_of_keycloak() -> None:
    found = principal()
    assert found.name == "oidc login.example.org/realms/dns/1234"
    assert found.person == "Ann@example.org"
    assert found.accounts == {"team-a"}
    assert found.roles == {Role.REQUESTER}


def test_the_same_person_by_a_token_of_the_service() -> None:
    asks, approves = Principal("token 1", person="ann@example.org"), principal()
    assert asks.asks_as & approves.identities
    assert approves.asks_as & asks.identities


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["dns-ops", "x", 7, None], {Role.OPERATOR, Role.AUDITOR}),
        ("dns-users dns-ops", {Role.REQUESTER, Role.OPERATOR, Role.AUDITOR}),  # as scopes are written
        ("requester", set()),  # what stands in no map is no role
        (["DNS-USERS"], set()),
        ([], set()),
        ({"dns-users": True}, set()),
        (True, set()),
    ],
)
def test_roles(roles: object, expected: set[Role]) -> None:
    assert principal(realm_access={"roles": roles}).roles == expected


def test_roles_of_everybody() -> None:
    rules = ClaimRules(ISSUER, default_roles=frozenset({Role.REQUESTER}))
    assert principal(rules).roles == {Role.REQUESTER}
    assert principal(ClaimRules(ISSUER)).roles == set()


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["team-b", "team-a"], {"team-a", "team-b"}),
        ("team a", {"team a"}),
        ([" team-a", "", "team\u200b-a", "x" * 256, 7, None, ["team-a"]], set()),
        ({"team-a": 1}, set()),
        (None, set()),
    ],
)
def test_accounts(groups: object, expected: set[str]) -> None:
    assert principal(groups=groups).accounts == expected


def test_accounts_by_a_map() -> None:
    ids = ("8f14e45f-ceea-467f-a83c-2d1e5d9f0a11", "team-a"), ("/dns/b", "team-b"), ("/dns/b", "team-c")
    rules = ClaimRules(ISSUER, accounts="groups", account_map=ids)
    assert principal(rules, groups=[ids[0][0], "/dns/b", "team-x"]).accounts == {"team-a", "team-b", "team-c"}
    assert principal(rules, groups=["team-a"]).accounts == set()


@pytest.mark.parametrize(
    ("changes", "person"),
    [
        ({"email_verified": True}, "Ann@example.org"),
        ({"email_verified": False}, None),
        ({"email_verified": "false"}, None),
        ({"email_verified": "true"}, "Ann@example.org"),
        ({"email": None}, None),
        ({"email": 7}, None),
        ({"email": "a\nb"}, None),
        ({"email": ""}, None),
    ],
)
def test_persons(changes: dict[str, Any], person: str | None) -> None:
    assert principal(**changes).person == person


@pytest.mark.parametrize("subject", ["", "a\x00b", "x" * 256, 7, None, ["1"]])
def test_a_subject_that_nobody_can_be_known_by(subject: Any) -> None:
    assert principal_of_claims(claims() | {"sub": subject}, RULES) is WhyNot.SUBJECT


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("plain", 1),
        ("a.b", 2),
        ("a.c", 3),
        ("https://example.org/roles", 4),
        ("clients.dns.example.org.roles", 5),
        ("a", {"c": 3}),
        ("", None),
        ("plain.x", None),
        ("a.d", None),
        (".", None),
        ("a..c", None),
    ],
)
def test_paths_of_claims(path: str, found: object) -> None:
    said = {
        "plain": 1,
        "a.b": 2,
        "a": {"c": 3},
        "https://example.org/roles": 4,
        "clients": {"dns.example.org": {"roles": 5}},
    }
    assert find_claim(said, path) == found
