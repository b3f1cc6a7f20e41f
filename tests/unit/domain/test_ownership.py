"""What zones and owners say of a change that grants have decided about: a table of cases."""

import pytest

from app.domain.change import Action, RRsetKey
from app.domain.ownership import FREE, Made, Reserved, ZoneRights, decide, makers
from app.domain.permissions import Asked, Caller, Effect, Grant, Grants, Principal, Role

ZONE = "example.test"
ALLOW, REVIEW, DENY = Effect.ALLOW, Effect.REVIEW, Effect.DENY
MINE, OTHER, THIRD = "team-a", "team-b", "team-c"
ROLES = {"requester": Role.REQUESTER, "admin": Role.ADMIN, "gateway": Role.GATEWAY}
WWW = RRsetKey(f"www.{ZONE}", "A")

OPEN, WATCHED, CLOSED = (ZoneRights(others=effect) for effect in Effect)
RUN_BY_ME = ZoneRights(owner=MINE, others=DENY)
KEPT = ZoneRights(reserved=Reserved({"*": OTHER}))
SHARED = ZoneRights(reserved=Reserved({"*": OTHER, "www": MINE}))
ASKING = ZoneRights(ungranted=REVIEW)
KEPT_FROM_OWNER = ZoneRights(owner=MINE, reserved=Reserved({"**": OTHER}))
#   the zone's rights, the RRset's owner, the role, what the grant says (None: there is none), effect, code
CASES = [
    (FREE, OTHER, "requester", ALLOW, ALLOW, None),
    (OPEN, OTHER, "requester", ALLOW, ALLOW, None),
    (WATCHED, OTHER, "requester", ALLOW, REVIEW, None),
    (WATCHED, MINE, "requester", ALLOW, ALLOW, None),
    (WATCHED, MINE, "requester", REVIEW, REVIEW, None),
    (WATCHED, None, "requester", ALLOW, ALLOW, None),
    (WATCHED, OTHER, "requester", DENY, DENY, "not_allowed"),
    (CLOSED, OTHER, "requester", ALLOW, DENY, "not_owner"),
    (CLOSED, OTHER, "requester", REVIEW, DENY, "not_owner"),
    (CLOSED, OTHER, "requester", None, DENY, "not_allowed"),
    (CLOSED, OTHER, "gateway", ALLOW, DENY, "not_owner"),
    (CLOSED, MINE, "requester", ALLOW, ALLOW, None),
    (CLOSED, MINE, "requester", None, DENY, "not_allowed"),
    (CLOSED, None, "requester", ALLOW, ALLOW, None),
    (CLOSED, OTHER, "admin", None, ALLOW, None),
    (CLOSED, OTHER, "admin", DENY, DENY, "not_allowed"),
    (RUN_BY_ME, OTHER, "requester", None, ALLOW, None),
    (RUN_BY_ME, OTHER, "requester", REVIEW, REVIEW, None),
    (RUN_BY_ME, OTHER, "requester", DENY, DENY, "not_allowed"),
    (RUN_BY_ME, None, "gateway", None, ALLOW, None),
    (RUN_BY_ME._replace(owner=THIRD), OTHER, "requester", ALLOW, DENY, "not_owner"),
    (RUN_BY_ME._replace(owner=THIRD), None, "requester", None, DENY, "not_allowed"),
    (KEPT, None, "requester", ALLOW, DENY, "name_reserved"),
    (KEPT, MINE, "requester", REVIEW, DENY, "name_reserved"),
    (KEPT, None, "requester", None, DENY, "not_allowed"),
    (KEPT, None, "admin", None, ALLOW, None),
    (SHARED, None, "requester", ALLOW, ALLOW, None),
    (SHARED, None, "requester", None, DENY, "not_allowed"),
    (KEPT_FROM_OWNER, None, "requester", None, DENY, "name_reserved"),
    (ASKING, None, "requester", None, REVIEW, None),
    (ASKING, None, "requester", ALLOW, ALLOW, None),
    (ASKING, None, "requester", DENY, DENY, "not_allowed"),
    (ASKING, None, "admin", None, ALLOW, None),
    (ASKING._replace(others=DENY), OTHER, "requester", None, DENY, "not_owner"),
    (ASKING._replace(owner=MINE), None, "requester", None, ALLOW, None),
    (ASKING._replace(reserved=KEPT.reserved), None, "requester", None, DENY, "name_reserved"),
]


