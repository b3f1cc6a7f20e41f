"""The calls that submit one change."""

import json
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.support.answers import codes, reasons
from tests.support.builders import body


def test_the_owners_body_is_accepted(client: TestClient, new_zone: str) -> None:
    config = {"ttl": 300, "priority": 10, "extra_config": {"any": "thing"}}
    sent = body(new_zone, comment="optional", config=config)
    sent["context"]["source"] = "api"
    answer = client.post("/api/v1/dns/create", json=sent)
    assert answer.status_code == 202
    accepted = answer.json()
    assert UUID(accepted["id"]).version == 7
    assert answer.headers["location"] == f"/api/v1/dns/requests/{accepted['id']}"
    assert accepted["resource"] == sent["resource"]
    assert accepted["context"] == sent["context"] | {"via": "api"}
    assert (accepted["action"], accepted["status"], accepted["zone"]) == ("create", "pending", new_zone)
    assert set(accepted) == {"id", "action", "status", "zone", "context", "resource", "created_at"}


@pytest.mark.parametrize("source", ["billing-system", "api", "kafka", "v1.2_x", "x" * 64])
def test_the_source_is_a_label_of_the_clients_choice(client: TestClient, new_zone: str, source: str) -> None:
    sent = body(new_zone)
    sent["context"]["source"] = source
    accepted = client.post("/api/v1/dns/create", json=sent).json()
    assert accepted["context"] == {"account_id": "team-a", "source": source, "via": "api"}
    found = client.get("/api/v1/dns/requests", params={"source": source}).json()["items"]
    assert [each["id"] for each in found] == [accepted["id"]]


@pytest.mark.parametrize("source", ["", "x" * 65, "two words", "ä", "a\n", "a\u202eb"])
def test_what_is_no_label_is_no_source(client: TestClient, new_zone: str, source: str) -> None:
    sent = body(new_zone)
    sent["context"]["source"] = source
    answer = client.post("/api/v1/dns/create", json=sent)
    assert reasons(answer) == {("body.context.source", "string_pattern_mismatch")}
    assert client.get("/api/v1/dns/requests", params={"source": source}).status_code == 422


@pytest.mark.parametrize("via", ["api", "kafka", "cli", "console"])
def test_without_a_source_it_is_the_door(client: TestClient, new_zone: str, via: str) -> None:
    door = {"Orchestrator-Via": via}
    single = client.post("/api/v1/dns/create", json=body(new_zone), headers=door).json()
    batch = client.post("/api/v1/dns/batch", json={"requests": [body(new_zone, "h")]}, headers=door).json()
    expected = {"account_id": "team-a", "source": via, "via": via}
    assert single["context"] == batch["results"][0]["request"]["context"] == expected


@pytest.mark.parametrize("call", ["create", "batch"])
def test_a_door_that_there_is_not(client: TestClient, new_zone: str, call: str) -> None:
    sent = body(new_zone) if call == "create" else {"requests": [body(new_zone)]}
    answer = client.post(f"/api/v1/dns/{call}", json=sent, headers={"Orchestrator-Via": "window"})
    assert reasons(answer) == {("header.orchestrator-via", "via_unknown")}


@pytest.mark.parametrize("action", ["create", "update", "upsert", "delete"])
def test_every_action_has_its_call(client: TestClient, new_zone: str, action: str) -> None:
    answer = client.post(f"/api/v1/dns/{action}", json=body(new_zone))
    assert (answer.status_code, answer.json()["action"]) == (202, action)


