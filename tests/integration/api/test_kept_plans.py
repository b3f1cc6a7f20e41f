"""Plans are kept for an hour and applied as they were shown, on a real database and a real BIND."""

import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.config import settings
from app.core.database import transaction
from app.services.drain.backends import make_backends
from app.services.drain.drain import drain
from app.services.kicks import tend
from app.services.plan import keep
from stack.embedded import Stack
from tests.support.builders import body
from tests.support.thoroughly import thoroughly
from tests.support.zone_runner import ZoneRunner
from tests.support.zones import ZoneUnderTest

Answer = dict[str, Any]


def plan(client: TestClient, *items: Any, **more: Any) -> Answer:
    answer = client.post("/api/v1/dns/plan", json={"requests": items, **more})
    assert answer.status_code == 207, answer.text
    found: Answer = answer.json()
    return found


def apply(client: TestClient, planned: Answer, **more: Any) -> Any:
    return client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply", json=more or None)


def submitted(client: TestClient) -> list[Answer]:
    items: list[Answer] = client.get("/api/v1/dns/requests").json()["items"]
    return items


def execute(statement: str, **parameters: Any) -> None:
    with transaction() as session:
        session.execute(text(statement), parameters)


class Records:
    """Makes records, as runs do."""

    def __init__(self, client: TestClient, zone: ZoneUnderTest) -> None:
        self._client, self._zone = client, zone

    def drain(self) -> None:
        drain(self._zone.name, ZoneRunner(self._zone), make_backends())

    def make(self, *items: Answer) -> None:
        answer = self._client.post("/api/v1/dns/batch", json={"requests": items})
        assert {result["status_code"] for result in answer.json()["results"]} == {202}
        self.drain()


def settled(client: TestClient, recorded: Records, applied: Any) -> list[Answer]:
    """The requests of an applied plan, after a run."""
    recorded.drain()
    ids = [result["request"]["id"] for result in applied.json()["results"]]
    return [client.get(f"/api/v1/dns/requests/{each}").json() for each in ids]


@pytest.fixture
def recorded(client: TestClient, new_zone: str, infrastructure: Stack) -> Records:
    return Records(client, ZoneUnderTest(infrastructure, new_zone))


def test_what_was_planned_is_what_happens(client: TestClient, new_zone: str, recorded: Records) -> None:
    recorded.make(body(new_zone), body(new_zone, "old"))
    planned = plan(
        client,
        body(new_zone, action="upsert", target=["192.0.2.7", "192.0.2.8"], config={"ttl": 60}),
        body(new_zone, action="delete", target="192.0.2.7"),
        body(new_zone, "old", action="delete"),
        body(new_zone, "new", record_type="TXT", target="a | b"),
    )
    assert client.get(f"/api/v1/dns/plans/{planned['plan_id']}").json() == planned
    applied = apply(client, planned)
    assert applied.status_code == 207
    assert {result["status_code"] for result in applied.json()["results"]} == {202}
    recorded.drain()
    assert {item["status"] for item in submitted(client)} == {"succeeded"}
    last = {each["change"]["domain"]: each["change"]["after"] for each in planned["results"]}
    records = client.get("/api/v1/dns/records").json()["items"]
    found = {record["domain"]: {"ttl": record["ttl"], "target": record["target"]} for record in records}
    assert found == {name: after for name, after in last.items() if after}
    again = client.get(f"/api/v1/dns/plans/{planned['plan_id']}").json()
    assert again == planned | {"batch_id": applied.json()["batch_id"]}


def test_a_plan_is_applied_once(client: TestClient, new_zone: str, recorded: Records) -> None:
    planned = plan(client, body(new_zone), body(new_zone, action="upsert", target="192.0.2.2"))
    first = apply(client, planned)
    assert "idempotent-replayed" not in first.headers
    recorded.drain()
    second = apply(client, planned)
    assert (second.status_code, second.headers["idempotent-replayed"]) == (207, "true")
    assert second.json()["batch_id"] == first.json()["batch_id"]
    ids = [[result["request"]["id"] for result in answer.json()["results"]] for answer in (first, second)]
    assert ids[0] == ids[1]
    assert len(submitted(client)) == 2


def test_nothing_is_submitted_when_the_records_have_moved(
    client: TestClient, new_zone: str, recorded: Records
) -> None:
    recorded.make(body(new_zone), body(new_zone, "other"))
    planned = plan(
        client,
        body(new_zone, "other", action="delete"),
        body(new_zone, action="update", target="192.0.2.9"),
        body(new_zone, action="delete"),
    )
    recorded.make(body(new_zone, action="upsert", target="192.0.2.5"))
    answer = apply(client, planned)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_stale")
    (moved,) = answer.json()["moved"]
    assert moved == {
        "zone": new_zone,
        "domain": f"www.{new_zone}",
        "record_type": "A",
        "before": {"ttl": 300, "target": ["192.0.2.1"]},
        "now": {"ttl": 300, "target": ["192.0.2.5"]},
    }
    assert len(submitted(client)) == 3


