"""What Prometheus reads of the API."""

import secrets

import psycopg
from fastapi.testclient import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics

from app.core.config import Settings
from app.services.stats import CurrentStats
from tests.support.builders import body
from tests.support.metrics import Values, parse, value


def read(client: TestClient) -> Values:
    """The value of each series of ours, as it is now."""
    client.app.state.stats = CurrentStats()  # type: ignore[attr-defined]
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return parse(answer.text)


def test_what_is_accepted_and_refused_is_counted(client: TestClient, new_zone: str) -> None:
    before = read(client)
    assert client.post("/api/v1/dns/create", json=body(new_zone)).status_code == 202
    items = [body(new_zone, f"h{number}", action="upsert") for number in range(3)]
    bad = body("elsewhere.test", action="create")
    client.post("/api/v1/dns/batch", json={"requests": [*items, bad, bad]}).raise_for_status()
    refused = client.post("/api/v1/dns/create", json=body(new_zone, target="192.0.2.256"))
    after = read(client)

    def grown(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert grown("requests_accepted_total", door="api", action="create") == 1
    assert grown("requests_accepted_total", door="api", action="upsert") == 3
    assert grown("requests_refused_total", door="api", code="zone_unknown") == 2
    assert grown("calls_refused_total", code=refused.json()["detail"][0]["type"]) == 1
    assert grown("group_commit_requests_sum") == grown("group_commit_seconds_count") == 2
    assert value(after, "requests_open", status="pending") == 4
    assert value(after, "zone_requests_open", zone=new_zone) == 4
    assert value(after, "backend_requests_open", backend="bind") == 4
    assert value(after, "dependency_up", dependency="postgresql") == value(after, "stats_up") == 1


def test_nobody_who_calls_makes_series(client: TestClient, new_zone: str) -> None:
    """Accounts, sources, names, values, paths: none of them is a label."""

    def misuse() -> None:
        word = secrets.token_hex(8)
        hostile = body(new_zone, word, account=f"team-{word}", target=f'{word}"}} 1')
        hostile["context"]["source"] = word
        calls = [
            client.post("/api/v1/dns/create", json=hostile),
            client.post("/api/v1/dns/create", json=body(new_zone, word, account=f"team-{word}")),
            client.post("/api/v1/dns/create", json={word: word}),
            client.post("/api/v1/dns/batch", json={"requests": [hostile, body(f"{word}.test", action=word)]}),
            client.get(f"/{word}"),
            client.get("/api/v1/dns/requests", params={word: word, "status": word}),
            client.get("/api/v1/zones/" + word, headers={"User-Agent": word, "Accept": word}),
        ]
        assert all(call.status_code < 500 for call in calls)

    misuse()
    before = read(client).keys()
    for _ in range(4):
        misuse()
    assert read(client).keys() == before


def test_hundreds_of_zones_make_few_series(client: TestClient, new_zone: str, app_settings: Settings) -> None:
    url = app_settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(8):  # each time others have most
            word = secrets.token_hex(4)
            connection.execute(
                "INSERT INTO dns_zones (name, backend)"
                " SELECT %(word)s || number || '.test', 'b' || %(word)s || number %% 30"
                " FROM generate_series(1, 100) AS number",
                {"word": word},
            )
            connection.execute(
                "INSERT INTO dns_requests"
                " (id, action, account_id, source, resource, zone, name, record_type, ttl, rdata)"
                " SELECT gen_random_uuid(), 'create', 'team-a', 'api', '{}', %(word)s || number || '.test',"
                " 'www', 'A', 300, '{192.0.2.1}' FROM generate_series(1, 100) AS number",
                {"word": word},
            )
            found = read(client)
            series = [name for name, _ in found]
            assert series.count("zone_requests_open") <= 21
            assert series.count("backend_up") <= 101
            assert value(found, "zone_requests_open", zone=new_zone) == 0
            connection.execute("DELETE FROM dns_requests")
    zones = {dict(labels)["zone"] for name, labels in found if name == "zone_requests_open"}
    assert zones == {"other"}


def test_openmetrics(client: TestClient) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = read_openmetrics(answer.text)  # type: ignore[no-untyped-call]
    assert "dns_orchestrator_requests_open" in {family.name for family in families}