def caller(role: str, effect: Effect | None = ALLOW, accounts: frozenset[str] = frozenset({MINE})) -> Caller:
    grants = Grants([Grant("1", effect, MINE)] if effect else [])
    return Caller(Principal("token one", accounts, frozenset({ROLES[role]})), grants)


@pytest.mark.parametrize(("rights", "owner", "role", "granted", "effect", "code"), CASES)
def test_decisions(
    rights: ZoneRights, owner: str | None, role: str, granted: Effect | None, effect: Effect, code: str | None
) -> None:
    asked = Asked(MINE, Action.UPSERT, ZONE, *WWW)
    decision = decide(caller(role, granted), asked, rights, owner)
    assert decision.effect is effect
    assert (decision.code if effect is DENY else None) == code
    assert OTHER not in decision.why


def test_who_owns_it_is_said_to_those_who_may_see_it() -> None:
    asked = Asked(MINE, Action.UPSERT, ZONE, *WWW)
    both = caller("requester", accounts=frozenset({MINE, OTHER}))
    assert f"belongs to {OTHER}" in decide(both, asked, CLOSED, OTHER).why
    assert "belongs to another account" in decide(caller("requester"), asked, CLOSED, OTHER).why


def test_a_reserved_name_has_the_holders_of_all_patterns_that_it_matches() -> None:
    reserved = Reserved({"**.shop": "a", "www.shop": "b", "@": "c"})
    assert reserved.holders(f"www.shop.{ZONE}", ZONE) == {"**.shop": "a", "www.shop": "b"}
    assert reserved.holders(ZONE, ZONE) == {"@": "c"}
    assert reserved.holders(f"www.{ZONE}", ZONE) == {}
    assert not Reserved()


@pytest.mark.parametrize(
    ("reserved", "name", "record_type", "effect"),
    [
        ({"x.shop": OTHER}, "shop", "NS", DENY),
        ({"x.shop": OTHER}, "shop", "DNAME", DENY),
        ({"x.shop": OTHER}, "shop", "A", ALLOW),
        ({"x.shop": OTHER}, "other", "NS", ALLOW),
        ({"x.shop": OTHER}, "y.x.shop", "NS", ALLOW),
        ({"x.shop": OTHER}, "@", "DNAME", DENY),
        ({"x.shop": OTHER}, "@", "NS", ALLOW),
        ({"@": OTHER}, "shop", "NS", ALLOW),
        ({"*.shop": OTHER}, "shop", "NS", DENY),
        ({"a.**": OTHER}, "shop", "NS", DENY),  # a.shop is one
        ({"**.x.shop": OTHER}, "shop", "NS", DENY),
        ({"**.x.other": OTHER}, "shop", "NS", ALLOW),
        ({"x.shop": OTHER, "**.shop": MINE}, "shop", "NS", ALLOW),  # that is for both
        ({"x.shop": OTHER, "*.shop": MINE}, "shop", "NS", DENY),
        ({"x.shop": OTHER, "**.y.shop": MINE}, "shop", "NS", DENY),
        ({"x.shop": MINE}, "shop", "NS", ALLOW),
    ],
)
def test_what_hides_reserved_names_is_for_their_accounts(
    reserved: dict[str, str], name: str, record_type: str, effect: Effect
) -> None:
    full = ZONE if name == "@" else f"{name}.{ZONE}"
    rights = ZoneRights(reserved=Reserved(reserved))
    asked = Asked(MINE, Action.CREATE, ZONE, full, record_type)
    assert decide(caller("requester"), asked, rights).effect is effect
    assert decide(caller("requester"), asked._replace(action=Action.DELETE), rights).effect is ALLOW
    assert decide(caller("admin"), asked, rights).effect is ALLOW


def test_an_rrset_belongs_to_whoever_has_made_it_last() -> None:
    create, delete, upsert = Action.CREATE, Action.DELETE, Action.UPSERT
    done = [(MINE, create, True), (OTHER, create, False), (OTHER, delete, False), (THIRD, upsert, True)]
    found = [Made(WWW, *each) for each in done]
    assert makers(found[:2]) == {WWW: MINE}
    assert makers(found) == {WWW: THIRD}
    assert makers(found[1:2]) == {}
    assert makers([Made(WWW, MINE, delete, found_nothing=True)]) == {}
