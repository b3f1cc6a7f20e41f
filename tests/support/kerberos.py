"""A Kerberos realm of its own: a KDC, and a BIND whose zone principals may change (RFC 3645)."""

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from app.nameservers.gssapi import LIBRARY
from stack.bind import Bind
from stack.debian import library_path, unpacked
from stack.nameserver import create_key, empty_zone
from stack.paths import PACKAGES
from stack.ports import HOST, Ports, is_free
from tests.support.eventually import eventually

_PACKAGES = ("krb5-kdc", "krb5-admin-server")
_LIBRARIES = (  # each needs some of those before it
    *("libkeyutils.so.1", "libcom_err.so.2", "libkrb5support.so.0", "libk5crypto.so.3", "libkrb5.so.3"),
    LIBRARY,
)
REALM = "AD.TEST"
SERVER = "localhost"  # the name by which BIND is reached, and so the one in its principal
SERVICE = f"DNS/{SERVER}"
ZONE = "ad.test"
PRIVATE_ZONE = "private.test"  # which BIND shows to those alone who may change the other
USER = f"orchestrator@{REALM}"  # who may change the zone
STRANGER = f"stranger@{REALM}"  # whom the KDC knows, and the zone's policy does not
BRIEF = f"brief@{REALM}"  # who may change the zone, and whose tickets are soon over

BRIEF_LIFE = 2  # seconds, and one more that clocks may differ
GENERATED = 5_000  # records besides in both zones: a transfer of them takes several messages
ADDRESS = "192.0.2.1"  # of www in both zones
_LIBDEFAULTS = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    clockskew = 1
    udp_preference_limit = 1
[realms]
    {realm} = {{
        kdc = {host}:{port}
    }}
"""
_KDC = """\
[kdcdefaults]
    kdc_listen = ""
    kdc_tcp_listen = {host}:{port}
[realms]
    {realm} = {{
        database_name = {home}/principal
        key_stash_file = {home}/stash
        acl_file = {home}/acl
        supported_enctypes = aes256-cts-hmac-sha1-96:normal
    }}
[dbmodules]
    db_module_dir = {modules}
[logging]
    kdc = FILE:{home}/kdc.log
