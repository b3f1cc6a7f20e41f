"""The HTTP contract, on a real database."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from tests.support.builders import body

JSON = {"content-type": "application/json"}


@pytest.fixture
def new_database(emptied_database: str) -> str:
    return emptied_database


def codes(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {reason["type"] for reason in answer.json()["detail"]}


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
    assert accepted["context"] == sent["context"]
    assert (accepted["action"], accepted["status"], accepted["zone"]) == ("create", "pending", new_zone)
    assert set(accepted) == {"id", "action", "status", "zone", "context", "resource", "created_at"}


@pytest.mark.parametrize("action", ["create", "update", "upsert", "delete"])
def test_every_action_has_its_call(client: TestClient, new_zone: str, action: str) -> None:
    answer = client.post(f"/api/v1/dns/{action}", json=body(new_zone))
    assert (answer.status_code, answer.json()["action"]) == (202, action)


def test_a_request_can_be_followed(client: TestClient, new_zone: str) -> None:
    accepted = client.post("/api/v1/dns/create", json=body(new_zone)).json()
    shown = client.get(f"/api/v1/dns/requests/{accepted['id']}").json()
    assert accepted.items() <= shown.items()
    assert shown["attempts"] == 0
    assert shown["error"] is None
    assert [(event["status"], event["message"]) for event in shown["events"]] == [("pending", "accepted")]


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
    found = {(".".join(map(str, reason["loc"])), reason["type"]) for reason in answer.json()["detail"]}
    assert found == {
        ("body.context.account_id", "missing"),
        ("body.surplus", "extra_forbidden"),
        ("body.resource.domain", "zone_unknown"),
        ("body.resource.target.0", "ipv4_invalid"),
        ("body.resource.target.2", "ipv4_invalid"),
        ("body.resource.config.ttl", "int_type"),
        ("body.resource.config.extra_config", "control_character"),
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"record_type": "WKS"}, "enum"),
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
def test_bad_input_has_a_code(client: TestClient, new_zone: str, change: dict[str, Any], code: str) -> None:
    assert code in codes(client.post("/api/v1/dns/create", json=body(new_zone, **change)))


def test_a_cname_at_the_apex_is_refused(client: TestClient, new_zone: str) -> None:
    sent = body(new_zone, "@", record_type="CNAME", target="www.example.test")
    assert codes(client.post("/api/v1/dns/create", json=sent)) == {"cname_at_apex"}


def test_an_account_without_control_characters(client: TestClient, new_zone: str) -> None:
    sent = body(new_zone)
    sent["context"]["account_id"] = "team\n"
    assert codes(client.post("/api/v1/dns/create", json=sent)) == {"string_pattern_mismatch"}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b'"\\ud800"', b"[" * 500 + b"]" * 500],
)
def test_what_is_not_json_is_refused(client: TestClient, raw: bytes) -> None:
    assert codes(client.post("/api/v1/dns/create", content=raw, headers=JSON)) == {"json_invalid"}
    assert codes(client.post("/api/v1/dns/batch", content=raw, headers=JSON)) == {"json_invalid"}


@pytest.mark.parametrize(
    "raw", [b"[]", b"5", b"null", b'"text"', b'{"context": [], "resource": {"domain": {}}}']
)
def test_json_of_another_shape_is_refused(client: TestClient, raw: bytes) -> None:
    assert codes(client.post("/api/v1/dns/create", content=raw, headers=JSON)) & {"model_type", "missing"}


def test_numbers_that_no_database_holds_are_refused(client: TestClient, new_zone: str) -> None:
    raw = (
        b'{"context": {"account_id": "a"}, "resource": {"record_type": "A", "target": "192.0.2.1",'
        b'"domain": "www.%b", "config": {"extra_config": {"x": 1e999}}}}' % new_zone.encode()
    )
    assert codes(client.post("/api/v1/dns/create", content=raw, headers=JSON)) == {"number_not_finite"}


def test_a_large_body_is_413(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/create", content=b"x" * 1_000_000, headers=JSON)
    assert answer.status_code == 413
    assert isinstance(answer.json()["detail"], str)


def test_another_content_type_is_415(client: TestClient) -> None:
    answer = client.post("/api/v1/dns/create", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


def test_what_is_not_there_is_404(client: TestClient) -> None:
    assert client.get(f"/api/v1/dns/requests/{uuid4()}").status_code == 404
    assert client.get("/api/v1/zones/nowhere.test").status_code == 404
    assert client.delete("/api/v1/zones/bad..name").status_code == 404
    assert codes(client.get("/api/v1/dns/requests/17")) == {"uuid_parsing"}


class TestIdempotency:
    def test_the_same_body_gets_the_first_answer(self, client: TestClient, new_zone: str) -> None:
        headers = {"Idempotency-Key": "k1"}
        first = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
        again = client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == first.json()
        assert len(client.get("/api/v1/dns/requests").json()["items"]) == 1

    def test_another_body_is_a_conflict(self, client: TestClient, new_zone: str) -> None:
        headers = {"Idempotency-Key": "k1"}
        client.post("/api/v1/dns/create", json=body(new_zone), headers=headers)
        answer = client.post("/api/v1/dns/upsert", json=body(new_zone), headers=headers)
        assert answer.status_code == 409

    def test_keys_are_per_account(self, client: TestClient, new_zone: str) -> None:
        sent = [body(new_zone), body(new_zone)]
        sent[1]["context"]["account_id"] = "team-b"
        ids = {
            client.post("/api/v1/dns/create", json=item, headers={"Idempotency-Key": "k"}).json()["id"]
            for item in sent
        }
        assert len(ids) == 2

    def test_twice_in_one_batch(self, client: TestClient, new_zone: str) -> None:
        items = [body(new_zone, idempotency_key="k") for _ in range(2)]
        items.append(body(new_zone, target="192.0.2.99", idempotency_key="k"))
        results = client.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
        assert [result["status_code"] for result in results] == [202, 200, 409]
        assert results[0]["request"] == results[1]["request"]


class TestBatch:
    def test_a_bad_item_never_sinks_the_others(self, client: TestClient, new_zone: str) -> None:
        items: list[Any] = [
            body(new_zone),
            5,
            body(new_zone, action="nope"),
            body(new_zone, target="nonsense"),
            body(new_zone, action="delete"),
            body(new_zone, idempotency_key=""),
        ]
        answer = client.post("/api/v1/dns/batch", json={"requests": items})
        assert answer.status_code == 207
        results = answer.json()["results"]
        assert [result["index"] for result in results] == list(range(6))
        assert [result["status_code"] for result in results] == [202, 422, 422, 422, 202, 422]
        assert ["request" in result for result in results] == [True, False, False, False, True, False]
        assert results[4]["request"]["action"] == "delete"
        assert [reason["type"] for reason in results[3]["errors"]] == ["ipv4_invalid"]

    def test_ten_thousand_items(self, client: TestClient, new_zone: str) -> None:
        items = [body(new_zone, f"h{number}") for number in range(10_000)]
        results = client.post("/api/v1/dns/batch", json={"requests": items}).json()["results"]
        assert {result["status_code"] for result in results} == {202}
        assert [result["request"]["resource"]["domain"] for result in results] == [
            item["resource"]["domain"] for item in items
        ]

    def test_one_more_is_refused(self, client: TestClient) -> None:
        answer = client.post("/api/v1/dns/batch", json={"requests": [{}] * 10_001})
        assert codes(answer) == {"too_many_items"}

    def test_an_empty_batch(self, client: TestClient) -> None:
        assert client.post("/api/v1/dns/batch", json={"requests": []}).json() == {"results": []}


class TestLists:
    def test_pages_newest_first(self, client: TestClient, new_zone: str) -> None:
        ids = [client.post("/api/v1/dns/create", json=body(new_zone)).json()["id"] for _ in range(5)]
        seen: list[str] = []
        cursor: str | None = None
        while True:
            query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = client.get("/api/v1/dns/requests", params=query).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ids[::-1]

    def test_filters(self, client: TestClient, new_zone: str) -> None:
        client.post("/api/v1/dns/create", json=body(new_zone))
        client.post("/api/v1/dns/create", json=body(new_zone, record_type="TXT", target="x"))

        def count(**query: str) -> int:
            return len(client.get("/api/v1/dns/requests", params=query).json()["items"])

        assert count(zone=new_zone.upper() + ".") == 2
        assert count(record_type="TXT", domain=f"WWW.{new_zone}") == 1
        assert count(status="failed") == 0
        assert count(status="pending", account_id="team-a", source="api") == 2
        assert count(account_id="team-b") == 0

    @pytest.mark.parametrize(
        "query",
        [
            {"cursor": "nonsense"},
            {"cursor": "IiI"},
            {"cursor": "W10"},
            {"cursor": "\0"},
            {"cursor": "é"},
            {"limit": "0"},
            {"limit": "x"},
            {"status": "lost"},
            {"zone": "bad..name"},
            {"account_id": "a\0"},
        ],
    )
    def test_a_bad_query_is_refused(self, client: TestClient, query: dict[str, str]) -> None:
        assert codes(client.get("/api/v1/dns/requests", params=query))
        if "status" not in query:
            assert codes(client.get("/api/v1/dns/records", params=query))


class TestZones:
    def test_their_life(self, client: TestClient) -> None:
        added = client.post("/api/v1/zones", json={"name": "Sub.Example.TEST.", "backend": "bind"})
        assert (added.status_code, added.json()["name"]) == (201, "sub.example.test")
        assert (
            client.post("/api/v1/zones", json={"name": "sub.example.test", "backend": "x"}).status_code == 409
        )
        moved = client.patch("/api/v1/zones/SUB.example.test", json={"backend": "knot"}).json()
        assert moved["backend"] == "knot"
        assert client.get("/api/v1/zones/sub.example.test").json() == moved
        assert client.delete("/api/v1/zones/sub.example.test").status_code == 204
        assert client.get("/api/v1/zones/sub.example.test").status_code == 404

    def test_one_with_open_requests_stays(self, client: TestClient, new_zone: str) -> None:
        client.post("/api/v1/dns/create", json=body(new_zone))
        assert client.delete(f"/api/v1/zones/{new_zone}").status_code == 409

    def test_the_longest_match_takes_the_request(self, client: TestClient, new_zone: str) -> None:
        client.post("/api/v1/zones", json={"name": f"dev.{new_zone}", "backend": "bind"})
        answer = client.post("/api/v1/dns/create", json=body(new_zone, "www.dev"))
        assert answer.json()["zone"] == f"dev.{new_zone}"

    @pytest.mark.parametrize(
        "sent", [{"name": "a..b", "backend": "x"}, {"name": "a.test", "backend": "-e x"}]
    )
    def test_bad_ones_are_refused(self, client: TestClient, sent: dict[str, str]) -> None:
        assert codes(client.post("/api/v1/zones", json=sent))


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {"status": "ready", "dependencies": {"postgresql": "ok", "redis": "ok"}},
    )


def test_the_documentation_shows_the_bodies(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    create = document["paths"]["/api/v1/dns/create"]["post"]["requestBody"]["content"]["application/json"]
    assert create["schema"] == {"$ref": "#/components/schemas/Submission"}
    assert create["examples"]
    for name in ("Submission", "Batch", "BatchItem", "Resource"):
        assert name in document["components"]["schemas"]
