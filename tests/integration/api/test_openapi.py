"""The OpenAPI document shows the bodies, also of calls that read them without FastAPI."""

import json

from fastapi.testclient import TestClient


def test_the_documentation_shows_the_bodies(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    create = document["paths"]["/api/v1/dns/create"]["post"]["requestBody"]["content"]["application/json"]
    assert create["schema"] == {"$ref": "#/components/schemas/Submission"}
    assert create["examples"]
    for name in ("Submission", "Batch", "BatchItem", "Resource"):
        assert name in document["components"]["schemas"]


def test_the_documentation_shows_the_bodies_of_zones(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    for name in ("NewZone", "ZoneChange"):
        backend = document["components"]["schemas"][name]["properties"]["backend"]
        assert "pattern" in json.dumps(backend)


def test_fields_whose_names_do_not_explain_them_are_described(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for shape, fields in {
        "RequestDetail": ("waits_for", "earlier_events", "verified_at"),
        "RequestOut": ("verified_at",),
        "BackendOut": ("seen_at",),
    }.items():
        for field in fields:
            assert schemas[shape]["properties"][field].get("description"), (shape, field)


def test_links_lead_to_calls_with_the_parameters_that_they_give(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    operations = [each for path in document["paths"].values() for each in path.values()]
    places = {
        each["operationId"]: {f"{given['in']}.{given['name']}" for given in each.get("parameters", ())}
        for each in operations
    }
    answers = [answer for each in operations for answer in each["responses"].values()]
    links = [link for answer in answers for link in answer.get("links", {}).values()]
    assert len(links) > 100
    for link in links:
        assert set(link["parameters"]) <= places[link["operationId"]], link
    request = document["paths"]["/api/v1/dns/requests/{request_id}"]["get"]
    assert {name.rpartition(".")[2] for name in request["responses"]["200"]["links"] if "." in name} == {
        "run_id",
        "batch_id",
    }
