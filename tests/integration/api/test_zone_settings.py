"""The settings of a zone, and what each does to single calls, batches, plans and messages."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import text

from app.core.database import transaction
from app.store import records
from app.store.records import AnsweredRRset
from tests.support.answers import codes, reasons
from tests.support.builders import body
from tests.support.thoroughly import examples, thoroughly

DEFAULTS: dict[str, Any] = {
    "checks": "warn",
    "default_ttl": 300,
    "min_ttl": 0,
    "max_ttl": 2**31 - 1,
    "allowed_types": None,
    "unknown_types": False,
    "protected_names": [],
    "private_addresses": "allow",
    "max_deletes": {"number": None, "percent": None},
    "max_changes": {"number": None, "percent": None},
    "drift": "report",
    "set": [],
}


def change_zone(client: TestClient, zone: str, **settings: Any) -> dict[str, Any]:
    changed: dict[str, Any] = client.patch(f"/api/v1/zones/{zone}", json=settings).raise_for_status().json()
    return changed


def settings_of(zone: dict[str, Any]) -> dict[str, Any]:
    return {name: zone[name] for name in DEFAULTS}


def test_a_zone_without_settings_shows_the_defaults(client: TestClient, new_zone: str) -> None:
    [listed] = client.get("/api/v1/zones").json()["items"]
    assert settings_of(listed) == DEFAULTS
    assert client.get(f"/api/v1/zones/{new_zone}").json().items() >= listed.items()


def test_what_is_set_is_shown_and_null_resets_it(client: TestClient, new_zone: str) -> None:
    chosen = {
        "default_ttl": 600,
        "min_ttl": 60,
        "allowed_types": ["txt", "A", "type65280"],
        "protected_names": ["@", "*.Prod", "Müller"],
        "max_deletes": {"number": 5, "percent": 10},
    }
    expected = DEFAULTS | chosen | {"set": list(chosen), "allowed_types": ["A", "TXT", "TYPE65280"]}
    expected["protected_names"] = ["@", "*.prod", "xn--mller-kva"]
    added = client.post("/api/v1/zones", json={"name": f"sub.{new_zone}", "backend": "bind"} | chosen)
    assert settings_of(added.json()) == expected
    changed = change_zone(client, new_zone, **chosen)
    assert settings_of(changed) == expected
    assert client.get(f"/api/v1/zones/{new_zone}").json().items() >= changed.items()
    part = change_zone(client, new_zone, min_ttl=None, max_deletes={"number": None})
    assert settings_of(part) == expected | {
        "min_ttl": 0,
        "max_deletes": {"number": None, "percent": 10},
        "set": ["default_ttl", "allowed_types", "protected_names", "max_deletes"],
    }
    nothing = change_zone(client, new_zone, **dict.fromkeys((*chosen, "checks")))
    assert settings_of(nothing) == DEFAULTS


def test_all_that_is_wrong_is_said_at_once(client: TestClient, new_zone: str) -> None:
    bad = {
        "default_ttl": "5",
        "min_ttl": -1,
        "max_ttl": True,
        "allowed_types": ["SOA"],
        "unknown_types": 1,
        "protected_names": ["**.a.**", "x" * 300],
        "private_addresses": "maybe",
        "max_deletes": {"number": 0, "percent": 101, "share": 1},
        "unknown": 1,
    }
    expected = {
        ("body.default_ttl", "int_type"),
        ("body.min_ttl", "greater_than_equal"),
        ("body.max_ttl", "int_type"),
        ("body.allowed_types.0", "enum"),
        ("body.unknown_types", "bool_type"),
        ("body.protected_names.0", "pattern_invalid"),
        ("body.protected_names.1", "string_too_long"),
        ("body.private_addresses", "enum"),
        ("body.max_deletes.number", "greater_than_equal"),
        ("body.max_deletes.percent", "less_than_equal"),
        ("body.max_deletes.share", "extra_forbidden"),
        ("body.unknown", "extra_forbidden"),
    }
    for answer in (
        client.patch(f"/api/v1/zones/{new_zone}", json=bad),
        client.post("/api/v1/zones", json={"name": "new.test", "backend": "bind"} | bad),
    ):
        assert (answer.status_code, reasons(answer)) == (422, expected)


def test_what_contradicts_itself_is_refused(client: TestClient, new_zone: str) -> None:
    change_zone(client, new_zone, max_ttl=600)
    bad = client.patch(
        f"/api/v1/zones/{new_zone}", json={"default_ttl": 3600, "protected_names": ["a", f"www.{new_zone}"]}
    )
    assert reasons(bad) == {
        ("body.default_ttl", "ttl_not_allowed"),
        ("body.protected_names.1", "pattern_invalid"),
    }
    assert codes(client.patch(f"/api/v1/zones/{new_zone}", json={"min_ttl": 601})) == {"bounds_reversed"}
    assert change_zone(client, new_zone, max_ttl=None, default_ttl=3600)["default_ttl"] == 3600


@pytest.mark.parametrize(
    "sent",
    [
        {"protected_names": [f"n{number}" for number in range(101)]},
        {"protected_names": [f"{'x' * 60}.{'y' * 60}.n{number}" for number in range(99)]},
        {"allowed_types": []},
        {"allowed_types": [f"TYPE{65000 + number}" for number in range(101)]},
    ],
)
def test_their_number_is_limited(client: TestClient, new_zone: str, sent: dict[str, Any]) -> None:
    assert codes(client.patch(f"/api/v1/zones/{new_zone}", json=sent)) <= {"too_long", "too_short"}


SETTING = st.sampled_from([name for name in DEFAULTS if name != "set"])
ODD = ["warn", "A", "TYPE1", "@", "**.x", "*.*", "\ud800", "a\\", "\\900", "\x00", "\u3002", "ß.*"]
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**33),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(ODD),
    st.text(max_size=20),
)
PARTS = st.dictionaries(st.sampled_from(["number", "percent"]), SCALAR)
WRITTEN = SCALAR | st.lists(SCALAR, max_size=4) | PARTS


@hypothesis.settings(
    max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(SETTING, WRITTEN, min_size=1, max_size=3))
def test_whatever_is_written_is_taken_or_refused(
    client: TestClient, new_zone: str, written: dict[str, Any]
) -> None:
    """And what is taken can be shown, set again as it is shown, and hinders no call from being answered."""
    answer = client.patch(
        f"/api/v1/zones/{new_zone}",
        content=json.dumps(written),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code in (200, 422)
    shown = client.get(f"/api/v1/zones/{new_zone}").json()
    as_shown = {name: shown[name] for name in shown["set"]} or {"checks": None}
    assert settings_of(change_zone(client, new_zone, **as_shown)) == settings_of(shown)
    assert client.post("/api/v1/dns/create", json=body(new_zone)).status_code in (202, 422)


Send = Callable[[TestClient, dict[str, Any]], tuple[set[tuple[str, str]], list[str]]]


def single(client: TestClient, item: dict[str, Any]) -> tuple[set[tuple[str, str]], list[str]]:
    """Send a single call; return the reasons against it, and the codes of its warnings."""
    action = item.get("action", "create")
    plain = {name: value for name, value in item.items() if name != "action"}
    answer = client.post(f"/api/v1/dns/{action}", json=plain)
    found = reasons(answer) if answer.status_code == 422 else set()
    return found, [warning["code"] for warning in answer.json().get("warnings", [])]


def in_batch(
    client: TestClient, item: dict[str, Any], call: str = "batch", **headers: str
) -> tuple[set[tuple[str, str]], list[str]]:
    answer = client.post(f"/api/v1/dns/{call}", json={"requests": [item]}, headers=headers)
    [result] = answer.raise_for_status().json()["results"]
    found = {(".".join(map(str, each["loc"])), each["type"]) for each in result.get("errors", [])}
    return found, [warning["code"] for warning in result.get("warnings", [])]


def in_plan(client: TestClient, item: dict[str, Any]) -> tuple[set[tuple[str, str]], list[str]]:
    return in_batch(client, item, "plan")


def over_kafka(client: TestClient, item: dict[str, Any]) -> tuple[set[tuple[str, str]], list[str]]:
    """As the consumer submits a message."""
    return in_batch(client, item, **{"orchestrator-via": "kafka"})


DOORS = pytest.mark.parametrize("send", [single, in_batch, in_plan, over_kafka])
OTHER_DOORS_THOROUGHLY = pytest.mark.parametrize(
    "send", [single, *map(thoroughly, (in_batch, in_plan, over_kafka))]
)


@DOORS
def test_what_a_zone_refuses(client: TestClient, new_zone: str, send: Send) -> None:
    change_zone(
        client,
        new_zone,
        min_ttl=60,
        max_ttl=3600,
        allowed_types=["A", "AAAA", "CNAME", "TYPE65280"],
        protected_names=["@", "*.prod"],
        private_addresses="refuse",
    )
    domain, ttl = ("body.resource.domain", "name_protected"), ("body.resource.config.ttl", "ttl_not_allowed")
    kind = ("body.resource.record_type", "type_not_allowed")
    target = ("body.resource.target", "address_not_public")
    public, private = "193.0.6.139", "10.0.0.1"
    odd = {"record_type": "TYPE65280", "target": r"\# 1 00"}
    for item, expected in (
        (body(new_zone, target=public), set[tuple[str, str]]()),
        (body(new_zone, target=public, config={"ttl": 60}), set()),
        (body(new_zone, target=public, config={"ttl": 59}), {ttl}),
        (body(new_zone, target=public, config={"ttl": 3601}), {ttl}),
        (body(new_zone, target=private), {target}),
        (body(new_zone, record_type="AAAA", target=["2001:4860::1", "::ffff:10.0.0.1"]), {target}),
        (body(new_zone, record_type="TXT", target="x"), {kind}),
        (body(new_zone, **odd), set()),
        (body(new_zone, record_type="TYPE65281", target=r"\# 1 00"), {kind}),
        (body(new_zone, "@", target=public), {domain}),
        (body(new_zone, "*.prod", target=public), {domain}),
        (body(new_zone, "prod", target=public), set()),
        (body(new_zone, "@", target=private, config={"ttl": 1}), {domain, target, ttl}),
        (body(new_zone, target=private, config={"ttl": 1}, action="delete"), set()),
        (body(new_zone, "a.prod", target=None, action="delete"), {domain}),
        (body(new_zone, record_type="MX", target=None, action="delete"), {kind}),
    ):
        assert send(client, item)[0] == expected, item


def test_checks_and_other_settings_are_answered_together(client: TestClient, new_zone: str) -> None:
    change_zone(client, new_zone, checks="refuse", private_addresses="refuse", max_ttl=60)
    item = body(new_zone, "a_b", target="10.0.0.1", config={"ttl": 61})
    assert {code for _, code in single(client, item)[0]} == {
        "name_not_a_host",
        "address_not_public",
        "ttl_not_allowed",
    }


@OTHER_DOORS_THOROUGHLY
def test_what_a_zone_warns_of(client: TestClient, new_zone: str, send: Send) -> None:
    private, public = body(new_zone, target="10.0.0.1"), body(new_zone, target="193.0.6.139")
    assert send(client, private) == (set(), [])
    change_zone(client, new_zone, private_addresses="warn")
    assert send(client, private) == (set(), ["address_not_public"])
    assert send(client, public) == send(client, private | {"action": "delete"}) == (set(), [])


@OTHER_DOORS_THOROUGHLY
def test_types_by_number_need_a_setting(client: TestClient, new_zone: str, send: Send) -> None:
    item = body(new_zone, record_type="TYPE65280", target=r"\# 1 00")
    refused = {("body.resource.record_type", "type_not_allowed")}
    assert send(client, item)[0] == refused
    change_zone(client, new_zone, unknown_types=True)
    assert send(client, item)[0] == set()
    change_zone(client, new_zone, unknown_types=None, allowed_types=["A"])
    assert send(client, item)[0] == refused


def test_the_default_ttl(client: TestClient, new_zone: str) -> None:
    def ttl(**fields: Any) -> int:
        answer = client.post("/api/v1/dns/create", json=body(new_zone, **fields)).json()
        shown: int = answer["resource"]["config"]["ttl"]
        looked_up = client.get(f"/api/v1/dns/requests/{answer['id']}").json()
        assert looked_up["resource"] == answer["resource"]
        return shown

    assert ttl() == 300
    change_zone(client, new_zone, default_ttl=7200)
    assert ttl() == ttl(config={}) == ttl(config={"priority": 1}) == 7200
    assert ttl(config={"ttl": 60}) == 60
    items = {"requests": [body(new_zone), body(new_zone, "b", config={"ttl": 5})]}
    batch = client.post("/api/v1/dns/batch", json=items).json()["results"]
    assert [each["request"]["resource"]["config"]["ttl"] for each in batch] == [7200, 5]
    plan = client.post("/api/v1/dns/plan", json=items).json()["results"]
    assert [each["change"]["after"]["ttl"] for each in plan] == [7200, 5]


def test_a_key_stands_for_the_body_whatever_the_zone_has_become(client: TestClient, new_zone: str) -> None:
    def send(**fields: Any) -> Any:
        headers = {"Idempotency-Key": "k"}
        return client.post("/api/v1/dns/create", json=body(new_zone, **fields), headers=headers)

    first = send()
    change_zone(client, new_zone, default_ttl=7200)
    assert send().text == first.text
    change_zone(client, new_zone, allowed_types=["TXT"], protected_names=["**"])
    again = send()
    assert (again.status_code, again.text) == (202, first.text)
    assert send(config={"ttl": 7200}).status_code == 409


def test_a_key_of_a_release_that_stored_its_default(client: TestClient, new_zone: str) -> None:
    headers = {"Idempotency-Key": "k"}
    first = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
    with transaction() as session:
        session.execute(text("UPDATE dns_requests SET resource = jsonb_set(resource, '{config,ttl}', '300')"))
    change_zone(client, new_zone, default_ttl=7200)
    assert client.post("/api/v1/dns/create", json=body(new_zone), headers=headers).text == first.text
    other = body(new_zone, config={"ttl": 600})
    assert client.post("/api/v1/dns/create", json=other, headers=headers).status_code == 409


def deletes(zone: str, number: int) -> list[dict[str, Any]]:
    return [body(zone, f"h{index}", target=None, action="delete") for index in range(number)]


def creates(zone: str, number: int) -> list[dict[str, Any]]:
    return [body(zone, f"h{index}") for index in range(number)]


def answered(zone: str, owner: str) -> AnsweredRRset:
    return AnsweredRRset(zone, f"{owner}.{zone}", "A", 300, ("192.0.2.1",), "team-a", uuid4(), None)


def send_many(client: TestClient, items: list[dict[str, Any]], call: str = "batch", **fields: Any) -> Any:
    return client.post(f"/api/v1/dns/{call}", json={"requests": items} | fields)


@pytest.mark.parametrize("call", ["batch", "plan"])
def test_a_mass_change_is_refused_as_a_whole(client: TestClient, new_zone: str, call: str) -> None:
    change_zone(client, new_zone, max_deletes={"number": 2}, max_changes={"number": 4})
    for items, expected in (
        (deletes(new_zone, 2), 0),
        (deletes(new_zone, 3), 1),
        (creates(new_zone, 4), 0),
        (creates(new_zone, 5), 1),
        (deletes(new_zone, 5), 2),
        (deletes(new_zone, 2) + creates(new_zone, 4), 0),
        (deletes(new_zone, 1) * 9, 0),
    ):
        answer = send_many(client, items, call)
        assert answer.status_code == (422 if expected else 207), answer.text
        if expected:
            found = [(each["loc"], each["type"]) for each in answer.json()["detail"]]
            assert found == [(["body", "requests"], "mass_change")] * expected
        assert send_many(client, items, call, allow_mass_change=True).status_code == 207


def test_nothing_of_it_is_stored_and_all_reasons_are_given(client: TestClient, new_zone: str) -> None:
    change_zone(client, new_zone, max_deletes={"number": 1})
    for atomic in (False, True):
        answer = send_many(client, [*deletes(new_zone, 2), body(new_zone, target="none")], atomic=atomic)
        assert reasons(answer) == {
            ("body.requests", "mass_change"),
            ("body.requests.2.resource.target", "ipv4_invalid"),
        }
    assert client.get("/api/v1/dns/requests").json()["items"] == []


def test_zones_are_measured_one_by_one(client: TestClient, new_zone: str) -> None:
    sub = f"sub.{new_zone}"
    client.post("/api/v1/zones", json={"name": sub, "backend": "bind", "max_changes": {"number": 2}})
    assert send_many(client, creates(sub, 2) + creates(new_zone, 5)).status_code == 207
    assert sub in send_many(client, creates(sub, 3) + creates(new_zone, 5)).json()["detail"][0]["msg"]


def test_a_percentage_is_of_the_recorded_rrsets(client: TestClient, new_zone: str) -> None:
    change_zone(client, new_zone, max_deletes={"percent": 20})

    def record(*numbers: int) -> None:
        with transaction() as session:
            records.put(session, [answered(new_zone, f"r{number}") for number in numbers])

    record(*range(9))
    assert send_many(client, deletes(new_zone, 9)).status_code == 207  # of so few, a percentage says nothing
    record(9)
    assert send_many(client, deletes(new_zone, 2)).status_code == 207
    refused = send_many(client, deletes(new_zone, 3))
    assert codes(refused) == {"mass_change"}
    assert "20 % of those that are recorded" in refused.json()["detail"][0]["msg"]
    record(*range(10, 14))
    assert send_many(client, deletes(new_zone, 3)).status_code == 422
    record(14)
    assert send_many(client, deletes(new_zone, 3)).status_code == 207


def test_one_change_alone_is_none(client: TestClient, new_zone: str) -> None:
    change_zone(client, new_zone, max_deletes={"number": 1, "percent": 1}, max_changes={"percent": 1})
    with transaction() as session:
        records.put(session, [answered(new_zone, f"r{number}") for number in range(20)])
    [item] = deletes(new_zone, 1)
    assert single(client, item) == in_batch(client, item) == in_plan(client, item) == (set(), [])


def test_messages_that_the_consumer_puts_together_are_single_calls(client: TestClient, new_zone: str) -> None:
    change_zone(client, new_zone, max_changes={"number": 1})
    answer = client.post(
        "/api/v1/dns/batch", json={"requests": creates(new_zone, 3)}, headers={"orchestrator-via": "kafka"}
    )
    assert [each["status_code"] for each in answer.json()["results"]] == [202] * 3


def test_what_was_accepted_before_is_no_mass_change(client: TestClient, new_zone: str) -> None:
    def send(items: list[dict[str, Any]], **keys: str) -> Any:
        return client.post("/api/v1/dns/batch", json={"requests": items}, headers=keys)

    keyed = [body(new_zone, f"h{index}", idempotency_key=f"k{index}") for index in range(3)]
    first = send(keyed).json()["results"]
    change_zone(client, new_zone, max_changes={"number": 1})
    again = send([*keyed, body(new_zone, "other")]).json()["results"]
    assert [each["status_code"] for each in again] == [200, 200, 200, 202]
    assert [each["request"] for each in again[:3]] == [each["request"] for each in first]
    assert codes(send([*keyed, *creates(new_zone, 2)])) == {"mass_change"}


def test_what_was_accepted_goes_on(client: TestClient, new_zone: str) -> None:
    accepted = client.post("/api/v1/dns/create", json=body(new_zone)).json()
    change_zone(client, new_zone, allowed_types=["TXT"], protected_names=["**"], default_ttl=5)
    now = client.get(f"/api/v1/dns/requests/{accepted['id']}").json()
    assert (now["status"], now["resource"]) == ("pending", accepted["resource"])
