"""`token` and `audit`, as an operator uses them before anybody has a token."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.core.config import Settings
from tests.support.commands import run_command

CREATE = ("token", "create", "--role")


@pytest.fixture
def app_database(copied_database: str) -> str:
    """A database for each test, since one alters its tables."""
    return copied_database


def test_tokens_and_their_audit(app_settings: Settings, app_database: str) -> None:
    made = run_command(*CREATE, "admin", "--account", "ops", "--expires", "90d", "--person", "Ann")
    assert made.exit_code == 0, made.stderr
    token = made.stdout.strip()
    prefix = token.split("_")[1]
    assert prefix in made.stderr
    assert token not in made.stderr
    limited = run_command(
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
    listed = [json.loads(line) for line in run_command("token", "list", "--json").stdout.splitlines()]
    assert [each["prefix"] for each in listed] == [other, prefix]
    assert [(each["person"], each["made_by"]) for each in listed] == [(None, []), ("Ann", [])]
    assert (listed[0]["accounts"], listed[0]["networks"]) == (["a", "b"], ["10.0.0.0/8"])
    expires = datetime.fromisoformat(listed[1]["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)
    assert run_command("token", "revoke", other).exit_code == 0
    table = run_command("token", "list").stdout
    assert token not in table
    assert [line.split("\t")[:3] for line in table.splitlines()[1:]] == [
        [other, "revoked", "requester"],
        [prefix, "good", "admin"],
    ]

    entries = [json.loads(line) for line in run_command("audit", "export").stdout.splitlines()]
    assert [each["act"] for each in entries] == ["token_created", "token_created", "token_revoked"]
    assert all(each["principal"].startswith("cli ") for each in entries)
    verified = run_command("audit", "verify")
    assert verified.stdout == f"3 entries, nothing changed. The last hash: {entries[-1]['hash']}\n"
    for kept, status, words in (
        (entries[0]["hash"], 0, "3 entries"),
        ("0" * 63 + "1", 1, "no entry has the hash"),
        ("", 2, "64 hexadecimal digits"),
        (entries[0]["hash"][:10], 2, "64 hexadecimal digits"),
    ):
        compared = run_command("audit", "verify", "--last-hash", kept)
        assert compared.exit_code == status
        assert words in compared.stdout + compared.stderr
    with psycopg.connect(app_database, autocommit=True) as connection:
        connection.execute("ALTER TABLE access_audit DISABLE TRIGGER only_added")
        connection.execute("UPDATE access_audit SET principal = 'somebody else' WHERE seq = 2")
    broken = run_command("audit", "verify")
    assert broken.exit_code == 1
    assert "entry 2 was changed" in broken.stderr


def test_errors_are_sentences(app_settings: Settings) -> None:
    nameless = run_command("token", "create", "--role", "requester")
    assert (nameless.exit_code, nameless.stdout) == (1, "")
    assert nameless.stderr.startswith("accounts: a requester")
    unknown = run_command("token", "revoke", "nothing")
    assert (unknown.exit_code, unknown.stderr) == (1, "there is no such token\n")
