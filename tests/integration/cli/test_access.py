"""`token` and `audit`, as an operator uses them before anybody has a token."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.support.forked import CLI, Ended, run_in_fork

CREATE = ("token", "create", "--role")
Run = Callable[..., Ended]


@pytest.fixture
def run(new_database: str, tmp_path: Path) -> Run:
    """Runs a command on the database `new_database`."""
    return lambda *words: run_in_fork(
        [*CLI, *words], {"DATABASE_URL": new_database, "COLUMNS": "200"}, tmp_path
    )


def test_tokens_and_their_audit(run: Run, new_database: str) -> None:
    missing = run("token", "list")
    assert (missing.status, missing.out) == (1, "")
    assert "not migrated" in missing.err
    assert "Traceback" not in missing.err
    assert run("migrate").status == 0

    made = run(*CREATE, "admin", "--account", "ops", "--expires", "90d", "--person", "Ann")
    assert made.status == 0, made.err
    token = made.out.strip()
    prefix = token.split("_")[1]
    assert prefix in made.err
    assert token not in made.err
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
    other = limited.out.split("_")[1]
    listed = [json.loads(line) for line in run("token", "list", "--json").out.splitlines()]
    assert [each["prefix"] for each in listed] == [other, prefix]
    assert [(each["person"], each["made_by"]) for each in listed] == [(None, []), ("Ann", [])]
    assert (listed[0]["accounts"], listed[0]["networks"]) == (["a", "b"], ["10.0.0.0/8"])
    expires = datetime.fromisoformat(listed[1]["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert run("token", "revoke", other).status == 0
    table = run("token", "list").out
    assert token not in table
    assert [line.split("\t")[:3] for line in table.splitlines()[1:]] == [
        [other, "revoked", "requester"],
        [prefix, "good", "admin"],
    ]

    entries = [json.loads(line) for line in run("audit", "export").out.splitlines()]
    assert [each["act"] for each in entries] == ["token_created", "token_created", "token_revoked"]
    assert all(each["principal"].startswith("cli ") for each in entries)
    verified = run("audit", "verify")
    assert verified.out == f"3 entries, nothing changed. The last hash: {entries[-1]['hash']}\n"
    for kept, status, words in (
        (entries[0]["hash"], 0, "3 entries"),
        ("0" * 63 + "1", 1, "no entry has the hash"),
        ("", 2, "64 hexadecimal digits"),
        (entries[0]["hash"][:10], 2, "64 hexadecimal digits"),
    ):
        compared = run("audit", "verify", "--last-hash", kept)
        assert compared.status == status
        assert words in compared.out + compared.err
    with psycopg.connect(new_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE access_audit DISABLE TRIGGER only_added")
        connection.execute("UPDATE access_audit SET principal = 'somebody else' WHERE seq = 2")
    broken = run("audit", "verify")
    assert broken.status == 1
    assert "entry 2 was changed" in broken.err


def test_errors_are_sentences(run: Run) -> None:
    run("migrate")
    nameless = run("token", "create", "--role", "requester")
    assert (nameless.status, nameless.out) == (1, "")
    assert nameless.err.startswith("accounts: a requester")
    unknown = run("token", "revoke", "nothing")
    assert (unknown.status, unknown.err) == (1, "there is no such token\n")
