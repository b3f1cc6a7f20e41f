"""The small decisions of the embedded stack: ports, packages, the files that it writes."""

import socket
import stat
import subprocess
from dataclasses import astuple
from pathlib import Path

import pytest

from stack.bind import bootstrap_zones
from stack.debian import library_path, needed, unpacked
from stack.errors import StackError
from stack.ports import Ports, is_free
from stack.private import env_file, without_exported, write_private


def test_every_port_can_be_set_and_has_a_default() -> None:
    ports = Ports.from_environment({"STACK_API_PORT": "8080", "STACK_DNS_PORT": "5353", "PATH": "/bin"})
    assert ports == Ports(api=8080, dns=5353)
    assert Ports().api == 8000


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "8000 ", "http", "٨٠"])
def test_what_is_no_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(StackError, match="STACK_KAFKA_PORT"):
        Ports.from_environment({"STACK_KAFKA_PORT": text})


def test_free_ports_are_free_and_all_different() -> None:
    ports = astuple(Ports.free())
    assert len(set(ports)) == len(ports)
    assert all(map(is_free, ports))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_used_over_tcp_or_udp_is_not_free(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        assert not is_free(taken.getsockname()[1])


def test_of_what_apt_would_install_only_the_program_and_its_libraries_are_needed() -> None:
    plan = "\n".join(
        [
            "NOTE: This is only a simulation!",
            "Inst libuv1 (1.44.2-1 Debian:12 [amd64])",
            "Inst netbase (6.4 Debian:12 [all])",
            "Inst bind9-libs (1:9.18 Debian:12 [amd64])",
            "Inst bind9 (1:9.18 Debian:12 [amd64])",
            "Conf libuv1 (1.44.2-1 Debian:12 [amd64])",
        ]
    )
    assert needed(plan, "bind9") == ["bind9", "bind9-libs", "libuv1"]


def test_a_package_that_is_installed_already_is_needed_all_the_same() -> None:
    assert needed("0 upgraded, 0 newly installed", "bind9") == ["bind9"]


def test_what_is_unpacked_already_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "bind9").mkdir()
    assert unpacked("bind9", tmp_path) == tmp_path / "bind9"


def test_libraries_are_found_in_both_places(tmp_path: Path) -> None:
    for folder in ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/other"):
        (tmp_path / folder).mkdir(parents=True)
    assert library_path(tmp_path) == f"{tmp_path}/usr/lib/x86_64-linux-gnu:{tmp_path}/lib/x86_64-linux-gnu"


def test_a_shell_reads_the_env_file_as_it_was_meant(tmp_path: Path) -> None:
    file = tmp_path / "env"
    with env_file(file, {"PLAIN": "redis://127.0.0.1:1/0", "HARD": "it's $HOME and `more`"}, {}):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "PLAIN=redis://127.0.0.1:1/0\n" in file.read_text()
        script = f'set -a; . {file}; printf "%s|%s" "$PLAIN" "$HARD"'
        told = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert told == "redis://127.0.0.1:1/0|it's $HOME and `more`"
    assert not file.exists()


def test_a_private_file_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, "new")
    assert file.read_text() == "new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_bootstrap_zone_is_on_the_backend_of_the_inventory() -> None:
    assert bootstrap_zones() == "example.test=bind,2.0.192.in-addr.arpa=bind,8.b.d.0.1.0.0.2.ip6.arpa=bind"


def test_what_a_shell_has_exported_from_an_earlier_stack_is_left_out(tmp_path: Path) -> None:
    written = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/dns", "TOPIC": "a b", "PLAYBOOK": "mine.yml"}
    with env_file(tmp_path / "env", written, {"PLAYBOOK": "mine.yml", "PATH": "/bin"}):
        pass
    shell = {"DATABASE_URL": "postgresql://u:p@127.0.0.1:1/dns", "TOPIC": "mine", "PATH": "/bin"}
    assert without_exported(shell, tmp_path / "last-env") == ({"TOPIC": "mine", "PATH": "/bin"}, True)
    own = {"PLAYBOOK": "mine.yml", "PATH": "/bin"}
    assert without_exported(own, tmp_path / "last-env") == (own, False)
    assert without_exported({"PATH": "/bin"}, tmp_path / "last-env") == ({"PATH": "/bin"}, False)
    assert without_exported(shell, tmp_path / "none") == (shell, False)


def test_a_port_that_there_is_not_is_named() -> None:
    with pytest.raises(StackError, match="STACK_API_PROT_PORT is no setting; there are STACK_API_PORT, "):
        Ports.from_environment({"STACK_API_PROT_PORT": "8080"})
