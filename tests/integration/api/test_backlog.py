"""Back-pressure: from a number of open requests on, no more are accepted until some are settled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.config import Settings
from app.core.database import transaction
from app.domain.quotas import Quota, Quotas
from tests.support.builders import body, time_after
from tests.support.eventually import eventually
from tests.support.settings import SetSettings

LIMIT, PER_ACCOUNT = 8, 5


@pytest.fixture
def limited(app_settings: Settings, set_settings: SetSettings, new_zone: str) -> Iterator[TestClient]:
    """The API with small limits."""
    set_settings(
        BACKLOG_LIMIT=str(LIMIT),
        BACKLOG_LIMIT_PER_ACCOUNT=str(PER_ACCOUNT),
        BOOTSTRAP_ZONES=f"{new_zone}=bind",
    )
    from app.main import app

    with TestClient(app) as client:
        yield client


def create(client: TestClient, zone: str, account: str = "a", key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/dns/create", json=body(zone, account=account), headers=headers)


def schedule(client: TestClient, zone: str, account: str = "a") -> Any:
    return client.post("/api/v1/dns/create", json=body(zone, account=account, not_before=time_after(3_600)))


def settle_all() -> None:
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET status = 'cancelled', finished_at = now()"))


def test_an_account_has_its_share(limited: TestClient, new_zone: str) -> None:
    assert [create(limited, new_zone, key=f"k{n}").status_code for n in range(PER_ACCOUNT)] == [202] * 5
    refused = create(limited, new_zone)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_open")
    assert int(refused.headers["retry-after"]) > 0
    assert create(limited, new_zone, key="k0").headers["idempotent-replayed"] == "true"
    assert create(limited, new_zone, account="b").status_code == 202
    settle_all()
    eventually(lambda: create(limited, new_zone).status_code == 202, 20, pause=0.5)


def test_there_is_a_limit_for_all(limited: TestClient, new_zone: str) -> None:
    accounts = ["a"] * 4 + ["b"] * 4
    codes = [create(limited, new_zone, account).status_code for account in accounts]
    assert codes == [202] * LIMIT
    assert create(limited, new_zone, "c").json()["code"] == "backlog_full"
    ready = limited.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert (ready.json()["backlog"]["limit"], ready.json()["backlog"]["full"]) == (LIMIT, True)
    *_, problem = ready.json()["problems"]  # perhaps behind one about workers: none is there
    assert problem.startswith(f"{LIMIT} requests are open, which is BACKLOG_LIMIT: ")
    settle_all()
    eventually(lambda: not limited.get("/readyz").json()["backlog"]["full"], 20, pause=0.5)


def test_a_batch_is_told_item_by_item_or_as_a_whole(limited: TestClient, new_zone: str) -> None:
    for _ in range(PER_ACCOUNT):
        create(limited, new_zone)
    items = [body(new_zone, account="a"), body(new_zone, account="b"), body(new_zone, target="bad")]
    results = limited.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
    assert [result["status_code"] for result in results] == [429, 202, 422]
    assert results[0]["errors"][0]["type"] == "quota_open"
    for more in ({"requests": items[:1]}, {"requests": items[:2], "atomic": True}):
        answer = limited.post("/api/v1/dns/batch", json=more)
        assert (answer.status_code, answer.json()["code"]) == (429, "quota_open")
        assert "retry-after" in answer.headers


def test_a_batch_is_accepted_as_far_as_there_is_room(limited: TestClient, new_zone: str) -> None:
    for _ in range(PER_ACCOUNT - 2):
        create(limited, new_zone)
    items = [body(new_zone, account=account) for account in "aaabbbbb"]
    atomic = limited.post("/api/v1/dns/batch", json={"requests": items[:3], "atomic": True})
    assert (atomic.status_code, atomic.json()["code"]) == (429, "quota_open")
    results = limited.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
    assert [result["status_code"] for result in results] == [202, 202, 429, 202, 202, 202, 503, 503]
    assert create(limited, new_zone, "c").json()["code"] == "backlog_full"


def test_scheduled_items_have_a_room_of_their_own(limited: TestClient, new_zone: str) -> None:
    item = body(new_zone, account="a")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later = {**item, "context": {**item["context"], "not_before": tomorrow}}
    items = [item] * (PER_ACCOUNT - 1) + [later] * (PER_ACCOUNT + 1)
    results = limited.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
    codes = [result["status_code"] for result in results]
    assert codes[: PER_ACCOUNT - 1] == [202] * (PER_ACCOUNT - 1)
    assert codes[PER_ACCOUNT - 1 :] == [202] * PER_ACCOUNT + [429]


def test_a_larger_atomic_batch_than_an_account_may_have_is_refused(
    limited: TestClient, new_zone: str
) -> None:
    sent = {"requests": [body(new_zone, account="a")] * (PER_ACCOUNT + 1), "atomic": True}
    for _ in range(2):  # whatever is open
        answer = limited.post("/api/v1/dns/batch", json=sent)
        assert answer.status_code == 422
        [reason] = answer.json()["detail"]
        assert (reason["loc"], reason["type"]) == (["body", "requests"], "atomic_over_backlog")
        assert create(limited, new_zone).status_code == 202
    accounts = ["a"] * PER_ACCOUNT + ["b"] * (PER_ACCOUNT - 1)
    sent["requests"] = [
        *(body(new_zone, account=account) for account in accounts),
        body(new_zone, target="bad"),
    ]
    answer = limited.post("/api/v1/dns/batch", json=sent)
    assert answer.status_code == 422
    assert [reason["type"] for reason in answer.json()["detail"]] == ["atomic_over_backlog", "ipv4_invalid"]
    listed = limited.get("/api/v1/dns/requests").json()["items"]
    assert len(listed) == 2


def test_what_was_accepted_before_the_limit_is_answered_again(
    limited: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"requests": [body(new_zone, account="a")] * PER_ACCOUNT, "atomic": True}
    headers = {"Idempotency-Key": "again"}
    first = limited.post("/api/v1/dns/batch", json=sent, headers=headers)
    backlog = limited.app.state.backlog  # type: ignore[attr-defined]
    monkeypatch.setattr(backlog, "_quotas", lambda: Quotas(Quota(open_requests=1)))
    again = limited.post("/api/v1/dns/batch", json=sent, headers=headers)
    assert again.headers["idempotent-replayed"] == "true"
    ids = [[each["request"]["id"] for each in answer.json()["results"]] for answer in (first, again)]
    assert ids[0] == ids[1]


def test_a_plan_that_is_larger_than_an_account_may_have_is_refused(
    limited: TestClient, new_zone: str
) -> None:
    items = [body(new_zone, f"h{number}", account="a") for number in range(PER_ACCOUNT + 1)]
    planned = limited.post("/api/v1/dns/plan", json={"requests": items}).json()
    answer = limited.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply")
    assert answer.status_code == 422
    assert [reason["type"] for reason in answer.json()["detail"]] == ["atomic_over_backlog"]


def test_a_batch_counts_at_once(limited: TestClient, new_zone: str) -> None:
    items = [body(new_zone, account=account) for account in "aaaabbbb"]
    limited.post("/api/v1/dns/batch", json={"requests": items}).raise_for_status()
    assert create(limited, new_zone, "c").json()["code"] == "backlog_full"


def test_what_was_open_before_the_process_began_counts(
    app_settings: Settings, limited: TestClient, new_zone: str
) -> None:
    for account in ["a"] * 4 + ["b"] * 4:
        create(limited, new_zone, account)
    with TestClient(limited.app) as another:
        eventually(lambda: another.get("/readyz").json()["backlog"]["full"], 20)


def test_what_is_scheduled_has_limits_of_its_own(limited: TestClient, new_zone: str) -> None:
    assert [schedule(limited, new_zone).status_code for _ in range(PER_ACCOUNT)] == [202] * PER_ACCOUNT
    refused = schedule(limited, new_zone)
    assert (refused.status_code, refused.json()["code"]) == (429, "quota_open")
    assert "5 requests of a are scheduled, or to be approved" in refused.json()["detail"]
    items = [body(new_zone, account="a"), body(new_zone, account="a", not_before=time_after(3_600))]
    results = limited.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
    assert [result["status_code"] for result in results] == [202, 429]  # its other requests go on
    others = [schedule(limited, new_zone, "b").status_code for _ in range(LIMIT - PER_ACCOUNT)]
    assert others == [202] * (LIMIT - PER_ACCOUNT)
    assert "to be approved, in all" in schedule(limited, new_zone, "c").json()["detail"]
    assert create(limited, new_zone, "c").status_code == 202
    assert not limited.get("/readyz").json()["backlog"]["full"]


def test_nobody_can_schedule_more_while_what_was_due_is_not_applied(
    limited: TestClient, new_zone: str
) -> None:
    for _ in range(PER_ACCOUNT):
        create(limited, new_zone)
    assert "requests of a are open" in schedule(limited, new_zone).json()["detail"]
    assert schedule(limited, new_zone, "b").status_code == 202


@pytest.mark.thorough
def test_what_was_scheduled_before_the_process_began_counts(limited: TestClient, new_zone: str) -> None:
    for account in ["a"] * PER_ACCOUNT + ["b"] * (LIMIT - PER_ACCOUNT):
        schedule(limited, new_zone, account)
    with TestClient(limited.app) as another:
        eventually(lambda: schedule(another, new_zone, "c").status_code == 503, 20)
        assert create(another, new_zone, "c").status_code == 202
