"""TSIG keys of each algorithm, under names in any case, in updates and in questions, on BIND and Knot."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import dns.name
import dns.rcode
import dns.update
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Connection, Target
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.key_file import read_key

from app.domain.change import RRsetKey
from app.domain.expectation import Answer
from app.domain.server import Server
from app.nameservers.resolver import ask
from stack.nameserver import empty_zone
from stack.ports import HOST
from tests.support.free_port import free_port
from tests.support.own_servers import own_bind, own_knot

ZONE = "keys.test"
OF_KNOT = ["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
ALGORITHMS = [*OF_KNOT, "hmac-sha256-128", "hmac-sha384-192", "hmac-sha512-256"]
# The names of the keys as the key files have them, and as the servers have them.
CLIENTS = {each: f"Team-{each}.Example" for each in ALGORITHMS}
SERVERS = {each: f"tEAM-{each}.eXAMPLE" for each in ALGORITHMS}


class Keys:
    """Two servers that know all keys, and the key files of who asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secrets = {
            algorithm: base64.b64encode(secrets.token_bytes(64)).decode() for algorithm in ALGORITHMS
        }
        self.ports = {"bind": free_port(), "knot": free_port()}

    def file(self, algorithm: str, spelling: str) -> Path:
        """A key file in which names and words are spelled so."""
        path = self.folder / f"{algorithm}.key"
        path.write_text(
            f'key "{CLIENTS[algorithm]}" {{ algorithm {spelling}; secret "{self.secrets[algorithm]}"; }};'
        )
        return path

    def of_bind(self) -> str:
        keys = "".join(
            f'key "{SERVERS[each]}" {{ algorithm {each}; secret "{self.secrets[each]}"; }};\n'
            for each in ALGORITHMS
        )
        allowed = " ".join(f'key "{SERVERS[each]}";' for each in ALGORITHMS)
        return (
            f'{keys}zone "{ZONE}" {{ type primary; file "{ZONE}"; notify no;'
            f" allow-query {{ {allowed} }}; allow-update {{ {allowed} }}; }};\n"
        )

    def of_knot(self) -> str:
        keys = "".join(
            f"  - id: {SERVERS[each]}\n    algorithm: {each}\n    secret: {self.secrets[each]}\n"
            for each in OF_KNOT
        )
        names = ", ".join(SERVERS[each] for each in OF_KNOT)
        return (
            f"key:\n{keys}acl:\n  - id: updates\n    key: [{names}]\n    action: [update, query, transfer]\n"
            f"zone:\n  - domain: {ZONE}\n    file: {ZONE}\n    storage: .\n    acl: updates\n"
        )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    made = Keys(tmp_path_factory.mktemp("keys"))
    with ExitStack() as stack:
        for name, run, text in (("bind", own_bind, made.of_bind()), ("knot", own_knot, made.of_knot())):
            home = made.folder / name
            home.mkdir()
            (home / ZONE).write_text(empty_zone(ZONE))
            stack.enter_context(run(home, text, made.ports[name]))
        yield made


@pytest.mark.parametrize(
    ("server", "algorithm"), [*product(["bind"], ALGORITHMS), *product(["knot"], OF_KNOT)]
)
def test_updates_and_questions_are_signed(keys: Keys, server: str, algorithm: str) -> None:
    owner, port = f"{algorithm}.{ZONE}", keys.ports[server]
    update = dns.update.UpdateMessage(ZONE)
    update.add(dns.name.from_text(owner), 300, "A", "192.0.2.1")
    with Connection(
        Target(HOST, port, 5, 10), read_key(keys.file(algorithm, algorithm.upper()))
    ) as connection:
        assert connection.exchange(update).rcode() == dns.rcode.NOERROR
    signed = Server(HOST, port, keys.file(algorithm, algorithm))
    key = RRsetKey(owner, "A")
    assert ask(signed, [key], timeout=10)[key] == Answer(300, frozenset({"192.0.2.1"}))
