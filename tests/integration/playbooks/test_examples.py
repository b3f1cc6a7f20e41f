"""The playbooks in examples/, each run end to end."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from app.core.config import ROOT
from stack.embedded import Stack
from tests.support.builders import HOSTILE, change
from tests.support.runs import FinishedRun, execute
from tests.support.zones import ZoneUnderTest

HTTP_API = ROOT / "examples" / "http-api"
KEY = "the-key-of-the-api"


class DnsApi(ThreadingHTTPServer):
    """An HTTP API of somebody's DNS, which here is a zone on BIND."""

    def __init__(self, zone: ZoneUnderTest) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.zone = zone

    def change(self, path: str, authorization: str | None, body: dict[str, object]) -> tuple[int, str]:
        if authorization != f"Bearer {KEY}" or path != f"/zones/{self.zone.name}/changes":
            return 403, "forbidden"
        if body["name"] == f"silent.{self.zone.name}":
            raise ConnectionError
        item = {**body, "request_id": "1", "zone": self.zone.name, "rdata": body["values"]}
        (said,) = self.zone.apply(item)
        return (409 if said.outcome == "failed" else 200), self.zone.message(item)


class _Handler(BaseHTTPRequestHandler):
    server: DnsApi

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            status, text = self.server.change(self.path, self.headers["Authorization"], body)
        except ConnectionError:
            return  # hang up without an answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def zone(infrastructure: Stack, new_zone: str) -> ZoneUnderTest:
    return ZoneUnderTest(infrastructure, new_zone)


@pytest.fixture
def hosts(zone: ZoneUnderTest, tmp_path: Path) -> Iterator[Path]:
    """The example's inventory, with the address of an API that runs here."""
    with DnsApi(zone) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        text = (HTTP_API / "hosts.yml").read_text()
        path = tmp_path / "hosts.yml"
        path.write_text(text.replace("https://dns.example.net/api", f"http://127.0.0.1:{server.server_port}"))
        yield path
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch, warm: None) -> None:
    monkeypatch.setenv("DNS_API_KEY", KEY)


def run(hosts: Path, zone: ZoneUnderTest, *changes: tuple[str, ...], check: bool = False) -> FinishedRun:
    return execute(
        hosts,
        *(change(*item, zone=zone.name, **HOSTILE) for item in changes),
        playbook=HTTP_API / "provision.yml",
        backend="http-api",
        environment=["DNS_API_KEY"],
        check=check,
    )


def test_the_http_api(hosts: Path, zone: ZoneUnderTest, tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    evil = f"\"{{{{ lookup('pipe', 'touch {pwned}') }}}}\""
    ended = run(
        hosts,
        zone,
        ("create", "www", "A", "192.0.2.1", "192.0.2.2"),
        ("create", "alias", "CNAME", "www.example.org."),
        ("create", "alias", "TXT", '"beside"'),
        ("create", "silent", "A", "192.0.2.1"),
        ("delete", "www", "A", "192.0.2.1"),
        ("create", "txt", "TXT", evil),
    )
    assert ended.result.rc == 0
    assert ended.outcomes == [
        ("applied", None),
        ("applied", None),
        ("failed", "api_409"),
        ("unknown", None),
        ("applied", None),
        ("applied", None),
    ]
    refused = ended.result.results[ended.changes[2].request_id]
    assert refused.message is not None
    assert f"alias.{zone.name} has a CNAME" in refused.message
    assert zone.values("www", "A") == {"192.0.2.2"}
    assert zone.values("txt", "TXT") == {evil}
    assert not pwned.exists()
    assert any(event.startswith(f"http-api: ok (create www.{zone.name} A)") for event in ended.events)
    assert KEY not in ended.everything


@pytest.mark.thorough
def test_an_api_that_refuses_the_key(
    hosts: Path, zone: ZoneUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNS_API_KEY", "another-key")
    ended = run(hosts, zone, ("create", "www", "A", "192.0.2.1"))
    assert ended.outcomes == [("failed", "auth_refused")]
    assert "another-key" not in ended.everything


@pytest.mark.thorough
def test_the_http_api_is_not_called_in_check_mode(hosts: Path, zone: ZoneUnderTest) -> None:
    ended = run(hosts, zone, ("create", "www", "A", "192.0.2.1"), check=True)
    assert ended.result.rc == 0
    assert ended.outcomes == [("unknown", None)]
    assert zone.values("www", "A") == set()
