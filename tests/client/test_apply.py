"""Many changes from a file: planned, asked for once, and each failure named."""

import json
import os
import secrets
from pathlib import Path

import pytest

from dns_orchestrator import Change, Client
from stack.embedded import Stack
from tests.client.conftest import Run


@pytest.fixture
def zone(stack: Stack, dns: Client) -> str:
    """A new zone that the system serves, and has imported."""
    name = f"t-{secrets.token_hex(4)}.test"
    stack.add_zone(name)
    dns.zones.add(name, "bind")
    return name


@pytest.fixture
def file(tmp_path: Path, zone: str) -> Path:
    """A file with three good changes, one that is refused, and one that fails."""
    lines = [
        "action,name,type,value,ttl",
        f"upsert,a.{zone},A,192.0.2.1,60",
        f"upsert,a.{zone},A,192.0.2.2,60",
        f"upsert,b.{zone},TXT,hello,60",
        f"upsert,bad.{zone},A,1.2.3,60",
        f"update,absent.{zone},A,192.0.2.1,60",
    ]
    path = tmp_path / "changes.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def states() -> list[Path]:
    """What is remembered of runs."""
    return list(Path(os.environ["XDG_STATE_HOME"]).rglob("*.json"))


def test_a_file_is_planned_applied_and_each_failure_is_named_with_its_line(
    run: Run, file: Path, zone: str, dns: Client
) -> None:
    planned = run("plan", str(file))
    assert planned.exit_code == 2
    assert f"  + a.{zone} A 60 192.0.2.1" in planned.stdout.splitlines()
    assert "! line 5: refused: " in planned.stdout
    assert list(dns.requests.list(zone=zone)) == []
    assert run("apply", str(file)).exit_code == 2  # nobody can be asked
    done = run("apply", str(file), "--yes")
    assert done.exit_code == 1
    failures = done.stderr.splitlines()
    assert failures[0].startswith(f"line 5: upsert bad.{zone} A is refused: ")
    assert failures[1].startswith(f"line 6: update absent.{zone} A failed: ")
    assert done.stdout.splitlines()[-1] == "2 succeeded, 1 failed, 1 refused, 0 open."
    assert {each.domain: each.target for each in dns.records.list(zone=zone)} == {
        f"a.{zone}": ["192.0.2.1", "192.0.2.2"],
        f"b.{zone}": ['"hello"'],
    }
    assert states() == []


def test_what_was_interrupted_goes_on_and_asks_for_nothing_twice(
    run: Run, file: Path, zone: str, dns: Client
) -> None:
    text = file.read_text().splitlines()
    file.write_text("\n".join(text[:4]) + "\n")
    with_more = "\n".join([text[0], f"upsert,new.{zone},A,192.0.2.9,", *text[1:4]]) + "\n"
    begun = run("apply", str(file), "--yes", "--no-wait", "--json")
    assert begun.exit_code == 7, begun.output
    assert len(states()) == 1
    file.write_text(with_more)
    done = run("apply", str(file), "--yes")
    assert done.exit_code == 0, done.output
    assert "Going on with what was begun" in done.stderr
    assert done.stdout.splitlines()[-1] == "3 succeeded, 0 failed, 0 refused, 0 open."
    assert sorted(each.domain for each in dns.requests.list(zone=zone)) == [
        f"{x}.{zone}" for x in ("a", "b", "new")
    ]
    assert states() == []
    again = run("apply", str(file), "--yes", "--json")
    assert json.loads(again.stdout)["unchanged"] == 3
    assert len(list(dns.requests.list(zone=zone))) == 3


def test_what_is_exported_is_applied_to_no_effect(run: Run, zone: str, dns: Client, tmp_path: Path) -> None:
    dns.upsert(f"www.{zone}", "MX", ["10 a.example.net", "20 b.example.net"], wait=30)
    dns.upsert(f"text.{zone}", "TXT", 'a "quoted" text; and \\ more', wait=30)
    assert run("import", zone).exit_code == 0
    file = tmp_path / "export.zone"
    assert run("export", zone, "-o", str(file)).exit_code == 0
    planned = run("plan", str(file))
    assert planned.exit_code == 0, planned.output
    assert planned.stdout.splitlines()[-1] == "Plan: 3 unchanged."


def test_a_file_that_is_no_known_kind_wants_to_be_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "changes"
    file.write_text('{"name": "x.example.test", "type": "A", "value": "192.0.2.1"}\n')
    assert "--format" in run("plan", str(file)).stderr
    assert run("plan", str(file), "--format", "jsonl").exit_code == 0
    file.write_text("{")
    done = run("plan", str(file), "--format", "jsonl")
    assert done.exit_code == 2
    assert f"{file}: line 1: not JSON" in done.stderr


def test_many_changes_are_asked_for_in_chunks_in_their_order(dns: Client, zone: str) -> None:
    changes = [
        Change(domain=f"n{number}.{zone}", record_type="A", target="192.0.2.1") for number in range(30)
    ]
    # Two such changes fill a call. What refuses them is their length, which costs the API nothing.
    long = Change(domain=f"long.{zone}", record_type="TXT", target="x", comment="x" * 6_000_000)
    submitted = list(dns.submit([*changes[:15], long, long, long, *changes[15:]]))
    assert [each.change.domain for each in submitted if each.change.record_type == "A"] == [
        each.domain for each in changes
    ]
    assert [each.result.status_code for each in submitted].count(422) == 3
    batches = {each.batch_id for each in submitted if each.batch_id}
    assert len(batches) == 2
    *_, progress = dns.progress(batches, 60)
    assert [each.by_status["succeeded"] for each in progress] == [15, 15]
    states = dns.requests.states(each.result.request.id for each in submitted if each.result.request)
    assert sorted(each.status for each in states) == ["succeeded"] * 30
