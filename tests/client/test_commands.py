"""The commands, against a running system."""

import json
import os
import pty
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from dns_orchestrator import Client
from dns_orchestrator.cli import app
from stack.embedded import Stack
from stack.paths import ROOT
from stack.ports import HOST
from tests.client.conftest import Run
from tests.support.eventually import eventually

# What commands can't do without, by their names.
NEEDED: dict[str, list[str]] = {
    "create": ["www.example.test", "A", "192.0.2.1"],
    "update": ["www.example.test", "A", "192.0.2.1"],
    "upsert": ["www.example.test", "A", "192.0.2.1"],
    "delete": ["www.example.test", "A"],
    "plan": ["FILE"],
    "apply": ["FILE", "--yes"],
    "history": ["example.test", "www", "A"],
    "rollback": ["example.test", "2026-11-26T10:00:00Z", "--yes"],
    "import": ["example.test"],
    "export": ["example.test"],
    "zones add": ["example.test", "--backend", "bind"],
    "zones set": ["example.test", "default_ttl=60"],
    "zones remove": ["example.test", "--yes"],
    "zones show": ["example.test"],
    "zones check": ["example.test"],
    "drift list": ["example.test"],
    "drift adopt": ["example.test"],
    "drift restore": ["example.test"],
    "drift check": ["example.test"],
    "access explain": ["www.example.test", "A"],
    "access tokens create": ["--role", "requester"],
    "access tokens revoke": ["abc"],
    "access grants add": ["allow", "--to-account", "team-a"],
    "access grants remove": ["ID"],
    "webhooks create": ["https://hooks.example.test/"],
    "webhooks delivery": ["ID", "ID"],
    "webhooks replay": ["ID", "ID"],
    **{
        f"webhooks {name}": ["ID"]
        for name in ("show", "set", "enable", "disable", "rotate", "test", "deliveries", "remove")
    },
    **{
        name: ["ID"] for name in ("status", "watch", "cancel", "retry", "undo", "review", "approve", "reject")
    },
}
NO_API = {"completion", "logout"}


def commands(group: TyperGroup, *names: str) -> Iterator[str]:
    """The names of all commands."""
    for name, each in group.commands.items():
        if isinstance(each, TyperGroup):
            yield from commands(each, *names, name)
        else:
            yield " ".join((*names, name))


COMMAND = typer.main.get_command(app)
assert isinstance(COMMAND, TyperGroup)
EVERY = sorted(commands(COMMAND))


@pytest.fixture
def zone(stack: Stack, run: Run) -> Iterator[str]:
    """A new zone that the system serves."""
    name = f"t-{secrets.token_hex(4)}.test"
    stack.add_zone(name)
    assert run("zones", "add", name, "--backend", "bind").exit_code == 0
    yield name
    run("zones", "remove", name, "--yes", "--cancel-open")


@pytest.mark.parametrize(("name", "option"), [("retry", "--code"), ("cancel", "--batch")])
def test_who_chooses_no_requests_is_told_by_what_he_can(name: str, option: str) -> None:
    done = CliRunner().invoke(app, [name, "--url", f"http://{HOST}:1"])
    assert done.exit_code != 0
    assert option in done.stderr


def found(run: Run, *words: str) -> Any:
    """What a command prints as JSON."""
    done = run(*words, "--json")
    assert done.exit_code in (0, 1, 7), done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", [each for each in EVERY if each not in NO_API])
def test_without_an_api_every_command_says_so_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = tmp_path / "changes.csv"
    file.write_text("name,type,value\nwww.example.test,A,192.0.2.1\n")
    stand_ins = {"FILE": str(file), "ID": "01a21777-04a4-76c1-8ed8-79b4638cb5df"}
    words = [stand_ins.get(word, word) for word in NEEDED.get(name, [])]
    done = CliRunner().invoke(app, [*name.split(), *words, "--url", f"http://{HOST}:1"])
    assert done.exit_code == 6, done.output
    assert len(done.stderr.splitlines()) == 1
    assert "Is the API running?" in done.stderr


