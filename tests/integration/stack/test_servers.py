"""The embedded stack's servers: what tests, the demo and `make up` stand on."""

import os
import shutil
import stat
import time
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import psycopg
import pytest
import redis
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from stack.embedded import Stack
from stack.errors import StackError
from stack.ports import HOST
from stack.postgres import Postgres

Keyring = dict[dns.name.Name, dns.tsig.Key]


@pytest.fixture
def server(infrastructure: Stack) -> tuple[str, int]:
    address, port = infrastructure.env["DNS_SERVER"].split(":")
    return address, int(port)


@pytest.fixture
def keyring(infrastructure: Stack) -> Keyring:
    return dns.tsigkeyring.from_file(infrastructure.data("bind") / "orchestrator.key")


def ask(server: tuple[str, int], name: str, record_type: str) -> dns.message.Message:
    return dns.query.udp(dns.message.make_query(name, record_type), server[0], port=server[1], timeout=30)


def add_address(server: tuple[str, int], zone: str, keyring: Keyring | None) -> dns.rcode.Rcode:
    update = dns.update.UpdateMessage(zone, keyring=keyring)
    update.add("www", 300, "A", "192.0.2.1")
    return dns.query.tcp(update, server[0], port=server[1], timeout=30).rcode()


def transfer(server: tuple[str, int], name: str, keyring: Keyring | None) -> dns.zone.Zone:
    zone = dns.zone.Zone(name)
    query, _ = dns.xfr.make_query(zone, keyring=keyring)
    dns.query.inbound_xfr(server[0], zone, query, port=server[1], timeout=30)
    return zone


def test_postgres_is_version_18_and_the_database_is_empty(new_database: str) -> None:
    with psycopg.connect(new_database) as connection:
        version = connection.execute("SHOW server_version").fetchone()
        tables = connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert version is not None
    assert version[0].startswith("18.")
    assert tables == []


def test_postgres_refuses_a_wrong_password(infrastructure: Stack) -> None:
    url = infrastructure.env["DATABASE_URL"]
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password, "wrong"))


def test_postgres_does_not_run_as_root(infrastructure: Stack) -> None:
    assert Path(f"/proc/{infrastructure.pid('postgres')}").stat().st_uid != 0


def test_kafka_has_its_topics_again_after_a_kill(infrastructure: Stack) -> None:
    infrastructure.kill("kafka")
    infrastructure.start("kafka")
    topics = (
        AdminClient({"bootstrap.servers": infrastructure.env["KAFKA_BROKER_URL"]})
        .list_topics(timeout=10)
        .topics
    )
    assert len(topics["dns_requests"].partitions) == 6
    assert "dns_requests.dlq" in topics


def test_kafka_takes_a_message(infrastructure: Stack) -> None:
    producer = Producer({"bootstrap.servers": infrastructure.env["KAFKA_BROKER_URL"]})
    errors: list[object] = []
    producer.produce("dns_requests.dlq", b"{}", on_delivery=lambda error, _: errors.append(error))
    producer.flush(10)
    assert errors == [None]


def test_valkey_keeps_its_data_over_a_kill_and_loses_it_with_its_directory(tmp_path: Path) -> None:
    with (
        Stack(tmp_path, parts=["valkey"]) as stack,
        redis.Redis.from_url(stack.env["CELERY_BROKER_URL"]) as client,
    ):
        client.set("kept", "yes")
        time.sleep(1.1)  # the append-only file is synced once a second
        stack.kill("valkey")
        assert stack.pid("valkey") is None
        stack.start("valkey")
        assert client.get("kept") == b"yes"

        stack.kill("valkey")
        shutil.rmtree(stack.data("valkey"))
        stack.start("valkey")
        assert client.get("kept") is None


@pytest.mark.parametrize("zone", ["example.test", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"])
def test_bind_is_authoritative_for_the_zones(zone: str, server: tuple[str, int]) -> None:
    answer = ask(server, zone, "SOA")
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA


def test_bind_takes_signed_updates_only(new_zone: str, server: tuple[str, int], keyring: Keyring) -> None:
    assert add_address(server, new_zone, None) == dns.rcode.REFUSED
    assert ask(server, f"www.{new_zone}", "A").rcode() == dns.rcode.NXDOMAIN
    assert add_address(server, new_zone, keyring) == dns.rcode.NOERROR
    assert ask(server, f"www.{new_zone}", "A").answer[0][0].to_text() == "192.0.2.1"


def test_bind_transfers_zones_to_the_key_only(
    new_zone: str, server: tuple[str, int], keyring: Keyring
) -> None:
    with pytest.raises(dns.xfr.TransferError, match="REFUSED"):
        transfer(server, new_zone, None)
    assert transfer(server, new_zone, keyring).get_rdataset("@", "SOA")


def test_bind_keeps_zones_and_records_over_a_kill(tmp_path: Path) -> None:
    """A BIND of its own: that of all tests keeps whatever they have done to their zones."""
    zone = "kept.test"
    with Stack(tmp_path, ("bind",), durable=False) as stack:
        server = (HOST, stack.ports.dns)
        keyring = dns.tsigkeyring.from_file(stack.data("bind") / "orchestrator.key")
        stack.add_zone(zone)
        add_address(server, zone, keyring)
        stack.kill("bind")
        with pytest.raises(ConnectionRefusedError):
            dns.query.tcp(dns.message.make_query(zone, "SOA"), server[0], port=server[1], timeout=30)
        stack.start("bind")
        assert ask(server, f"www.{zone}", "A").answer[0][0].to_text() == "192.0.2.1"


def test_a_zone_cannot_be_added_twice(infrastructure: Stack, new_zone: str) -> None:
    with pytest.raises(StackError, match="already exists"):
        infrastructure.add_zone(new_zone)


def test_the_keys_are_for_their_owner_alone(infrastructure: Stack) -> None:
    keys = list(infrastructure.data("bind").glob("*.key"))
    assert len(keys) == 2
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_ansible_finds_the_dns_server_in_the_inventory(dns_inventory: Path, server: tuple[str, int]) -> None:
    inventory = InventoryManager(DataLoader(), sources=[str(dns_inventory)])
    (host,) = inventory.get_hosts("dns")
    found = host.get_vars()
    assert found["inventory_hostname"] == "bind"
    assert (found["dns_server"], found["dns_port"]) == server
    assert found["dns_verify_servers"] == [{"address": server[0], "port": server[1]}]
    assert os.path.isabs(found["dns_tsig_key_file"])
    assert Path(found["dns_tsig_key_file"]).is_file()
    assert found["ansible_connection"] == "local"


def test_a_user_without_a_name_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = Postgres(tmp_path, 5432)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(StackError, match="run this as another than 54321"):
        postgres.prepare()
