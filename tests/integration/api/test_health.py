"""The calls that say whether the API is alive and ready."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from fastapi.testclient import TestClient
from sqlalchemy import text

from app.core.database import reading, transaction
from app.services.health import OK, UNAVAILABLE
from app.services.presence import LIMIT, Presence, note_until
from app.services.stats import CurrentStats
from app.store.backends import WorkerSign, list_names, list_states, note_worker, worker_sign


@contextmanager
def with_parts(client: TestClient, **parts: object) -> Iterator[None]:
    """Let the API have other parts for the block."""
    state = client.app.state  # type: ignore[attr-defined]
    before = {name: state[name] for name in parts}
    try:
        for name, part in parts.items():
            state[name] = part
        yield
    finally:
        for name, part in before.items():
            state[name] = part


def last_sign() -> WorkerSign | None:
    with reading() as session:
        return worker_sign(session)


def note_once() -> None:
    stop = Event()
    stop.set()
    note_until(stop)


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
            "worker_seen_s": None,
            "backlog": {"open": 0, "limit": 200_000, "full": False},
        },
    )


def test_a_worker_leaves_a_sign_that_is_no_backend(client: TestClient) -> None:
    note_once()
    first = last_sign()
    with transaction() as session:
        note_worker(session, 3_600)  # which another has noted meanwhile
    second = last_sign()
    assert first is not None
    assert second is not None
    assert second.at == first.at
    set_clock = "UPDATE dns_backends SET paused_until = now() + CAST(:by AS interval) WHERE name = '(worker)'"
    for by in ("1 hour", "-1 hour"):
        with transaction() as session:
            session.execute(text(set_clock), {"by": by})
        note_once()
        sign = last_sign()
        assert sign is not None
        assert first.at < sign.at
        assert sign.age < 600
    with reading() as session:
        assert "(worker)" not in [*list_names(session), *(row.name for row in list_states(session, 900))]


def test_where_no_worker_is_there_everybody_who_looks_is_told(client: TestClient) -> None:
    with transaction() as session:
        session.execute(
            text("INSERT INTO dns_backends (name, paused_until) VALUES ('(worker)', now() - interval '90 s')")
        )
    presence, now = Presence(), time.monotonic()
    for looked_at in (now - LIMIT - 1, now):
        presence.note(last_sign(), looked_at)
    with with_parts(client, presence=presence, stats=CurrentStats()):
        ready = client.get("/readyz")
        stats = client.get("/api/v1/stats").json()
        home = client.get("/console/").text
    [problem] = ready.json()["problems"]
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert problem.startswith("no worker has been seen for ")
    assert ready.json()["worker_seen_s"] >= 90
    assert stats["worker_seen_s"] >= 90
    assert ">No worker has been seen for " in home


def test_the_console_says_that_redis_is_away(client: TestClient) -> None:
    class RedisAway:
        async def states(self) -> dict[str, str]:
            return {"postgresql": OK, "redis": UNAVAILABLE}

    assert "does not answer" not in client.get("/console/").text
    with with_parts(client, probes=RedisAway()):
        assert ">Redis does not answer: requests are accepted, " in client.get("/console/").text
