"""The pages about access."""

import re

from sqlalchemy import text

from app.core.database import transaction
from tests.support.access import bearer
from tests.support.console import Guests

HOSTILE = "<script>alert(1)</script>"


def test_a_token_is_made_shown_once_and_revoked(guests: Guests) -> None:
    admin = guests.by("admin")
    page = admin.get("/access/tokens/new")
    assert page.status_code == 200
    made = admin.post(
        "/access/tokens/new",
        role=["requester"],
        accounts="team-a\nteam b",
        networks="192.0.2.0/24, ::/0",
        expires_at="2099-01-01T00:00",
        person="a@example.test",
        comment=HOSTILE,
    )
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    [secret] = re.findall("dnso_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", made.text)
    listed = admin.get("/access", search=secret)
    assert ("team b, team-a" in listed.text, HOSTILE in listed.text) == (True, False)
    assert "dnso_" not in listed.text
    assert admin.post(f"/access/tokens/{secret}/revoke").status_code == 303
    assert f">{secret}<" not in admin.get("/access", search=secret).text
    assert f">{secret}<" in admin.get("/access", search=secret, ended="true").text
    assert admin.post("/access/tokens/nonsense/revoke").status_code == 404


def test_what_is_wrong_with_a_token_is_said_beside_its_fields(guests: Guests) -> None:
    admin = guests.by("admin")
    wrong = admin.post("/access/tokens/new", accounts=HOSTILE, networks="nowhere", expires_at="soon")
    assert (wrong.status_code, HOSTILE in wrong.text) == (422, False)
    for field in ("roles", "networks", "expires_at"):
        assert f"<code>{field}" in wrong.text
    assert wrong.text.count('aria-invalid="true"') == 2


def test_grants_are_added_and_removed_and_count_at_once(guests: Guests) -> None:
    admin = guests.by("admin")

    def explained() -> str:
        asked = {
            "domain": f"www.{guests.zone}",
            "record_type": "A",
            "account_id": "team-a",
            "action": "create",
        }
        return guests.by("requester").get("/access/explain", **asked).text

    assert 'data-status="deny"' in explained()
    wrong = admin.post("/access/grants", effect="allow", zone="a..b", names="x." + HOSTILE)
    assert (wrong.status_code, HOSTILE in wrong.text) == (422, False)
    assert "name one of the two" in wrong.text
    added = admin.post(
        "/access/grants", effect="allow", account_id="team-a", zone=guests.zone, types="A AAAA"
    )
    assert added.status_code == 303
    assert 'data-status="allow"' in explained()
    [grant] = re.findall("/access/grants/([0-9a-f-]{36})/remove", admin.get("/access/grants").text)
    assert admin.post(f"/access/grants/{grant}/remove").status_code == 303
    assert 'data-status="deny"' in explained()


def test_who_may_asks_for_others_only_with_the_right_to(guests: Guests) -> None:
    asked = {"domain": f"www.{guests.zone}", "token": "0123456789ab", "account_id": "team-a"}
    assert guests.by("requester").get("/access/explain", **asked).status_code == 403
    assert "no such token" in guests.by("auditor").get("/access/explain", **asked).text
    bad = guests.by("requester").get("/access/explain", domain="a..b", record_type="NOSUCH")
    assert bad.status_code == 422


def test_quotas_are_set_and_removed(guests: Guests) -> None:
    admin = guests.by("admin")
    assert admin.post("/access/quotas", account_id="a", records="many").status_code == 422
    assert admin.post("/access/quotas", records="5").status_code == 422
    assert admin.post("/access/quotas", account_id="team/ß", records="7").status_code == 303
    assert "team/ß" in admin.get("/access/quotas").text
    assert admin.post("/access/quotas/remove", account_id="team/ß").status_code == 303
    assert "team/ß" not in admin.get("/access/quotas").text
    assert admin.post("/access/quotas/remove", account_id="team/ß").status_code == 404


def test_the_audit_is_filtered_and_verified(guests: Guests) -> None:
    auditor = guests.by("auditor")
    page = auditor.get("/access/audit", act="zone_added", subject=guests.zone[2:].upper())
    assert page.text.count(f"<td>{guests.zone}</td>") == 1
    assert "No entry is like this" in auditor.get("/access/audit", principal="nobody").text
    assert auditor.get("/access/audit", cursor="made-up").status_code == 422
    assert "nothing changed" in auditor.post("/access/audit/verify").text
    with transaction() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))  # past the table's trigger
        session.execute(text("UPDATE access_audit SET subject = 'elsewhere.test' WHERE seq = 1"))
    assert "entry 1 was changed" in auditor.post("/access/audit/verify").text


def test_pages_about_access_are_for_those_with_the_right(guests: Guests) -> None:
    for path in ("/access", "/access/grants", "/access/quotas", "/access/audit"):
        assert guests.by("auditor").get(path).status_code == 200
        for role in ("operator", "requester", "approver", "gateway"):
            assert guests.by(role).get(path).status_code == 403
    assert "Make a token" not in guests.by("auditor").get("/access").text
    assert guests.by("auditor").post("/access/tokens/new", role=["admin"]).status_code == 403
    assert (
        guests.client.get("/console/access", headers=bearer("dnso_x"), follow_redirects=False).status_code
        == 303
    )
