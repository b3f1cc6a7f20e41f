"""The servers of the matrix: PostgreSQL, Valkey, Apache Kafka, and BIND as primary and as secondary.

The inventory has the two BINDs twice: as they are, and behind fronts, for faults on the way to them.
"""

import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stack.bind import Bind
from stack.nameserver import create_key
from stack.part import Part
from stack.paths import PACKAGES
from stack.ports import HOST, Ports
from stack.postgres import Postgres
from stack.valkey import Valkey
from tests.faults.matrix.front import DnsFront
from tests.faults.matrix.host_names import SECONDARY, are_own
from tests.support.kafka.apache import ApacheKafka

TOPIC, RESULTS_TOPIC, GROUP = "dns_requests", "dns_results", "dns-consumers"
DIRECT, FRONTED = "bind", "fronted"  # the backends

_INVENTORY = """\
dns:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    dns_honours: [expect, group]
  hosts:
"""
_BACKEND = """\
    {name}:
      dns_server: {host}
      dns_port: {primary}
      dns_tsig_key_file: {key}
      dns_verify_servers: ["{host}:{primary}", "{secondary_host}:{secondary}"]
"""


class Kafka(Part):
    """One node of Apache Kafka, broker and controller."""

    name = "kafka"

    def __init__(self, directory: Path) -> None:
        self.node = ApacheKafka(directory)

    def prepare(self) -> None:
        """Write its configuration and format its storage, once."""
        self.node.directory.mkdir(parents=True, exist_ok=True)
        self.node.prepare()

    def command(self) -> Sequence[str | Path]:
        """Run `kafka.Kafka`."""
        return self.node.command()

    def ready(self) -> bool:
        """Whether it tells who the brokers are."""
        with socket.socket() as probe:
            if probe.connect_ex((HOST, self.node.port)):
                return False
        try:
            admin = AdminClient({"bootstrap.servers": self.node.address, "log_level": 0})
            return bool(admin.list_topics(timeout=10).brokers)
        except KafkaException:
            return False

    def settings(self) -> Mapping[str, str]:
        """Return where the app finds it."""
        return {
            "KAFKA_BROKER_URL": self.node.address,
            "KAFKA_DNS_TOPIC": TOPIC,
            "KAFKA_RESULTS_TOPIC": RESULTS_TOPIC,
            "KAFKA_GROUP_ID": GROUP,
            "KAFKA_CONFIG__SESSION_TIMEOUT_MS": "6000",
        }


class Database(Postgres):
    """PostgreSQL, which a fault may start with more in its environment."""

    def __init__(self, state: Path, port: int) -> None:
        super().__init__(state, port, durable=False)
        self.more_environment: dict[str, str] = {}

    def environment(self) -> Mapping[str, str]:
        """Return all of the program's environment."""
        return {**os.environ, **self.more_environment}


class Servers:
    """All of them. The secondary, another BIND, learns of changes by NOTIFY and IXFR."""

    def __init__(self, directory: Path) -> None:
        mine, others = Ports.free(), Ports.free()
        self.dns_ports = {"bind": mine.dns, "secondary": others.dns}
        self.postgres = Database(directory, mine.postgres)
        self.valkey = Valkey(directory, mine.valkey)
        self.kafka = Kafka(directory / "kafka")
        self.bind = Bind(directory, mine.dns, mine.rndc, PACKAGES, secondaries=[others.dns])
        self.secondary = Bind(directory / "secondary", others.dns, others.rndc, PACKAGES, primary=mine.dns)
        self.secondary.name = "secondary"
        self.fronts = {name: DnsFront(port) for name, port in self.dns_ports.items()}
        self.fronted_key = directory / "fronted.key"  # with which the updates through the front are signed
        self.api_ports = {"api-1": mine.api, "api-2": others.api}
        self.inventory = directory / "both"

    @property
    def stages(self) -> list[list[Part]]:
        """Those that start together; the secondary needs its primary."""
        return [[self.kafka, self.postgres, self.valkey, self.bind], [self.secondary]]

    def prepare(self) -> None:
        """Give both BINDs the same key, and name them in an inventory."""
        for bind in (self.bind, self.secondary):
            bind.key_file.parent.mkdir(parents=True, exist_ok=True)
        create_key(self.bind.key_file)
        for copy in (self.secondary.key_file, self.fronted_key):
            shutil.copy(self.bind.key_file, copy)
        self.inventory.mkdir(exist_ok=True)
        behind = {name: front.port for name, front in self.fronts.items()}
        text = _INVENTORY + _backend(DIRECT, self.dns_ports, self.bind.key_file, HOST)
        text += _backend(FRONTED, behind, self.fronted_key, SECONDARY if are_own() else HOST)
        (self.inventory / "hosts.yml").write_text(text)

    def add_zone(self, name: str) -> None:
        """Serve one more zone on both."""
        self.bind.add_zone(name)
        self.secondary.add_zone(name)

    def settings(self) -> dict[str, str]:
        """Return where the app finds them."""
        parts = (self.postgres, self.valkey, self.kafka)
        found = {name: value for part in parts for name, value in part.settings().items()}
        return {**found, "INVENTORY": str(self.inventory)}


def _backend(name: str, ports: Mapping[str, int], key: Path, secondary_host: str) -> str:
    """Return what an inventory says of the two BINDs at these ports."""
    words = {"name": name, "host": HOST, "key": key, "secondary_host": secondary_host}
    return _BACKEND.format(primary=ports["bind"], secondary=ports["secondary"], **words)
