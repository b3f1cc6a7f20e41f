"""An API that dies of what it is asked: a front of the real one, which it kills when it sees a mark."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import httpx2

from stack.ports import HOST
from tests.faults.matrix.system import System
from tests.support.http import TLS

_HANDED_ON = ("authorization", "content-type", "orchestrator-via")
_HANDED_BACK = ("content-type", "retry-after")


_DEATHS = 3


class Front:
    """Hands calls on, and answers; the API is started again after each death.

    That takes a moment, so it dies a few times only. Later it gives no answer, which is all that callers see.
    """

    def __init__(self, system: System, api: str, mark: bytes) -> None:
        self.deaths = 0
        self._system, self._api, self._mark = system, api, mark
        self._http = httpx2.Client(timeout=30, verify=TLS)
        self._dying = Lock()

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> httpx2.Response | None:
        """Return the API's answer; None where it gives none."""
        with self._dying:
            if self._mark in body:
                if self.deaths < _DEATHS:
                    self.deaths += 1
                    self._system.kill(self._api)
                    self._system.start(self._api)
                return None
        try:
            return self._http.post(f"{self._system.url(self._api)}{path}", content=body, headers=headers)
        except httpx2.TransportError:  # it has died of another call
            return None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


@contextmanager
def deadly_front(system: System, api: str, mark: bytes) -> Iterator[tuple[Front, str]]:
    """Run a front of an API for the block; return it with its address."""
    front = Front(system, api, mark)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            passed = {name: value for name, value in self.headers.items() if name.lower() in _HANDED_ON}
            answer = front.answer(self.path, passed, body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer.status_code)
            for name in _HANDED_BACK:
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(answer.content)))
            with suppress(ConnectionError):  # who has asked may have ended meanwhile
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield front, f"http://{HOST}:{server.server_port}/api/v1/dns/create"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        front.close()
