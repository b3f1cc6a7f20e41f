"""What the inventory says about a backend, asked of Ansible itself."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from app.domain.errors import InventoryError, UnknownBackend
from app.domain.server import Kerberos, Server
from app.runner.ansible import inventory
from app.runner.ansible.inventory import authoritative_servers, host_names, host_variables, run_limits
from app.services.drain.backends import InventoryBackends
from stack.embedded import Stack
from stack.paths import ROOT
from tests.support.settings import SetSettings


def write(path: Path, **variables: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"dns": {"hosts": {"bind": variables}}}))
    return path


class Source:
    """An inventory of one backend that is a script: it counts how often Ansible reads it."""

    def __init__(self, path: Path, reads: Path) -> None:
        self._reads = reads
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho read >> {reads}\ncat <<END\n{json.dumps(SCRIPTED)}\nEND\n")
        path.chmod(0o700)
        self.path = path

    @property
    def reads(self) -> int:
        return self._reads.read_text().count("read") if self._reads.exists() else 0


SCRIPTED = {"_meta": {"hostvars": {"bind": {"dns_server": "192.0.2.1"}}}, "dns": {"hosts": ["bind"]}}


@pytest.mark.thorough
def test_the_embedded_stack(infrastructure: Stack, dns_inventory: Path) -> None:
    address, _, port = infrastructure.env["DNS_SERVER"].rpartition(":")
    assert authoritative_servers(dns_inventory, "bind") == [Server(address, int(port))]


def test_the_shipped_inventory() -> None:
    shipped = ROOT / "playbooks" / "inventory"
    assert authoritative_servers(shipped, "bind") == [Server("127.0.0.1", 53)]


SERVERS: list[tuple[dict[str, object], list[Server]]] = [
    ({"dns_server": "192.0.2.1"}, [Server("192.0.2.1", 53)]),
    ({"dns_server": "192.0.2.1", "dns_port": 5300}, [Server("192.0.2.1", 5300)]),
    ({"dns_server": "192.0.2.1", "dns_port": "5300"}, [Server("192.0.2.1", 5300)]),
    ({"dns_server": "2001:DB8::0:1"}, [Server("2001:db8::1", 53)]),
    (
        {"dns_server": "192.0.2.9", "dns_verify_servers": ["192.0.2.1", "192.0.2.2:5300", "192.0.2.1"]},
        [Server("192.0.2.1", 53), Server("192.0.2.2", 5300)],
    ),
    (
        {"dns_verify_servers": ["2001:db8::1", "[2001:db8::2]:5300", "[2001:db8::3]"]},
        [Server("2001:db8::1", 53), Server("2001:db8::2", 5300), Server("2001:db8::3", 53)],
    ),
    (
        {"dns_verify_servers": [{"address": "192.0.2.1"}, {"address": "192.0.2.2", "port": 5300}]},
        [Server("192.0.2.1", 53), Server("192.0.2.2", 5300)],
    ),
    ({"dns_server": "no-such-host.invalid"}, [Server("no-such-host.invalid", 53)]),
    ({"dns_server": "192.0.2.1:5300"}, [Server("192.0.2.1", 5300)]),
    (
        {
            "dns_server": [
                "192.0.2.1",
                "[2001:db8::1]:54",
                {"address": "ns.example.net", "key_file": "/keys/own"},
            ],
            "dns_port": 5300,
            "dns_tsig_key_file": "/keys/update",
            "dns_verify_key_file": "/keys/verify",
        },
        [
            Server("192.0.2.1", 5300, Path("/keys/verify")),
            Server("2001:db8::1", 54, Path("/keys/verify")),
            Server("ns.example.net", 5300, Path("/keys/verify")),
        ],
    ),
    (
        {
            "dns_server": "192.0.2.9",
            "dns_tsig_key_file": "/keys/update",
            "dns_verify_key_file": "/keys/verify",
            "dns_verify_servers": [
                "ns1.example.net",
                {"address": "192.0.2.2", "key_file": "/keys/own"},
                {"address": "192.0.2.3", "key_file": ""},
            ],
        },
        [
            Server("ns1.example.net", 53, Path("/keys/verify")),
            Server("192.0.2.2", 53, Path("/keys/own")),
            Server("192.0.2.3", 53),
        ],
    ),
]
SERVERS += [
    (
        {
            "dns_server": ["dc1.example.net", {"address": "192.0.2.2", "gss_server": "DNS/dc2"}],
            "dns_gss_ccache": "FILE:/tickets",
            "dns_gss_questions": True,
        },
        [
            Server("dc1.example.net", 53, None, Kerberos("DNS/dc1.example.net", None, None, "FILE:/tickets")),
            Server("192.0.2.2", 53, None, Kerberos("DNS/dc2", None, None, "FILE:/tickets")),
        ],
    ),
    (
        {
            "dns_server": "dc1.example.net",
            "dns_gss_keytab": "/keys/a.keytab",
            "dns_gss_server": "DNS/dc1@B",
            "dns_gss_questions": True,
            "dns_verify_servers": [
                "dc1.example.net",
                "dc2.example.net",
                {"address": "192.0.2.3", "gss_server": "DNS/dc3"},
                {"address": "192.0.2.4", "key_file": ""},
            ],
        },
        [
            Server("dc1.example.net", 53, None, Kerberos("DNS/dc1@B", None, Path("/keys/a.keytab"))),
            Server(
                "dc2.example.net", 53, None, Kerberos("DNS/dc2.example.net", None, Path("/keys/a.keytab"))
            ),
            Server("192.0.2.3", 53, None, Kerberos("DNS/dc3", None, Path("/keys/a.keytab"))),
            Server("192.0.2.4", 53),
        ],
    ),
    ({"dns_server": "dc1.example.net", "dns_gss_keytab": "/keys/a.keytab"}, [Server("dc1.example.net", 53)]),
]
NO_SERVERS: list[tuple[dict[str, object], str]] = [
    ({}, "is not a plain address"),
    ({"dns_server": "{{ ansible_host }}"}, "is not a plain address"),
    ({"dns_server": []}, "is not a plain address"),
    ({"dns_server": ["192.0.2.1", None]}, "is not a plain address"),
    ({"dns_server": ["192.0.2.1:0"]}, "is not a port"),
    ({"dns_server": [{"address": "192.0.2.1", "key_file": 7}]}, "is not a plain path"),
    ({"dns_server": "192.0.2.1", "dns_port": "many"}, "is not a port"),
    ({"dns_server": "192.0.2.1", "dns_port": 65536}, "is not a port"),
    ({"dns_server": "192.0.2.1", "dns_verify_key_file": "{{ key }}"}, "is not a plain path"),
    ({"dns_verify_servers": [{"address": "192.0.2.1", "key_file": 7}]}, "is not a plain path"),
    ({"dns_verify_servers": "192.0.2.1"}, "is not a list"),
    ({"dns_server": "192.0.2.1", "dns_gss_questions": "yes"}, "dns_gss_questions is 'yes'"),
    (
        {"dns_server": "192.0.2.1", "dns_gss_keytab": "/a.keytab", "dns_gss_questions": True},
        "192.0.2.1 does not tell the server's name",
    ),
    ({"dns_verify_servers": [7, None]}, "is not a plain address"),
]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inventory of all the above, which is asked for once."""
    hosts = {f"good{number}": variables for number, (variables, _) in enumerate(SERVERS)}
    hosts |= {f"bad{number}": variables for number, (variables, _) in enumerate(NO_SERVERS)}
    path = tmp_path_factory.mktemp("many") / "hosts.json"
    path.write_text(json.dumps({"dns": {"hosts": hosts}}))
    return path


