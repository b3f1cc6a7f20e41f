"""`playbook check`: which points of the contract hold, and what a broken playbook breaks."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from app.core.config import ROOT, settings
from stack.embedded import Stack
from tests.support.commands import run_command
from tests.support.runs import make_site
from tests.support.zones import ZoneUnderTest

CHECKS = [
    "runs end",
    "exit status",
    "results file",
    "results complete",
    "outcomes",
    "bad change",
    "neighbours",
    "expect",
    "group",
    "templates",
    "answers",
    "check mode",
    "leftovers",
]


_numbers = count()


@pytest.fixture(autouse=True)
def _plain_settings() -> None:
    settings.cache_clear()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for playbooks, which share one fork server."""
    folder = make_site(tmp_path_factory.mktemp("site"))
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nroles_path = {ROOT}/playbooks/roles\ncollections_path = {ROOT}/playbooks/collections\n"
    )
    return folder


def check(zone: str, inventory: Path, *more: str) -> Result:
    words = ["playbook", "check", "--zone", zone, "--backend", "bind", "--inventory", str(inventory)]
    return run_command(*words, "--patience", "0.5", *more)


def broken(result: Result) -> dict[str, list[str]]:
    """What the report says is broken, by the point of the contract."""
    assert result.exit_code == 1, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["holds"] is False
    assert [each["check"] for each in report["checks"]] == CHECKS
    return {each["check"]: each["broken"] for each in report["checks"] if each["holds"] is False}


def playbook(site: Path, *tasks: str, role: str = "include_role: {name: rfc2136}") -> str:
    """Write the shipped playbook with more tasks, which falsify its results; return its path."""
    results = "results: \"{{ lookup('file', dns_results_file) | from_json }}\""
    lines = ["- hosts: dns", "  gather_facts: false", f"  vars: {{{results}}}", "  tasks:"]
    path = site / f"spoilt{next(_numbers)}.yml"
    path.write_text("\n".join([*lines, *(f"    - {task}" for task in (role, *tasks))]))
    return str(path)


def update(changes: Path) -> str:
    """The task of the shipped role, with another changes file."""
    of_host = "server: '{{ dns_server }}', port: '{{ dns_port }}', key_file: '{{ dns_tsig_key_file }}'"
    of_run = (
        f"zone: '{{{{ dns_zone }}}}', changes_file: {changes}, results_file: '{{{{ dns_results_file }}}}'"
    )
    return f"orchestrator.dns.dynamic_update: {{{of_host}, {of_run}}}"


def write(expression: str, path: str = "'{{ dns_results_file }}'") -> str:
    """A task that writes an expression over `results` into the results file, or into `path`."""
    return f'write_file: {{path: {path}, text: "{{{{ {expression} }}}}"}}'


def test_the_shipped_playbook_keeps_the_contract(
    infrastructure: Stack, new_zone: str, dns_inventory: Path
) -> None:
    result = check(new_zone, dns_inventory)
    assert [line.split("\t")[:2] for line in result.stdout.splitlines()] == [
        [name, "holds"] for name in CHECKS
    ]
    assert "run: a batch with one bad change" in result.stderr
    assert result.exit_code == 0
    zone = ZoneUnderTest(infrastructure, new_zone)
    assert zone.values("@", "SOA")


REMOVE = "debug: {msg: \"{{ lookup('pipe', 'rm ' ~ dns_results_file) }}\"}"
NONE_FAILED = "results | rejectattr('outcome', 'ne', 'failed') | length == 0"


@pytest.mark.parametrize(
    ("tasks", "breaches"),
    [
        (
            [
                f"{{{REMOVE}, when: results | length == 1}}",
                f"{{{write(repr('all went well'))}, when: dns_results_file is exists}}",
            ],
            {"results file": ["one bad change alone: the results file was not written", "is not JSON"]},
        ),
        (
            [
                write(
                    "([{'request_id': dns_run_id, 'outcome': 'failed'}] + results) | to_json"
                    " | replace('applied', 'done') | replace('failed', 'applied')"
                )
            ],
            {
                "results file": [
                    "is about a request that was not asked for",
                    "has no outcome of applied, unchanged, failed",
                ],
                "bad change": ["said to be done: update of what is not there"],
            },
        ),
        (
            [
                f'{{block: [{{fail: {{msg: one was refused}}, when: "not ({NONE_FAILED})"}}],'
                f" always: [{{{write(f'(results[1:] if {NONE_FAILED} else []) | to_json')}}}]}}"
            ],
            {
                "exit status": ["one bad change alone: exit status 2"],
                "results complete": ["no result for create (one."],
                "neighbours": ["not done because of the bad change: create (two."],
            },
        ),
    ],
)
def test_results_that_break_the_contract(
    new_zone: str, dns_inventory: Path, site: Path, tasks: list[str], breaches: dict[str, list[str]]
) -> None:
    found = broken(check(new_zone, dns_inventory, "--json", "--playbook", playbook(site, *tasks)))
    for point, said in breaches.items():
        assert [words for words in said if not any(words in line for line in found[point])] == [], found
    assert "templates" not in found
    assert "leftovers" not in found


