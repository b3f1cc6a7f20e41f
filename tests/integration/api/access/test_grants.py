"""Grants over HTTP, what they mean in words, and what is kept of who has changed them."""

import re
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.config import ROOT
from app.core.database import transaction
from app.domain.permissions import Role
from tests.support.access import Guarded
from tests.support.answers import reasons
from tests.support.builders import body

ACCESS = "/api/v1/access"


def add(guarded: Guarded, **wanted: Any) -> Any:
    headers = guarded.by("admin", accounts=())
    return guarded.client.post(f"{ACCESS}/grants", json=wanted, headers=headers)


def test_the_life_of_a_grant(guarded: Guarded) -> None:
    requester, admin = guarded.by("requester"), guarded.by("admin", accounts=())
    asked = body(guarded.zone)
    assert guarded.client.post("/api/v1/dns/create", json=asked, headers=requester).status_code == 403
    added = add(guarded, effect="allow", account_id="team-a", zone=guarded.zone.upper(), names="WWW")
    assert added.status_code == 201
    grant = added.json()
    assert (grant["zone"], grant["names"], grant["types"], grant["actions"]) == (guarded.zone, "www", [], [])
    assert guarded.client.post("/api/v1/dns/create", json=asked, headers=requester).status_code == 202
    assert guarded.client.get(f"{ACCESS}/grants", headers=admin).json() == {"items": [grant]}
    [mine] = guarded.client.get(f"{ACCESS}/me", headers=requester).json()["grants"]
    assert mine == f"allow account team-a: every action on every type at www in {guarded.zone}"
    call = f"{ACCESS}/grants/{grant['id']}"
    assert [guarded.client.delete(call, headers=admin).status_code for _ in range(2)] == [204, 404]
    assert guarded.client.post("/api/v1/dns/create", json=asked, headers=requester).status_code == 403


def test_what_is_no_grant(guarded: Guarded) -> None:
    assert reasons(add(guarded, effect="allow")) == {("body", "grantee_invalid")}
    both = add(guarded, effect="deny", account_id="a", role="admin", zone="a..b", names="a*")
    assert reasons(both) == {
        ("body", "grantee_invalid"),
        ("body.zone", "label_empty"),
        ("body.names", "pattern_invalid"),
    }
    whole = add(guarded, effect="deny", account_id="a", zone="example.test", names="*.example.test")
    assert reasons(whole) == {("body.names", "pattern_invalid")}
    assert reasons(add(guarded, effect="perhaps", role="king", types=["NOTYPE"])) == {
        ("body.effect", "enum"),
        ("body.role", "enum"),
        ("body.types.0", "enum"),
    }


def test_types_and_actions(guarded: Guarded) -> None:
    add(guarded, effect="allow", role="requester", types=["A", "TYPE65280"], actions=["create"])
    requester = guarded.by("requester")

    def status(action: str, **fields: Any) -> int:
        asked = body(guarded.zone, **fields)
        return guarded.client.post(f"/api/v1/dns/{action}", json=asked, headers=requester).status_code

    assert status("create") == 202
    assert status("upsert") == 403
    assert status("create", record_type="TXT", target="x") == 403


def test_explanations(guarded: Guarded) -> None:
    allow = guarded.grant(zone=guarded.zone)
    deny = guarded.grant("deny", zone=guarded.zone, names="**.prod")
    requester, auditor = guarded.by("requester"), guarded.by("auditor", accounts=())
    prefix = requester["Authorization"].split("_")[1]

    def explain(headers: Any, **asked: Any) -> Any:
        asked = {"domain": f"www.{guarded.zone}", "record_type": "A"} | asked
        return guarded.client.post(f"{ACCESS}/explain", json=asked, headers=headers)

    mine = explain(requester).json()
    assert (mine["effect"], mine["grant"], mine["account_id"]) == ("allow", allow, "team-a")
    assert mine["zone"] == guarded.zone
    denied = explain(requester, domain=f"x.prod.{guarded.zone}", action="delete").json()
    assert (denied["effect"], denied["grant"]) == ("deny", deny)
    assert "**.prod" in denied["why"]
    other = explain(requester, account_id="team-b").json()
    assert (other["effect"], other["grant"]) == ("deny", None)
    assert "team-b" in other["why"]
    his = explain(auditor, token=prefix).json()
    assert (his["effect"], his["principal"]) == ("allow", f"token {prefix}")
    assert explain(requester, token=prefix).status_code == 403
    assert explain(auditor, token="0" * 12).status_code == 404
    assert reasons(explain(auditor)) == {("body.account_id", "missing")}
    assert reasons(explain(requester, domain="nowhere.test")) == {("body.domain", "zone_unknown")}
    assert reasons(explain(requester, domain="a..b")) == {("body.domain", "label_empty")}
    assert reasons(explain(requester, zone="nowhere.test")) == {("body.zone", "not_in_zone")}
    assert guarded.client.get("/api/v1/dns/requests", headers=requester).json()["items"] == []


