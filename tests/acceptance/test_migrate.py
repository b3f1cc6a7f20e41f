"""What docs/how-to/migrate.md shows, with a BIND of some zones that has never heard of the orchestrator."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.query
import dns.rcode
import dns.update
import pytest

from app.core.config import ROOT
from app.nameservers.key_file import read_key
from stack.debian import library_path, unpacked
from stack.embedded import Stack
from stack.inventory import write_backend
from stack.nameserver import create_key, empty_zone
from stack.paths import PACKAGES
from stack.ports import HOST, Ports
from tests.support.eventually import eventually
from tests.support.own_bind import running_bind
from tests.support.pages import shown
from tests.support.user import User

PAGE = "docs/how-to/migrate.md"
ZONES = [f"z{number}.migrated.test" for number in range(12)]
RECORDS = (
    "".join(f"h{number}  A  192.0.2.{number}\n" for number in range(1, 21)) + 'old  TXT  "of years ago"\n'
)

NAME = "years"  # the page has another: its `ns1` is a BIND of the stack here
HERE = {"--backend ns1": f"--backend {NAME}"}
_OPTIONS = """\
include "{key}";
options {{
    directory "{home}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
{ours}}};
"""


@contextmanager
def bind_of_years(home: Path) -> Iterator[int]:
    """Run BIND with the zones, and with what the page says has to stand in its options; yield its port."""
    ports = Ports.free()
    create_key(home / "orchestrator.key")
    ours = "".join(re.findall(r"^    allow-.*\n", shown(PAGE, "allow-update").text, re.MULTILINE))
    text = _OPTIONS.format(key=home / "orchestrator.key", home=home, port=ports.dns, host=HOST, ours=ours)
    for zone in ZONES:
        (home / f"{zone}.zone").write_text(empty_zone(zone) + RECORDS)
        text += f'zone "{zone}" {{ type primary; file "{zone}.zone"; }};\n'
    with running_bind(home, ports, text):
        yield ports.dns


@pytest.fixture
def primary(tmp_path: Path, stack: Stack) -> Iterator[int]:
    """The port of a BIND that the stack's inventory names NAME."""
    with bind_of_years(tmp_path) as port:
        key = str(tmp_path / "orchestrator.key")
        inventory = Path(stack.env["INVENTORY"])
        write_backend(inventory, NAME, HOST, port, dns_tsig_key_file=key)
        yield port
        (inventory / f"{NAME}.yml").unlink()


@pytest.fixture
def env(stack: Stack, tmp_path: Path, programs: Path) -> Mapping[str, str]:
    """What the commands find: the worker's settings, `python` and `named-checkconf`."""
    root = unpacked("bind9", PACKAGES)
    checkconf = tmp_path / "named-checkconf"
    checkconf.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH="{library_path(root)}" exec {root}/usr/bin/named-checkconf "$@"\n'
    )
    checkconf.chmod(0o755)
    path = f"{tmp_path}:{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    key = str(tmp_path / "orchestrator.key")
    return {**os.environ, **stack.env, "PATH": path, "NS1_KEY": key}


def run(words: str, env: Mapping[str, str], **replaced: str) -> str:
    """Run a block of the page; `replaced` names what is another here."""
    for there, here in {
        "localhost:8000/api/v1": env["API_URL"].removesuffix("/dns/create"),
        **replaced,
    }.items():
        words = words.replace(there, here)
    done = subprocess.run(
        ["bash", "-e", "-c", words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def change_beside(port: int, zone: str, env: Mapping[str, str]) -> None:
    """Change a host of the zone as somebody does who still edits it by hand."""
    key = read_key(Path(env["NS1_KEY"]))
    message = dns.update.UpdateMessage(zone)
    message.replace("h1", 300, "A", "192.0.2.99")
    message.use_tsig(key)
    assert dns.query.tcp(message, HOST, port=port, timeout=10).rcode() == dns.rcode.NOERROR


def imported_rrsets(env: Mapping[str, str]) -> set[int]:
    """Wait until every zone of it is imported; return how many RRsets they have."""

    def all_done() -> list[dict[str, Any]] | None:
        lines = map(json.loads, run("python -m app.cli zones list --json", env).splitlines())
        found = [each for each in lines if each["backend"] == NAME]
        return found if all(each["import_state"] == "done" for each in found) else None

    return {each["import_rrsets"] for each in eventually(all_done, limit=60, pause=1, first=1)}


def test_from_a_named_conf_to_the_first_change(
    stack: Stack, user: User, primary: int, env: Mapping[str, str], tmp_path: Path
) -> None:
    user.wait_for_backend(NAME)
    registered = run(
        shown(PAGE, "named-checkconf -l").text,
        env,
        **HERE,
        **{"/etc/bind/named.conf": str(tmp_path / "named.conf")},
    )
    assert [line.split("\t")[:2] for line in registered.splitlines()] == [[zone, "added"] for zone in ZONES]

    assert imported_rrsets(env) == {22}  # the hosts, the text, and the NS
    assert f"\t{NAME}\t" in run(shown(PAGE, "zones list").text, env)
    items = user.api.get("/dns/records", params={"zone": ZONES[7], "domain": f"old.{ZONES[7]}"}).json()[
        "items"
    ]
    assert [(each["target"], each["origin"], each["account_id"]) for each in items] == [
        (['"of years ago"'], "import", None)
    ]

    answer = json.loads(run(shown(PAGE, "dns/upsert").text, env, **{"example.org": ZONES[7]}))
    [request] = user.wait_until_settled([answer["id"]])
    assert request["status"] == "succeeded", request
    change_beside(primary, ZONES[7], env)
    eventually(lambda: user.api.get(f"/zones/{ZONES[7]}/drift").json()["items"], pause=0.5)
    drifted = json.loads(run(shown(PAGE, "/drift").text, env, **{"example.org": ZONES[7]}))["items"]
    assert [(each["domain"], each["kind"]) for each in drifted] == [(f"h1.{ZONES[7]}", "changed")]
    exported = user.api.get(f"/zones/{ZONES[7]}/export").text
    assert "migrated" in exported
    assert "h20" in exported


@pytest.mark.thorough
def test_from_a_directory_of_master_files(
    user: User, primary: int, env: Mapping[str, str], tmp_path: Path
) -> None:
    user.wait_for_backend(NAME)
    here = {"/etc/bind/zones": str(tmp_path), **HERE}
    told = run(shown(PAGE, "ls /etc/bind/zones").text, env, **here)
    assert {line.split("\t")[0] for line in told.splitlines()} == set(ZONES)
    imported_rrsets(env)
    answers = run(shown(PAGE, "for file in").text, env, **here)
    assert answers.count('"wanted"') == len(ZONES)
    assert imported_rrsets(env) == {22}


def test_from_the_api_of_powerdns(stack: Stack, user: User, env: Mapping[str, str]) -> None:
    stack.add_zone("listed.test", "powerdns")
    key = (stack.data("powerdns") / "api.key").read_text().strip()
    here = {"http://127.0.0.1:8081": stack.env["POWERDNS_API_URL"], "$PDNS_KEY": key}
    told = run(shown(PAGE, "X-API-Key").text, env, **here)
    assert "listed.test\tadded\tserved by powerdns" in told.splitlines()
