"""A fake API, for faults that the real one can't be made to show, or where the real one adds nothing."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any


@dataclass(frozen=True)
class Reply:
    """The answer to one call."""

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


BREAK = Reply(0)  # no answer: the connection is closed, as by an API that has died of the call


def accept(requests: list[Json]) -> Reply:
    """Accept every item of a batch."""
    return decide([202] * len(requests))


def decide(statuses: list[int]) -> Reply:
    """Answer a batch with a status for each item."""
    results = [{"index": index, "status_code": status} for index, status in enumerate(statuses)]
    return Reply(207, {"results": results})


class FakeApi:
    """Answers batch calls with what `answer` returns, and keeps the items of each call in `calls`."""

    def __init__(self, port: int) -> None:
        self.url = api_url(port)
        self.calls: list[list[Json]] = []
        self.sizes: list[int] = []
        self.answer: Callable[[list[Json]], Reply] = accept  # to be replaced by a test
        self.answers_without_items = True  # to a call that has none, which shows that it is there
        self.headers: list[Mapping[str, str]] = []  # of each call
        self.kept: dict[str, Json] = {}
        self._keeping = threading.Lock()

    def keep(self, requests: list[Json]) -> Reply:
        """Answer as the real API does: an item whose idempotency key is known is not kept again."""
        with self._keeping:
            known = [item["idempotency_key"] in self.kept for item in requests]
            self.kept |= {item["idempotency_key"]: item for item in requests}
        return decide([200 if each else 202 for each in known])

    def names(self) -> list[str]:
        """The first labels of the owner names that were kept, in the order in which they came."""
        return [name(item) for item in self.kept.values()]


def api_url(port: int) -> str:
    """What goes into `API_URL`."""
    return f"http://127.0.0.1:{port}/api/v1/dns/create"


def name(item: Json) -> str:
    """The first label of an item's owner name."""
    label: str = item["resource"]["domain"].partition(".")[0]
    return label


@contextmanager
def fake_api(port: int = 0, tls: ssl.SSLContext | None = None, *, keeps: bool = False) -> Iterator[FakeApi]:
    """A fake API on a loopback port, for the block; one that `keeps` does so from its first call on."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    api = FakeApi(server.server_port)
    if keeps:
        api.answer = api.keep
    server.api = api  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        api: FakeApi = self.server.api  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.path == "/api/v1/dns/batch"
        requests = json.loads(body)["requests"]
        if requests:
            api.calls.append(requests)
            api.sizes.append(len(body))
            api.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = api.answer(requests)
        else:
            reply = accept([]) if api.answers_without_items else BREAK
        if reply is BREAK:
            self.close_connection = True
            return
        content = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
