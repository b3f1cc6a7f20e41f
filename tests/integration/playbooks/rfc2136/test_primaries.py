"""Several primaries in order of preference: the next one gets changes only where the one before got none."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from ansible_collections.orchestrator.dns.plugins.plugin_utils.rfc2136.connection import Target

from stack.embedded import Stack
from stack.nameserver import create_key
from tests.integration.conftest import ZoneOn
from tests.support.builders import change
from tests.support.fronts import Death, Front, front
from tests.support.name_servers import Connection, fail_always, serving
from tests.support.runs import execute
from tests.support.thoroughly import thoroughly
from tests.support.zones import APPLIED, UNCHANGED, ZoneUnderTest, failed

Absence = Callable[[Target], AbstractContextManager[Target]]


@pytest.fixture
def zone(zone_on: ZoneOn) -> ZoneUnderTest:
    return zone_on("bind")


@pytest.fixture
def fronts(zone: ZoneUnderTest) -> Iterator[tuple[Front, Front]]:
    """The primaries of the zone: two ways to the same server."""
    with front(zone.target) as first, front(zone.target) as second:
        zone.target, zone.standbys = first.target, [second.target]
        yield first, second


def counts(fronts: tuple[Front, Front]) -> list[int]:
    return [each.applied for each in fronts]


def test_the_first_takes_what_it_can(zone: ZoneUnderTest, fronts: tuple[Front, Front]) -> None:
    assert zone.do("create", "a", "A", "192.0.2.1") == APPLIED
    assert (counts(fronts), zone.outcomes.server) == ([1, 0], str(fronts[0]))
    assert zone.outcomes.passed_over is None


@contextmanager
def closed(target: Target) -> Iterator[Target]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield target._replace(port=port)


@contextmanager
def silent(target: Target) -> Iterator[Target]:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # the system takes the connection
        yield target._replace(port=listener.getsockname()[1], connect_timeout=0.3)


def drip(connection: Connection) -> None:
    """Begin a message of 4096 octets, of which one comes now and then."""
    connection.send_octets(b"\x10\0")
    for _ in range(100):
        connection.send_octets(b"\0")
        time.sleep(0.1)


@contextmanager
def dripping(target: Target) -> Iterator[Target]:
    with serving(drip) as server:
        yield target._replace(port=server.port, connect_timeout=0.3)


@contextmanager
def failing(target: Target) -> Iterator[Target]:
    with serving(fail_always) as server:
        yield target._replace(port=server.port)


def refuse(connection: Connection) -> None:
    for query in connection.queries():
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.REFUSED)
        connection.send(reply)


@contextmanager
def not_loaded(target: Target) -> Iterator[Target]:
    with serving(refuse) as server:
        yield target._replace(port=server.port)


@pytest.mark.parametrize("absence", [closed, silent, dripping, failing, not_loaded])
def test_the_next_one_takes_over_from_who_is_absent(zone: ZoneUnderTest, absence: Absence) -> None:
    with front(zone.target) as second, absence(zone.target) as first:
        zone.target, zone.standbys = first, [second.target]
        made, kept = zone.change("create", "a", "A", "192.0.2.1"), zone.change("delete", "b", "A")
        assert zone.dry_run(made, kept) == [APPLIED, UNCHANGED]
        assert zone.apply(made, kept) == [APPLIED, UNCHANGED]
    assert (second.applied, zone.outcomes.server) == (1, str(second))
    assert str(first) in str(zone.outcomes.passed_over)
    assert zone.outcomes.problem is None


def test_where_all_are_absent_each_is_named(zone: ZoneUnderTest) -> None:
    with closed(zone.target) as first, silent(zone.target) as second:
        zone.target, zone.standbys = first, [second]
        assert zone.do("create", "a", "A", "192.0.2.1") == failed("server_unreachable")
        assert str(first) in str(zone.outcomes.problem)
        assert str(second) in str(zone.outcomes.problem)


@pytest.mark.parametrize(("death", "applied"), [("before", 0), ("after", 1)])
def test_what_was_sent_to_one_is_sent_to_no_other(
    zone: ZoneUnderTest, fronts: tuple[Front, Front], death: Death, applied: int
) -> None:
    fronts[0].dies = death
    item = zone.change("create", "a", "A", "192.0.2.1")
    assert zone.apply(item) == [failed("no_answer")]
    assert (counts(fronts), zone.outcomes.server) == ([applied, 0], str(fronts[0]))
    said = zone.apply(item)  # another run, which finds what is there
    assert said == ([UNCHANGED] if applied else [APPLIED])
    assert sum(counts(fronts)) == 1


def test_a_refused_key_is_no_absence(zone: ZoneUnderTest, more_name_servers: Stack) -> None:
    port = int(more_name_servers.env["KNOT_SERVER"].rpartition(":")[2])
    with front(zone.target) as second:
        zone.target, zone.standbys = zone.target._replace(port=port), [second.target]
        zone.key = zone.key and zone.key.__class__("another", zone.key.secret, zone.key.algorithm)
        assert zone.do("create", "a", "A", "192.0.2.1") == failed("tsig_refused")
    assert second.applied == 0


# --- with Ansible


def write_hosts(folder: Path, **variables: object) -> Path:
    path = folder / "hosts.json"
    host = {"ansible_connection": "local", **variables}
    path.write_text(json.dumps({"dns": {"hosts": {"bind": host}}}))
    return path


@pytest.mark.usefixtures("warm")
def test_each_primary_has_its_own_port_and_key(
    zone: ZoneUnderTest, infrastructure: Stack, tmp_path: Path
) -> None:
    create_key(tmp_path / "other.key", "other")
    with closed(zone.target) as gone:
        first = {"address": gone.address, "port": gone.port}
        second = {
            "address": zone.target.address,
            "port": zone.target.port,
            "key_file": str(infrastructure.key_file("bind")),
        }
        hosts = write_hosts(
            tmp_path, dns_server=[first, second], dns_tsig_key_file=str(tmp_path / "other.key")
        )
        item = change("create", "www", "A", "192.0.2.1", zone=zone.name)
        ended = execute(hosts, item)
    assert ended.outcomes == [("applied", None)]
    assert ended.result.results[item.request_id].server == str(zone.target)
    assert any(f"passed over: no connection to {gone}" in event for event in ended.events)
    assert any(f"1 change to {zone.target} in 1 message" in event for event in ended.events)


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize(
    "written", [[], *map(thoroughly, (["127.0.0.1:many"], [{"port": 53}], ["127.0.0.1:0"]))]
)
def test_a_list_that_can_not_be_used(new_zone: str, tmp_path: Path, written: list[object]) -> None:
    hosts = write_hosts(tmp_path, dns_server=written)
    ended = execute(hosts, change("create", "www", "A", "192.0.2.1", zone=new_zone))
    assert ended.outcomes == [("failed", "backend_unknown")]
    assert "dns_server" in ended.everything
