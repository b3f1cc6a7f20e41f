"""Who may do what: a table of cases, and what holds whatever the grants are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import Action
from app.domain.name_patterns import NamePatterns, relative_name
from app.domain.permissions import (
    EVERYBODY,
    RIGHTS,
    SERVICE,
    Asked,
    Effect,
    Grant,
    Grants,
    Principal,
    Right,
    Role,
)

ZONE = "example.test"
ALLOW, REVIEW, DENY = Effect.ALLOW, Effect.REVIEW, Effect.DENY
REQUESTER = Principal("token one", frozenset({"team-a"}), frozenset({Role.REQUESTER}))
ADMIN = Principal("token two", frozenset({"ops"}), frozenset({Role.ADMIN}))
GATEWAY = Principal("token three", roles=frozenset({Role.GATEWAY}))
WWW = Asked("team-a", Action.CREATE, ZONE, f"www.{ZONE}", "A")
INTERNAL = WWW._replace(zone=f"{ZONE}@internal")


def grant(effect: Effect, **fields: object) -> Grant:
    return Grant("1", effect, **({"account": "team-a"} | fields))  # type: ignore[arg-type]


A_TYPES = frozenset({"A", "AAAA"})
CASES = [
    ([], ADMIN, WWW, ALLOW),
    ([], EVERYBODY.principal, WWW, ALLOW),
    ([], SERVICE.principal, WWW, ALLOW),
    ([], REQUESTER, WWW, DENY),
    ([grant(ALLOW)], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW)], REQUESTER, WWW._replace(account="team-b"), DENY),
    ([grant(ALLOW, account="team-b")], REQUESTER, WWW._replace(account="team-b"), DENY),
    ([grant(ALLOW)], GATEWAY, WWW, ALLOW),
    ([grant(ALLOW)], GATEWAY, WWW._replace(account="team-b"), DENY),
    ([grant(ALLOW, account=None, role=Role.GATEWAY)], GATEWAY, WWW, ALLOW),
    ([grant(ALLOW, account=None, role=Role.REQUESTER)], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW, account=None, role=Role.OPERATOR)], REQUESTER, WWW, DENY),
    ([grant(ALLOW, zone=ZONE)], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW, zone="test")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, zone=f"www.{ZONE}")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, zone=ZONE)], REQUESTER, INTERNAL, DENY),
    ([grant(ALLOW, zone=f"{ZONE}@internal")], REQUESTER, INTERNAL, ALLOW),
    ([grant(ALLOW, zone=f"{ZONE}@external")], REQUESTER, INTERNAL, DENY),
    ([grant(ALLOW, zone=f"{ZONE}@internal")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, zone=f"{ZONE}@*")], REQUESTER, INTERNAL, ALLOW),
    ([grant(ALLOW, zone=f"{ZONE}@*")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, zone="test@*")], REQUESTER, INTERNAL, DENY),
    ([grant(ALLOW)], REQUESTER, INTERNAL, ALLOW),
    ([grant(ALLOW), grant(DENY, zone=f"{ZONE}@*")], REQUESTER, INTERNAL, DENY),
    ([grant(ALLOW, names="www")], REQUESTER, INTERNAL, ALLOW),
    ([grant(ALLOW, names="@")], REQUESTER, INTERNAL._replace(name=ZONE), ALLOW),
    ([grant(ALLOW, names="www")], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW, names="ww")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, names="**.ww")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, names="*.www")], REQUESTER, WWW, DENY),
    ([grant(ALLOW, names="*")], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW, names="@")], REQUESTER, WWW._replace(name=ZONE), ALLOW),
    ([grant(ALLOW, names="*")], REQUESTER, WWW._replace(name=ZONE), DENY),
    ([grant(ALLOW, types=A_TYPES)], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW, types=A_TYPES)], REQUESTER, WWW._replace(type="TXT"), DENY),
    ([grant(ALLOW, actions=frozenset({Action.CREATE}))], REQUESTER, WWW, ALLOW),
    ([grant(ALLOW, actions=frozenset({Action.DELETE}))], REQUESTER, WWW, DENY),
    ([grant(ALLOW), grant(REVIEW, names="www")], REQUESTER, WWW, REVIEW),
    ([grant(REVIEW), grant(ALLOW, names="www")], REQUESTER, WWW, REVIEW),
    ([grant(ALLOW, names="www"), grant(DENY)], REQUESTER, WWW, DENY),
    ([grant(ALLOW), grant(REVIEW), grant(DENY, account=None, role=Role.REQUESTER)], REQUESTER, WWW, DENY),
    ([grant(ALLOW), grant(ALLOW)], REQUESTER, WWW, ALLOW),
    ([grant(DENY), grant(ALLOW)], REQUESTER, WWW, DENY),
    ([grant(DENY)], ADMIN, WWW, DENY),
    ([grant(REVIEW, account=None, role=Role.ADMIN)], ADMIN, WWW, REVIEW),
]


@pytest.mark.parametrize(("grants", "principal", "asked", "effect"), CASES)
def test_decisions(grants: list[Grant], principal: Principal, asked: Asked, effect: Effect) -> None:
    decision = Grants(grants).decide(principal, asked)
    assert decision.effect is effect
    assert decision.why


def test_a_decision_names_the_grant_and_says_what_it_says() -> None:
    deciding = Grant("7", DENY, "team-a", None, ZONE, "*.prod", frozenset({"A"}), frozenset({Action.DELETE}))
    asked = WWW._replace(action=Action.DELETE, name=f"x.prod.{ZONE}")
    decision = Grants([grant(ALLOW), deciding]).decide(REQUESTER, asked)
    assert decision.grant == deciding
    assert decision.why == "grant 7: deny account team-a: delete on A at *.prod in example.test"
    missing = Grants().decide(REQUESTER, asked)
    assert missing.grant is None
    assert missing.why == f"no grant lets team-a delete x.prod.{ZONE} A in the zone {ZONE}"


def test_a_grant_for_every_view_says_so() -> None:
    assert str(grant(ALLOW, zone=f"{ZONE}@*")).endswith(f"at ** in {ZONE} in every view")
    assert str(grant(ALLOW, zone=f"{ZONE}@internal")).endswith(f"at ** in {ZONE}@internal")


def test_rights_of_roles() -> None:
    assert RIGHTS.keys() == set(Role)
    assert RIGHTS[Role.ADMIN] == set(Right)
    for right in (Right.READ_ACCESS, Right.MANAGE_ACCESS, Right.MANAGE_ZONES, Right.STEER_MANY):
        assert not REQUESTER.has(right)
        assert not GATEWAY.has(right)
    assert REQUESTER.has(Right.SUBMIT)
    assert not Principal("nobody").has(Right.KNOW_ONESELF)
    assert (REQUESTER.speaks_for("team-a"), REQUESTER.speaks_for("team-b")) == (True, False)
    assert (GATEWAY.speaks_for("team-b"), GATEWAY.steers("team-b")) == (True, False)
    assert (ADMIN.speaks_for("team-b"), ADMIN.steers("team-b")) == (True, True)
    assert REQUESTER.only_account == "team-a"
    assert replace(REQUESTER, accounts=frozenset({"team-a", "team-b"})).only_account is None


LABELS = st.sampled_from(["a", "b", "ab", "*"])
NAMES = st.lists(LABELS, max_size=3).map(lambda labels: ".".join([*labels, ZONE]))
PATTERNS = st.sampled_from(["@", "*", "**", "a", "ab", "a.b", "*.b", "**.b", "a.**", "a.*.b", "*.**.a"])
KEYS = [ZONE, f"{ZONE}@internal", f"{ZONE}@external"]
ZONES = st.sampled_from(["*", *KEYS, f"{ZONE}@*", "other.test", "other.test@*"])
TYPES = st.sampled_from(["A", "AAAA", "TXT"])
ACTIONS = st.sampled_from(Action)
ACCOUNTS = st.sampled_from(["team-a", "team-b"])
ROLES = st.sampled_from(Role)
SUBJECTS = ACCOUNTS.map(lambda account: (account, None)) | ROLES.map(lambda role: (None, role))
GRANTS = st.builds(
    lambda subject, **fields: Grant("1", account=subject[0], role=subject[1], **fields),
    SUBJECTS,
    effect=st.sampled_from(Effect),
    zone=ZONES,
    names=PATTERNS,
    types=st.frozensets(TYPES, max_size=2),
    actions=st.frozensets(ACTIONS, max_size=2),
)
PRINCIPALS = st.builds(
    Principal, st.just("someone"), st.frozensets(ACCOUNTS, max_size=2), st.frozensets(ROLES, max_size=3)
)
ASKED = st.builds(Asked, ACCOUNTS, ACTIONS, st.sampled_from(KEYS), NAMES, TYPES)


def is_about(grant: Grant, principal: Principal, asked: Asked) -> bool:
    """Whether the grant is about the change, looked at by itself."""
    relative = relative_name(asked.name, asked.zone)
    return (
        (grant.role in principal.roles if grant.role else grant.account == asked.account)
        and (grant.zone in ("*", asked.zone) or (grant.zone == f"{ZONE}@*" and asked.zone != ZONE))
        and any(NamePatterns([grant.names]).matching(relative))
        and (not grant.types or asked.type in grant.types)
        and (not grant.actions or asked.action in grant.actions)
    )


@given(st.lists(GRANTS, max_size=12), PRINCIPALS, ASKED)
def test_many_grants_decide_as_each_by_itself(
    grants: list[Grant], principal: Principal, asked: Asked
) -> None:
    found = {each.effect for each in grants if is_about(each, principal, asked)}
    decision = Grants(grants).decide(principal, asked)
    if not principal.speaks_for(asked.account):
        assert decision.effect is DENY
    elif found:
        assert decision.effect is next(effect for effect in (DENY, REVIEW, ALLOW) if effect in found)
        assert decision.grant in grants
    else:
        assert decision.effect is (ALLOW if Role.ADMIN in principal.roles else DENY)
        assert decision.grant is None


@given(st.lists(GRANTS, max_size=8), GRANTS, PRINCIPALS, ASKED)
def test_a_deny_always_wins(grants: list[Grant], one: Grant, principal: Principal, asked: Asked) -> None:
    deny = replace(one, effect=DENY)
    if is_about(deny, principal, asked):
        assert Grants([*grants, deny]).decide(principal, asked).effect is DENY


@given(st.lists(GRANTS, max_size=8), GRANTS, PRINCIPALS, ASKED)
def test_an_allow_never_takes_away(
    grants: list[Grant], one: Grant, principal: Principal, asked: Asked
) -> None:
    order = [DENY, REVIEW, ALLOW]
    before = Grants(grants).decide(principal, asked)
    after = Grants([*grants, replace(one, effect=ALLOW)]).decide(principal, asked)
    if before.grant is None:
        assert order.index(after.effect) >= order.index(before.effect)
    else:
        assert after.effect is before.effect


@given(PRINCIPALS, ASKED)
def test_nothing_is_allowed_by_default(principal: Principal, asked: Asked) -> None:
    assert (Grants().decide(principal, asked).effect is ALLOW) == (Role.ADMIN in principal.roles)


@given(st.lists(LABELS, max_size=3), st.sampled_from(["a", "b", "ab"]))
def test_a_name_in_a_pattern_is_a_whole_label(labels: list[str], label: str) -> None:
    asked = WWW._replace(name=".".join([*labels, ZONE]))
    decision = Grants([grant(ALLOW, names=f"**.{label}")]).decide(REQUESTER, asked)
    assert (decision.effect is ALLOW) == (labels[-1:] == [label])


@given(st.lists(GRANTS, max_size=8), PRINCIPALS, ASKED)
def test_the_order_of_grants_is_of_no_account(
    grants: list[Grant], principal: Principal, asked: Asked
) -> None:
    effect = Grants(grants).decide(principal, asked).effect
    assert Grants(reversed(grants)).decide(principal, asked).effect is effect


ANN = Principal("token a", person="Ann@Example.org")
MADE_FOR_ANN = Principal("token b", person="bob", made_by=ANN.own_identities)


@pytest.mark.parametrize(
    ("asks", "approves", "same"),
    [
        (ANN, ANN, True),
        (ANN, Principal("oidc x", person="ann@example.ORG"), True),
        (Principal("x", person="Stra\u00dfe"), Principal("y", person="STRASSE"), True),
        (Principal("x", person="\u00e9"), Principal("y", person="E\u0301"), True),
        (ANN, Principal("oidc x", person="ann\ufe0f@example\u034f.org\u3164"), True),  # nobody sees these
        (ANN, Principal("token c", person="bob"), False),
        (Principal("token a"), Principal("token b"), False),
        (Principal("x", person="token a"), Principal("token a"), False),  # a name is no person
        (Principal("x", person="y"), Principal("z", person="name:x"), False),
        (MADE_FOR_ANN, ANN, True),
        (ANN, MADE_FOR_ANN, True),
        (Principal("token c", made_by=ANN.own_identities), MADE_FOR_ANN, False),  # both made by somebody else
    ],
)
def test_who_may_be_the_same(asks: Principal, approves: Principal, same: bool) -> None:
    assert bool(asks.asks_as & approves.identities) is same