@pytest.mark.parametrize("number", range(len(SERVERS)))
def test_servers(many: Path, number: int) -> None:
    assert authoritative_servers(many, f"good{number}") == SERVERS[number][1]


@pytest.mark.parametrize("number", range(len(NO_SERVERS)))
def test_what_names_no_server(many: Path, number: int) -> None:
    with pytest.raises(InventoryError, match=NO_SERVERS[number][1]):
        authoritative_servers(many, f"bad{number}")


def test_an_unknown_backend(many: Path) -> None:
    with pytest.raises(UnknownBackend, match=r'has no host "knot"; it has: .*good0'):
        authoritative_servers(many, "knot")


def test_an_inventory_that_is_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="does not exist"):
        host_variables(tmp_path / "none", "bind")
    (tmp_path / "broken.yml").write_text("dns: [what: {is this")
    with pytest.raises(InventoryError, match=r"can't be read|has no host"):
        host_variables(tmp_path / "broken.yml", "bind")


def test_ansible_is_asked_again_only_after_a_change(tmp_path: Path) -> None:
    source = Source(tmp_path / "inventory" / "a_script", tmp_path / "reads")
    folder = write(tmp_path / "inventory" / "hosts.json", dns_server="192.0.2.1").parent
    for _ in range(3):
        assert host_variables(folder, "bind")["dns_server"] == "192.0.2.1"
    assert source.reads == 1
    (folder / "host_vars").mkdir()
    (folder / "host_vars" / "bind.yml").write_text("dns_port: 5300\n")
    assert authoritative_servers(folder, "bind") == [Server("192.0.2.1", 5300)]
    write(folder / "hosts.json", dns_server="192.0.2.2")
    os.utime(folder / "hosts.json", ns=(1, 1))
    assert authoritative_servers(folder, "bind") == [Server("192.0.2.2", 5300)]
    assert source.reads == 3