@pytest.mark.parametrize(
    "content", [*map(thoroughly, (b"{}", b"[]")), b"no JSON", b'{"items": [], "planned": [{"new": 1}]}']
)
def test_a_plan_that_another_release_has_kept(client: TestClient, new_zone: str, content: bytes) -> None:
    planned = plan(client, body(new_zone))
    execute("UPDATE dns_plans SET content = :content", content=zlib.compress(content))
    for answer in (client.get(f"/api/v1/dns/plans/{planned['plan_id']}"), apply(client, planned)):
        assert (answer.status_code, answer.json()["code"]) == (409, "plan_unreadable")


@pytest.mark.thorough
def test_only_the_ttl_has_moved(client: TestClient, new_zone: str, recorded: Records) -> None:
    recorded.make(body(new_zone))
    planned = plan(client, body(new_zone, action="delete"))
    recorded.make(body(new_zone, action="upsert", config={"ttl": 60}))
    (moved,) = apply(client, planned).json()["moved"]
    assert (moved["before"]["ttl"], moved["now"]["ttl"]) == (300, 60)


def test_what_moves_after_the_apply_lets_a_group_fail(
    client: TestClient, new_zone: str, recorded: Records
) -> None:
    recorded.make(body(new_zone))
    passed = body(new_zone, "free")
    passed["context"]["not_before"] = "2020-01-01T00:00:00Z"  # which means at once
    planned = plan(client, body(new_zone, action="update", target="192.0.2.9"), passed)
    assert planned["atomic"]
    client.post("/api/v1/dns/upsert", json=body(new_zone, target="192.0.2.5")).raise_for_status()
    fates = settled(client, recorded, apply(client, planned))
    assert [fate["status"] for fate in fates] == ["failed", "failed"]
    assert fates[0]["error"]["code"] == "state_changed"


@pytest.mark.thorough
def test_what_moves_after_the_apply_fails_alone_where_there_is_no_group(
    client: TestClient, new_zone: str, recorded: Records
) -> None:
    """An item that is forecast to fail would let a group fail."""
    recorded.make(body(new_zone), body(new_zone, "alias", record_type="CNAME", target="a.example.org"))
    update = body(new_zone, action="update", target="192.0.2.9")
    planned = plan(client, update, body(new_zone, "alias"), body(new_zone, "free"))
    assert not planned["atomic"]
    client.post("/api/v1/dns/upsert", json=body(new_zone, target="192.0.2.5")).raise_for_status()
    fates = settled(client, recorded, apply(client, planned))
    codes = [(fate["status"], (fate["error"] or {}).get("code")) for fate in fates]
    assert codes == [("failed", "state_changed"), ("failed", "cname_conflict"), ("succeeded", None)]


def test_atomic_plans_have_to_be_groups(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, f"h{number}") for number in range(1_001)]
    answer = client.post("/api/v1/dns/plan", json={"requests": items, "atomic": True})
    assert [reason["type"] for reason in answer.json()["detail"]] == ["atomic_too_large"]
    assert not plan(client, *items)["atomic"]
    failing = [body(new_zone, record_type="CNAME", target="a.example.org"), body(new_zone)]
    assert plan(client, *failing, atomic=True)["atomic"]
    assert not plan(client, *failing)["atomic"]


def test_the_ttl_is_that_of_the_plan(client: TestClient, new_zone: str) -> None:
    planned = plan(client, body(new_zone), body(new_zone, "b", config={"ttl": 5}))
    client.patch(f"/api/v1/zones/{new_zone}", json={"default_ttl": 900}).raise_for_status()
    results = apply(client, planned).json()["results"]
    assert [result["request"]["resource"]["config"]["ttl"] for result in results] == [300, 5]


