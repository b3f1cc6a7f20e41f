"""The calls that say whether the API is alive and ready."""

from fastapi.testclient import TestClient


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()) == (
        200,
        {
            "status": "ready",
            "executor": "ansible",
            "auth": "off",
            "dependencies": {"postgresql": "ok", "redis": "ok"},
            "problems": [],
            "unavailable_backends": {},
            "backlog": {"open": 0, "limit": 200_000, "full": False},
        },
    )
