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