def test_several_applies_at_once_are_one(client: TestClient, new_zone: str) -> None:
    planned = plan(client, *(body(new_zone, f"h{number}") for number in range(50)))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: apply(client, planned), range(6)))
    assert {answer.status_code for answer in answers} == {207}
    found = {tuple(each["request"]["id"] for each in answer.json()["results"]) for answer in answers}
    assert len(found) == 1
    assert len({answer.json()["batch_id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(submitted(client)) == 50


def test_keys_of_items_hold(client: TestClient, new_zone: str) -> None:
    item = body(new_zone, action="create", idempotency_key="mine")
    planned = plan(client, item, body(new_zone, "b"))
    (first,) = client.post("/api/v1/dns/batch", json={"requests": [item]}).json()["results"]
    results = apply(client, planned).json()["results"]
    assert [result["status_code"] for result in results] == [200, 202]
    assert results[0]["request"]["id"] == first["request"]["id"]
    other = plan(client, body(new_zone, target="192.0.2.9", idempotency_key="mine"))
    assert apply(client, other).status_code == 409


@pytest.mark.thorough
def test_scheduled_items_are_planned_and_expect_in_the_order_of_their_times(
    client: TestClient, new_zone: str
) -> None:
    later = body(new_zone, action="delete")
    later["context"]["not_before"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    planned = plan(client, later, body(new_zone))
    after = planned["results"][1]["change"]["after"]
    assert planned["results"][0]["change"]["before"] == after
    results = apply(client, planned).json()["results"]
    assert [result["request"]["status"] for result in results] == ["scheduled", "pending"]
    with transaction() as session:
        expected = session.execute(text("SELECT expect FROM dns_requests ORDER BY id")).scalars().all()
    assert expected == [{"ttl": 300, "rdata": ["192.0.2.1"]}, {"ttl": None, "rdata": []}]


@pytest.mark.parametrize(
    "extra",
    [
        {"n": 10**300, "m": -0.0, "é": "\u2028\U0001f600"},
        *map(thoroughly, ({"n": -0.0, "m": 1e308}, {"": {"a": [[[None, True]]]}})),
    ],
)
def test_what_is_kept_is_what_was_sent(client: TestClient, new_zone: str, extra: Answer) -> None:
    planned = plan(client, body(new_zone, config={"extra_config": extra}, comment="{{ x }} ' \" \\"))
    assert client.get(f"/api/v1/dns/plans/{planned['plan_id']}").json() == planned
    (result,) = apply(client, planned).json()["results"]
    assert result["request"]["resource"]["config"] == {"ttl": 300, "extra_config": extra}
    assert result["request"]["resource"]["comment"] == "{{ x }} ' \" \\"


@pytest.mark.parametrize(
    "plan_id", ["8a2248c9-8159-40df-beb4-b26c98a34e96", "00000000-0000-0000-0000-000000000000"]
)
def test_an_unknown_plan(client: TestClient, plan_id: str) -> None:
    for answer in (
        client.get(f"/api/v1/dns/plans/{plan_id}"),
        client.post(f"/api/v1/dns/plans/{plan_id}/apply"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "plan_unknown")
    assert client.get("/api/v1/dns/plans/x").status_code == 422


def test_an_expired_plan(client: TestClient, new_zone: str) -> None:
    old, young = plan(client, body(new_zone)), plan(client, body(new_zone, "b"))
    execute("UPDATE dns_plans SET expires_at = now() WHERE id = :id", id=old["plan_id"])
    assert apply(client, old).json()["code"] == "plan_unknown"
    tend()
    with transaction() as session:
        assert [str(row.id) for row in session.execute(text("SELECT id FROM dns_plans"))] == [
            young["plan_id"]
        ]
    assert apply(client, young).status_code == 207


def test_a_plan_with_refused_items_is_not_applied(client: TestClient, new_zone: str) -> None:
    planned = plan(client, body(new_zone), body(new_zone, target="nonsense"), 7)
    assert planned["applicable"] is False
    assert client.get(f"/api/v1/dns/plans/{planned['plan_id']}").json() == planned
    answer = apply(client, planned)
    assert answer.status_code == 422
    places = {(*reason["loc"][:3], reason["type"]) for reason in answer.json()["detail"]}
    assert ("body", "requests", 1, "ipv4_invalid") in places
    assert {place[2] for place in places} == {1, 2}
    assert submitted(client) == []


def test_what_is_refused_by_now(client: TestClient, new_zone: str) -> None:
    planned = plan(client, body(new_zone))
    client.patch(f"/api/v1/zones/{new_zone}", json={"protected_names": ["www"]}).raise_for_status()
    answer = apply(client, planned)
    assert answer.status_code == 422
    (reason,) = answer.json()["detail"]
    assert (reason["type"], reason["loc"][:3]) == ("name_protected", ["body", "requests", 0])
    assert submitted(client) == []


@pytest.mark.parametrize("action", ["update", "delete"])
def test_what_is_there_is_not_known(client: TestClient, new_zone: str, action: str) -> None:
    planned = plan(client, body(new_zone, action=action))
    assert planned["results"][0]["forecast"]["outcome"] == "unknown"
    assert (planned["results"][0]["change"]["before_known"], planned["applicable"]) == (False, False)
    answer = apply(client, planned)
    (reason,) = answer.json()["detail"]
    assert (answer.status_code, reason["type"]) == (422, "before_unknown")
    assert reason["loc"] == ["body", "requests", 0]


def test_thresholds_hold(client: TestClient, new_zone: str) -> None:
    items = [body(new_zone, name) for name in ("a", "b")]
    planned = plan(client, *items)
    client.patch(f"/api/v1/zones/{new_zone}", json={"max_changes": {"number": 1}}).raise_for_status()
    answer = apply(client, planned)
    assert answer.status_code == 422
    assert {reason["type"] for reason in answer.json()["detail"]} == {"mass_change"}
    assert submitted(client) == []
    assert apply(client, planned, allow_mass_change=True).status_code == 207
    assert apply(client, planned).headers["idempotent-replayed"] == "true"
    allowed = plan(client, *(body(new_zone, name) for name in ("c", "d")), allow_mass_change=True)
    assert apply(client, allowed).status_code == 207


@pytest.mark.parametrize(
    ("sent", "code"),
    [([], "model_type"), ({"x": 1}, "extra_forbidden"), ({"allow_mass_change": 1}, "bool_type")],
)
def test_a_bad_application(client: TestClient, new_zone: str, sent: Any, code: str) -> None:
    planned = plan(client, body(new_zone))
    answer = client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply", json=sent)
    assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, code)
    assert submitted(client) == []


def test_there_is_no_room(client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "MAX_KEPT", 0)
    kept, lost = plan(client, body(new_zone)), plan(client, body(new_zone))
    assert kept["plan_id"]
    assert (lost["plan_id"], lost["expires_at"]) == (None, None)
    assert lost["results"] == kept["results"]


def kept_of(client: TestClient, planned: list[Answer]) -> list[bool]:
    codes = [client.get(f"/api/v1/dns/plans/{each['plan_id']}").status_code for each in planned]
    assert set(codes) <= {200, 404}
    return [code == 200 for code in codes]


def test_the_oldest_of_an_account_goes(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings(), "plans_per_account", 2)
    other = body(new_zone, account="b")
    others = [plan(client, other), plan(client, body(new_zone), other)]
    planned = [plan(client, body(new_zone)) for _ in range(4)]
    assert kept_of(client, planned) == [False, False, True, True]
    assert kept_of(client, others) == [True, True]
    assert apply(client, planned[3]).status_code == 207


@pytest.mark.thorough
def test_the_plans_of_an_account_have_a_bound_in_bytes(
    client: TestClient, new_zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    least = 16 * 1024  # as what a plan is counted at least
    monkeypatch.setattr(settings(), "plan_bytes_per_account", 2 * least)
    planned = [plan(client, body(new_zone)) for _ in range(3)]
    assert kept_of(client, planned) == [False, True, True]
    chance = random.Random(3)
    texts = [f"{chance.getrandbits(800):x}" for _ in range(400)]
    large = plan(
        client, *(body(new_zone, f"t{n}", record_type="TXT", target=each) for n, each in enumerate(texts))
    )
    assert kept_of(client, [*planned, large]) == [False, False, False, True]
    assert kept_of(client, [plan(client, body(new_zone)), large]) == [True, False]


@pytest.mark.parametrize("number", [300, thoroughly(10_000)])
def test_many_items(client: TestClient, new_zone: str, number: int) -> None:
    planned = plan(client, *(body(new_zone, f"h{each}", action="upsert") for each in range(number)))
    results = apply(client, planned).json()["results"]
    assert {result["status_code"] for result in results} == {202}
    assert len(apply(client, planned).json()["results"]) == number


def test_the_forms_of_a_plan(client: TestClient, new_zone: str) -> None:
    planned = plan(client, body(new_zone, "*", record_type="TXT", target="a|b`\n<b>"), 7)
    path = f"/api/v1/dns/plans/{planned['plan_id']}"
    for accept, media_type in (
        ("text/markdown", "text/markdown; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
    ):
        answer = client.get(path, headers={"Accept": accept})
        assert (answer.headers["content-type"], answer.headers["vary"]) == (media_type, "Accept")
        assert planned["plan_id"] in answer.text
    asked = {"requests": [body(new_zone)]}
    answer = client.post("/api/v1/dns/plan", json=asked, headers={"Accept": "text/markdown"})
    assert (answer.status_code, answer.text.startswith("**Plan ")) == (207, True)
