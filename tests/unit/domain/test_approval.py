"""Who approves: the approvers of each zone that is concerned, and never who may have asked for it himself."""

from collections.abc import Collection

import pytest

from app.domain.approval import Deciders, Reviewed, is_approver, why_not_another
from app.domain.permissions import Principal, Role


def principal(
    name: str = "token b",
    accounts: Collection[str] = ("dns-team",),
    roles: Collection[Role] = (Role.APPROVER,),
    person: str | None = None,
    made_by: Collection[str] = (),
) -> Principal:
    return Principal(name, frozenset(accounts), frozenset(roles), person, frozenset(made_by))


def reviewed(asker: Principal, *approvers: Collection[str], account: str = "team-a") -> Reviewed:
    return Reviewed([Deciders(each) for each in approvers or (("dns-team",),)], asker.asks_as, {account})


ASKER = principal("token a", ["team-a"], [Role.REQUESTER], person="ada@example.org")
ADMIN = principal("token admin", (), [Role.ADMIN])


@pytest.mark.parametrize(
    ("who", "approvers", "expected"),
    [
        (principal(), [["dns-team"]], True),
        (principal(), [["net-team", "dns-team"]], True),
        (principal(), [["net-team"]], False),
        (principal(), [[]], False),
        (principal(), [["dns-team"], ["reverse-team"]], False),
        (principal(accounts=["dns-team", "reverse-team"]), [["dns-team"], ["reverse-team"]], True),
        (principal(roles=[Role.REQUESTER]), [["dns-team"]], False),
        (principal(roles=[Role.OPERATOR]), [["dns-team"]], False),
        (principal(roles=[Role.GATEWAY]), [["dns-team"]], False),
        (ADMIN, [[]], True),
    ],
)
def test_who_decides(who: Principal, approvers: list[list[str]], expected: bool) -> None:
    assert is_approver(who, reviewed(ASKER, *approvers)) is expected


MADE_BY_ADMIN = principal("token c", ["team-a"], [Role.REQUESTER], made_by=ADMIN.own_identities)


@pytest.mark.parametrize(
    ("asker", "who", "is_another"),
    [
        (ASKER, principal(), True),
        (ASKER, principal(person="bob@example.org"), True),
        (ASKER, principal("token a", roles=[Role.APPROVER]), False),  # himself
        (ASKER, principal(person="Ada@Example.org"), False),  # the same person, by another token or by OIDC
        (ASKER, principal(accounts=["dns-team", "team-a"]), False),  # another token of the account
        (MADE_BY_ADMIN, ADMIN, False),  # who has made the requester's token may have kept it
        (MADE_BY_ADMIN, principal("token other admin", (), [Role.ADMIN]), True),
        (ASKER, principal(made_by=ASKER.own_identities), False),  # nor a token that the requester has made
        (ADMIN, ADMIN, False),
    ],
)
def test_four_eyes(asker: Principal, who: Principal, is_another: bool) -> None:
    assert (why_not_another(who, reviewed(asker)) is None) is is_another
