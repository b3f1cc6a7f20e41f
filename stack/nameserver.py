"""What the stack's DNS servers have in common: their zones, and the TSIG key for updates."""

import base64
import re
import secrets
from abc import abstractmethod
from pathlib import Path

from stack.part import Part
from stack.private import write_private

ZONES = ("example.test", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
KEY = "orchestrator"

_EMPTY_ZONE = """\
$ORIGIN {name}.
$TTL 300
@    SOA ns1.example.test. hostmaster.example.test. 1 3600 600 604800 60
     NS  ns1.example.test.
"""
_NAME_SERVER_ADDRESS = "ns1  A   127.0.0.1\n"
_SECRET = re.compile(r'secret "([^"]+)"')


class NameServer(Part):
    """An authoritative DNS server that takes updates signed with a TSIG key (RFC 8945)."""

    key_file: Path  # the TSIG key of the updates, in BIND's syntax

    @abstractmethod
    def add_zone(self, name: str) -> None:
        """Serve one more zone, empty but for SOA and NS. Raises `StackError`."""


def empty_zone(name: str) -> str:
    """The master file of a zone that holds SOA and NS only, and for the first zone its name server."""
    return _EMPTY_ZONE.format(name=name) + (_NAME_SERVER_ADDRESS if name == ZONES[0] else "")


def create_key(path: Path, name: str = KEY) -> str:
    """Write a key file at the first call; return the secret that it holds, in base64."""
    if not path.exists():
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        write_private(path, f'key "{name}" {{\n    algorithm hmac-sha256;\n    secret "{secret}";\n}};\n')
    (found,) = _SECRET.findall(path.read_text())
    return str(found)
