"""Ask a DNS server again and again, with as little work as possible, until it has a name."""

import socket
import time

import dns.flags
import dns.message

_PAUSE = 0.001  # seconds between queries
_TIMEOUT = 60.0  # seconds


def seconds_until_answered(address: str, port: int, name: str, began: float) -> float:
    """Return the seconds from `began` (of time.perf_counter) until the server has an A record of the name."""
    query = dns.message.make_query(name, "A", flags=0).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(1)
        connection.connect((address, port))
        while time.perf_counter() - began < _TIMEOUT:
            connection.send(query)
            if _has_answer(connection.recv(4096)):
                return time.perf_counter() - began
            time.sleep(_PAUSE)
    raise TimeoutError(f"the DNS server had no A record of {name} within {_TIMEOUT:g} s")


def _has_answer(response: bytes) -> bool:
    return int.from_bytes(response[6:8], "big") > 0  # the number of answer records, RFC 1035 4.1.1