def test_all_reasons_come_at_once(client: TestClient) -> None:
    sent = {
        "context": {},
        "surplus": 1,
        "resource": {
            "record_type": "A",
            "domain": "www.nowhere.test",
            "target": ["192.0.2.1000", "192.0.2.1", "nonsense"],
            "config": {"ttl": "long", "extra_config": {"text": "a\0b"}},
        },
    }
    answer = client.post("/api/v1/dns/create", json=sent)
    assert reasons(answer) == {
        ("body.context.account_id", "missing"),
        ("body.surplus", "extra_forbidden"),
        ("body.resource.domain", "zone_unknown"),
        ("body.resource.target.0", "ipv4_invalid"),
        ("body.resource.target.2", "ipv4_invalid"),
        ("body.resource.config.ttl", "int_type"),
        ("body.resource.config.extra_config", "control_character"),
    }


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"record_type": "WKS"}, "type_refused"),
        ({"record_type": "FOO"}, "enum"),
        ({"record_type": 5}, "enum"),
        ({"domain": "bad..name"}, "label_empty"),
        ({"domain": "a\0b.test"}, "name_invalid"),
        ({"domain": ""}, "name_empty"),
        ({"domain": "x" * 2000}, "string_too_long"),
        ({"domain": "elsewhere.test"}, "zone_unknown"),
        ({"target": None}, "target_missing"),
        ({"target": []}, "too_short"),
        ({"target": 7}, "string_type"),
        ({"target": {"a": 1}}, "string_type"),
        ({"config": {"ttl": -1}}, "greater_than_equal"),
        ({"config": {"ttl": 2**31}}, "less_than_equal"),
        ({"config": {"ttl": True}}, "int_type"),
        ({"config": {"priority": 65536}}, "less_than_equal"),
        ({"config": {"extra_config": {"x": "y" * 9000}}}, "extra_config_too_long"),
        ({"config": {"extra_config": {"x": json.loads("[" * 16 + "]" * 16)}}}, "extra_config_too_deep"),
        ({"config": {"extra_config": {"x": [{"k" * 101: 1}]}}}, "extra_config_key_too_long"),
        ({"comment": "bell \a"}, "string_pattern_mismatch"),
        ({"unknown": 1}, "extra_forbidden"),
        ({"record_type": "AAAA"}, "ipv6_invalid"),
        ({"record_type": "CNAME", "target": "https://example.test/"}, "target_is_url"),
        ({"record_type": "MX", "target": "192.0.2.1"}, "target_is_ip"),
        ({"record_type": "NS", "target": "mail"}, "target_not_fqdn"),
        ({"record_type": "PTR", "target": "a b.test"}, "target_invalid"),
        ({"record_type": "SRV", "target": "sip.example.test"}, "port_missing"),
        ({"record_type": "CAA", "target": "letsencrypt.org"}, "caa_invalid"),
        ({"record_type": "TXT", "target": "a\0b"}, "text_invalid"),
    ],
)
def test_bad_input_has_a_code(client: TestClient, new_zone: str, fields: dict[str, Any], code: str) -> None:
    assert code in codes(client.post("/api/v1/dns/create", json=body(new_zone, **fields)))


def test_a_cname_at_the_apex_is_refused(client: TestClient, new_zone: str) -> None:
    sent = body(new_zone, "@", record_type="CNAME", target="www.example.test")
    assert codes(client.post("/api/v1/dns/create", json=sent)) == {"cname_at_apex"}


def test_an_account_without_control_characters(client: TestClient, new_zone: str) -> None:
    sent = body(new_zone, account="team\n")
    assert codes(client.post("/api/v1/dns/create", json=sent)) == {"string_pattern_mismatch"}


def test_why_a_type_is_refused(client: TestClient, new_zone: str) -> None:
    item = body(new_zone, record_type="SPF", target="v=spf1 -all")
    (reason,) = client.post("/api/v1/dns/create", json=item).json()["detail"]
    assert (reason["loc"], reason["type"]) == (["body", "resource", "record_type"], "type_refused")
    assert "use a TXT" in reason["msg"]


def test_a_type_that_is_known_by_its_number_alone(client: TestClient, new_zone: str) -> None:
    item = body(new_zone, record_type="type65280", target=r"\# 4 0a000001")
    assert codes(client.post("/api/v1/dns/create", json=item)) == {"type_not_allowed"}
    for path in ("/api/v1/dns/records", "/api/v1/dns/requests"):
        for record_type in ("TYPE65280", "https"):
            assert client.get(path, params={"record_type": record_type}).json()["items"] == []


def test_a_text_in_quotes_is_accepted_with_a_warning(client: TestClient, new_zone: str) -> None:
    answer = client.post("/api/v1/dns/create", json=body(new_zone, record_type="TXT", target='"x"'))
    assert answer.status_code == 202
    assert [warning["code"] for warning in answer.json()["warnings"]] == ["quotes_not_kept"]


@pytest.mark.parametrize("ttl", [-1, 2**31, 300.5, "300", True])
def test_the_bounds_of_the_ttl(client: TestClient, new_zone: str, ttl: object) -> None:
    """RFC 2181 8."""
    item = body(new_zone, config={"ttl": ttl})
    (reason,) = client.post("/api/v1/dns/create", json=item).json()["detail"]
    assert reason["loc"] == ["body", "resource", "config", "ttl"]
