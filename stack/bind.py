"""BIND, which serves zones that take dynamic updates (RFC 2136) signed with a TSIG key (RFC 8945)."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack.debian import library_path, unpacked
from stack.errors import StackError
from stack.inventory import BACKEND, write_inventory
from stack.nameserver import ZONES, NameServer, create_key, empty_zone
from stack.ports import HOST

_CONFIGURATION = """\
include "{home}/orchestrator.key";
include "{home}/rndc.key";
controls {{ inet {host} port {rndc} allow {{ {host}; }} keys {{ "rndc"; }}; }};
options {{
    directory "{home}";
    listen-on port {dns} {{ {host}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    {notify}
    allow-new-zones yes;
    allow-transfer {{ key "orchestrator"; }};
}};
logging {{
    channel output {{ stderr; severity notice; print-category yes; }};
    category default {{ output; }};
}};
"""
SPARE_ZONE = "example.org"  # for who wants to try how a zone is registered
_ZONE = 'type primary; file "{home}/zones/{file}"; allow-update {{ key "orchestrator"; }};'
_COPY = 'type secondary; file "{home}/copies/{file}"; primaries {{ {host} port {port} key "orchestrator"; }};'
_NOTIFY = "notify explicit; notify-delay 0; max-ixfr-ratio unlimited; also-notify {{ {addresses} }};"


class Bind(NameServer):
    """One BIND server, with its zones and keys.

    It tells the servers of `secondaries` (ports) what changes. With a `primary` (port) it is such a secondary
    itself, which has the key of that one.
    """

    name = "bind"
    replaced_by = "DNS_SERVER"
    listeners = ("dns", "rndc")

    def __init__(
        self,
        state: Path,
        port: int,
        rndc_port: int,
        packages: Path,
        more_zones: Sequence[str] = (),
        *,
        secondaries: Sequence[int] = (),
        primary: int | None = None,
    ) -> None:
        self._home = state / "bind"
        self._inventory = state / "inventory"
        self._port = port
        self._rndc_port = rndc_port
        self._secondaries, self._primary = secondaries, primary
        self._served = (*ZONES, SPARE_ZONE, *more_zones)  # from its start
        self._named, self._rndc, self._libraries = _programs(packages)
        self.key_file = self._home / "orchestrator.key"

    def prepare(self) -> None:
        """Create the keys and zones before the first start, and the configuration before each."""
        (self._home / "zones").mkdir(parents=True, exist_ok=True)
        (self._home / "copies").mkdir(exist_ok=True)
        create_key(self.key_file)
        create_key(self._home / "rndc.key", "rndc")
        for name in self._served:
            self._create_zone_file(name)
        (self._home / "named.conf").write_text(self._configuration())
        write_inventory(self._inventory, HOST, self._port, self.key_file)

    def command(self) -> Sequence[str | Path]:
        """Run `named` in the foreground with two threads, however many cores there are."""
        return [self._named, "-f", "-n", "2", "-c", self._home / "named.conf"]

    def environment(self) -> Mapping[str, str]:
        """Return this process's environment, with the path of the unpacked libraries."""
        return {**os.environ, "LD_LIBRARY_PATH": self._libraries} if self._libraries else os.environ

    def ready(self) -> bool:
        """Whether all zones are loaded."""
        return all(self._run_rndc("zonestatus", name).returncode == 0 for name in ZONES)

    def settings(self) -> Mapping[str, str]:
        """Return the server's address, and the inventory that names it to Ansible."""
        return {"DNS_SERVER": f"{HOST}:{self._port}", "INVENTORY": str(self._inventory)}

    def add_zone(self, name: str) -> None:
        """Serve one more zone, which holds SOA and NS only. Raises StackError."""
        self._create_zone_file(name)
        self.rndc("addzone", f'"{name}"', f"{{ {self._zone(name)} }};")

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Take no updates of the zone for the block. Raises StackError."""
        self.rndc("freeze", name)
        try:
            yield
        finally:
            self.rndc("thaw", name)

    def rndc(self, *command: str) -> None:
        """Have the server do something, by its control program. Raises StackError."""
        done = self._run_rndc(*command)
        if done.returncode != 0:
            raise StackError(f"BIND: {' '.join(command)}: {done.stderr.strip()}")

    def _configuration(self) -> str:
        addresses = " ".join(f"{HOST} port {port};" for port in self._secondaries)
        notify = _NOTIFY.format(addresses=addresses) if addresses else "notify no;"
        ports = {"dns": self._port, "rndc": self._rndc_port}
        options = _CONFIGURATION.format(home=self._home, host=HOST, notify=notify, **ports)
        return options + "".join(f'zone "{name}" {{ {self._zone(name)} }};\n' for name in self._served)

    def _zone(self, name: str) -> str:
        words = {"home": self._home, "file": _file_name(name), "host": HOST, "port": self._primary}
        return (_ZONE if self._primary is None else _COPY).format(**words)

    def _create_zone_file(self, name: str) -> None:
        path = self._home / "zones" / _file_name(name)
        if not path.exists():
            path.write_text(empty_zone(name))

    def _run_rndc(self, *command: str) -> subprocess.CompletedProcess[str]:
        address = ("-s", HOST, "-p", str(self._rndc_port), "-k", str(self._home / "rndc.key"))
        return subprocess.run(
            [self._rndc, *address, *command], env=self.environment(), capture_output=True, text=True
        )


def _file_name(zone: str) -> str:
    return zone.replace("/", "-")  # which the zones of RFC 2317 have


def bootstrap_zones() -> str:
    """Return the value of BOOTSTRAP_ZONES: all zones, on the backend that the inventory names."""
    return ",".join(f"{name}={BACKEND}" for name in ZONES)


def _programs(packages: Path) -> tuple[Path, Path, str]:
    """Return `named`, `rndc` and their library path: the system's, or those of Debian's unpacked package."""
    named, rndc = find_installed("named"), find_installed("rndc")
    confined = Path("/etc/apparmor.d/usr.sbin.named").exists()  # AppArmor keeps it out of our folder
    if named and rndc and not confined:
        return named, rndc, ""
    root = unpacked("bind9", packages)
    return root / "usr/sbin/named", root / "usr/sbin/rndc", library_path(root)


def find_installed(name: str) -> Path | None:
    """Return the program of this name in PATH or /usr/sbin; None when there is none."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    return Path(found) if found else None
