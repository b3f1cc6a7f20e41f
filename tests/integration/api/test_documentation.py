"""The API's own documentation, as a browser without the internet gets it."""

import re

from fastapi.testclient import TestClient

from tests.support.settings import SetSettings


def test_the_page_and_all_that_it_loads_come_from_here(client: TestClient) -> None:
    start = client.get("/")
    assert (start.status_code, start.url.path) == (200, "/docs")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', start.text)
    assert len(loaded) == 3
    assert "//" not in "".join(loaded)
    sizes = {path.rpartition("/")[2]: len(client.get(path).raise_for_status().content) for path in loaded}
    assert sizes["swagger-ui-bundle.js"] > 1_000_000
    assert "url: '/openapi.json'" in start.text
    assert client.get("/openapi.json").json()["info"]["title"] == "DNS Request Orchestrator"


def test_it_can_be_turned_off(app_settings: object, set_settings: SetSettings) -> None:
    from app.main import create_app

    set_settings(DOCS="false")
    with TestClient(create_app()) as client:
        assert [client.get(path).status_code for path in ("/docs", "/openapi.json")] == [404, 404]
        start = client.get("/")
        assert (start.status_code, start.url.path) == (200, "/readyz")


def test_behind_a_proxy_that_takes_a_part_of_the_path(app_settings: object) -> None:
    from app.main import app

    with TestClient(app, root_path="/dns") as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "/dns/docs"
        assert 'src="/dns/docs/assets/swagger-ui-bundle.js"' in client.get("/docs").text