"""
_BIND = """\
options {{
    directory "{home}"; listen-on port {dns} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
    tkey-gssapi-keytab "{home}/dns.keytab";
}};
include "{home}/rndc.key";
controls {{ inet {host} port {rndc} allow {{ {host}; }} keys {{ "rndc"; }}; }};
zone "{zone}" {{
    type primary; file "{home}/{zone}.zone"; allow-transfer {{ key "{user}"; }};
    update-policy {{ grant {user} zonesub ANY; grant {brief} zonesub ANY; }};
}};
zone "{private}" {{
    type primary; file "{home}/{private}.zone"; allow-query {{ key "{user}"; key "{brief}"; }};
}};
"""


class Realm:
    """The KDC, BIND, and the keytabs of the principals."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ports = Ports.free()
        self.kdc_port = self.ports.knot
        self._kdc_root, self._admin_root = (unpacked(name, PACKAGES) for name in _PACKAGES)
        self._bind_part = Bind(home / "state", self.ports.dns, self.ports.rndc, PACKAGES)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._write_configuration()

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment by which clients find the KDC."""
        return {"KRB5_CONFIG": str(self.home / "krb5.conf")}

    def keytab(self, principal: str) -> Path:
        return self.home / f"{principal.partition('@')[0].replace('/', '_')}.keytab"

    def add_principal(self, name: str, *options: str) -> Path:
        """Add a principal with a random key; return its keytab."""
        keytab = self.home / "dns.keytab" if name.startswith("DNS/") else self.keytab(name)
        self._run_admin(f"addprinc {' '.join(options)} -randkey {name}")
        self._run_admin(f"ktadd -norandkey -k {keytab} {name}")
        return keytab

    def start_kdc(self) -> None:
        program = self._kdc_root / "usr/sbin/krb5kdc"
        self._start("kdc", [program, "-n", "-P", self.home / "kdc.pid"], self._server_variables())
        eventually(lambda: not is_free(self.kdc_port))

    def stop_kdc(self) -> None:
        self._stop("kdc")

    @contextmanager
    def kdc_away(self) -> Iterator[None]:
        """Have no KDC for the block."""
        self.stop_kdc()
        try:
            yield
        finally:
            self.start_kdc()

    @contextmanager
    def kdc_silent(self) -> Iterator[None]:
        """Have a KDC that takes connections and answers nothing, for the block."""
        with self.kdc_away(), socket.create_server((HOST, self.kdc_port)):
            yield

    def start_bind(self) -> None:
        command = [self._bind_part.command()[0], "-g", "-n", "1", "-c", self.home / "named.conf"]
        # what clients have shown is not kept in a file that all servers of the machine share
        variables = {**self._bind_part.environment(), **self.variables, "KRB5RCACHENAME": "none:"}
        self._start("bind", command, variables)
        eventually(lambda: all(self._is_loaded(zone) for zone in (ZONE, PRIVATE_ZONE)))

    def stop_bind(self) -> None:
        self._stop("bind")

    def stop(self) -> None:
        """Stop whatever runs."""
        for name in list(self._running):
            self._stop(name)

    def forget_contexts(self) -> None:
        """Have BIND forget all contexts that were negotiated with it."""
        self.stop_bind()
        self.start_bind()

    def create(self) -> None:
        """Make the realm's database with its principals."""
        self._run(self._kdc_root / "usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        for name in (f"{SERVICE}@{REALM}", USER, STRANGER):
            self.add_principal(name)
        self.add_principal(BRIEF, "-maxlife", f'"{BRIEF_LIFE} seconds"')

    def _start(self, name: str, command: list[str | Path], variables: Mapping[str, str]) -> None:
        self._running[name] = subprocess.Popen(
            command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def _stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        process.wait()

    def _is_loaded(self, zone: str) -> bool:
        program = Path(self._bind_part.command()[0]).with_name("rndc")
        address = ("-s", HOST, "-p", str(self.ports.rndc), "-k", str(self.home / "rndc.key"))
        command: list[str | Path] = [program, *address, "zonestatus", zone]
        done = subprocess.run(command, env=self._bind_part.environment(), capture_output=True)
        return done.returncode == 0

    def _write_configuration(self) -> None:
        (modules,) = self._kdc_root.glob("usr/lib/*/krb5/plugins/kdb")
        values = {
            "home": self.home, "host": HOST, "port": self.kdc_port, "realm": REALM, "modules": modules,
            "dns": self.ports.dns, "rndc": self.ports.rndc, "zone": ZONE, "user": USER, "brief": BRIEF,
            "private": PRIVATE_ZONE,
        }  # fmt: skip
        files = {"krb5.conf": _LIBDEFAULTS, "kdc.conf": _KDC, "named.conf": _BIND}
        for name, text in files.items():
            (self.home / name).write_text(text.format_map(values))
        for zone in (ZONE, PRIVATE_ZONE):
            records = f"www A {ADDRESS}\n$GENERATE 1-{GENERATED} g$ A {ADDRESS}\n"
            (self.home / f"{zone}.zone").write_text(empty_zone(zone) + records)
        create_key(self.home / "rndc.key", "rndc")

    def _server_variables(self) -> Mapping[str, str]:
        libraries = os.pathsep.join((library_path(self._kdc_root), library_path(self._admin_root)))
        variables = {"KRB5_KDC_PROFILE": str(self.home / "kdc.conf"), "LD_LIBRARY_PATH": libraries}
        return {**os.environ, **self.variables, **variables}

    def _run(self, *command: str | Path) -> None:
        subprocess.run(command, env=self._server_variables(), check=True, capture_output=True, timeout=60)

    def _run_admin(self, query: str) -> None:
        self._run(self._admin_root / "usr/sbin/kadmin.local", "-r", REALM, "-q", query)


def library_variables() -> dict[str, str]:
    """The settings by which processes and runs find Kerberos' library where this machine has none."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        folders = library_path(unpacked(_PACKAGES[0], PACKAGES))
        return {"LD_LIBRARY_PATH": folders, "RUN_ENVIRONMENT": "LD_LIBRARY_PATH"}
    return {}


def _load_library(folders: str) -> None:
    """Load the unpacked library into this process, for which it is too late to set a variable."""
    for name in _LIBRARIES:
        found = next((path for folder in folders.split(os.pathsep) for path in Path(folder).glob(name)), None)
        if found is not None:
            ctypes.CDLL(str(found), ctypes.RTLD_GLOBAL)


@contextmanager
def realm_with_bind(home: Path) -> Iterator[Realm]:
    """A realm whose KDC and BIND run for the block, known to this process."""
    realm = Realm(home)
    realm.create()
    with ExitStack() as running:
        variables = running.enter_context(pytest.MonkeyPatch.context())
        for name, value in {**realm.variables, **(missing := library_variables())}.items():
            variables.setenv(name, value)
        if missing:
            _load_library(missing["LD_LIBRARY_PATH"])
        running.callback(realm.stop)
        realm.start_kdc()
        realm.start_bind()
        yield realm
