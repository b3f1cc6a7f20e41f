"""What the playbook of a backend is known not to honour is refused before it is run."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.core.database import transaction
from app.store import backends
from tests.support.builders import body

Conditions = frozenset[str] | None


def publish(conditions: Conditions) -> None:
    with transaction() as session:
        backends.publish(session, {"bind": conditions})


def submit(client: TestClient, *items: dict[str, Any], atomic: bool = True) -> Any:
    return client.post("/api/v1/dns/batch", json={"requests": items, "atomic": atomic})


def reasons(answer: Any) -> list[tuple[list[Any], str]]:
    assert answer.status_code == 422, answer.text
    return [(reason["loc"], reason["type"]) for reason in answer.json()["detail"]]


@pytest.mark.parametrize("conditions", [frozenset(), frozenset({"expect"})])
def test_an_atomic_batch(client: TestClient, new_zone: str, conditions: Conditions) -> None:
    publish(conditions)
    items = [body(new_zone, "a"), body(new_zone, "b")]
    answer = submit(client, *items)
    assert reasons(answer) == [(["body", "requests"], "not_honoured")]
    assert new_zone in answer.json()["detail"][0]["msg"]
    assert client.get("/api/v1/dns/requests").json()["items"] == []
    with_bad = submit(client, *items, body(new_zone, target="bad"))
    assert [code for _, code in reasons(with_bad)] == ["not_honoured", "ipv4_invalid"]
    assert submit(client, items[0]).status_code == 207
    assert submit(client, *items, atomic=False).status_code == 207


@pytest.mark.parametrize("conditions", [None, frozenset({"expect", "group"})])
def test_what_is_honoured_or_not_known_is_accepted(
    client: TestClient, new_zone: str, conditions: Conditions
) -> None:
    publish(conditions)
    items = [body(new_zone, "a"), body(new_zone, "b")]
    planned = client.post("/api/v1/dns/plan", json={"requests": items}).json()
    assert not any("warnings" in each for each in planned["results"])
    assert submit(client, *items).status_code == 207
    assert client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply").status_code == 207


def test_what_was_accepted_before_is_answered_again(client: TestClient, new_zone: str) -> None:
    sent = {"requests": [body(new_zone, "a"), body(new_zone, "b")], "atomic": True}
    headers = {"Idempotency-Key": "again"}
    client.post("/api/v1/dns/batch", json=sent, headers=headers).raise_for_status()
    publish(frozenset())
    again = client.post("/api/v1/dns/batch", json=sent, headers=headers).raise_for_status()
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(("conditions", "number"), [(frozenset(), 1), (frozenset({"expect"}), 2)])
def test_a_plan_warns_and_is_not_applied(
    client: TestClient, new_zone: str, conditions: Conditions, number: int
) -> None:
    publish(conditions)
    items = [body(new_zone, owner) for owner in "ab"[:number]]
    planned = client.post("/api/v1/dns/plan", json={"requests": items}).json()
    codes = [[warning["code"] for warning in each.get("warnings", ())] for each in planned["results"]]
    assert codes == [["not_honoured"], []][:number]
    answer = client.post(f"/api/v1/dns/plans/{planned['plan_id']}/apply")
    assert reasons(answer) == [(["body", "requests"], "not_honoured")]
    assert client.get("/api/v1/dns/requests").json()["items"] == []


@pytest.mark.parametrize(
    ("conditions", "shown"),
    [(None, None), (frozenset(), []), (frozenset({"group", "expect"}), ["expect", "group"])],
)
def test_the_list_of_backends_shows_it(
    client: TestClient, conditions: Conditions, shown: list[str] | None
) -> None:
    publish(conditions)
    [backend] = client.get("/api/v1/backends").json()["items"]
    assert (backend["name"], backend["honours"]) == ("bind", shown)
