"""A hidden BIND primary, and its two secondaries, BIND and Knot, which learn by NOTIFY and IXFR."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from stack.nameserver import KEY_NAME, create_key, empty_zone
from stack.ports import HOST
from tests.support.free_port import free_port
from tests.support.own_servers import own_bind, own_knot

ZONE = "hidden.test"

_PRIMARY = """\
include "{key}";
logging {{ channel out {{ stderr; severity info; }}; category xfer-out {{ out; }}; }};
zone "{zone}" {{
    type primary; file "{zone}"; allow-update {{ key "{name}"; }}; allow-transfer {{ key "{name}"; }};
    notify explicit; notify-delay 0; also-notify {{ {bind}; {knot}; }};
}};
"""
_BIND = """\
include "{key}";
zone "{zone}" {{
    type secondary; file "{zone}"; primaries {{ {host} port {primary} key "{name}"; }};
    allow-notify {{ {host}; }}; notify no; masterfile-format text;
}};
"""
_KNOT = """\
key:
  - id: {name}
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: primary
    address: {host}@{primary}
    key: {name}
acl:
  - id: notify
    address: {host}
    action: notify
zone:
  - domain: {zone}
    storage: .
    file: {zone}
    master: primary
    acl: notify
"""


class HiddenPrimary:
    """Where the servers are. The secondaries can be stopped and started."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.key_file = home / "orchestrator.key"
        self.secret = create_key(self.key_file)
        self.primary, self.bind, self.knot = free_port(), free_port(), free_port()

    def running_primary(self) -> AbstractContextManager[None]:
        """Run the primary, for the block."""
        (self.home / "primary").mkdir()
        (self.home / "primary" / ZONE).write_text(empty_zone(ZONE))
        others = {name: f"{HOST} port {port}" for name, port in (("bind", self.bind), ("knot", self.knot))}
        text = _PRIMARY.format(key=self.key_file, zone=ZONE, name=KEY_NAME, **others)
        return own_bind(self.home / "primary", text, self.primary)

    def running_bind(self) -> AbstractContextManager[None]:
        """Run the secondary that is BIND, for the block."""
        text = _BIND.format(key=self.key_file, zone=ZONE, name=KEY_NAME, host=HOST, primary=self.primary)
        return own_bind(self.home / "bind", text, self.bind)

    def running_knot(self) -> AbstractContextManager[None]:
        """Run the secondary that is Knot, for the block."""
        text = _KNOT.format(secret=self.secret, zone=ZONE, name=KEY_NAME, host=HOST, primary=self.primary)
        return own_knot(self.home / "knot", text, self.knot)

    def transfers(self, kind: str) -> int:
        """How many transfers of this kind, AXFR or IXFR, the primary has begun."""
        return (self.home / "primary" / "log").read_text().count(f"{kind} started")


@contextmanager
def hidden_primary(home: Path) -> Iterator[HiddenPrimary]:
    """Run the primary for the block, without its secondaries."""
    made = HiddenPrimary(home)
    with ExitStack() as stack:
        stack.enter_context(made.running_primary())
        yield made
