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
from stack.nameserver import empty_zone
from stack.paths import PACKAGES
from stack.ports import HOST, Ports
from tests.acceptance.conftest import YEARS, OwnServer
from tests.support.eventually import eventually
from tests.support.own_bind import running_bind
from tests.support.pages import shown
from tests.support.user import User

PAGE = "docs/how-to/migrate.md"
ZONES = [f"z{number}.migrated.test" for number in range(3)]
ONE = ZONES[1]
RECORDS = (
    "".join(f"h{number}  A  192.0.2.{number}\n" for number in range(1, 21)) + 'old  TXT  "of years ago"\n'
)

HERE = {"--backend ns1": f"--backend {YEARS}"}  # `ns1` is a BIND of the stack here
_OPTIONS = """\
include "{key}";
options {{
    directory "{home}"; listen-on port {port} {{ {host}; }}; listen-on-v6 {{ none; }};
    pid-file none; session-keyfile none; recursion no; dnssec-validation no; notify no;
{ours}}};
"""


@contextmanager
def bind_of_years(home: Path, key: Path, ports: Ports) -> Iterator[None]:
    """Run BIND with the zones, and with what the page says has to stand in its options."""
    ours = "".join(re.findall(r"^    allow-.*\n", shown(PAGE, "allow-update").text, re.MULTILINE))
    text = _OPTIONS.format(key=key, home=home, port=ports.dns, host=HOST, ours=ours)
    for zone in ZONES:
        (home / f"{zone}.zone").write_text(empty_zone(zone) + RECORDS)
        text += f'zone "{zone}" {{ type primary; file "{zone}.zone"; }};\n'
    with running_bind(home, ports, text):
        yield


@pytest.fixture
def key(own_servers: Mapping[str, OwnServer]) -> Path:
    """The file with the key for its updates."""
    return own_servers[YEARS].home / f"{YEARS}.key"


@pytest.fixture
def primary(tmp_path: Path, user: User, own_servers: Mapping[str, OwnServer], key: Path) -> Iterator[int]:
    """The port of the BIND that the stack's inventory names YEARS."""
    ports = own_servers[YEARS].ports
    with bind_of_years(tmp_path, key, ports):
        yield ports.dns
    for zone in ZONES:
        user.api.delete(f"/zones/{zone}", params={"cancel_open": True})


@pytest.fixture
def env(stack: Stack, tmp_path: Path, programs: Path, key: Path) -> Mapping[str, str]:
    """What the commands find: the worker's settings, `python` and `named-checkconf`."""
    root = unpacked("bind9", PACKAGES)
    checkconf = tmp_path / "named-checkconf"
    checkconf.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH="{library_path(root)}" exec {root}/usr/bin/named-checkconf "$@"\n'
    )
    checkconf.chmod(0o755)
    path = f"{tmp_path}:{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, **stack.env, "PATH": path, "NS1_KEY": str(key)}


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


def imported_rrsets(user: User) -> set[int]:
    """Wait until every zone of it is imported; return how many RRsets they have."""

    def all_done() -> list[dict[str, Any]] | None:
        found = [user.api.get(f"/zones/{zone}/import").raise_for_status().json() for zone in ZONES]
        return found if all(each["state"] == "done" for each in found) else None

    return {each["rrsets"] for each in eventually(all_done, limit=60)}


def test_from_a_named_conf_to_the_first_change(
    stack: Stack, user: User, primary: int, env: Mapping[str, str], tmp_path: Path
) -> None:
    user.wait_for_backend(YEARS)
    registered = run(
        shown(PAGE, "named-checkconf -l").text,
        env,
        **HERE,
        **{"/etc/bind/named.conf": str(tmp_path / "named.conf")},
    )
    assert [line.split("\t")[:2] for line in registered.splitlines()] == [[zone, "added"] for zone in ZONES]

    assert imported_rrsets(user) == {22}  # the hosts, the text, and the NS
    assert f"\t{YEARS}\t" in run(shown(PAGE, "zones list").text, env)
    items = user.api.get("/dns/records", params={"zone": ONE, "domain": f"old.{ONE}"}).json()["items"]
    assert [(each["target"], each["origin"], each["account_id"]) for each in items] == [
        (['"of years ago"'], "import", None)
    ]

    answer = json.loads(run(shown(PAGE, "dns/upsert").text, env, **{"example.org": ONE}))
    [request] = user.wait_until_settled([answer["id"]])
    assert request["status"] == "succeeded", request
    change_beside(primary, ONE, env)
    eventually(lambda: user.api.get(f"/zones/{ONE}/drift").json()["items"], pause=0.5)
    drifted = json.loads(run(shown(PAGE, "/drift").text, env, **{"example.org": ONE}))["items"]
    assert [(each["domain"], each["kind"]) for each in drifted] == [(f"h1.{ONE}", "changed")]
    exported = user.api.get(f"/zones/{ONE}/export").text
    assert "migrated" in exported
    assert "h20" in exported


@pytest.mark.thorough
def test_from_a_directory_of_master_files(
    user: User, primary: int, env: Mapping[str, str], tmp_path: Path
) -> None:
    user.wait_for_backend(YEARS)
    here = {"/etc/bind/zones": str(tmp_path), **HERE}
    told = run(shown(PAGE, "ls /etc/bind/zones").text, env, **here)
    assert {line.split("\t")[0] for line in told.splitlines()} == set(ZONES)
    imported_rrsets(user)
    answers = run(shown(PAGE, "for file in").text, env, **here)
    assert answers.count('"wanted"') == len(ZONES)
    assert imported_rrsets(user) == {22}


def test_from_the_api_of_powerdns(stack: Stack, user: User, env: Mapping[str, str]) -> None:
    stack.add_zone("listed.test", "powerdns")
    key = (stack.data("powerdns") / "api.key").read_text().strip()
    here = {"http://127.0.0.1:8081": stack.env["POWERDNS_API_URL"], "$PDNS_KEY": key}
    told = run(shown(PAGE, "X-API-Key").text, env, **here)
    assert "listed.test\tadded\tserved by powerdns" in told.splitlines()
