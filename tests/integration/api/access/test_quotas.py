"""What single accounts may have and ask for: open requests, RRsets, requests a minute."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction
from tests.integration.api.access.test_changes import settle
from tests.support.access import Guarded
from tests.support.answers import reasons
from tests.support.builders import body
from tests.support.eventually import eventually
from tests.support.settings import SetSettings

DNS, QUOTAS = "/api/v1/dns", "/api/v1/access/quotas"
A, B = "team-a", "team-b"


@pytest.fixture(autouse=True)
def granted(started_anew: None, guarded: Guarded) -> None:
    """Two accounts may do everything."""
    for account in (A, B):
        guarded.grant(account=account)


def set_quota(guarded: Guarded, account: str = A, **quota: Any) -> Any:
    return guarded.client.put(f"{QUOTAS}/{account}", json=quota, headers=guarded.by("admin", accounts=()))


def create(client: TestClient, headers: Any, zone: str, owner: str = "www", **more: Any) -> Any:
    return client.post(f"{DNS}/create", json=body(zone, owner, **more), headers=headers)


def batch(guarded: Guarded, *items: Any, atomic: bool = False) -> Any:
    content = {"requests": list(items), "atomic": atomic}
    return guarded.client.post(f"{DNS}/batch", json=content, headers=guarded.by("gateway", accounts=()))


def statuses(answer: Any) -> list[int]:
    return [each["status_code"] for each in answer.json()["results"]]


def used(guarded: Guarded) -> Any:
    """What the account has used of its quota."""
    me = guarded.client.get("/api/v1/access/me", headers=guarded.by("requester"))
    return me.json()["quotas"][A]


def make_older(seconds: float) -> None:
    """Let all requests have been accepted so much earlier."""
    with transaction() as session:
        for request_id in session.scalars(text("SELECT id FROM dns_requests")).all():
            older = UUID(int=request_id.int - (int(seconds * 1_000) << 80))
            moved = {"id": request_id, "to": older}
            session.execute(text("UPDATE dns_requests SET id = :to WHERE id = :id"), moved)
            session.execute(
                text("UPDATE dns_idempotency_keys SET request_id = :to WHERE request_id = :id"), moved
            )


def test_the_life_of_a_quota(guarded: Guarded) -> None:
    admin = guarded.by("admin", accounts=())
    auditor = guarded.by("auditor", accounts=())
    made = set_quota(guarded, records=7, requests_per_minute=0, comment="small").json()
    assert made["own"] == {"open_requests": None, "records": 7, "requests_per_minute": 0}
    assert made["in_effect"] == {"open_requests": 100_000, "records": 7, "requests_per_minute": 0}
    assert guarded.client.get(f"{QUOTAS}/{A}", headers=auditor).json() == made
    listed = guarded.client.get(QUOTAS, headers=auditor).json()
    assert (listed["items"], listed["default"]["records"]) == ([made], 0)
    assert guarded.client.get(f"{QUOTAS}/{B}", headers=auditor).json()["in_effect"]["records"] == 0
    assert set_quota(guarded, open_requests=3).json()["own"]["records"] is None
    removed = [guarded.client.delete(f"{QUOTAS}/{A}", headers=admin) for _ in range(2)]
    assert [each.status_code for each in removed] == [204, 404]
    assert removed[1].json()["code"] == "quota_unknown"
    acts = guarded.client.get("/api/v1/access/audit", headers=auditor).json()["items"]
    found = [(each["act"], each["subject"], each["before"] is None) for each in acts[:3]]
    assert found == [("quota_removed", A, False), ("quota_set", A, False), ("quota_set", A, True)]
    assert reasons(set_quota(guarded, records=-1, open_requests=1.5, none=1)) == {
        ("body.records", "greater_than_equal"),
        ("body.open_requests", "int_type"),
        ("body.none", "extra_forbidden"),
    }


def test_a_quota_of_an_account_with_slashes(guarded: Guarded) -> None:
    """As an issuer names groups by their paths."""
    admin, path = guarded.by("admin", accounts=()), f"{QUOTAS}/%2Fteams%2Fa"
    made = guarded.client.put(path, json={"records": 1}, headers=admin).raise_for_status().json()
    assert made["account_id"] == "/teams/a"
    assert guarded.client.get(path, headers=admin).json() == made
    assert guarded.client.delete(path, headers=admin).status_code == 204


def test_requests_a_minute(guarded: Guarded) -> None:
    zone, requester = guarded.zone, guarded.by("requester")
    assert set_quota(guarded, requests_per_minute=3).status_code == 200
    assert create(guarded.client, {**requester, "Idempotency-Key": "k"}, zone).status_code == 202
    make_older(20)
    assert [create(guarded.client, requester, zone).status_code for _ in range(2)] == [202, 202]
    refused = create(guarded.client, requester, zone)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_requests")
    assert 25 <= int(refused.headers["retry-after"]) <= 40
    again = create(guarded.client, {**requester, "Idempotency-Key": "k"}, zone)
    assert again.headers["idempotent-replayed"] == "true"
    mine, other = body(zone), body(zone, account=B)
    assert statuses(batch(guarded, mine, other, body(zone, target="bad"))) == [429, 202, 422]
    whole = batch(guarded, mine)
    assert (whole.status_code, whole.json()["code"]) == (429, "quota_requests")
    assert int(whole.headers["retry-after"]) <= 40
    together = batch(guarded, mine, mine, mine, mine, atomic=True)
    assert reasons(together) == {("body.requests", "atomic_over_quota")}
    assert batch(guarded, mine, mine, mine, atomic=True).status_code == 429
    now = used(guarded)
    assert now["requests_per_minute"] == {"limit": 3, "used": 3}
    assert now["open_requests"] == {"limit": 100_000, "used": 3}
    assert now["records"] == {"limit": None, "used": None}
    assert set_quota(guarded, requests_per_minute=4).status_code == 200
    assert [create(guarded.client, requester, zone).status_code for _ in range(2)] == [202, 429]
    make_older(60)
    guarded.client.app.state.backlog.usage.__init__()  # type: ignore[attr-defined]
    assert create(guarded.client, requester, zone).status_code == 202


def test_a_minute_is_one_for_all_processes(guarded: Guarded) -> None:
    from app.main import create_app

    zone, requester = guarded.zone, guarded.by("requester")
    set_quota(guarded, requests_per_minute=4)
    with TestClient(create_app()) as another:
        clients = [guarded.client, another] * 3
        assert [create(each, requester, zone).status_code for each in clients] == [202] * 4 + [429] * 2


def test_open_requests(guarded: Guarded) -> None:
    zone, requester = guarded.zone, guarded.by("requester")
    set_quota(guarded, open_requests=2)
    found = [create(guarded.client, requester, zone) for _ in range(3)]
    assert [each.status_code for each in found] == [202, 202, 429]
    assert (found[2].json()["code"], found[2].headers["retry-after"]) == ("quota_open", "10")
    assert create(guarded.client, guarded.by("requester", accounts=[B]), zone, account=B).status_code == 202
    assert set_quota(guarded, open_requests=0).status_code == 200
    assert create(guarded.client, requester, zone).status_code == 202


def test_records(guarded: Guarded) -> None:
    zone, requester = guarded.zone, guarded.by("requester")
    settle(create(guarded.client, requester, zone, "one").json()["id"], "succeeded")
    with transaction() as session:
        session.execute(text("UPDATE dns_records SET owner = account_id"))
    set_quota(guarded, records=3)
    eventually(lambda: used(guarded)["open_requests"]["used"] == 0, 20, pause=0.5)
    assert create(guarded.client, requester, zone, "two").status_code == 202
    items = [body(zone, owner) for owner in ("one", "three", "three", "four")]
    assert statuses(batch(guarded, *items, body(zone, "five", account=B))) == [202, 202, 202, 429, 202]
    refused = create(guarded.client, requester, zone, "six")
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_records")
    assert "owns 1 RRsets, and 4 requests" in refused.json()["detail"]
    assert create(guarded.client, requester, zone, "one", target="192.0.2.2").status_code == 202
    deleted = guarded.client.post(f"{DNS}/delete", json=body(zone, "six"), headers=requester)
    assert deleted.status_code == 202
    together = batch(guarded, *(body(zone, owner) for owner in "abcd"), atomic=True)
    assert reasons(together) == {("body.requests", "atomic_over_quota")}
    assert used(guarded)["records"] == {"limit": 3, "used": 1}


@pytest.fixture
def unguarded(app_settings: Settings, new_zone: str, set_settings: SetSettings) -> Iterator[TestClient]:
    from app.main import create_app

    set_settings(QUOTA_REQUESTS_PER_MINUTE="2", BOOTSTRAP_ZONES=f"{new_zone}=bind", AUTH="off")
    with TestClient(create_app()) as client:
        yield client


@pytest.mark.thorough
def test_without_tokens_the_settings_count(unguarded: TestClient, new_zone: str) -> None:
    unguarded.put(f"{QUOTAS}/{A}", json={"requests_per_minute": 1}).raise_for_status()
    assert [create(unguarded, {}, new_zone).status_code for _ in range(3)] == [202, 202, 429]
    assert create(unguarded, {}, new_zone, account=B).status_code == 202


def test_retries_need_room_too(guarded: Guarded) -> None:
    zone, requester = guarded.zone, guarded.by("requester")
    set_quota(guarded, open_requests=2)

    def retry(request_id: str, headers: Any) -> Any:
        return guarded.client.post(f"{DNS}/requests/{request_id}/retry", headers=headers)

    first = create(guarded.client, requester, zone).json()["id"]
    guarded.client.post(f"{DNS}/requests/{first}/cancel", headers=requester).raise_for_status()
    settle(create(guarded.client, requester, zone).json()["id"], "failed")
    eventually(lambda: used(guarded)["open_requests"]["used"] == 0, pause=0.5)
    others = [create(guarded.client, requester, zone) for _ in range(2)]
    assert [each.status_code for each in others] == [202, 202]
    refused = retry(first, requester)
    assert (refused.status_code, refused.json()["code"], "retry-after" in refused.headers) == (
        429,
        "quota_open",
        True,
    )
    shown = guarded.client.get(f"{DNS}/requests/{first}", headers=requester).json()
    assert shown["status"] == "cancelled"
    assert retry(first, guarded.by("operator", accounts=())).status_code == 202
