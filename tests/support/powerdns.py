"""Calls of PowerDNS's API that bypass the collection, and HTTP servers whose answers a test decides."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from stack.embedded import Stack
from tests.support.zones import ApiZoneUnderTest, ZoneUnderTest

Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
Answerer = Callable[[str, str, bytes], Answer | None]  # of method, path and body; None closes the connection


@contextmanager
def http_server(answer: Answerer) -> Iterator[str]:
    """An HTTP server that answers each call with what `answer` returns; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = answer(self.command, self.path, self.rfile.read(int(self.headers["Content-Length"] or 0)))
            if reply is None:
                self.close_connection = True
                return
            status, headers, body = reply
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_PATCH = do_PUT = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def call(zone: ApiZoneUnderTest, method: str, path: str, body: bytes = b"", url: str = "") -> Answer:
    """Call the API of the zone's server, or the one at `url`."""
    request = Request((url or zone.url) + path, body or None, {"X-API-Key": zone.api_key}, method=method)
    try:
        with urlopen(request, timeout=10) as answer:
            return answer.status, {}, answer.read()
    except HTTPError as error:
        return error.code, {}, error.read()


def forbid_transfers(zone: ApiZoneUnderTest) -> None:
    """Let the server transfer the zone to nobody who asks for it with the key of its updates."""
    body = json.dumps({"master_tsig_key_ids": []}).encode()
    status, _, text = call(zone, "PUT", f"/api/v1/servers/localhost/zones/{zone.name}.", body)
    assert status == 204, text


def put(zone: ApiZoneUnderTest, owner: str, rdtype: str, *records: str, **more: object) -> None:
    """Replace an RRset on the server, bypassing the collection; a record that begins with "-" is disabled."""
    contents = [{"content": text.removeprefix("-"), "disabled": text.startswith("-")} for text in records]
    rrset = {"name": f"{zone.full(owner)}.", "type": rdtype, "ttl": 300, "changetype": "REPLACE"}
    body = json.dumps({"rrsets": [rrset | {"records": contents} | more]}).encode()
    status, _, text = call(zone, "PATCH", f"/api/v1/servers/localhost/zones/{zone.name}.", body)
    assert status == 204, text


def insert(stack: Stack, zone: ZoneUnderTest, owner: str, rdtype: str, content: str, ttl: int) -> None:
    """Put a record into the server's database, as the API would not."""
    with sqlite3.connect(stack.data("powerdns") / "zones.sqlite", timeout=10) as database:
        database.execute(
            "INSERT INTO records (domain_id, name, type, content, ttl, disabled, auth)"
            " SELECT id, ?, ?, ?, ?, 0, 1 FROM domains WHERE name = ?",
            (zone.full(owner), rdtype, content, ttl, zone.name),
        )


def rrsets_at(zone: ApiZoneUnderTest, owner: str) -> dict[str, Any]:
    """The RRsets of an owner name as the API shows them, by type."""
    rrsets = json.loads(call(zone, "GET", f"/api/v1/servers/localhost/zones/{zone.name}.")[2])["rrsets"]
    return {rrset["type"]: rrset for rrset in rrsets if rrset["name"] == f"{zone.full(owner)}."}


def creates(zone: ApiZoneUnderTest, number: int) -> list[dict[str, Any]]:
    """As many changes that each create an address, at different names."""
    return [zone.change("create", f"h{index}", "A", "192.0.2.1") for index in range(number)]


@contextmanager
def intercepted(zone: ApiZoneUnderTest, answer_change: Callable[[bytes], Answer | None]) -> Iterator[None]:
    """Send reads of a zone to the real server, and answer changes with what `answer_change` returns."""
    real = zone.url

    def answer(method: str, path: str, body: bytes) -> Answer | None:
        return answer_change(body) if method == "PATCH" else call(zone, method, path, body, real)

    with http_server(answer) as zone.url:
        yield
    zone.url = real
