"""The whole system as it is shipped: every part, every process, the shipped playbook."""

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from stack.assembly import INFRASTRUCTURE
from stack.embedded import Stack
from stack.inventory import write_backend
from stack.nameserver import create_key
from stack.ports import HOST, Ports
from tests.support.forked_stack import ForkedStack
from tests.support.powerdns import forbid_transfers
from tests.support.shell_programs import shell_programs
from tests.support.thoroughly import thoroughly
from tests.support.user import User
from tests.support.views import VIEWS
from tests.support.zones import ApiZoneUnderTest, ZoneUnderTest

BY_UPDATE = "powerdns-update"
BACKENDS = ["bind", "knot", BY_UPDATE, "powerdns"]  # PowerDNS by updates, without transfers; by its API
# Each server by each way is below integration/playbooks: what is ours is shown on one server.
EACH_BACKEND = ["bind", *map(thoroughly, BACKENDS[1:])]
YEARS = "years"  # a BIND that has served its zones for years
OF_PAGES = ("ns1", "bind-internal", "bind-external")  # BIND, as pages call it

ServedOn = Callable[[str], ZoneUnderTest]


class OwnServer(NamedTuple):
    """A BIND that one module starts, where the stack's inventory names it from the beginning."""

    home: Path
    ports: Ports


@pytest.fixture(scope="package")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, OwnServer]:
    """The one that knows nothing of the orchestrator, and the one with views; their keys are there."""
    found = {name: OwnServer(tmp_path_factory.mktemp(name), Ports.free()) for name in (YEARS, "views")}
    create_key(found[YEARS].home / f"{YEARS}.key")
    for view in VIEWS:
        create_key(found["views"].home / f"{view}.key", view)
    return found


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory, own_servers: Mapping[str, OwnServer]) -> Iterator[Stack]:
    """A stack with all DNS servers and short deadlines; from its start to its end, every line is JSON."""
    receivers = {"WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.1/32"}
    settings = {"LOG_FORMAT": "json", "VERIFY_DEADLINE": "3", **receivers}
    parts = (*INFRASTRUCTURE, "knot", "powerdns")
    folder = tmp_path_factory.mktemp("acceptance")
    made = ForkedStack(folder, parts, settings)
    key = str(made.data("powerdns") / "orchestrator.key")
    write_backend(folder / "inventory", BY_UPDATE, HOST, made.ports.powerdns, dns_tsig_key_file=key)
    key = str(made.data("bind") / "orchestrator.key")
    for name in OF_PAGES:
        write_backend(folder / "inventory", name, HOST, made.ports.dns, dns_tsig_key_file=key)
    for server, names in ((own_servers[YEARS], [YEARS]), (own_servers["views"], VIEWS)):
        for name in names:
            key = str(server.home / f"{name}.key")
            keys = {"dns_tsig_key_file": key, "dns_verify_key_file": key}
            write_backend(folder / "inventory", name, HOST, server.ports.dns, **keys)
    with made as running:
        yield running
    for process in ("api", "worker", "consumer"):
        lines = [line for line in made.output(process).splitlines() if line.strip()]
        assert lines
        assert [line for line in lines if not is_json_object(line)] == []


@pytest.fixture(scope="package")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with `dns-orchestrator` and `python` for a shell."""
    with shell_programs(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


def is_json_object(line: str) -> bool:
    """Whether a line of the log is what LOG_FORMAT=json promises."""
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


@pytest.fixture
def user(stack: Stack) -> Iterator[User]:
    """A user of the stack."""
    user = User(stack.env)
    yield user
    user.api.close()


@pytest.fixture
def served_on(stack: Stack, user: User) -> ServedOn:
    """Makes new zones that the stack serves, on one of the backends; changes them beside the stack."""

    def make(backend: str) -> ZoneUnderTest:
        server, name = backend.partition("-")[0], f"t-{secrets.token_hex(4)}.test"
        stack.add_zone(name, server)
        if backend == BY_UPDATE:
            forbid_transfers(ApiZoneUnderTest(stack, name))
        user.serve(name, backend)
        return ZoneUnderTest(stack, name, server)

    return make


@pytest.fixture
def zone(served_on: ServedOn) -> str:
    """The name of a new zone on BIND that the stack serves."""
    return served_on("bind").name
