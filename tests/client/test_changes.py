"""Ask for changes: by the command, and from Python."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from dns_orchestrator import AsyncClient, Client, InvalidInput
from stack.embedded import Stack
from stack.paths import ROOT
from tests.client.conftest import Run
from tests.support.user import User


def test_the_installed_command_asks_for_a_change_and_waits_until_it_is_verified(
    stack: Stack, url: str, tmp_path: Path
) -> None:
    uv = ROOT / ".venv/bin/uv"
    subprocess.run([uv, "venv", "--quiet", tmp_path / "venv"], check=True, timeout=60)
    python = tmp_path / "venv/bin/python"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, ROOT / "client"], check=True, timeout=120
    )
    words = ["upsert", "www.example.test", "A", "192.0.2.10", "--ttl", "60"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DNS_ORCHESTRATOR_URL": url}
    done = subprocess.run(
        [tmp_path / "venv/bin/dns-orchestrator", *words],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("succeeded upsert www.example.test A 192.0.2.10")
    user = User(stack.env)
    assert user.dig("www.example.test", "A") == {"192.0.2.10"}
    assert user.ttl("www.example.test", "A") == 60
    user.api.close()


def test_a_change_is_asked_for_by_both_clients(dns: Client, url: str) -> None:
    added = dns.create("both.example.test", "TXT", ["one", "two"], ttl=120, comment="first", wait=30)
    assert added.has_succeeded
    assert added.targets == ["one", "two"]

    async def remove() -> str:
        async with AsyncClient(url, account_id="team-a") as client:
            return (await client.delete("both.example.test", "TXT", wait=30)).status

    assert asyncio.run(remove()) == "succeeded"


def test_all_that_is_wrong_with_a_change_is_raised_at_once(dns: Client) -> None:
    with pytest.raises(InvalidInput) as raised:
        dns.create("www.nowhere.test", "A", "192.0.2.1000")
    assert {reason.code for reason in raised.value.reasons} == {"ipv4_invalid", "zone_unknown"}


def test_values_of_several_fields_need_no_quotes(run: Run) -> None:
    done = run("upsert", "mx.example.test", "MX", "10", "a.example.net", "20", "b.example.net", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["resource"]["target"] == ["10 a.example.net", "20 b.example.net"]


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_any_number_of_seconds_can_be_waited(run: Run, seconds: str) -> None:
    done = run("upsert", "wait.example.test", "A", "192.0.2.1", "--wait", seconds)
    assert done.exit_code in (0, 7), done.stderr


@pytest.mark.parametrize("words", [("\udcff.example.test",), ("a.example.test", "--idempotency-key", "é")])
def test_what_can_not_be_sent_is_said_in_one_line(run: Run, words: tuple[str, ...]) -> None:
    name, *rest = words
    done = run("upsert", name, "A", "192.0.2.1", *rest)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "can't be sent" in done.stderr


def test_what_is_refused_ends_with_status_2_and_each_reason_on_a_line(run: Run) -> None:
    done = run("create", "www.nowhere.test", "A", "192.0.2.1000")
    assert done.exit_code == 2
    assert ["[ipv4_invalid]" in line or "[zone_unknown]" in line for line in done.stderr.splitlines()] == [
        True,
        True,
    ]