@pytest.mark.thorough
def test_variables_beside_a_single_file_count(tmp_path: Path) -> None:
    path = write(tmp_path / "hosts.json", dns_server="192.0.2.1")
    assert authoritative_servers(path, "bind") == [Server("192.0.2.1", 53)]
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "dns.yml").write_text("dns_port: 5300\n")
    assert authoritative_servers(path, "bind") == [Server("192.0.2.1", 5300)]


@pytest.mark.thorough
def test_many_threads_ask_once(tmp_path: Path) -> None:
    source = Source(tmp_path / "hosts", tmp_path / "reads")
    threads = [Thread(target=authoritative_servers, args=(source.path, "bind")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert source.reads == 1
    assert authoritative_servers(source.path, "bind") == [Server("192.0.2.1", 53)]


@pytest.mark.parametrize("value", ["3", 0.5, -1, 0, True, [], 1.0])
@pytest.mark.parametrize("name", ["dns_max_runs", "dns_max_changes"])
def test_a_limit_that_is_no_number_above_0(name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"dns_server": "192.0.2.1", name: value}
    monkeypatch.setattr(inventory, "host_variables", lambda *_, **__: variables)
    with pytest.raises(InventoryError, match=f"bind: {name} is .*, but must be a whole number above 0"):
        run_limits(Path("hosts.json"), "bind")
    assert InventoryBackends(Path("hosts.json")).why_unusable("bind")


def test_within_a_transaction_no_file_is_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "hosts.json", dns_server="192.0.2.1", dns_max_runs=1)
    assert run_limits(path, "bind", as_last_read=True).max_runs == 1
    path.unlink()
    assert run_limits(path, "bind", as_last_read=True).max_runs == 1
    with pytest.raises(InventoryError):
        run_limits(path, "bind")


def test_the_inventory_is_read_with_the_configuration_of_the_runs(
    tmp_path: Path, set_settings: SetSettings
) -> None:
    path = write(tmp_path / "inventory" / "hosts.json", dns_server="192.0.2.1")
    set_settings(PLAYBOOK=str(tmp_path / "site.yml"))
    assert host_variables(path, "bind")["dns_server"] == "192.0.2.1"
    (tmp_path / "ansible.cfg").write_text("[inventory]\nenable_plugins = ini\nunparsed_is_failed = true\n")
    with pytest.raises(InventoryError):
        host_variables(path, "bind")


def test_files_that_vanish_while_they_are_looked_at(tmp_path: Path) -> None:
    hosts = write(tmp_path / "hosts.yml", dns_server="192.0.2.1")
    folder = tmp_path / "group_vars"
    for number in range(3):
        write(folder / f"{number}.yml")
    states = inventory.file_states(hosts)
    seen = [next(states)[0]]
    (folder / "1.yml").unlink()
    seen += [path for path, *_ in states]
    assert [path for path in seen if path.startswith(str(tmp_path))] == [
        str(hosts),
        str(folder / "0.yml"),
        str(folder / "2.yml"),
    ]


def test_a_file_with_a_mistake_is_named(tmp_path: Path, logged: Callable[[], str]) -> None:
    (tmp_path / "good.yml").write_text("dns: {hosts: {bind: {dns_server: 127.0.0.1}}}\n")
    (tmp_path / "bad.yml").write_text("dns: [\n")
    assert host_names(tmp_path) == ["bind"]
    assert "can't be read" in logged()