def test_a_request_is_followed_undone_and_can_not_be_retried(run: Run, zone: str) -> None:
    first = found(run, "upsert", f"www.{zone}", "A", "192.0.2.1", "--ttl", "60")
    second = found(run, "upsert", f"www.{zone}", "A", "192.0.2.2", "--no-wait")
    assert second["status"] == "pending"
    watched = run("watch", second["id"])
    assert watched.exit_code == 0
    assert " running " in watched.stdout
    assert watched.stdout.splitlines()[-1].startswith(f"succeeded upsert www.{zone} A 192.0.2.2")
    shown = run("status", second["id"])
    assert "- 60 192.0.2.1" in shown.stdout
    assert "+ 300 192.0.2.2" in shown.stdout
    assert found(run, "undo", second["id"])["resource"]["target"] == ["192.0.2.1"]
    assert run("retry", first["id"]).exit_code == 5
    assert [each["status"] for each in found(run, "history", zone, "www", "a")] == ["succeeded"] * 3


def test_a_plan_of_one_change_changes_nothing(run: Run, zone: str) -> None:
    done = run("create", f"www.{zone}", "A", "192.0.2.1", "--dry-run")
    assert done.stdout.splitlines()[0] == f"  + www.{zone} A 300 192.0.2.1"
    assert found(run, "list", "--zone", zone) == []


def test_a_failed_request_ends_with_status_1_and_is_listed_by_its_code(run: Run, zone: str) -> None:
    done = run("update", f"www.{zone}", "A", "192.0.2.1")
    assert done.exit_code == 1
    [failed] = found(run, "list", "--zone", zone, "--status", "failed")
    assert f"[{failed['error']['code']}]" in done.stderr
    assert [failed["context"][name] for name in ("source", "via")] == ["cli", "cli"]
    assert found(run, "retry", "--zone", zone)["count"] == 1
    assert run("watch", failed["id"]).exit_code == 1


def test_what_is_scheduled_ends_with_status_7_and_is_cancelled(run: Run, zone: str) -> None:
    done = run("upsert", f"www.{zone}", "A", "192.0.2.1", "--not-before", "2027-01-01T00:00:00Z")
    assert done.exit_code == 7
    assert "dns-orchestrator watch" in done.stderr
    assert found(run, "cancel", "--zone", zone, "--status", "scheduled")["count"] == 1


def test_a_zone_is_looked_at_set_and_removed(run: Run, zone: str) -> None:
    assert found(run, "zones", "set", zone, "default_ttl=60", 'protected_names=["mail"]')["default_ttl"] == 60
    assert found(run, "zones", "show", zone)["protected_names"] == ["mail"]
    assert "well" in run("zones", "check", zone).stdout
    assert zone in run("zones", "list").stdout
    assert run("zones", "set", zone).exit_code == 2
    assert run("zones", "remove", zone).exit_code == 2  # nobody can be asked
    assert run("zones", "show", "absent.test").exit_code == 4


def test_a_zone_is_imported_exported_and_has_no_drift(run: Run, zone: str, tmp_path: Path) -> None:
    assert run("export", zone).exit_code == 5
    assert run("import", zone).stdout.startswith("done ")
    found(run, "upsert", f"www.{zone}", "A", "192.0.2.1")
    assert run("export", zone, "--output", str(tmp_path / "zone")).exit_code == 0
    assert "192.0.2.1" in (tmp_path / "zone").read_text()
    assert found(run, "drift", "list", zone) == []
    assert run("drift", "adopt", zone).exit_code == 5
    assert run("drift", "restore", zone, "www/A").exit_code == 5
    assert run("drift", "check", zone).exit_code == 0
    assert f"www.{zone}\t300\tA\t192.0.2.1" in run("records", "--zone", zone).stdout


