"""Receives webhooks, and prints each event once. The secret stands in WEBHOOK_SECRET.

python webhook_receiver.py PORT
"""

import base64
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300  # seconds by which clocks may differ; what is older may be sent again by somebody else
MAX_BODY = 1024 * 1024  # bytes


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Raise ValueError unless the body was signed with the secret, a short while ago."""
    event_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(time.time() - int(timestamp)) > TOLERANCE:
        raise ValueError("too old, or of the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, "sha256")
    expected = f"v1,{base64.b64encode(digest).decode()}"
    given = headers["webhook-signature"].split()  # several while a secret is replaced
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in given):
        raise ValueError("not signed with this secret")


class Receiver(BaseHTTPRequestHandler):
    """Answers at once: whoever has long work to do does it afterwards."""

    seen: set[str] = set()  # noqa: RUF012 - in a database, so that a restart forgets nothing

    def do_POST(self) -> None:
        """Take an event."""
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(min(length, MAX_BODY))
        try:
            verify(os.environ["WEBHOOK_SECRET"], self.headers, body)
        except (KeyError, TypeError, ValueError):
            self.send_response(401)
            self.end_headers()
            return
        event_id = self.headers["webhook-id"]
        if event_id not in self.seen:  # it may come again, with the same id
            self.seen.add(event_id)
            event = json.loads(body)
            print(event["type"], json.dumps(event["data"]), flush=True)  # noqa: T201
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of each call."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
