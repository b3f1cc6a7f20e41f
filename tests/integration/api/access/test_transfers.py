"""Transfers of RRsets and zones, from their offer to the new owner."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from app.core.database import transaction
from tests.support.access import Guarded
from tests.support.answers import reasons
from tests.support.builders import full_name, time_after

TRANSFERS = "/api/v1/access/transfers"
A, B, C = "team-a", "team-b", "team-c"
RECORD = """
    INSERT INTO dns_records (zone, name, record_type, ttl, rdata, account_id, owner, request_id)
    VALUES (:zone, :name, :type, 300, '{x}', 'team-a', :owner, gen_random_uuid())
"""
RECORDS = [
    ("@", "A", A),
    ("www", "A", A),
    ("www", "TXT", A),
    ("x.shop", "A", A),
    ("y.shop", "A", B),
    ("old", "A", None),
]


@pytest.fixture(autouse=True)
def recorded(guarded: Guarded) -> None:
    """Some RRsets of the zone."""
    zone = guarded.zone
    with transaction() as session:
        for name, record_type, owner in RECORDS:
            row = {"zone": zone, "name": full_name(name, zone), "type": record_type, "owner": owner}
            session.execute(text(RECORD), row)


def by(guarded: Guarded, *accounts: str) -> Mapping[str, str]:
    return guarded.by("requester", accounts=accounts)


def offer(guarded: Guarded, headers: Any, to: str = B, **wanted: Any) -> Any:
    content = {"zone": guarded.zone, "to_account": to} | wanted
    return guarded.client.post(TRANSFERS, json=content, headers=headers)


def decide(guarded: Guarded, headers: Any, offered: Any, how: str = "accept") -> Any:
    return guarded.client.post(f"{TRANSFERS}/{offered.json()['id']}/{how}", headers=headers)


def owners(guarded: Guarded) -> list[str | None]:
    """The owners of the RRsets, in the order in which they stand above."""
    params = {"zone": guarded.zone}
    auditor = guarded.by("auditor", accounts=())
    found = guarded.client.get("/api/v1/dns/records", params=params, headers=auditor).json()["items"]
    of = {(each["domain"], each["record_type"]): each["owner"] for each in found}
    return [of[full_name(name, guarded.zone), record_type] for name, record_type, _ in RECORDS]


def status(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


def test_from_the_offer_to_the_new_owner(guarded: Guarded) -> None:
    one, two = by(guarded, A), by(guarded, B)
    offered = offer(guarded, one, names="WWW", types=["A"], comment="yours now")
    assert offered.status_code == 201
    made = offered.json()
    said = {"names": "www", "types": ["A"], "from_account": A, "to_account": B, "rrsets": 1}
    assert {name: made[name] for name in ("status", *said)} == {"status": "offered", **said}
    refused = decide(guarded, one, offered)
    assert status(refused) == (403, "not_allowed")
    assert refused.json()["detail"] == f"only {B} may do this"
    assert status(decide(guarded, by(guarded, C), offered)) == (404, "transfer_unknown")
    assert owners(guarded) == [A, A, A, A, B, None]
    accepted = decide(guarded, two, offered).json()
    assert (accepted["status"], accepted["rrsets"]) == ("accepted", 1)
    assert owners(guarded) == [A, B, A, A, B, None]
    assert status(decide(guarded, two, offered)) == (409, "transfer_closed")
    auditor = guarded.by("auditor", accounts=())
    acts = guarded.client.get("/api/v1/access/audit", headers=auditor).json()["items"]
    last = next(each for each in acts if each["act"] == "transfer_accepted")
    assert (last["subject"], last["before"]["owner"], last["after"]["owner"]) == (made["id"], A, B)
    assert "transfer_offered" in {each["act"] for each in acts}


def test_an_offer_is_declined_withdrawn_or_expires(guarded: Guarded) -> None:
    one, two = by(guarded, A), by(guarded, B)
    offers = [offer(guarded, one, names=names) for names in ("@", "www", "**.shop")]
    assert status(decide(guarded, one, offers[0], "decline")) == (403, "not_allowed")
    assert status(decide(guarded, two, offers[0], "withdraw")) == (403, "not_allowed")
    assert decide(guarded, two, offers[0], "decline").json()["status"] == "declined"
    assert decide(guarded, one, offers[1], "withdraw").json()["status"] == "withdrawn"
    with transaction() as session:
        session.execute(text("UPDATE access_transfers SET expires_at = now() WHERE status = 'offered'"))
    assert status(decide(guarded, two, offers[2])) == (409, "transfer_closed")
    assert owners(guarded) == [A, A, A, A, B, None]

    def listed(headers: Any, **params: Any) -> Any:
        return guarded.client.get(TRANSFERS, params=params, headers=headers).json()

    assert [each["status"] for each in listed(one)["items"]] == ["expired", "withdrawn", "declined"]
    page = listed(two, limit=2)
    rest = listed(two, cursor=page["next_cursor"])
    assert [len(page["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    assert listed(by(guarded, C))["items"] == []
    assert len(listed(guarded.by("auditor", accounts=()))["items"]) == 3
    wrong = guarded.client.get(TRANSFERS, params={"cursor": "IngiCg"}, headers=one)
    assert reasons(wrong) == {("query.cursor", "cursor_invalid")}


def test_only_what_is_still_the_offerers_is_transferred(guarded: Guarded) -> None:
    one = by(guarded, A)
    wanted: list[Any] = [{}, {"names": "www"}, {"to": C, "names": "www"}]
    everything, www, again = (offer(guarded, one, **each) for each in wanted)
    assert everything.json()["rrsets"] == 4
    assert decide(guarded, by(guarded, B), www).json()["rrsets"] == 2
    assert status(decide(guarded, by(guarded, C), again)) == (409, "transfer_stale")
    assert decide(guarded, by(guarded, B), everything).json()["rrsets"] == 2
    assert owners(guarded) == [B, B, B, B, B, None]
    nothing = offer(guarded, one)
    assert status(nothing) == (409, "nothing_to_transfer")
    assert f"{A} owns no RRset at ** in {guarded.zone}" in nothing.json()["detail"]


def test_a_zone_and_what_nobody_owns(guarded: Guarded) -> None:
    admin, zone = guarded.by("admin", accounts=()), f"/api/v1/zones/{guarded.zone}"
    assert status(offer(guarded, by(guarded, A), whole_zone=True)) == (409, "nothing_to_transfer")
    given = offer(guarded, admin, to=A, whole_zone=True, of_nobody=True)
    assert (given.status_code, given.json()["from_account"], given.json()["rrsets"]) == (201, None, 1)
    assert decide(guarded, by(guarded, A), given).status_code == 200
    assert guarded.client.get(zone, headers=admin).json()["owner"] == A
    assert owners(guarded) == [A, A, A, A, B, A]
    passed_on = offer(guarded, by(guarded, A), whole_zone=True)
    guarded.client.patch(zone, json={"owner": C}, headers=admin).raise_for_status()
    assert status(decide(guarded, by(guarded, B), passed_on)) == (409, "transfer_stale")
    assert owners(guarded) == [A, A, A, A, B, A]
    guarded.client.patch(zone, json={"owner": A}, headers=admin).raise_for_status()
    assert decide(guarded, by(guarded, B), passed_on).json()["rrsets"] == 5
    assert guarded.client.get(zone, headers=admin).json()["owner"] == B
    assert set(owners(guarded)) == {B}


def test_who_may_offer_what(guarded: Guarded) -> None:
    both = by(guarded, A, B)
    assert status(offer(guarded, by(guarded, C), from_account=A)) == (403, "not_allowed")
    assert status(offer(guarded, by(guarded, A), of_nobody=True)) == (403, "not_allowed")
    assert reasons(offer(guarded, both, to=C)) == {("body.from_account", "missing")}
    assert offer(guarded, both, to=C, from_account=B).status_code == 201
    zone = f"/api/v1/zones/{guarded.zone}"
    admin = guarded.by("admin", accounts=())
    guarded.client.patch(zone, json={"owner": A}, headers=admin).raise_for_status()
    assert offer(guarded, by(guarded, A), of_nobody=True).json()["rrsets"] == 1
    wrong = offer(guarded, both, from_account=B, names="a*", expires_at=time_after(-1))
    assert reasons(wrong) == {
        ("body.names", "pattern_invalid"),
        ("body.to_account", "transfer_to_owner"),
        ("body.expires_at", "time_past"),
    }
    assert reasons(offer(guarded, both, zone="nowhere.test", from_account=A, expires_at=time_after(4e7))) == {
        ("body.zone", "zone_unknown"),
        ("body.expires_at", "time_out_of_range"),
    }


def test_nobody_is_given_more_than_he_may_have(guarded: Guarded) -> None:
    offered = offer(guarded, by(guarded, A))
    admin = guarded.by("admin", accounts=())
    quota = f"/api/v1/access/quotas/{B}"
    guarded.client.put(quota, json={"records": 4}, headers=admin).raise_for_status()
    refused = decide(guarded, by(guarded, B), offered)
    assert status(refused) == (429, "quota_records")
    assert "owns 1 RRsets: 4 more are too many, 4 are the most" in refused.text
    assert owners(guarded) == [A, A, A, A, B, None]
    guarded.client.put(quota, json={"records": 5}, headers=admin).raise_for_status()
    assert decide(guarded, by(guarded, B), offered).json()["rrsets"] == 4


def test_what_one_owns_in_a_view_is_offered_by_the_key_of_the_zone(guarded: Guarded) -> None:
    keys = [f"{guarded.zone}@{view}" for view in ("inside", "outside")]
    admin = guarded.by("admin", accounts=())
    with transaction() as session:
        for key in keys:
            row = {"zone": key, "name": f"www.{guarded.zone}", "type": "A", "owner": A}
            session.execute(text(RECORD), row)
    for key in keys:
        zone = {"name": key, "backend": "bind"}
        guarded.client.post("/api/v1/zones?check=false", json=zone, headers=admin).raise_for_status()
    offered = offer(guarded, by(guarded, A), zone=keys[0].upper(), names="www")
    assert (offered.json()["zone"], offered.json()["rrsets"]) == (keys[0], 1)
    assert decide(guarded, by(guarded, B), offered).json()["status"] == "accepted"
    params = {"domain": f"www.{guarded.zone}", "record_type": "A"}
    found = guarded.client.get(
        "/api/v1/dns/records", params=params, headers=guarded.by("auditor", accounts=())
    )
    assert [(each["zone"], each["owner"]) for each in found.json()["items"]] == [
        (guarded.zone, A),
        (keys[0], B),
        (keys[1], A),
    ]
