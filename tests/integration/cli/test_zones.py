"""`zones`: many zones at once, from what BIND says that it has, or from a list."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.core.config import Settings
from stack.debian import library_path, unpacked
from stack.paths import PACKAGES
from tests.support.commands import run_command

CONF = """
view "internal" {
    zone "example.org" { type primary; file "a"; };
    zone "." { type hint; file "h"; };
};
view "external" {
    zone "example.org" { type master; file "b"; };
    zone "copied.example" { type secondary; primaries { 192.0.2.1; }; file "c"; };
};
"""


@pytest.fixture
def printed(tmp_path: Path) -> Path:
    """What `named-checkconf -l` prints of `CONF`."""
    root = unpacked("bind9", PACKAGES)
    (tmp_path / "named.conf").write_text(CONF)
    environment = os.environ | {"LD_LIBRARY_PATH": library_path(root)}
    command = [f"{root}/usr/bin/named-checkconf", "-l", "named.conf"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    (tmp_path / "zones").write_text(done.stdout)
    return tmp_path / "zones"


def added(*words: str, status: int = 0) -> list[tuple[str, str]]:
    told = run_command("zones", "add", "--json", "--backend", "ns1", *words)
    assert told.exit_code == status, told.output
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    return [(each["zone"], each["state"]) for each in lines]


def listed() -> dict[str, dict[str, Any]]:
    told = run_command("zones", "list", "--json")
    return {each["name"]: each for each in map(json.loads, told.stdout.splitlines())}


def test_what_bind_has_in_each_of_its_views(app_settings: Settings, printed: Path) -> None:
    assert added("--view", "internal", str(printed)) == [
        ("example.org@internal", "added"),
        (".", "skipped"),
        ("example.org", "skipped"),
        ("copied.example", "skipped"),
    ]
    assert ("example.org@external", "added") in added("--view", "external", str(printed))
    assert set(listed()) == {"example.org@internal", "example.org@external"}
    assert {state for _, state in added(str(printed))} == {"skipped"}


def test_a_list_that_is_given_again(app_settings: Settings, tmp_path: Path) -> None:
    zones = tmp_path / "zones"
    zones.write_text("# ours\n\nA.example.   # the first\nb.example\nno zone\n*.c.example\n")
    bad = [("no zone", "refused"), ("*.c.example", "refused")]
    assert added(str(zones), status=1) == [("a.example", "added"), ("b.example", "added"), *bad]
    assert [each["import_state"] for each in listed().values()] == [None, None]
    again = [("A.example.", "there"), ("b.example", "there"), *bad]
    assert added("--import", str(zones), status=1) == again
    assert [each["import_state"] for each in listed().values()] == ["wanted", "wanted"]
    assert added("--import", str(zones), status=1) == again


def test_what_another_backend_serves_is_left_to_it(app_settings: Settings, tmp_path: Path) -> None:
    zones = tmp_path / "zones"
    zones.write_text("a.example\n")
    assert added(str(zones)) == [("a.example", "added")]
    zones.write_text("a.example\nb.example\n")
    told = run_command("zones", "add", "--import", "--backend", "ns2", str(zones))
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0] == (
        "a.example\telsewhere\tthe zone a.example is served already, by ns1"
    )
    assert {name: each["import_state"] for name, each in listed().items()} == {
        "a.example": None,
        "b.example": "wanted",
    }


def test_words_for_people(app_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "zones").write_text("a.example\nno zone\n")
    told = run_command("zones", "add", "--backend", "ns1", str(tmp_path / "zones"))
    assert told.stdout.splitlines()[0] == "a.example\tadded\tserved by ns1"
    assert told.stderr == "1 added, 1 refused\n"
    lines = run_command("zones", "list").stdout.splitlines()
    assert lines[1:] == ["a.example\tns1\t-\t-\t-\t0\t-"]


def test_a_list_that_is_not_there(app_settings: Settings, tmp_path: Path) -> None:
    told = run_command("zones", "add", "--backend", "ns1", str(tmp_path / "none"))
    assert told.exit_code == 2
    assert "Traceback" not in told.output


def test_what_is_no_text_is_no_name(app_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "zones").write_bytes(b"\xef\xbb\xbfa.example\r\ncaf\xe9.example\r\n")
    assert added(str(tmp_path / "zones"), status=1) == [
        ("a.example", "added"),
        ("caf\udce9.example", "refused"),
    ]


def test_a_backend_that_no_host_can_be(app_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "zones").write_text("a.example\n")
    for backend in ("ns1:&all", "{{ x }}", "", "a b"):
        told = run_command("zones", "add", "--backend", backend, str(tmp_path / "zones"))
        assert told.exit_code == 2, told.output
    assert listed() == {}