def test_a_zone_is_rolled_back(run: Run, zone: str) -> None:
    found(run, "upsert", f"www.{zone}", "A", "192.0.2.1")
    then = found(run, "history", zone, "www", "A")[0]["finished_at"]
    found(run, "upsert", f"www.{zone}", "A", "192.0.2.2")
    done = run("rollback", zone, then, "--yes")
    assert done.exit_code == 0, done.output
    assert f"  + www.{zone} A 300 192.0.2.1" in done.stdout.splitlines()
    assert found(run, "records", "--zone", zone)[0]["target"] == ["192.0.2.1"]
    assert (
        "nothing to take back"
        in run("rollback", zone, found(run, "history", zone, "www", "A")[0]["finished_at"], "--yes").stdout
    )


def test_access_is_shown_and_changed(run: Run, zone: str) -> None:
    assert "admin" in run("access", "me").stdout
    granted = found(run, "access", "grants", "add", "deny", "--to-account", "team-z", "--zone", zone)
    assert run("access", "explain", f"www.{zone}", "A", "--account", "team-z").exit_code == 3
    assert granted["id"] in run("access", "grants", "list").stdout
    assert run("access", "grants", "remove", granted["id"]).exit_code == 0
    made = found(run, "access", "tokens", "create", "--role", "requester", "--for", "team-z")
    assert made["prefix"] in run("access", "tokens", "list").stdout
    assert run("access", "tokens", "revoke", made["prefix"]).exit_code == 0
    assert "token" in run("access", "audit", "-n", "2").stdout


def test_the_doctor_finds_nothing_wrong_but_that_everybody_may_do_everything(
    run: Run, zone: str, dns: Client
) -> None:
    eventually(lambda: dns.service.ready().worker_seen_s is not None)
    states = {each["what"]: each["state"] for each in found(run, "doctor", "--zone", zone)}
    assert {name for name, state in states.items() if state != "ok"} == {"auth"}
    assert states["workers"] == "ok"
    assert any(name.startswith(f"zone {zone}, {HOST}") for name in states)


def test_the_doctor_names_a_zone_that_its_server_does_not_have(run: Run, stack: Stack, dns: Client) -> None:
    name = f"t-{secrets.token_hex(4)}.test"
    dns.zones.add(name, "bind")
    done = run("doctor", "--zone", name)
    assert done.exit_code == 1
    assert "[zone_not_loaded]" in done.stdout
    dns.zones.remove(name)


def test_the_figures_are_shown(run: Run, zone: str) -> None:
    found(run, "upsert", f"www.{zone}", "A", "192.0.2.1")
    shown = run("stats").stdout
    assert "backend bind: well" in shown
    assert "until verified: " in shown
    assert "\x1b" not in shown


@pytest.mark.thorough
def test_a_table_on_a_terminal_shows_ids_whole(run: Run, zone: str, url: str) -> None:
    made = found(run, "upsert", f"www.{zone}", "A", "192.0.2.1")
    controller, terminal = pty.openpty()
    words = [sys.executable, "-m", "dns_orchestrator", "list", "--zone", zone]
    env = {
        "PYTHONPATH": str(ROOT / "client/src"),
        "DNS_ORCHESTRATOR_URL": url,
        "COLUMNS": "60",
        "TERM": "xterm",
    }
    subprocess.run(words, env=env, stdout=terminal, check=True, timeout=60)
    os.close(terminal)
    shown = os.read(controller, 65_536).decode()
    os.close(controller)
    assert made["id"] in shown
    assert "\x1b[32m" in shown


def test_shells_get_a_completion(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())
    assert "complete " in run("completion", "bash").stdout


def test_a_profile_says_where_the_api_is(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "dns-orchestrator"
    folder.mkdir()
    (folder / "config.toml").write_text(
        f'default = "here"\n[profiles.here]\nurl = "{url}"\naccount = "team-p"\n[profiles.away]\nurl = "http://{HOST}:1"\n'
    )
    monkeypatch.delenv("DNS_ORCHESTRATOR_URL")
    assert found(run, "doctor", "--zone", "example.test")[0]["said"].endswith("account team-p, profile here")
    assert run("zones", "list", "--profile", "away").exit_code == 6
    done = run("zones", "list", "--profile", "nowhere")
    assert done.exit_code == 2
    assert "here" in done.stderr