def test_templates_that_are_executed(new_zone: str, dns_inventory: Path, site: Path, tmp_path: Path) -> None:
    plain, rendered = tmp_path / "plain.json", tmp_path / "rendered.json"
    path = playbook(
        site,
        write(f"lookup('template', '{plain}')", str(rendered)),
        update(rendered),
        role=write("lookup('file', dns_changes_file) | from_json | to_json", str(plain)),
    )
    found = broken(check(new_zone, dns_inventory, "--json", "--playbook", path))
    assert "a template that a requester wrote was executed" in found["templates"]
    assert any('there is "42"' in line for line in found["templates"])


def test_a_changes_file_that_is_rendered_is_as_it_was(
    new_zone: str, dns_inventory: Path, site: Path, tmp_path: Path
) -> None:
    rendered = tmp_path / "rendered.json"
    render = write("lookup('template', dns_changes_file)", str(rendered))
    result = check(new_zone, dns_inventory, "--playbook", playbook(site, update(rendered), role=render))
    assert [line.split("\t")[:2] for line in result.stdout.splitlines()] == [
        [name, "holds"] for name in CHECKS
    ]


def test_what_could_not_be_tried_is_not_said_to_hold(new_zone: str, dns_inventory: Path, site: Path) -> None:
    path = playbook(site, role="fail: {msg: it broke for a good reason}")
    result = check(new_zone, dns_inventory, "--playbook", path)
    verdicts = {line.split("\t")[0]: line.split("\t")[1] for line in result.stdout.splitlines()}
    assert verdicts == {
        "runs end": "holds",
        "exit status": "broken",
        "results file": "broken",
        "results complete": "broken",
        "outcomes": "not tried",
        "bad change": "not tried",
        "neighbours": "not tried",
        "expect": "not tried",
        "group": "not tried",
        "templates": "not tried",
        "answers": "not tried",
        "check mode": "not tried",
        "leftovers": "not tried",
    }
    assert result.stdout.count("it broke for a good reason") > 3


@pytest.mark.thorough
def test_without_questions_nothing_is_said_of_answers(new_zone: str, dns_inventory: Path) -> None:
    result = check(new_zone, dns_inventory, "--no-ask")
    not_tried = {line.split("\t")[0] for line in result.stdout.splitlines() if "\tnot tried\t" in line}
    assert not_tried == {"answers", "check mode", "leftovers"}
    assert result.exit_code == 0


def test_deletes_that_are_not_carried_out(
    new_zone: str, dns_inventory: Path, site: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    changes = "lookup('file', dns_changes_file) | from_json | rejectattr('action', 'eq', 'delete') | to_json"
    boast = write(
        "lookup('file', dns_changes_file) | from_json | selectattr('action', 'eq', 'delete')"
        " | map('combine', {'outcome': 'applied'}) | list"
        " | union(results) | to_json"
    )
    path = playbook(site, update(kept), boast, role=write(changes, str(kept)))
    found = broken(check(new_zone, dns_inventory, "--json", "--playbook", path))
    assert any("four." in line for line in found["answers"])
    assert any("one." in line and "there is still 192.0.2.1" in line for line in found["leftovers"])


def test_changes_in_check_mode(new_zone: str, dns_inventory: Path, site: Path) -> None:
    path = playbook(site, role="include_role: {name: rfc2136, apply: {check_mode: false}}")
    found = broken(check(new_zone, dns_inventory, "--json", "--playbook", path))
    assert list(found) == ["check mode"]
    assert "dry." in found["check mode"][0]


def test_runs_that_take_too_long(new_zone: str, dns_inventory: Path, site: Path) -> None:
    path = playbook(site, role="pause: {seconds: 60}")
    found = broken(check(new_zone, dns_inventory, "--json", "--timeout", "1", "--playbook", path))
    assert "one bad change alone: timeout" in found["runs end"]


def test_what_can_not_be_tried(dns_inventory: Path, tmp_path: Path) -> None:
    words = ["playbook", "check", "--zone", "a..b", "--backend", "bind", "--inventory", str(dns_inventory)]
    result = run_command(*words)
    assert (result.exit_code, "empty label" in result.output) == (2, True)
    assert check("example.test", tmp_path / "none").exit_code == 2
    assert check("example.test", dns_inventory, "--playbook", str(tmp_path / "none.yml")).exit_code == 2
