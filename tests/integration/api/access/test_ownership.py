"""Who owns an RRset, and what zones let other accounts do to it; names that are kept for an account."""

from typing import Any

import pytest
from sqlalchemy import text

from app.core.database import transaction
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from tests.integration.conftest import ZoneOn
from tests.support.access import Guarded
from tests.support.answers import reasons
from tests.support.builders import body, change
from tests.support.zone_runner import Died, ZoneRunner
from tests.support.zones import ZoneUnderTest

DNS = "/api/v1/dns"
A, B = "team-a", "team-b"
OF_NOBODY = """
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, request_id)
    VALUES (:zone, :name, 'A', 300, '{192.0.2.9}', 'team-a', gen_random_uuid())
"""


@pytest.fixture
def zone(guarded: Guarded, zone_on: ZoneOn) -> ZoneUnderTest:
    """A zone that a server has, in which two accounts may do everything."""
    made = zone_on("bind")
    content = {"name": made.name, "backend": "bind"}
    operator = guarded.by("operator", accounts=())
    guarded.client.post("/api/v1/zones", json=content, headers=operator).raise_for_status()
    for account in (A, B):
        guarded.grant(account=account, zone=made.name)
    return made


def change_zone(guarded: Guarded, zone: str, **patch: Any) -> Any:
    admin = guarded.by("admin", accounts=())
    return guarded.client.patch(f"/api/v1/zones/{zone}", json=patch, headers=admin)


def ask(
    guarded: Guarded, zone: str, account: str, action: str = "create", owner: str = "www", **more: Any
) -> Any:
    asked = body(zone, owner, account=account, **more)
    return guarded.client.post(
        f"{DNS}/{action}", json=asked, headers=guarded.by("requester", accounts=[account])
    )


def ask_many(guarded: Guarded, zone: str, *asked: tuple[str, str, str]) -> list[int]:
    """Submit changes by a gateway, each an account, an action and a name; return the statuses."""
    items = [body(zone, owner, account=account, action=action) for account, action, owner in asked]
    gateway = guarded.by("gateway", accounts=())
    answer = guarded.client.post(f"{DNS}/batch", json={"requests": items}, headers=gateway)
    return [each["status_code"] for each in answer.json()["results"]]


def owners(guarded: Guarded, zone: str) -> dict[str, str | None]:
    auditor = guarded.by("auditor", accounts=())
    found = guarded.client.get(f"{DNS}/records", params={"zone": zone}, headers=auditor).json()["items"]
    return {each["domain"].removesuffix(f".{zone}"): each["owner"] for each in found}


def test_an_rrset_belongs_to_the_account_that_made_it(guarded: Guarded, zone: ZoneUnderTest) -> None:
    zone.apply(change("create", "old", "A", "192.0.2.9", zone=zone.name).as_json())
    made = [(A, "create", "one"), (B, "create", "one"), (B, "upsert", "two"), (A, "upsert", "old")]
    again = [(A, "create", "three"), (A, "delete", "three"), (B, "create", "three")]
    assert ask_many(guarded, zone.name, *made, *again) == [202] * 7
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert owners(guarded, zone.name) == {"one": A, "two": B, "old": None, "three": B}
    swapped = [(B, "upsert", "one"), (A, "upsert", "two"), (B, "delete", "three")]
    assert ask_many(guarded, zone.name, *swapped) == [202] * 3
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert owners(guarded, zone.name) == {"one": A, "two": B, "old": None}
    mine = {"owner": A}
    found = guarded.client.get(f"{DNS}/records", params=mine, headers=guarded.by("requester")).json()["items"]
    assert [(each["domain"], each["account_id"]) for each in found] == [(f"one.{zone.name}", B)]
    mine["owner"] = B
    assert (
        guarded.client.get(f"{DNS}/records", params=mine, headers=guarded.by("requester")).status_code == 403
    )


def test_what_a_lost_run_has_made_belongs_to_who_asked_for_it(guarded: Guarded, zone: ZoneUnderTest) -> None:
    assert ask_many(guarded, zone.name, (A, "create", "one")) == [202]
    with pytest.raises(Died):
        drain(zone.name, ZoneRunner(zone, dies=True), make_backends())
    with transaction() as session:
        session.execute(text("UPDATE dns_zone_leases SET expires_at = now()"))
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert owners(guarded, zone.name) == {"one": A}


