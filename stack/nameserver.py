"""What the stack's DNS servers have in common: their zones, and the TSIG key of the updates."""

import base64
import re
import secrets
from abc import abstractmethod
from pathlib import Path

from stack.part import Part
from stack.private import write_private

ZONES = ("example.test", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
KEY_NAME = "orchestrator"

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
        """Serve one more zone, which holds SOA and NS only. Raises StackError."""


def empty_zone(name: str) -> str:
    """Return the master file of a zone with SOA and NS, and in the first zone the name server's address."""
    return _EMPTY_ZONE.format(name=name) + (_NAME_SERVER_ADDRESS if name == ZONES[0] else "")


def create_key(path: Path, name: str = KEY_NAME) -> str:
    """Write the key file unless it exists; return its secret, in base64."""
    if not path.exists():
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        write_private(path, f'key "{name}" {{\n    algorithm hmac-sha256;\n    secret "{secret}";\n}};\n')
    (found,) = _SECRET.findall(path.read_text())
    return str(found)
