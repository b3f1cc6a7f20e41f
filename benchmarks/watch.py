"""Ask a DNS server over and over, with as little work as possible, until a name is there."""

import socket
import time

import dns.flags
import dns.message

_PAUSE = 0.001  # seconds between questions
_PATIENCE = 60.0  # seconds


def seconds_until_answered(address: str, port: int, name: str, began: float) -> float:
    """Seconds from `began` (of time.perf_counter) until the server answers with an A record for the name."""
    question = dns.message.make_query(name, "A", flags=0).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(1)
        connection.connect((address, port))
        while time.perf_counter() - began < _PATIENCE:
            connection.send(question)
            if _answers(connection.recv(4096)):
                return time.perf_counter() - began
            time.sleep(_PAUSE)
    raise TimeoutError(f"{name} is not answered")


def _answers(reply: bytes) -> bool:
    return int.from_bytes(reply[6:8], "big") > 0  # the count of answers, RFC 1035 section 4.1.1