def test_what_others_may_do(guarded: Guarded, zone: ZoneUnderTest) -> None:
    assert ask_many(guarded, zone.name, (A, "create", "www")) == [202]
    drain(zone.name, ZoneRunner(zone), make_backends())
    assert ask(guarded, zone.name, B, "upsert").status_code == 202
    assert change_zone(guarded, zone.name, others="deny").json()["others"] == "deny"
    refused = ask(guarded, zone.name, B, "upsert")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_owner")
    assert A not in refused.json()["detail"]
    assert ask(guarded, zone.name, A, "upsert").status_code == 202
    assert ask(guarded, zone.name, B, "upsert", "other").status_code == 202
    assert ask(guarded, zone.name, B, record_type="TXT", target="x").status_code == 202
    atomic = {"requests": [body(zone.name, account=B)], "atomic": True}
    answer = guarded.client.post(f"{DNS}/batch", json=atomic, headers=guarded.by("requester", accounts=[B]))
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (403, "not_owner")
    asked = {"domain": f"www.{zone.name}", "record_type": "A"}
    explain = "/api/v1/access/explain"
    why = guarded.client.post(explain, json=asked, headers=guarded.by("requester", accounts=[B])).json()
    assert (why["effect"], why["code"], why["owner"]) == ("deny", "not_owner", None)
    mine = guarded.client.post(explain, json=asked, headers=guarded.by("requester")).json()
    assert (mine["effect"], mine["code"], mine["owner"]) == ("allow", None, A)
    change_zone(guarded, zone.name, others="review")
    assert ask(guarded, zone.name, B, "upsert").json()["status"] == "awaiting_approval"
    change_zone(guarded, zone.name, others="deny", owner=B)
    assert ask(guarded, zone.name, B, "upsert").status_code == 202
    assert ask(guarded, zone.name, B, "delete").status_code == 202


def test_the_first_to_ask_for_a_name_owns_it(guarded: Guarded) -> None:
    zone = guarded.zone
    for account in (A, B):
        guarded.grant(account=account)
    change_zone(guarded, zone, others="deny")
    asked = [(A, "create", "one"), (B, "create", "one"), (A, "create", "one"), (B, "upsert", "two")]
    assert ask_many(guarded, zone, *asked) == [202, 403, 202, 202]
    assert [ask(guarded, zone, who, owner="two").status_code for who in (A, B)] == [403, 202]
    assert ask(guarded, zone, B, owner="one").json()["code"] == "not_owner"
    with transaction() as session:
        session.execute(text(OF_NOBODY), {"zone": zone, "name": f"old.{zone}"})
    assert ask_many(guarded, zone, *((who, "upsert", "old") for who in (A, B))) == [202, 202]
    assert [ask(guarded, zone, who, "upsert", "old").status_code for who in (B, A)] == [202, 202]


def test_reserved_names(guarded: Guarded) -> None:
    zone = guarded.zone
    for account in (A, B):
        guarded.grant(account=account)
    changed = change_zone(guarded, zone, reserved={"**.Shop": A, "@": B})
    assert changed.json()["reserved"] == {"**.shop": A, "@": B}
    found = {who: ask(guarded, zone, who, owner="x.shop") for who in (A, B)}
    assert [found[A].status_code, found[B].status_code] == [202, 403]
    assert found[B].json()["code"] == "name_reserved"
    assert ask(guarded, zone, B, owner="x").status_code == 202
    admin = guarded.by("admin", accounts=["ops"])
    by_admin = body(zone, "y.shop", account="ops")
    assert guarded.client.post(f"{DNS}/create", json=by_admin, headers=admin).status_code == 202
    shown = guarded.client.get(f"/api/v1/zones/{zone}", headers=guarded.by("requester")).json()
    assert shown["reserved"] == {"**.shop": A}
    changed = change_zone(guarded, zone, reserved={"**.shop": None, "www": A})
    assert changed.json()["reserved"] == {"@": B, "www": A}
    wrong = change_zone(guarded, zone, reserved={"a*": A, f"x.{zone}": A})
    assert reasons(wrong) == {("body.reserved.a*.[key]", "pattern_invalid")}
    assert reasons(change_zone(guarded, zone, reserved={f"x.{zone}": A})) == {
        (f"body.reserved.x.{zone}", "pattern_invalid")
    }
    many = {f"n{index}": A for index in range(99)}
    assert reasons(change_zone(guarded, zone, reserved=many)) == {("body.reserved", "too_many_patterns")}


def test_a_zone_is_its_owners_as_far_as_no_grant_denies_it(guarded: Guarded) -> None:
    assert ask(guarded, guarded.zone, A).status_code == 403
    assert change_zone(guarded, guarded.zone, owner=A).json()["owner"] == A
    guarded.grant("deny", names="@")
    assert ask(guarded, guarded.zone, A).status_code == 202
    assert ask(guarded, guarded.zone, A, owner="@").status_code == 403
    assert ask(guarded, guarded.zone, B).status_code == 403


@pytest.mark.parametrize(
    "setting",
    [
        {"owner": A},
        {"others": "allow"},
        {"reserved": {"www": A}},
        {"approvers": [A]},
        {"ungranted": "review"},
    ],
)
def test_who_may_change_what_is_said_by_admins_only(guarded: Guarded, setting: dict[str, Any]) -> None:
    """An operator who could say it would give himself what no grant gives him."""
    operator = guarded.by("operator", accounts=[A])
    zone = f"/api/v1/zones/{guarded.zone}"
    other = {"name": f"x.{guarded.zone}", "backend": "bind", **setting}
    for refused in (
        guarded.client.patch(zone, json={"default_ttl": 60, **setting}, headers=operator),
        guarded.client.post("/api/v1/zones", json=other, headers=operator),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "right_missing")
        assert next(iter(setting)) in refused.json()["detail"]
    assert guarded.client.patch(zone, json={"default_ttl": 60}, headers=operator).status_code == 200
