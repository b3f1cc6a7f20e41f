"""`token` and `audit`, as an operator uses them before anybody has a token."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from stack.paths import ROOT

CREATE = ("token", "create", "--role")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(new_database: str) -> Run:
    """Runs a command on the database `new_database`."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": new_database, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return call


def test_tokens_and_their_audit(run: Run, new_database: str) -> None:
    missing = run("token", "list")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "not migrated" in missing.stderr
    assert "Traceback" not in missing.stderr
    assert run("migrate").returncode == 0

    made = run(*CREATE, "admin", "--account", "ops", "--expires", "90d", "--person", "Ann")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    prefix = token.split("_")[1]
    assert prefix in made.stderr
    assert token not in made.stderr
    limited = run(
        "token",
        "create",
        "--role",
        "requester",
        "--account",
        "a",
        "--account",
        "b",
        "--network",
        "10.0.0.0/8",
    )
    other = limited.stdout.split("_")[1]
    listed = [json.loads(line) for line in run("token", "list", "--json").stdout.splitlines()]
    assert [each["prefix"] for each in listed] == [other, prefix]
    assert [(each["person"], each["made_by"]) for each in listed] == [(None, []), ("Ann", [])]
    assert (listed[0]["accounts"], listed[0]["networks"]) == (["a", "b"], ["10.0.0.0/8"])
    expires = datetime.fromisoformat(listed[1]["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert run("token", "revoke", other).returncode == 0
    table = run("token", "list").stdout
    assert token not in table
    assert [line.split("\t")[:3] for line in table.splitlines()[1:]] == [
        [other, "revoked", "requester"],
        [prefix, "good", "admin"],
    ]

    entries = [json.loads(line) for line in run("audit", "export").stdout.splitlines()]
    assert [each["act"] for each in entries] == ["token_created", "token_created", "token_revoked"]
    assert all(each["principal"].startswith("cli ") for each in entries)
    verified = run("audit", "verify")
    assert verified.stdout == f"3 entries, nothing changed. The last hash: {entries[-1]['hash']}\n"
    with psycopg.connect(new_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE access_audit DISABLE TRIGGER only_added")
        connection.execute("UPDATE access_audit SET principal = 'somebody else' WHERE seq = 2")
    broken = run("audit", "verify")
    assert broken.returncode == 1
    assert "entry 2 was changed" in broken.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create"], "--role"),
        (["create", "--role", "king"], "king"),
        (["create", "--role", "admin", "--expires", "soon"], "90d"),
        (["create", "--role", "admin", "--network", "10.0.0.1/8"], "host bits"),
        (["create", "--role", "admin", "--account", " x"], "account"),
        (["create", "--role", "admin", "--person", ""], "person"),
    ],
)
def test_what_is_no_order_for_a_token(run: Run, arguments: list[str], words: str) -> None:
    done = run("token", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_errors_are_sentences(run: Run) -> None:
    run("migrate")
    nameless = run("token", "create", "--role", "requester")
    assert (nameless.returncode, nameless.stdout) == (1, "")
    assert nameless.stderr.startswith("accounts: a requester")
    unknown = run("token", "revoke", "nothing")
    assert (unknown.returncode, unknown.stderr) == (1, "there is no such token\n")
