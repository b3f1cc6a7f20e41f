"""Which parts a stack has, and the environment variables by which the app finds them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stack.app import Api, Consumer, Worker
from stack.bind import Bind, bootstrap_zones
from stack.errors import StackError, Unavailable
from stack.inventory import write_inventory
from stack.kafka import Kafka
from stack.knot import Knot
from stack.part import Part
from stack.paths import PACKAGES
from stack.ports import HOST, Ports
from stack.postgres import Postgres
from stack.powerdns import PowerDNS
from stack.valkey import Valkey

INFRASTRUCTURE = ("postgres", "valkey", "kafka", "bind")

_HANDED_ON = ("PLAYBOOK",)  # the stack has none of its own; whoever reads `env` needs them all the same


@dataclass
class Assembly:
    """The parts to start, and the settings (environment variables) that lead the app to them."""

    state: Path
    ports: Ports
    overrides: Mapping[str, str]  # the user's own settings: a part that one of them replaces is not started
    may_simulate: bool  # continue with EXECUTOR=simulated when there is no DNS server
    durable: bool = True  # what PostgreSQL has committed is there after a crash of the machine
    more_zones: Sequence[str] = ()  # which BIND serves from its start
    infrastructure: list[Part] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # for the user: what differs from the usual stack

    def add(self, names: Collection[str]) -> None:
        """Add the parts of the infrastructure that have these names. Raises StackError."""
        self._set(
            API_URL=f"http://{HOST}:{self.ports.api}/api/v1/dns/create",
            DNS_ORCHESTRATOR_URL=f"http://{HOST}:{self.ports.api}",  # for the command of client/
            BOOTSTRAP_ZONES=bootstrap_zones(),
            EXECUTOR="ansible",
            **{name: self.overrides[name] for name in _HANDED_ON if name in self.overrides},
        )
        for name in names:
            variable, build = self._builders()[name]
            if variable in self.overrides:
                self._use_replacement(variable, name)
            else:
                self._build(build)

    def app(self) -> list[Part]:
        """Return the app's processes. They start together: the consumer waits for the API by itself."""
        return [Api(self.settings, self.ports.api), Worker(self.settings), Consumer(self.settings)]

    def _builders(self) -> dict[str, tuple[str, Callable[[], Part]]]:
        state, ports = self.state, self.ports
        topic = self.overrides.get("KAFKA_DNS_TOPIC", "dns_requests")
        results = self.overrides.get("KAFKA_RESULTS_TOPIC", "dns_results")
        return {
            "postgres": (Postgres.replaced_by, lambda: Postgres(state, ports.postgres, durable=self.durable)),
            "valkey": (Valkey.replaced_by, lambda: Valkey(state, ports.valkey)),
            "kafka": (Kafka.replaced_by, lambda: Kafka(ports.kafka, topic, results)),
            "bind": (Bind.replaced_by, lambda: Bind(state, ports.dns, ports.rndc, PACKAGES, self.more_zones)),
            "knot": (Knot.replaced_by, lambda: Knot(state, ports.knot, PACKAGES)),
            "powerdns": (
                PowerDNS.replaced_by,
                lambda: PowerDNS(state, ports.powerdns, ports.powerdns_api, PACKAGES),
            ),
        }

    def _build(self, build: Callable[[], Part]) -> None:
        try:
            part = build()
        except Unavailable as error:
            if not self.may_simulate:
                raise
            self.notes.append(f"There is no DNS server: changes are only simulated. {error}")
            self._set(EXECUTOR="simulated")
            return
        self.infrastructure.append(part)
        self._set(**part.settings())

    def _use_replacement(self, variable: str, name: str) -> None:
        self.notes.append(f"{name} is not started: {variable} names a server that is used instead.")
        self._set(**{variable: self.overrides[variable]})
        if name == "bind":
            self._write_inventory_for(self.overrides[variable])

    def _write_inventory_for(self, address: str) -> None:
        server, _, port = address.rpartition(":")
        key_file = Path(self.overrides.get("DNS_KEY_FILE", ""))
        if not (server and port.isdigit()):
            raise StackError(f"DNS_SERVER is {address!r}: it must be an address and a port, 192.0.2.1:53.")
        if not key_file.is_file():
            raise StackError("DNS_KEY_FILE must name the file with the TSIG key of DNS_SERVER.")
        write_inventory(self.state / "inventory", server.strip("[]"), int(port), key_file)
        self._set(INVENTORY=str(self.state / "inventory"))

    def _set(self, **settings: str) -> None:
        self.settings |= {name: self.overrides.get(name, value) for name, value in settings.items()}
