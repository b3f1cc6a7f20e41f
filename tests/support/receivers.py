"""A receiver of webhooks, which behaves as the path says that it is asked for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Thread
from typing import Any

TIME = 30.0  # seconds that the slow ones take: longer than anybody waits


@dataclass(frozen=True, slots=True)
class Received:
    """A post, as it has come."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Takes what is posted to it; `answers` says with which status, by path, where that is not 204."""

    def __init__(self, address: str = "127.0.0.1", certificate: Path | None = None) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, int] = {}
        self.refuse: bytes | None = None  # posts in which this stands are answered 500
        receiver = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                receiver.take(self)

        self._server = _Server((address, 0), Handler)
        if certificate is not None:
            context = SSLContext(PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.origin = f"{'https' if certificate else 'http'}://{address}:{self.port}"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        """Take posts within the block."""
        thread = Thread(target=self._server.serve_forever, args=[0.02], daemon=True)
        thread.start()
        yield self
        self._server.shutdown()
        self._server.server_close()
        thread.join()

    def at(self, path: str) -> list[Received]:
        """What was posted to a path."""
        return [each for each in self.received if each.path == path]

    def take(self, handler: "_Handler") -> None:
        """Take one post, and answer it."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.received.append(Received(handler.path, headers, body))
        behave = getattr(handler, f"be_{handler.path.strip('/').replace('-', '_')}", None)
        with suppress(OSError):  # nobody waits for the rest
            if behave is not None:
                behave()
            else:
                refused = self.refuse is not None and self.refuse in body
                handler.answer(500 if refused else self.answers.get(handler.path, 204))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", /, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def be_slow(self) -> None:
        time.sleep(TIME)

    def be_close(self) -> None:
        self.close_connection = True

    def be_redirect(self) -> None:
        self.answer(307, Location="/elsewhere")

    def be_busy(self) -> None:
        self.answer(429, b"slowly", Retry_After="120")

    def be_no_http(self) -> None:
        self.wfile.write(b"220 mail.example.org ESMTP\r\n")

    def be_dripping_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(int(TIME * 10)):
            self.wfile.write(f"X-{number}: x\r\n".encode())
            time.sleep(0.1)

    def be_dripping_body(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(int(TIME * 10)):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def be_big(self) -> None:
        self.send_response(500)
        self.send_header("Content-Length", str(10**12))
        self.end_headers()
        while True:
            self.wfile.write(b"big \x1b[31m\x00" * 10_000)

    def be_informing(self) -> None:
        while True:
            self.wfile.write(b"HTTP/1.1 100 \r\n\r\n" * 4_000)
