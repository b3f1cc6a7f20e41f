"""What every page of the console has."""

import re
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from tests.support.builders import body

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def test_a_browser_is_led_to_the_console_and_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.url.path.startswith("/console/")
    nowhere = client.get("/console/nowhere")
    refused = client.post("/console/requests")
    assert (page.status_code, nowhere.status_code, refused.status_code) == (200, 404, 405)
    for each in (page, nowhere, refused):
        assert each.headers["content-type"].startswith("text/html")
        assert each.headers["content-security-policy"] == POLICY
        assert each.headers["cache-control"] == "no-store"
        assert "<style" not in each.text
        assert " style=" not in each.text
    script = client.get("/console/static/console.js")
    assert script.headers["cache-control"] == "no-cache"
    assert "GET /console" not in client.get("/openapi.json").text


def test_what_can_not_be_read_is_said_with_all_reasons(client: TestClient) -> None:
    bad = client.get("/console/requests", params={"status": "lost", "zone": "a\nb"})
    assert bad.status_code == 422
    assert "Something has to be put right" in bad.text
    assert "<code>status</code>" in bad.text
    assert "<code>zone</code>" in bad.text
    bad = client.get("/console/requests", params={"domain": "a..b"})
    assert (bad.status_code, 'aria-describedby="h-domain"' in bad.text) == (422, True)
    bad = client.get("/console/requests", params={"cursor": "of another time"})
    assert (bad.status_code, "this cursor was not given out here" in bad.text) == (422, True)
    empty = client.get("/console/requests", params={"status": "", "zone": "", "cursor": ""})
    assert empty.status_code == 200


def test_a_part_of_a_page_comes_alone(client: TestClient, new_zone: str) -> None:
    client.post("/api/v1/dns/create", json=body(new_zone, "www")).raise_for_status()
    whole = client.get("/console/requests", params={"zone": new_zone})
    part = client.get("/console/requests", params={"zone": new_zone, "part": "list"})
    assert f"www.{new_zone}" in part.text
    assert part.text in whole.text
    assert "<html" not in part.text
    assert client.get("/console/requests", params={"part": "nothing"}).text.startswith("<!doctype html>")


def test_pages_of_others_may_send_no_forms(client: TestClient) -> None:
    there = f"/console/requests/{UUID(int=1)}/cancel"
    foreign = client.post(there, headers={"Origin": "https://elsewhere.example"})
    assert (foreign.status_code, foreign.headers["connection"]) == (403, "close")
    renamed = client.get("/console/requests", headers={"Host": "elsewhere.example"})
    assert renamed.status_code == 421
    for page, code in ((foreign, "origin_not_allowed"), (renamed, "host_unknown")):
        assert page.headers["content-security-policy"] == POLICY
        assert f"<code>{code}</code>" in page.text
        assert 'href="/console/static/console.css"' in page.text


def test_head_is_get_without_the_page(client: TestClient) -> None:
    for path in ("/console/", "/console/requests", "/console/live", "/console/static/console.js"):
        head = client.head(path)
        assert (head.status_code, head.content) == (200, b"")
    assert client.head("/console/nowhere").status_code == 404


@pytest.mark.parametrize("charset", ["undefined", "unicode_escape", "punycode", "utf-16"])
def test_a_form_is_read_in_utf8(client: TestClient, charset: str) -> None:
    part = b'--X\r\nContent-Disposition: form-data; name="name"\r\n\r\n\\ud800\xff\r\n--X--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary=X; charset={charset}"}
    for path in ("/console/zones", "/console/zones/example.test/import"):
        answer = client.post(path, content=part, headers=headers)
        assert (answer.status_code, "UTF-8" in answer.text) == (400, True)


def test_behind_a_proxy_that_takes_a_part_of_the_path(app_settings: object) -> None:
    from app.main import app

    with TestClient(app, root_path="/dns") as client:  # uvicorn puts it in front of the path, too
        led = client.get("/dns/", headers={"Accept": "text/html"}, follow_redirects=False)
        assert led.headers["location"] == "/dns/console/"
        page = client.get("/dns/console/requests", params={"zone": "example.test"})
        assert page.status_code == 200
        assert 'href="/dns/console/static/console.css"' in page.text
        assert 'action="/dns/console/requests"' in page.text
        assert client.get("/dns/console/static/console.css").status_code == 200
        found = re.findall(r'(?:href|action|src)="([^"]*)"', page.text)
        assert [each for each in found if not each.startswith(("/dns/console", "#"))] == []
