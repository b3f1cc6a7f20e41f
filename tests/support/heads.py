"""Heads of calls as they stand on the wire, also such as no client would send."""

import json
import socket

from tests.support.api_process import Api
from tests.support.builders import body

HEAD = b"POST /api/v1/dns/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def refusal(client: socket.socket, *parts: bytes) -> bytes:
    """Send these parts, and return the first line of the answer."""
    try:
        for part in parts:
            client.sendall(part)
    except OSError:
        pass  # it was cut off in the middle; the answer is there
    return client.recv(65_536).partition(b"\r\n")[0]


def status_of_head(api: Api, zone: str, size: int) -> bytes:
    """Submit a change with a header of that size, in bytes; return the status."""
    content = json.dumps(body(zone)).encode()
    head = HEAD + b"X: " + b"x" * size + b"\r\nContent-Length: %d\r\n\r\n" % len(content)
    with api.connect() as client:
        return refusal(client, head + content).split()[1]
