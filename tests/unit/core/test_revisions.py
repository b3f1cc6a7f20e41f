"""Revisions that running processes do not notice: rules that every file of migrations/versions keeps.

The first six were written before there was anything to keep running.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from app.core.config import ROOT
from app.core.migrations import known_revisions, newest_revision

FILES = [path for path in sorted((ROOT / "migrations" / "versions").glob("*.py")) if path.name[:4] > "0006"]
OUTSIDE_OF_TRANSACTIONS = {"build_index", "drop_index", "validate"}  # of app.core.schema_changes
SMALL = {"dns_zones", "dns_zone_leases", "dns_backends"}  # tables that are read in a moment
LARGE = r"(dns_requests|dns_request_events|dns_records|ansible_runs|ansible_run_events)"
# What the release before still reads, and how it is taken away all the same in SQL.
TAKES_AWAY = re.compile(r"(?i)\bDROP (COLUMN|TABLE)\b|\bRENAME COLUMN\b|\bSET NOT NULL\b")
# Revisions that may, by name, with the first release that no longer reads it.
CONTRACTED: dict[str, str] = {}
IN_ONE_STATEMENT_FOR_ALL_ROWS = re.compile(
    rf"(?i)\b(UPDATE|DELETE FROM) {LARGE}\b|\bCREATE (UNIQUE )?INDEX\b"
)


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Each call in `upgrade`, with its name: `op.create_index`, `build_index`."""
    for function in ast.parse(path.read_text()).body:
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    yield ast.unparse(node.func), node


def made_here(path: Path) -> set[str]:
    """The tables that the revision itself creates."""
    return {ast.literal_eval(call.args[0]) for name, call in calls(path) if name == "op.create_table"}


def violations(path: Path) -> Iterator[str]:
    """What in the revision would stop, or break, processes that are at work."""
    names = [name for name, _ in calls(path)]
    if OUTSIDE_OF_TRANSACTIONS & set(names) and any(name.startswith("op.") for name in names):
        yield "it changes tables and works outside of transactions: an interrupted one can't be repeated"
    for name, call in calls(path):
        if path.stem not in CONTRACTED:
            yield from what_is_taken_away(name.removeprefix("op."), call)
        if name.startswith("op."):
            yield from what_is_wrong(name.removeprefix("op."), call, made_here(path))


def what_is_wrong(operation: str, call: ast.Call, made: set[str]) -> Iterator[str]:
    match operation:
        case "create_index" | "drop_index" | "create_unique_constraint":
            if not any(isinstance(value, ast.Constant) and value.value in made for value in call.args[1:2]):
                yield "it blocks writers: app.core.schema_changes.build_index, drop_index"
        case "create_check_constraint" | "create_foreign_key":
            small = any(isinstance(value, ast.Constant) and value.value in SMALL for value in call.args[1:2])
            if not small and "postgresql_not_valid=True" not in ast.unparse(call):
                yield "it reads the whole table under a lock: app.core.schema_changes.add_check, validate"
        case "add_column":
            if "nullable=False" in ast.unparse(call) and "server_default" not in ast.unparse(call):
                yield f"an older release can't write rows: {ast.unparse(call)}"
        case "execute":
            yield from what_is_wrong_with(ast.unparse(call.args[0]))


def what_is_taken_away(operation: str, call: ast.Call) -> Iterator[str]:
    """What a process of the release before misses: it goes in a later release, and is CONTRACTED then."""
    words = ast.unparse(call)
    match operation:
        case "drop_column" | "drop_table" | "rename_table":
            yield f"the release before reads it: {words}"
        case "alter_column" if "nullable=False" in words or "new_column_name" in words:
            yield f"the release before does not write it so: {words}"
        case "execute" if TAKES_AWAY.search(words):
            yield f"the release before reads it, or does not write it so: {words}"


def what_is_wrong_with(statement: str) -> Iterator[str]:
    if IN_ONE_STATEMENT_FOR_ALL_ROWS.search(statement):
        yield f"it locks rows or writers for as long as the table is large: {statement}"
    if re.search(rf"TABLE {LARGE} ADD CONSTRAINT", statement) and "NOT VALID" not in statement:
        yield f"it reads the whole table under a lock: {statement}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_running_processes_do_not_notice_a_revision(path: Path) -> None:
    assert list(violations(path)) == []


BAD = {
    'op.create_index("ix", "dns_requests", ["name"])': "blocks writers",
    'op.create_check_constraint("ck", "dns_requests", "ttl > 0")': "reads the whole table",
    'op.add_column("dns_requests", sa.Column("x", sa.Text(), nullable=False))': "older release",
    'op.execute("CREATE INDEX ix ON dns_requests (name)")': "locks rows or writers",
    'op.execute("UPDATE dns_requests SET ttl = 1")': "locks rows or writers",
    'op.execute("ALTER TABLE dns_requests ADD CONSTRAINT x CHECK (true)")': "reads the whole table",
    'op.add_column("x", sa.Column("y")); build_index("ix", "dns_zones", ["name"])': "can't be repeated",
    'op.drop_column("dns_requests", "ttl")': "the release before reads it",
    'op.drop_table("dns_plans")': "the release before reads it",
    'op.alter_column("dns_requests", "comment", nullable=False)': "does not write it so",
    'op.execute("ALTER TABLE dns_zones RENAME COLUMN name TO zone")': "the release before reads it",
}


@pytest.mark.parametrize("statement", BAD)
def test_the_rules_find_what_breaks_them(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "0099_bad.py"
    path.write_text(f"def upgrade() -> None:\n    {statement}\n")
    [found] = violations(path)
    assert BAD[statement] in found


def test_the_revisions_are_one_chain() -> None:
    script = ScriptDirectory(str(ROOT / "migrations"))
    revisions = [each.revision for each in script.walk_revisions()]
    assert sorted(revisions, reverse=True) == revisions
    assert set(revisions) == known_revisions()
    assert script.get_heads() == [newest_revision()]