@pytest.mark.usefixtures("started_anew")
def test_each_act_is_kept_and_none_can_be_changed(guarded: Guarded) -> None:
    admin = guarded.by("admin", accounts=())
    who = f"token {admin['Authorization'].split('_')[1]}"
    grant = add(guarded, effect="allow", account_id="team-a").json()
    guarded.client.delete(f"{ACCESS}/grants/{grant['id']}", headers=admin).raise_for_status()
    page = guarded.client.get(f"{ACCESS}/audit", params={"limit": 2}, headers=admin).json()
    removed, added = page["items"]
    assert [each["act"] for each in (removed, added)] == ["grant_removed", "grant_added"]
    assert {each["subject"] for each in (removed, added)} == {grant["id"]}
    assert {each["principal"] for each in (removed, added)} == {who}
    assert removed["before"] == added["after"]
    assert (added["before"], removed["after"], added["after"]["account"]) == (None, None, "team-a")
    assert added["address"] == "testclient"
    rest = guarded.client.get(f"{ACCESS}/audit", params={"cursor": page["next_cursor"]}, headers=admin).json()
    assert [each["act"] for each in rest["items"]] == ["token_created", "zone_added", "auth_switched"]
    assert rest["next_cursor"] is None
    bad = guarded.client.get(f"{ACCESS}/audit", params={"cursor": "IngiCg"}, headers=admin)
    assert reasons(bad) == {("query.cursor", "cursor_invalid")}
    update = "UPDATE access_audit SET principal = 'x'"
    for statement in (update, "DELETE FROM access_audit", "TRUNCATE access_audit"):
        with pytest.raises(DBAPIError) as error, transaction() as session:
            session.execute(text(statement))
        assert isinstance(error.value.orig, psycopg.Error)
        assert "only added" in str(error.value.orig)


def test_what_is_done_to_zones_is_kept_too(guarded: Guarded) -> None:
    operator = guarded.by("operator", accounts=())
    zones = "/api/v1/zones"
    made = {"name": "kept.test", "backend": "bind", "max_ttl": 60}
    guarded.client.post(zones, json=made, headers=operator).raise_for_status()
    call = f"{zones}/kept.test"
    guarded.client.patch(call, json={"max_ttl": None, "checks": "off"}, headers=operator).raise_for_status()
    guarded.client.delete(call, headers=operator).raise_for_status()
    page = guarded.client.get(f"{ACCESS}/audit", headers=guarded.by("auditor", accounts=())).json()
    found = [each for each in page["items"] if each["subject"] == "kept.test"]
    first = {"backend": "bind", "checks": "warn", "settings": {"max_ttl": 60}}
    last = {"backend": "bind", "checks": "off", "settings": None}
    assert [(each["act"], each["before"], each["after"]) for each in found] == [
        ("zone_removed", last, None),
        ("zone_changed", first, last),
        ("zone_added", None, first),
    ]


def test_what_the_page_shows_can_be_done(guarded: Guarded) -> None:
    page = (ROOT / "docs" / "how-to" / "access.md").read_text()
    shown = re.findall(r"localhost:8000(/api/v1/access/\w+) \\\n\s+-d '(.+?)'", page)
    assert {path for path, _ in shown} == {f"{ACCESS}/tokens", f"{ACCESS}/grants"}
    headers = {**guarded.by("admin", accounts=()), "content-type": "application/json"}
    for path, content in shown:
        assert guarded.client.post(path, content=content, headers=headers).status_code == 201, path
    page = (ROOT / "docs" / "reference" / "access.md").read_text()
    roles = re.findall(r"^\| `(\w+)` \|", page.partition("## Roles")[2].partition("\n## ")[0], re.MULTILINE)
    assert sorted(roles) == sorted(Role)


def test_grants_and_owners_in_views(guarded: Guarded) -> None:
    views = ("inside", "outside")
    client, admin, team = guarded.client, guarded.by("admin", accounts=()), guarded.by("requester")
    for view in views:
        serve_as_admin = {"name": "split.test", "view": view, "backend": "bind", "others": "deny"}
        client.post(
            "/api/v1/zones", params={"check": False}, json=serve_as_admin, headers=admin
        ).raise_for_status()

    def grant(zone: str) -> Any:
        wanted = {"effect": "allow", "account_id": "team-a", "zone": zone}
        return client.post("/api/v1/access/grants", json=wanted, headers=admin)

    def status(view: str) -> int:
        asked = body("split.test", view=view)
        return int(client.post("/api/v1/dns/create", json=asked, headers=team).status_code)

    assert grant("split.test").status_code == 201
    assert [status(view) for view in views] == [403, 403]
    assert grant("Split.test@Inside").json()["zone"] == "split.test@inside"
    assert [status(view) for view in views] == [202, 403]
    question = {"domain": "www.split.test", "record_type": "A", "view": "outside"}
    said = client.post("/api/v1/access/explain", json=question, headers=team).json()
    assert (said["zone"], said["view"], said["effect"]) == ("split.test@outside", "outside", "deny")
    assert grant("split.test@*").json()["zone"] == "split.test@*"
    assert [status(view) for view in views] == [202, 202]
    owned = body("split.test", "owned", view="inside")
    client.post("/api/v1/dns/create", json=owned, headers=team).raise_for_status()
    other = guarded.by("requester", accounts=("team-b",))
    wanted = {"effect": "allow", "account_id": "team-b", "zone": "split.test@*"}
    client.post("/api/v1/access/grants", json=wanted, headers=admin).raise_for_status()
    found = [
        client.post(
            "/api/v1/dns/update", json=body("split.test", "owned", account="team-b", view=view), headers=other
        )
        for view in views
    ]
    assert [answer.status_code for answer in found] == [403, 202]
    assert found[0].json()["code"] == "not_owner"
    assert reasons(grant("split.test@a.*")) == {("body.zone", "view_invalid")}
    for never in ("*@inside", "*@*", "*.split.test"):
        assert reasons(grant(never)) == {("body.zone", "name_invalid")}
