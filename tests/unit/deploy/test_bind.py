"""The scripts and the configuration of the BIND image, run unchanged but for paths in a temporary folder."""

import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest
from dns.rdatatype import RdataType

from stack.debian import library_path, unpacked
from stack.paths import PACKAGES, ROOT
from stack.ports import HOST, Ports
from tests.support.eventually import eventually

SOURCE = ROOT / "deploy" / "bind"
ZONES = ("example.test", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")
NAME = "www.example.test."


class Image:
    """The files of the image in a folder, and a free port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = Ports.free().dns
        root = unpacked("bind9", PACKAGES)
        programs = [str(folder), f"{root}/usr/sbin", f"{root}/usr/bin", os.environ["PATH"]]
        self.environment = {"PATH": ":".join(programs), "LD_LIBRARY_PATH": library_path(root)}
        shutil.copytree(SOURCE / "zones", folder / "etc" / "zones")
        (folder / "zones").mkdir()
        (folder / "keys").mkdir()
        self._move("named.conf", "etc/named.conf")
        self._move("create-key", "create-key")
        self._move("start", "start")

    def _move(self, source: str, target: str) -> None:
        text = (SOURCE / source).read_text()
        for before, after in {
            "/keys/": f"{self.folder}/keys/",
            "/var/lib/bind": f"{self.folder}/zones",
            "/etc/bind": f"{self.folder}/etc",
            "port 1053 { any; }": f"port {self.port} {{ {HOST}; }}",
            f"listen-on-v6 port {self.port} {{ {HOST}; }}": "listen-on-v6 { none; }",
        }.items():
            text = text.replace(before, after)
        (self.folder / target).write_text(text)
        (self.folder / target).chmod(0o755)

    @property
    def key_file(self) -> Path:
        return self.folder / "keys" / "orchestrator.key"

    @property
    def secret(self) -> str:
        return self.key_file.read_text().split('secret "')[1].partition('"')[0]

    def run(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, name: str, record_type: str) -> dns.message.Message:
        return dns.query.tcp(dns.message.make_query(name, record_type), HOST, 5, self.port)

    def update(self, signed: bool) -> dns.rcode.Rcode:
        key = dns.tsigkeyring.from_text({"orchestrator.": self.secret}) if signed else None
        update = dns.update.UpdateMessage("example.test", keyring=key, keyalgorithm="hmac-sha256")
        update.add(NAME, 300, "A", "192.0.2.10")
        return dns.query.tcp(update, HOST, 5, self.port).rcode()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    image = Image(tmp_path_factory.mktemp("bind"))
    image.run("create-key")
    return image


@pytest.fixture(scope="module")
def server(image: Image) -> Iterator[Image]:
    log = image.folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen([image.folder / "start"], env=image.environment, stderr=output)
    try:

        def running() -> bool:
            assert process.poll() is None, log.read_text()
            return log.read_text().endswith("running\n")

        eventually(running, limit=30)
        yield image
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def test_the_key_is_for_bind_and_its_group_alone(image: Image) -> None:
    assert stat.S_IMODE(image.key_file.stat().st_mode) == 0o640
    assert 'key "orchestrator"' in image.key_file.read_text()
    assert "hmac-sha256" in image.key_file.read_text()


def test_the_key_is_made_once(image: Image) -> None:
    before = image.key_file.read_text()
    image.run("create-key")
    assert image.key_file.read_text() == before
    assert [path.name for path in image.key_file.parent.iterdir()] == [image.key_file.name]


def test_no_two_installations_share_a_key(image: Image, tmp_path: Path) -> None:
    other = Image(tmp_path)
    other.run("create-key")
    assert other.secret != image.secret


def test_the_configuration_is_sound(image: Image) -> None:
    image.run("named-checkconf", str(image.folder / "etc" / "named.conf"))


@pytest.mark.parametrize("zone", ZONES)
def test_the_zones_are_sound(image: Image, zone: str) -> None:
    image.run("named-checkzone", "-i", "local", zone, str(SOURCE / "zones" / f"{zone}.zone"))


@pytest.mark.parametrize("zone", ZONES)
def test_the_zones_are_served_with_authority(server: Image, zone: str) -> None:
    answer = server.ask(zone, "SOA")
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.flags & dns.flags.AA
    assert answer.answer[0].rdtype == RdataType.SOA


def test_an_update_needs_the_key(server: Image) -> None:
    assert server.update(signed=False) == dns.rcode.REFUSED
    assert server.ask(NAME, "A").rcode() == dns.rcode.NXDOMAIN
    assert server.update(signed=True) == dns.rcode.NOERROR
    assert [item.address for item in server.ask(NAME, "A").answer[0]] == ["192.0.2.10"]


def test_it_resolves_for_nobody(server: Image) -> None:
    assert server.ask("www.example.net.", "A").rcode() == dns.rcode.REFUSED


def test_what_has_been_updated_outlives_a_start(server: Image) -> None:
    changed = server.folder / "zones" / "example.test.zone"
    changed.write_text(changed.read_text() + "; touched\n")
    script = (server.folder / "start").read_text().replace("exec named", "exec true")
    server.run("sh", "-c", script)
    assert changed.read_text().endswith("; touched\n")
